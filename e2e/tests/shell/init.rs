//! `holdpoint init`: hooks are put beside what is there, tried, and taken back byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, path::Path};

use e2e::{
    files::bytes_below,
    holdpoint::{Called, Holdpoint},
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const AGENTS: [&str; 8] =
    ["claude", "cursor", "codex", "gemini", "copilot", "opencode", "windsurf", "cline"];

/// Settings that humans had, in their own handwriting.
const OWN: &[(&str, &str)] = &[
    (
        ".claude/settings.json",
        "{\n    \"model\": \"opus\",\n    \"hooks\": {\n        \"PreToolUse\": [ {\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"./mine\"}]} ]\n    }\n}\n",
    ),
    (".cursor/hooks.json", "{\"version\":1,\"hooks\":{}}"),
    (".gemini/settings.json", "{\n\t\"theme\": \"dark\"\n}\n\n"),
    (".codex/config.toml", "model = \"x\"\n"),
];

fn call(holdpoint: &Holdpoint, home: &Path, arguments: &[&str], input: &str) -> Called {
    use std::{io::Write as _, process::Stdio};
    let mut command = holdpoint.command(arguments);
    command.env("HOME", home).current_dir(home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in OWN {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    home
}

fn all(verb: &[&str]) -> Vec<String> {
    let named = AGENTS.iter().flat_map(|agent| ["--agent".to_owned(), (*agent).to_owned()]);
    verb.iter().map(|it| (*it).to_owned()).chain(named).collect()
}

#[test]
fn what_is_put_is_taken_back_byte_for_byte() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let before = bytes_below(home.path());
    let words = all(&["init", "--yes"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let put = call(&holdpoint, home.path(), &words, "");
    assert_eq!(put.status, 0, "{}", put.stderr);
    assert!(put.stderr.contains("+ ") && put.stderr.contains("holdpoint"), "{}", put.stderr);
    assert!(put.stdout.contains("/hooks"), "Codex has to be told: {}", put.stdout);

    let settings = fs::read_to_string(home.path().join(".claude/settings.json")).unwrap();
    assert!(settings.starts_with("{\n    \"model\": \"opus\",\n    \"hooks\": {\n"), "{settings}");
    let settings: Value = serde_json::from_str(&settings).unwrap();
    let hooks = settings["hooks"]["PreToolUse"].as_array().unwrap();
    assert_eq!(hooks[0]["hooks"][0]["command"], "./mine", "what was there stays");
    assert_eq!(hooks[1]["hooks"][0]["onFailure"], "block");

    let after = bytes_below(home.path());
    let again = call(&holdpoint, home.path(), &words, "");
    assert_eq!((again.status, bytes_below(home.path())), (0, after), "twice is once");
    assert!(again.stdout.contains("in place"), "{}", again.stdout);

    let taken = call(&holdpoint, home.path(), &["init", "--remove", "--yes"], "");
    assert_eq!(taken.status, 0, "{}", taken.stderr);
    assert_eq!(bytes_below(home.path()), before);
    let nothing = call(&holdpoint, home.path(), &["init", "--remove", "--yes"], "");
    assert_eq!(nothing.status, 0, "{}", nothing.stderr);
}

#[test]
fn hooks_may_be_put_into_a_repository_and_are_taken_back_from_it() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let repository = home.path().join("work");
    fs::create_dir_all(repository.join(".git")).unwrap();
    fs::create_dir_all(repository.join("src")).unwrap();
    let before = bytes_below(home.path());
    let words = all(&["init", "--yes", "--project"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let in_repository = |words: &[&str]| -> Called {
        let mut command = holdpoint.command(words);
        command.env("HOME", home.path()).current_dir(repository.join("src"));
        command.output().unwrap().into()
    };
    let put = in_repository(&words);
    assert_eq!(put.status, 0, "{}", put.stderr);
    for file in [
        ".claude/settings.local.json",
        ".cursor/hooks.json",
        ".codex/hooks.json",
        ".gemini/settings.json",
        ".github/hooks/holdpoint.json",
        ".opencode/plugins/holdpoint.js",
        ".windsurf/hooks.json",
        ".clinerules/hooks/PreToolUse",
    ] {
        let text = fs::read_to_string(repository.join(file)).unwrap();
        assert!(text.contains("hook"), "{file}: {text}");
    }
    let found = call(&holdpoint, home.path(), &["doctor", "--json"], "").json();
    let hooks: Vec<&Value> =
        found.as_array().unwrap().iter().filter(|it| it["what"] == "hooks").collect();
    assert_eq!(hooks.len(), AGENTS.len(), "{hooks:#?}");
    assert!(hooks.iter().all(|it| it["ok"] == true), "{hooks:#?}");
    let taken = in_repository(&["init", "--remove", "--yes"]);
    assert_eq!((taken.status, bytes_below(home.path())), (0, before), "{}", taken.stderr);
}

#[test]
fn what_a_human_wrote_since_stays() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let words = ["init", "--yes", "--agent", "claude", "--agent", "gemini"];
    assert_eq!(call(&holdpoint, home.path(), &words, "").status, 0);
    let file = home.path().join(".gemini/settings.json");
    let changed = fs::read_to_string(&file).unwrap().replace("dark", "light");
    fs::write(&file, changed).unwrap();
    let taken = call(&holdpoint, home.path(), &["init", "--remove", "--yes"], "");
    assert_eq!(taken.status, 0, "{}", taken.stderr);
    let left = fs::read_to_string(&file).unwrap();
    assert_eq!(left, OWN[2].1.replace("dark", "light"));
}

#[test]
fn without_a_yes_nothing_is_touched() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let before = bytes_below(home.path());
    for answer in ["", "n\n", "no\n"] {
        let asked = call(&holdpoint, home.path(), &["init"], answer);
        assert_eq!(asked.status, 1, "{asked:?}");
        assert!(asked.stderr.contains(".claude/settings.json"), "{asked:?}");
        assert_eq!(bytes_below(home.path()), before);
    }
    fs::write(home.path().join(".claude/settings.json"), "{ // mine\n}").unwrap();
    let before = bytes_below(home.path());
    let refused = call(&holdpoint, home.path(), &["init", "--yes", "--agent", "claude"], "");
    assert_eq!((refused.status, bytes_below(home.path())), (3, before), "{refused:?}");
    assert!(refused.stderr.contains("no plain JSON"), "{refused:?}");
}

#[test]
fn the_doctor_says_a_canary_to_each_hook() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let words = all(&["init", "--yes"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(call(&holdpoint, home.path(), &words, "").status, 0);
    let hooks = || -> Vec<Value> {
        let found = call(&holdpoint, home.path(), &["doctor", "--json"], "").json();
        found.as_array().unwrap().iter().filter(|it| it["what"] == "hooks").cloned().collect()
    };
    let found = hooks();
    assert_eq!(found.len(), AGENTS.len(), "{found:#?}");
    assert!(found.iter().all(|it| it["ok"] == true), "{found:#?}");

    let file = home.path().join(".gemini/settings.json");
    let disabled = fs::read_to_string(&file)
        .unwrap()
        .replace(" hook --agent gemini", " --version --agent gemini");
    fs::write(&file, disabled).unwrap();
    let wanting: Vec<Value> = hooks().into_iter().filter(|it| it["ok"] == false).collect();
    assert_eq!(wanting.len(), 1, "{wanting:#?}");
    assert!(wanting[0]["found"].as_str().unwrap().contains("gemini"), "{wanting:#?}");
    assert_eq!(json!(wanting[0]["mend"].as_str().unwrap().is_empty()), json!(false));
}

#[test]
fn databases_of_env_files_are_offered_without_their_passwords() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    fs::write(
        home.path().join(".env"),
        "PASSWORD=hunter22\nURL=postgres://app:${PASSWORD}@localhost/shop\n",
    )
    .unwrap();
    let production = "URL='postgresql://app:s3cretword@db.example.com:6543/shop?sslmode=require'\n";
    fs::write(home.path().join(".env.production"), production).unwrap();
    fs::write(home.path().join(".env.example"), "URL=postgres://a:b@example.com/none\n").unwrap();
    let called = call(&holdpoint, home.path(), &["init", "--agent", "claude", "--yes"], "");
    let said = called.stdout + &called.stderr;
    assert_eq!(called.status, 0, "{said}");
    for word in [
        "postgres://app@localhost/shop",
        "postgres://app@db.example.com:6543/shop",
        "environment = \"production\"",
        "holdpoint secrets add shop-production --host db.example.com",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    for word in ["hunter22", "s3cretword", "example.com/none"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
    // What is offered can be taken as it is, and is then no longer offered.
    let called =
        call(&holdpoint, home.path(), &["init", "--agent", "claude", "--json", "--yes"], "");
    let offers: Value = serde_json::from_str(&called.stdout).unwrap();
    let entries =
        offers["databases"].as_array().unwrap().iter().map(|it| it["entry"].as_str().unwrap());
    let entries: String = entries.collect();
    fs::write(holdpoint.state().join("holdpoint.toml"), entries).unwrap();
    let called =
        call(&holdpoint, home.path(), &["init", "--agent", "claude", "--json", "--yes"], "");
    let offers: Value = serde_json::from_str(&called.stdout).unwrap();
    assert_eq!(offers["databases"], json!([]));
}
