//! What lies about in clear is told by file and line, and its value by nobody.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, path::Path, thread, time::Duration};

use e2e::{
    enclosed::Enclosed,
    far_ends::lead,
    files::assert_in_no_file,
    holdpoint::{Called, Holdpoint},
    token_hosts::{Renewal, TokenHost},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// The token of the incident: a UUID like any other.
const TOKEN: &str = "7be1d04a-52c9-4f6e-9a3b-c0d8e7f61a29";
const OTHER: &str = "kJ8sN2pQ7vXr4TzWm6YbAcDe";

/// A home and a workspace in it, with credentials in both.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("shop/notes/domains.md", format!("# Domains\n\n    RAILWAY_API_TOKEN={TOKEN}\n"));
    write("shop/.env", format!("SHOP_API_TOKEN={OTHER}\nPORT=3000\n"));
    write("shop/.env.example", "RAILWAY_API_TOKEN=<your token>\n".to_owned());
    write("shop/src/main.rs", "fn token() -> Token { Token::new() }\n".to_owned());
    write(".netrc", format!("machine git.acme-outdoor.dev login ada password {OTHER}x\n"));
    home
}

fn call_in(holdpoint: &Holdpoint, home: &Path, arguments: &[&str]) -> Called {
    let mut command = holdpoint.command(arguments);
    command.env("HOME", home).current_dir(home.join("shop")).output().unwrap().into()
}

#[test]
fn the_incident_s_own_token_is_told_by_file_and_line_and_never_by_value() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let mut command = holdpoint.command(&["secrets", "found"]);
    let in_variable = format!("{TOKEN}0").replace("290", "28");
    command.env("HOME", home.path()).env("RAILWAY_TOKEN", &in_variable);
    let called: Called = command.current_dir(home.path().join("shop")).output().unwrap().into();
    assert_eq!(called.status, 1, "{}", called.stderr);
    for line in [
        "domains.md:3: RAILWAY_API_TOKEN",
        ".env:1: SHOP_API_TOKEN",
        ".netrc:1: password",
        "environment: RAILWAY_TOKEN",
    ] {
        assert!(called.stdout.contains(line), "{line}: {}", called.stdout);
    }
    assert!(called.stdout.contains("to backboard.railway.com"), "{}", called.stdout);
    assert!(called.stdout.contains("4 credentials in"), "{}", called.stdout);
    let told = call_in(&holdpoint, home.path(), &["secrets", "found", "--json"]);
    let said = format!("{}{}{}{}", called.stdout, called.stderr, told.stdout, told.stderr);
    for secret in [TOKEN, OTHER, &in_variable] {
        assert!(!said.contains(secret), "{said}");
        assert_in_no_file(holdpoint.state(), &[secret]);
    }
    let told = told.json();
    let found = told["found"].as_array().unwrap();
    assert_eq!(found.len(), 3, "{told}");
    let of = |name: &str| found.iter().find(|it| it["name"] == name).unwrap();
    assert_eq!(
        (&of("RAILWAY_API_TOKEN")["use"], &of("SHOP_API_TOKEN")["use"]),
        (&Value::from("sent"), &Value::from("unbound"))
    );
}

#[test]
fn a_directory_without_any_is_done_and_what_changed_is_read_again() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let source = home.path().join("shop/src");
    thread::sleep(Duration::from_millis(80));
    let path = source.to_str().unwrap();
    let search = || call_in(&holdpoint, home.path(), &["secrets", "found", path, "--json"]);
    let first = search();
    assert_eq!((first.status, first.json()["read"].as_u64()), (0, Some(1)), "{}", first.stderr);
    assert_eq!(search().json()["read"], 0);
    fs::write(source.join("key.rs"), format!("const API_TOKEN: &str = \"{OTHER}\";\n")).unwrap();
    let changed = search();
    assert_eq!((changed.status, changed.json()["read"].as_u64()), (1, Some(1)));
}

#[test]
fn a_kept_secret_is_named_and_its_phantom_is_no_find() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let kept = holdpoint.call_with(&["secrets", "add", "railway", "--json"], TOKEN).json();
    let phantom = kept["phantom"].as_str().unwrap();
    let masked = home.path().join("shop/masked.md");
    fs::write(masked, format!("RAILWAY_API_TOKEN={phantom}\n")).unwrap();
    let told = call_in(&holdpoint, home.path(), &["secrets", "found", "--json"]).json();
    let found = told["found"].as_array().unwrap();
    assert_eq!(found.len(), 3, "the stand-in is none of them: {told}");
    assert!(found.iter().any(|it| it["secret"] == "railway"), "{told}");
}

