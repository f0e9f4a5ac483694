//! Where two parts of the gateway meet: releases, WebSockets, AWS's credentials, and what is
//! issued in two steps.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::time::Instant;

use e2e::{
    echo::LISTED,
    holdpoint::PASSPHRASE,
    issuing::{ECHO, IssuingStage},
    websocket::{LOCAL, SocketStage, Talk},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_on_record_once() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    stage.holdpoint.enrol("ada");
    let agent = stage.agent("worker");
    let uri = format!("wss://{LISTED}/live");
    let refused = Talk::open(&agent, &uri, "{}").opening.clone();
    let body: Value = serde_json::from_str(refused.strip_prefix("refused 428 ").unwrap()).unwrap();
    let arguments = ["approve", body["hold"].as_str().unwrap(), "--name", "live"];
    let approved = stage.holdpoint.call_with(&arguments, PASSPHRASE);
    assert_eq!(approved.status, 0, "{}", approved.stderr);
    assert_eq!(Talk::open(&agent, &uri, "{}").opening, "open None");
    let records = stage.holdpoint.records_from(0).into_iter();
    let approvals: Vec<Value> = records
        .map(|shown| shown["record"].clone())
        .filter(|record| record["kind"] == "approval")
        .collect();
    assert_eq!(approvals.len(), 1, "{approvals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_waits_for_its_release_once() {
    let stage = SocketStage::set(BINARY, "[hold]\nwait_seconds = 3\n", &[]).await;
    let agent = stage.agent("worker");
    // What installs and starts the client is not measured.
    drop(Talk::open(&agent, &format!("wss://{LOCAL}/"), "{}"));
    let since = Instant::now();
    let opening = Talk::open(&agent, &format!("wss://{LISTED}/live"), "{}").opening.clone();
    let waited = since.elapsed();
    assert!(opening.starts_with("refused 428"), "{opening}");
    assert!((3.0..6.0).contains(&waited.as_secs_f64()), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_an_aws_phantom_is_not_said_to_another_host() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    let add = ["secrets", "add", "aws", "--aws", "--host", "*.amazonaws.com", "--json"];
    let add = [&add[..], &["--purpose", "aws:*"]].concat();
    let value = "AKIAREALREALREALREAL:Rea1Secret/Rea1Secret+Rea1SecretRea1Secr";
    let added = stage.holdpoint.call_with(&add, value);
    assert_eq!(added.status, 0, "{}", added.stderr);
    let agent = stage.agent("worker");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let part = added.json()["env"][name].as_str().unwrap().to_owned();
        let mut talk = Talk::open(&agent, &format!("wss://{LOCAL}/live"), "{}");
        let ended = talk.does(&format!("send {part}"));
        assert!(ended.starts_with("ended 1008"), "{name}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_code_makes_no_found_token_an_issued_one() {
    let stage = IssuingStage::set(BINARY, "").await;
    let agent = stage.agent("worker");
    let add = ["secrets", "add", "login", "--host", ECHO, "--purpose", "rest:*", "--json"];
    let added = stage.holdpoint.call_with(&add, "the-real-password-of-1815");
    let bearer = format!("Authorization: Bearer {}", added.json()["phantom"].as_str().unwrap());
    let found = "a-plain-looking-value-0042";
    let ask = |path: &str, more: &[&str]| {
        let url = format!("https://{ECHO}{path}");
        agent.run(&[&[url.as_str()], more].concat())
    };
    // A redirect that repeats what the agent wrote: it is a code there, and opens nothing.
    stage.keep("/start", &[("location", &format!("https://{ECHO}/back?code={found}"))], "");
    assert_eq!(ask("/start", &["-H", &bearer]).status, 302);
    // A login that repeats what the agent says.
    assert_eq!(ask("/login", &["-d", &format!("note={found}")]).status, 200);
    let used = ask("/x", &["-H", &format!("Authorization: Bearer {found}")]);
    assert!(used.body.contains("foreign_credential"), "{used:?}");
}
