//! What the documents say to type is typed here, and what they show is read by what would read it.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use e2e::holdpoint::{Called, PASSPHRASE};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The agents that the documents speak of: here they do nothing, well.
const AGENTS: [&str; 5] = ["claude", "codex", "cursor-agent", "opencode", "gemini"];

/// Every document for those who use it, with its name.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(ROOT);
    let mut files = vec![root.join("README.md")];
    for folder in ["docs", "docs/guides"] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    files.retain(|file| file.extension().is_some_and(|it| it == "md"));
    files.sort();
    let named = |file: &PathBuf| {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        (name, fs::read_to_string(file).unwrap())
    };
    files.iter().map(named).collect()
}

/// The blocks of a document in this language, one after the other.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let opened = format!("```{language}\n");
    let parts = text.split(opened.as_str()).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap().to_owned() + "\n").collect()
}

/// Somebody's home with a project in it, the binary and agents on the path.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let at = |place: &str| home.path().join(place);
    for folder in [".local/bin", "project"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    symlink(BINARY, at(".local/bin/holdpoint")).unwrap();
    for agent in AGENTS {
        fs::write(at(".local/bin").join(agent), "#!/bin/sh\necho \"$0 $*\" > ran\n").unwrap();
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(at(".local/bin").join(agent), open).unwrap();
    }
    fs::write(at("project/app.py"), "print('hello')\n").unwrap();
    let script = "git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm one";
    let mut git = Command::new("bash");
    assert!(git.args(["-c", script]).current_dir(at("project")).status().unwrap().success());
    home
}

/// Types the lines into a shell in that home; somebody answers every question with a passphrase.
fn type_in(home: &Path, lines: &str) -> Called {
    let mut shell = Command::new("bash");
    let path = format!("{}:/usr/bin:/bin", home.join(".local/bin").display());
    // Found wanting (1) is an answer; called wrongly (2), could not (3), and no such program are not.
    // What fails in `eval "$(...)"` ends only what was started for it: the end of all of it says so.
    let failed = home.join(".failed");
    let script = format!(
        "set -uo pipefail\ntrap 'code=$?; ((code < 2)) || {{ echo \"$BASH_COMMAND: $code\" >&2; \
         : > {failed}; exit 9; }}' ERR\ntrap 'code=$?; [ ! -e {failed} ] || exit 9; exit $code' EXIT\n\
         set -E\n{lines}",
        failed = failed.display()
    );
    let _left = fs::remove_file(&failed);
    shell.args(["-c", &script]).current_dir(home.join("project"));
    shell.env_clear().env("HOME", home).env("PATH", path);
    shell.env("RAILWAY_TOKEN", "0f7b1c92-3d4e-4a5f-8b60-7c8d9e0fa1b2").env("CI_JOB", "417");
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    // Whoever reads takes whole pages of it: lines of a length that divides one.
    let line = format!("{:<31}\n", PASSPHRASE);
    let _closed = child.stdin.take().unwrap().write_all(line.repeat(1024).as_bytes());
    child.wait_with_output().unwrap().into()
}

fn stop(home: &Path) {
    let called = type_in(home, "holdpoint uninstall --yes");
    // The program is a link of this test's, and stays.
    assert!(called.stdout.contains("which `install.sh` did not put"), "{}", called.stdout);
}

#[test]
fn every_command_shown_can_be_typed() {
    let mut typed = 0;
    for (name, text) in documents() {
        let lines = blocks(&text, "sh").concat();
        if lines.is_empty() {
            continue;
        }
        let home = home();
        let called = type_in(home.path(), &lines);
        assert!(called.status < 2, "{name}:\n{}\n{}", called.stdout, called.stderr);
        typed += lines.lines().filter(|line| line.contains("holdpoint ")).count();
        stop(home.path());
    }
    assert!(typed >= 30, "{typed}");
}

#[test]
fn what_fails_within_a_line_is_seen() {
    let home = home();
    for (lines, expect) in [
        ("true", 0),
        ("holdpoint policy check missing.cedar", 9),
        ("eval \"$(holdpoint no-such-command)\"", 9),
        ("echo \"$(no-such-program)\"; true", 9),
        ("eval \"$(echo true)\"", 0),
        ("! grep -q nothing app.py", 0),
    ] {
        let called = type_in(home.path(), lines);
        assert_eq!(called.status, expect, "{lines}: {}", called.stderr);
    }
}

#[test]
fn every_configuration_shown_is_one() {
    let mut shown = 0;
    for (name, text) in documents() {
        for block in blocks(&text, "toml") {
            let home = home();
            let state = home.path().join(".local/state/holdpoint");
            fs::create_dir_all(&state).unwrap();
            fs::write(state.join("team.cedar"), "").unwrap();
            fs::write(state.join("holdpoint.toml"), &block).unwrap();
            let called = type_in(home.path(), "holdpoint holds");
            assert_eq!(called.status, 0, "{name}:\n{block}\n{}", called.stderr);
            shown += 1;
        }
    }
    assert!(shown > 0);
}

#[test]
fn every_policy_shown_is_one() {
    let mut policies = 0;
    for (name, text) in documents() {
        for block in blocks(&text, "cedar") {
            let home = home();
            fs::write(home.path().join("project/team.cedar"), &block).unwrap();
            let called = type_in(home.path(), "holdpoint policy check team.cedar");
            assert_eq!(called.stdout.trim(), "in order", "{name}:\n{block}\n{}", called.stderr);
            policies += 1;
        }
    }
    assert!(policies >= 10, "{policies}");
}

#[test]
fn every_file_of_the_state_is_told_of() {
    let home = home();
    let state = home.path().join(".local/state/holdpoint");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("holdpoint.toml"), "policies = [\"team.cedar\"]\n").unwrap();
    fs::write(state.join("team.cedar"), "").unwrap();
    let call = r#"{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Bash","cwd":"/","tool_input":{"command":"ls"}}"#;
    let lines = format!(
        "echo '{call}' | holdpoint hook --agent claude; holdpoint approvers enrol ada; \
         holdpoint run -- claude; holdpoint init --agent claude --yes"
    );
    let called = type_in(home.path(), &lines);
    assert_eq!(called.status, 0, "{}", called.stderr);
    let told = fs::read_to_string(Path::new(ROOT).join("docs/operations.md")).unwrap();
    let entries = fs::read_dir(state).unwrap();
    let untold: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            name != "team.cedar"
                && !told.contains(&format!("`{name}`"))
                && !told.contains(&format!("`{name}/`"))
        })
        .collect();
    stop(home.path());
    assert_eq!(untold, Vec::<String>::new());
}
