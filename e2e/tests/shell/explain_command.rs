//! `holdpoint explain CMD`: what one command would do here, for a human.

#![allow(clippy::unwrap_used, reason = "all of this file is a test")]

use std::{path::Path, process::Command};

use serde_json::Value;

/// What is printed about a command in a home of its own, and the exit status.
fn explained(home: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut holdpoint = Command::new(env!("CARGO_BIN_EXE_holdpoint-under-test"));
    let output = holdpoint
        .arg("explain")
        .args(arguments)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

#[test]
fn a_human_is_told_what_a_command_would_do() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, status, words) in [
        (&["git status"][..], 0, &["It passes", "nothing that changes anything"][..]),
        (&["rm -rf /etc/x"], 1, &["destroy", "file:/etc/x", "local", "no way back"]),
        (&["kubectl delete ns web"], 1, &["kubectl:delete", "no_way_back", "known"]),
        (&["--dialect", "cmd", "rd /s /q C:\\Windows"], 1, &["file:/c/Windows"]),
        (&["--dialect", "fish", "ls"], 2, &["powershell"]),
        (&[], 2, &["CMD"]),
    ] {
        let (said, code) = explained(home.path(), arguments);
        assert_eq!(code, Some(status), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {word}: {said}");
        }
    }
    let (said, _) = explained(home.path(), &["--json", "kubectl delete ns web"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["operations"][0]["effect"], "destroy", "{said}");
}
