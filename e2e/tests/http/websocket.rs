//! WebSockets through the gateway: judged where they are opened, unharmed while they last, and
//! ended with whoever opened them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{thread, time::Instant};

use e2e::{
    echo::{LISTED, MODEL, OTHER, UNLISTED},
    holdpoint::{PASSPHRASE, until},
    websocket::{AT_ONCE, GRAPHQL, LOCAL, SocketStage, Talk},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
const REAL: &str = "tok_0123456789abcdefghij";

/// The body of a refused handshake, as the client shows it.
fn refusal(talk: &Talk, status: u16) -> Value {
    let start = format!("refused {status} ");
    let body = talk.opening.strip_prefix(&start).unwrap_or_else(|| panic!("{}", talk.opening));
    serde_json::from_str(body).unwrap()
}

fn approve(stage: &SocketStage, hold: &str) {
    let shown = stage.holdpoint.json(&["holds", "--json"]);
    let resource = shown[0]["meanings"][0]["resource"].as_str().unwrap_or_default().to_owned();
    let name = resource.rsplit(['/', ':']).find(|part| !part.is_empty()).unwrap_or_default();
    let arguments = ["approve", hold, "--name", name];
    let approved = stage.holdpoint.call_with(&arguments, PASSPHRASE);
    assert_eq!(approved.status, 0, "{}", approved.stderr);
}

/// The records of one kind.
fn records(stage: &SocketStage, kind: &str) -> Vec<Value> {
    let records = stage.holdpoint.records_from(0).into_iter();
    let records = records.map(|shown| shown["record"].clone());
    records.filter(|record| record["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_passes_and_who_waits() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    let agent = stage.agent("worker");
    let graphql = r#"{"subprotocols": ["graphql-transport-ws"]}"#;
    for (uri, options, opening) in [
        (format!("ws://{LOCAL}/hmr"), r#"{"subprotocols": ["vite-hmr"]}"#, "open vite-hmr"),
        (format!("wss://{LOCAL}/hmr"), "{}", "open None"),
        (
            format!("wss://{MODEL}/v1/realtime"),
            r#"{"subprotocols": ["realtime"]}"#,
            "open realtime",
        ),
        (format!("wss://{MODEL}/v1/realtime"), graphql, "refused 428"),
        (format!("wss://{LISTED}/live"), "{}", "refused 428"),
        (format!("wss://{OTHER}/live"), "{}", "refused 428"),
        (format!("wss://{GRAPHQL}/"), graphql, "refused 428"),
        (format!("wss://{UNLISTED}/live"), "{}", "refused 4"),
    ] {
        let mut talk = Talk::open(&agent, &uri, options);
        assert!(talk.opening.starts_with(opening), "{uri}: {}", talk.opening);
        if opening.starts_with("open") {
            assert_eq!(talk.does("send hello"), "hello", "{uri}");
            assert_eq!(talk.does("close 1000"), "closed 1000", "{uri}");
        } else {
            assert!(talk.opening.contains("Holdpoint "), "{uri}: {}", talk.opening);
        }
    }
    assert_eq!(stage.plain.heard().len() + stage.tls.heard().len(), 3);
    let closed = until("three ends", || Some(records(&stage, "closed")).filter(|it| it.len() == 3));
    for record in closed {
        assert!(record["sent"].as_u64() > Some(10), "{record}");
        assert!(record["received"].as_u64() > Some(7), "{record}");
        assert_eq!(
            (&record["failure"], &record["principal"]["agent"]),
            (&Value::Null, &"worker".into())
        );
    }
    assert!(records(&stage, "outcome").iter().all(|outcome| outcome["status"] == 101));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_lets_the_same_upgrade_through_once() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    stage.holdpoint.enrol("ada");
    let agent = stage.agent("worker");
    let uri = format!("wss://{LISTED}/live?room=1");
    let held = refusal(&Talk::open(&agent, &uri, "{}"), 428);
    let hold = held["hold"].as_str().unwrap().to_owned();
    let detail = held["detail"].as_str().unwrap();
    assert!(
        detail.contains("websocket:open") && detail.contains("send the same again"),
        "{detail}"
    );
    approve(&stage, &hold);
    // Another one is not what was released.
    let other = refusal(&Talk::open(&agent, &format!("wss://{LISTED}/live?room=2"), "{}"), 428);
    assert_ne!(other["hold"], held["hold"]);
    assert!(stage.tls.heard().is_empty(), "nothing is opened by itself");

    let mut talk = Talk::open(&agent, &uri, "{}");
    assert_eq!(talk.opening, "open None");
    assert_eq!(talk.does("send hello"), "hello");
    let again = refusal(&Talk::open(&agent, &uri, "{}"), 428);
    assert_ne!(again["hold"], held["hold"], "a release is good once");
    assert_eq!(stage.tls.heard().len(), 1);
    let decisions = records(&stage, "decision");
    let opened = decisions.iter().find(|it| it["forwarded"] == true).unwrap();
    assert_eq!(opened["hold"], hold.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_opens_what_still_waits_and_a_no_stands() {
    let stage = SocketStage::set(BINARY, "[hold]\nwait_seconds = 30\n", &[]).await;
    stage.holdpoint.enrol("ada");
    let agent = stage.agent("worker");
    let open = || {
        let agent = agent.clone();
        thread::spawn(move || Talk::open(&agent, &format!("wss://{LISTED}/live"), "{}"))
    };
    let waiting = || {
        until("a hold", || {
            let holds = stage.holdpoint.json(&["holds", "--json"]);
            holds[0]["hold"].as_str().map(str::to_owned)
        })
    };
    let opening = open();
    approve(&stage, &waiting());
    let mut talk = opening.join().unwrap();
    assert_eq!(talk.opening, "open None");
    assert_eq!(talk.does("send x"), "x");

    let opening = open();
    let denied = stage.holdpoint.call_with(&["deny", &waiting()], PASSPHRASE);
    assert_eq!(denied.status, 0, "{}", denied.stderr);
    assert_eq!(refusal(&opening.join().unwrap(), 403)["code"], "approval_denied");
    assert_eq!(stage.tls.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_said_arrives() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    // With secrets to look for in both directions, and without.
    for round in ["plain", "looked-through"] {
        if round == "looked-through" {
            stage.phantom("here", LOCAL, "websocket:*", REAL);
            stage.phantom("there", OTHER, "websocket:*", "tok_abcdefghij0123456789");
        }
        let agent = stage.agent(round);
        for uri in [format!("ws://{LOCAL}/"), format!("wss://{LOCAL}/")] {
            let mut talk = Talk::open(&agent, &uri, "{}");
            assert_eq!(talk.opening, "open None", "{round}");
            assert_eq!(talk.does(&format!("large {}", 1 << 20)), "same", "{round}");
            assert_eq!(talk.does("flood 10000"), "same", "{round}");
            for number in 0..200 {
                assert_eq!(talk.does(&format!("send m{number}")), format!("m{number}"));
            }
            assert_eq!(talk.does("ping"), "pong", "{round}");
            assert_eq!(talk.does("send ping"), "pinged", "{round}");
            assert_eq!(talk.does("send close 4001"), "ended 4001 as asked", "{round}");
        }
    }
    let extended = stage
        .plain
        .heard()
        .iter()
        .any(|heard| heard.headers.iter().any(|(name, _)| name == "sec-websocket-extensions"));
    assert!(!extended, "what is compressed cannot be looked through");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_in_and_comes_back_as_its_phantom() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    let agent = stage.agent("worker");
    let phantom = stage.phantom("dev", LOCAL, "websocket:*", REAL);
    let elsewhere = stage.phantom("there", OTHER, "websocket:*", "tok_abcdefghij0123456789");
    let uri = format!("wss://{LOCAL}/live");
    let bearer =
        |value: &str| format!(r#"{{"additional_headers": {{"Authorization": "Bearer {value}"}}}}"#);
    let mut talk = Talk::open(&agent, &uri, &bearer(&phantom));
    assert_eq!(talk.opening, "open None");
    assert_eq!(talk.does("send header authorization"), format!("Bearer {phantom}"));
    assert_eq!(talk.does(&format!("send {phantom}")), phantom, "what is said is not replaced");
    let heard = stage.tls.heard();
    assert!(heard[0].headers.contains(&("authorization".into(), format!("Bearer {REAL}"))));
    // One that is bound elsewhere does not go out, whatever it stands in.
    let ended = talk.does(&format!("send my key is {elsewhere}!"));
    assert!(ended.starts_with("ended 1008 Holdpoint (phantom_leaving)"), "{ended}");
    let heard = until("its end", || Some(stage.tls.heard()).filter(|all| all[0].ended));
    assert!(heard[0].messages.iter().all(|said| !said.contains(&elsewhere)), "{heard:?}");
    let closed = until("its record", || records(&stage, "closed").pop());
    assert_eq!(closed["failure"], "phantom_leaving");

    let subprotocol =
        format!(r#"{{"subprotocols": ["realtime", "openai-insecure-api-key.{phantom}"]}}"#);
    let mut talk = Talk::open(&agent, &uri, &subprotocol);
    assert_eq!(talk.opening, "open realtime");
    let offered = talk.does("send header sec-websocket-protocol");
    assert_eq!(offered, format!("realtime, openai-insecure-api-key.{phantom}"));
    let heard = stage.tls.heard();
    assert!(format!("{:?}", heard[1].headers).contains(REAL));
    for (options, code) in [
        (bearer("ghp_0123456789abcdefABCDEF0123456789abcd"), "foreign_credential"),
        (bearer(&elsewhere), "phantom_leaving"),
    ] {
        assert_eq!(refusal(&Talk::open(&agent, &uri, &options), 403)["code"], code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_cuts_it_at_once_and_a_stop_says_so() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    for uri in [format!("ws://{LOCAL}/"), format!("wss://{LOCAL}/")] {
        let name = uri.split(':').next().unwrap();
        let agent = stage.agent(name);
        let mut talk = Talk::open(&agent, &uri, "{}");
        assert_eq!(talk.does("send hello"), "hello");
        talk.begins("wait");
        let killed = stage.holdpoint.call(&["agents", "kill", name]);
        let at = Instant::now();
        assert_eq!(killed.status, 0, "{}", killed.stderr);
        assert_eq!(talk.line(), "ended None");
        assert!(at.elapsed() < AT_ONCE, "{:?}", at.elapsed());
    }
    let closed = until("two ends", || Some(records(&stage, "closed")).filter(|it| it.len() == 2));
    assert!(closed.iter().all(|record| record["failure"] == "killed"), "{closed:?}");

    let agent = stage.agent("last");
    let mut talk = Talk::open(&agent, &format!("wss://{LOCAL}/"), "{}");
    assert_eq!(talk.does("send hello"), "hello");
    talk.begins("wait");
    let SocketStage { gateway, holdpoint, tls, plain, .. } = stage;
    let at = Instant::now();
    assert_eq!(gateway.stop(), 0);
    assert!(at.elapsed().as_secs() < 10, "{:?}", at.elapsed());
    assert_eq!(talk.line(), "ended 1001 Holdpoint is stopping; connect again");
    let records = holdpoint.records_from(0);
    let kinds: Vec<&str> = records.iter().filter_map(|it| it["record"]["kind"].as_str()).collect();
    assert!(kinds.ends_with(&["closed", "lifecycle"]), "{kinds:?}");
    drop((tls, plain));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_asked_in_absolute_form_too() {
    let stage = SocketStage::set(BINARY, NO_WAIT, &[]).await;
    let bearer = stage.agent("worker").bearer().to_owned();
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let mut socket = TcpStream::connect(stage.gateway.proxy()).await.unwrap();
    let head = format!(
        "GET http://{LOCAL}/live HTTP/1.1\r\nHost: {LOCAL}\r\nConnection: Upgrade\r\n\
         Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\
         Proxy-Authorization: Bearer {bearer}\r\n\r\n"
    );
    // A first frame that comes with the handshake is not lost.
    let hello = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    socket.write_all(&[head.as_bytes(), &hello].concat()).await.unwrap();
    let mut all = Vec::new();
    while !all.ends_with(&[0x81, 0x02, b'h', b'i']) {
        let mut chunk = [0; 4096];
        let read = socket.read(&mut chunk).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&chunk[..read]);
    }
    let answer = String::from_utf8_lossy(&all).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    for header in ["connection: upgrade", "upgrade: websocket"] {
        assert!(answer.contains(header), "{answer}");
    }
    assert!(String::from_utf8_lossy(&all).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    assert!(!answer.contains("permessage-deflate"), "{answer}");
}