#[test]
fn what_an_agent_has_seen_is_leaked_and_is_made_anew_under_its_phantom() {
    let (holdpoint, home) = (Holdpoint::new(BINARY), home());
    let kept = holdpoint
        .call_with(
            &[
                "secrets",
                "add",
                "railway",
                "--host",
                "backboard.railway.com",
                "--purpose",
                "railway:customDomain*",
                "--json",
            ],
            TOKEN,
        )
        .json();
    let transcript = home.path().join(".claude/projects/shop/1.jsonl");
    fs::create_dir_all(transcript.parent().unwrap()).unwrap();
    let read = serde_json::json!({"type": "tool_result", "content": format!("# Domains\nRAILWAY_API_TOKEN={TOKEN}\n")});
    fs::write(&transcript, format!("{read}\n{read}\n")).unwrap();
    let leaked = call_in(&holdpoint, home.path(), &["secrets", "leaked"]);
    assert_eq!(leaked.status, 1, "{}", leaked.stderr);
    assert!(
        leaked.stdout.contains("treat it as compromised: holdpoint secrets rotate railway"),
        "{}",
        leaked.stdout
    );
    assert!(!leaked.stdout.contains(TOKEN), "{}", leaked.stdout);
    let told = call_in(&holdpoint, home.path(), &["secrets", "leaked", "--json"]).json();
    assert_eq!(
        (told["leaked"].as_array().unwrap().len(), &told["leaked"][0]["times"]),
        (1, &Value::from(2))
    );

    let steps = holdpoint.call(&["secrets", "rotate", "railway"]);
    assert_eq!(steps.status, 1);
    assert!(steps.stdout.contains("https://railway.com/account/tokens"), "{}", steps.stdout);
    let anew = TOKEN.replace("7be1", "19af");
    let rotated =
        holdpoint.call_with(&["secrets", "rotate", "railway", "--value", "--json"], &anew);
    assert_eq!(rotated.status, 0, "{}", rotated.stderr);
    assert_eq!(rotated.json()["phantom"], kept["phantom"]);
    let same = holdpoint.call_with(&["secrets", "rotate", "railway", "--value"], &anew);
    assert_eq!(same.status, 2, "the old one is no new one: {}", same.stdout);
    let none = holdpoint.call(&["secrets", "rotate", "nothing"]);
    assert_eq!(none.status, 2);
}

/// GitLab gives a token its successor, and the old one ends with that.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_may_asks_for_its_successor() {
    let renewal = Renewal {
        issuer: ("gitlab.com", "/api/v4/personal_access_tokens/self/rotate"),
        resource: "registry.gitlab.com",
        fields: ("token", Some("old")),
        prefixes: ("glpat-", "glpat-"),
        client: "",
    };
    for place in Enclosed::each(BINARY).await {
        let host = TokenHost::start(renewal).await;
        lead(&place, &[(&["gitlab.com"], host.addr(), host.ca_pem())]);
        let token = host.login().1;
        let add = "printf %s $TOKEN | $HOLDPOINT secrets add gl --host gitlab.com --purpose rest:read --json";
        let mut added = place.outside("bash");
        added.args(["-ec", add]).env("TOKEN", &token).env("HOLDPOINT", place.path("holdpoint"));
        let added: Called = added.output().unwrap().into();
        let rotated = place.call(&["secrets", "rotate", "gl", "--json"]);
        assert_eq!(rotated.status, 0, "{}{:?}", rotated.stderr, host.seen());
        assert_eq!((host.seen().0, host.takes(&token)), (1, false));
        assert_eq!((added.status, &rotated.json()["rotated"]), (0, &Value::from(true)));
        assert!(host.all().iter().all(|token| !rotated.stdout.contains(token.as_str())));
        // The old one has ended: it is told what else to do.
        let again = place.call(&["secrets", "rotate", "gl"]);
        assert_eq!(again.status, 1, "{}", again.stderr);
        assert!(again.stderr.contains("gitlab.com gave none"), "{}", again.stderr);
        assert!(again.stdout.contains("rotate gl --value"), "{}", again.stdout);
    }
}

#[test]
fn what_signs_on_this_machine_is_bound_to_it() {
    let holdpoint = Holdpoint::new(BINARY);
    holdpoint.call_with(&["secrets", "add", "jwt", "--local"], OTHER);
    let listed = holdpoint.call(&["secrets", "list"]);
    assert!(listed.stdout.contains("used on this machine alone, unprotected"), "{}", listed.stdout);
    let both =
        holdpoint.call(&["secrets", "bind", "jwt", "--local", "--host", "id.acme-outdoor.dev"]);
    assert_eq!(both.status, 2, "{}", both.stderr);
}
