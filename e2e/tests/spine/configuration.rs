//! Configuration and policies: refused with file, line and mend; read again while running, or the
//! last good ones stay; and every number in them bites.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    time::{Duration, Instant},
};

use e2e::{
    curl::{Answer, Curl},
    echo::{EchoStage, LISTED, OTHER},
    holdpoint::{Holdpoint, PASSPHRASE, until},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
const FORBID: &str =
    "@id(\"team.look\")\nforbid (principal, action == Action::\"create\", resource);\n";
/// An approval that counts against a request: nobody could be asked for that.
const NOT_MONOTONE: &str =
    "forbid (principal, action, resource)\nwhen { context.approvals >= 1 };\n";

fn ask(agent: &Curl, method: &str, path: &str, more: &[&str]) -> Answer {
    agent.run(&[&["-X", method, &format!("https://{LISTED}{path}")], more].concat())
}

#[test]
fn what_is_wrong_is_refused_at_the_start_with_file_line_and_mend() {
    for (configuration, policy, place, mend) in [
        ("proxy = 7080", "", "holdpoint.toml:1:9", "expected a string"),
        ("\n[limits]\nbody_byte = 1", "", "holdpoint.toml:3:1", "body_bytes"),
        ("[limits]\nagents = 0", "", "holdpoint.toml:2:10", "from 1 to 100000"),
        ("[hold]\nwait_seconds = -1", "", "holdpoint.toml:2:16", "from 0 to 3600"),
        (
            "[[hosts]]\nhost = \"a.example\"\nspeaks = \"soap\"",
            "",
            "holdpoint.toml:3:10",
            "graphql",
        ),
        ("resolve = [\"a:1\"]", "", "holdpoint.toml:1:12", "HOST:PORT:ADDR:PORT"),
        ("proxy = \"127.0.0.1\"", "", "holdpoint.toml:1:9", "127.0.0.1:7080"),
        ("policies = [\"gone.cedar\"]", "", "gone.cedar", "there is no such file"),
        ("policies = [\"mine.cedar\"]", "permit (", "mine.cedar:1", "unexpected"),
        (
            "policies = [\"mine.cedar\"]",
            "permit (principal, action, resource)\nwhen { context.speed > 1 };",
            "mine.cedar:2",
            "speed",
        ),
        ("policies = [\"mine.cedar\"]", NOT_MONOTONE, "mine.cedar:", "counts against"),
        ("upstream_ca = [\"mine.cedar\"]", "no certificate", "mine.cedar", "certificate"),
    ] {
        let holdpoint = Holdpoint::new(BINARY);
        fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        fs::write(holdpoint.state().join("mine.cedar"), policy).unwrap();
        let up = holdpoint.up_in_vain();
        assert_eq!(up.status, 2, "{configuration} {policy}: {up:?}");
        assert!(up.stderr.contains(place), "{configuration}: {}", up.stderr);
        assert!(up.stderr.contains(mend), "{configuration}: {}", up.stderr);
        assert_eq!(up.stdout, "", "it never listened");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_takes_what_is_good_and_keeps_it_when_the_next_is_bad() {
    let configuration = format!("policies = [\"team.cedar\"]\n{NO_WAIT}");
    let stage = EchoStage::set(BINARY, &format!("# {configuration}").replace("\n[", "\n\n[")).await;
    let agent = stage.agent("worker");
    let file = |name: &str, text: &str| {
        fs::write(stage.holdpoint.state().join(name), text).unwrap();
        stage.gateway.hang_up();
    };
    let post = || ask(&agent, "POST", "/items", &[]).status;
    assert_eq!(post(), 200);
    let changes = || {
        let shown = stage.holdpoint.json(&["ledger", "show", "--last", "100", "--json"]);
        let records = shown.as_array().unwrap();
        let config = records.iter().filter(|it| it["record"]["what"] == "config");
        config.map(|it| it["record"]["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(changes().len(), 0);

    fs::write(stage.holdpoint.state().join("team.cedar"), FORBID).unwrap();
    file("holdpoint.toml", &configuration);
    until("the policy", || (post() == 403).then_some(()));
    let refused = ask(&agent, "POST", "/items", &[]);
    assert_eq!(refused.code(), "no_policy_applies", "{refused:?}");
    assert_eq!(until("a record", || Some(changes()).filter(|it| it.len() == 1)).len(), 1);

    for (name, text, place) in [
        ("holdpoint.toml", "[limits]\nagents = 0\n", "holdpoint.toml:2:10"),
        ("holdpoint.toml", "policies = [\"gone.cedar\"]\n", "gone.cedar"),
        ("holdpoint.toml", &configuration, ""),
        ("team.cedar", "permit (principal, action, resource)", "team.cedar:1"),
        ("team.cedar", NOT_MONOTONE, "counts against the request"),
    ] {
        file(name, text);
        if !place.is_empty() {
            until(place, || {
                let said = stage.gateway.said();
                let line = said.lines().rev().find(|line| line.contains(place))?;
                line.contains("the last good configuration stays in force").then_some(())
            });
        }
        assert_eq!(post(), 403, "{name} {text}: what was in force is in force");
        assert_eq!(ask(&agent, "GET", "/items", &[]).status, 200);
    }
    file("team.cedar", "");
    // An agent of its own each time: who is refused once is held from then on.
    let mut tries = 0;
    until("the empty policy", || {
        tries += 1;
        let other = stage.agent(&format!("other-{tries}"));
        (ask(&other, "POST", "/else", &[]).status == 200).then_some(())
    });
    let recorded = until("records", || Some(changes()).filter(|it| it.len() == 3));
    assert_ne!(recorded.first(), recorded.last(), "the digest of the policies is on record");
    assert_eq!(stage.gateway.stop(), 0);
}

#[test]
fn a_state_directory_has_one_gateway() {
    let holdpoint = Holdpoint::new(BINARY);
    let first = holdpoint.up(&[], &[]);
    let second = holdpoint.up_in_vain();
    assert_eq!(second.status, 3, "{second:?}");
    assert!(second.stderr.contains(&format!("process {}", first.pid())), "{}", second.stderr);
    first.kill();
    let third = holdpoint.up(&[], &[]);
    assert_eq!(third.stop(), 0, "a gateway that was killed does not stand in the way");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_its_owner_s_alone() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    stage.holdpoint.enrol("ada");
    stage.phantom("api", LISTED, "tok_0123456789abcdefghij");
    let agent = stage.agent("worker");
    assert_eq!(ask(&agent, "DELETE", "/items", &[]).status, 428);
    let mut folders = vec![stage.holdpoint.state().to_owned()];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // Written by the test itself.
            if path.ends_with("holdpoint.toml") {
                continue;
            }
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            if about.is_dir() {
                folders.push(path);
                continue;
            }
            looked_at += 1;
            assert_eq!(about.permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
    }
    assert!(looked_at > 10);
}

#[test]
fn what_is_kept_has_a_maximum() {
    let enrol = ["approvers", "enrol"];
    let secret = ["--host", LISTED, "--purpose", "rest:*"];
    let place = ["--environment", "staging"];
    for (limit, first, second, input) in [
        ("agents", ["agents", "new", "a"], ["agents", "new", "b"], ""),
        ("approvers", [enrol[0], enrol[1], "a"], [enrol[0], enrol[1], "b"], PASSPHRASE),
        ("hosts", ["hosts", "add", "a.example"], ["hosts", "add", "b.example"], ""),
        ("secrets", ["secrets", "add", "a"], ["secrets", "add", "b"], "tok_0123456789abcdefghij"),
        ("inventory", ["inventory", "add", "x:y/1"], ["inventory", "add", "x:y/2"], ""),
    ] {
        let holdpoint = Holdpoint::new(BINARY);
        let toml = format!("[limits]\n{limit} = 1\n");
        fs::write(holdpoint.state().join("holdpoint.toml"), toml).unwrap();
        let more: &[&str] = match limit {
            "secrets" => &secret,
            "inventory" => &place,
            _ => &[],
        };
        let call = |arguments: [&str; 3], input: &str| {
            holdpoint.call_with(&[&arguments[..], more].concat(), input)
        };
        let added = call(first, input);
        assert_eq!(added.status, 0, "{limit}: {added:?}");
        let full = call(second, input);
        assert!(matches!(full.status, 2 | 3), "{limit}: {full:?}");
        assert!(full.stderr.contains(&format!("raise `limits.{limit}`")), "{limit}: {full:?}");
        let list: Vec<&str> = vec![first[0], "list", "--json"];
        assert_eq!(holdpoint.json(&list).as_array().unwrap().len(), 1, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_at_once_has_a_maximum() {
    let limits =
        "[limits]\nbody_bytes = 1024\nheader_bytes = 4096\noperations = 2\nholds_open = 1\n";
    let stage = EchoStage::set(BINARY, &format!("{NO_WAIT}{limits}")).await;
    let agent = stage.agent("worker");
    let long = |bytes: usize| "x".repeat(bytes);
    let text = "content-type: text/plain";
    let fits = ask(&agent, "POST", "/items", &["-d", &long(1024), "-H", text]);
    assert_eq!(fits.status, 200, "{fits:?}");
    let body = ask(&agent, "POST", "/items", &["-d", &long(1025), "-H", text]);
    assert_eq!((body.status, body.code().as_str()), (403, "over_limit"), "{body:?}");
    let header = ask(&agent, "GET", "/items", &["-H", &format!("x-note: {}", long(5000))]);
    assert_eq!(header.status, 431, "{header:?}");
    let fits = ask(&agent, "GET", "/items", &["-H", &format!("x-note: {}", long(3000))]);
    assert_eq!(fits.status, 200, "{fits:?}");

    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}";
    for (count, code) in [(2, ""), (3, "over_limit")] {
        let batch = format!("[{}]", vec![call; count].join(","));
        let json = "content-type: application/json";
        let answer = stage.agent(&format!("batch-{count}")).run(&[
            &format!("https://{OTHER}/rpc"),
            "-d",
            &batch,
            "-H",
            json,
        ]);
        let is = answer.code();
        assert_eq!(is == "over_limit", code == "over_limit", "{count}: {answer:?}");
    }
    let first = stage.agent("first");
    let held = stage.holdpoint.json(&["holds", "--json"]).as_array().unwrap().len();
    if held == 0 {
        assert_eq!(ask(&first, "DELETE", "/items/1", &[]).status, 428);
    }
    let second = ask(&stage.agent("second"), "DELETE", "/items/2", &[]);
    assert_eq!((second.status, second.code().as_str()), (403, "over_limit"), "{second:?}");
    assert_eq!(stage.holdpoint.json(&["holds", "--json"]).as_array().unwrap().len(), 1);
    assert!(!stage.arrived().iter().any(|it| it.method == "DELETE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_and_remembered_has_a_maximum() {
    let limits = "[limits]\nstored_bytes = 1048576\nrefusals = 10\n";
    let stage = EchoStage::set(BINARY, &format!("{NO_WAIT}{limits}")).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), vec![b'x'; 500_000]).unwrap();
    let body = format!("@{}", file.path().display());
    let text = "content-type: text/plain";
    for (name, status, code) in
        [("first", 428, "needs_approval"), ("second", 403, "too_large_to_hold")]
    {
        let agent = stage.agent(name);
        let path = format!("/items/{name}");
        let answer = ask(&agent, "DELETE", &path, &["--data-binary", &body, "-H", text]);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    }

    // Whoever is refused more often than can be remembered has to ask for every change.
    let agent = stage.agent("stubborn");
    for number in 0..10 {
        let post = ask(&agent, "POST", "/another", &[]);
        assert_eq!(post.status, 200, "after {number} refusals: {post:?}");
        assert_eq!(ask(&agent, "DELETE", &format!("/n/{number}"), &[]).status, 428);
    }
    let post = ask(&agent, "POST", "/another", &[]);
    assert_eq!((post.status, post.code().as_str()), (428, "refused_before"), "{post:?}");
    assert_eq!(ask(&agent, "GET", "/another", &[]).status, 200, "looking is still free");
    assert_eq!(ask(&stage.agent("other"), "POST", "/another", &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_wait_for_a_place() {
    let stage = EchoStage::set(BINARY, &format!("{NO_WAIT}[limits]\nconnections = 1\n")).await;
    let agent = stage.agent("worker");
    let slow = format!("https://{LISTED}/slow?ms=1500");
    let mut first = agent.command(&[&slow]).stdout(Stdio::null()).spawn().unwrap();
    until("the first connection", || (!stage.arrived().is_empty()).then_some(()));
    let began = Instant::now();
    let second = ask(&agent, "GET", "/items", &["--max-time", "0.5"]);
    assert_eq!(second.exit, 28, "no place, no answer: {second:?}");
    let third = ask(&agent, "GET", "/items", &[]);
    assert_eq!(third.status, 200, "{third:?}");
    assert!(began.elapsed() > Duration::from_secs(1), "only after the first had ended");
    assert!(first.wait().unwrap().success());
}
