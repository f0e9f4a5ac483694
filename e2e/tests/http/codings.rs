//! What comes compressed is judged by what it holds, in both directions.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    time::{Duration, Instant},
};

use e2e::{
    bulk_host::{BulkStage, OBJECTS, REAL},
    curl::{Answer, Curl},
    holdpoint::{PASSPHRASE, until},
};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const CONFIGURATION: &str = "[hold]\nwait_seconds = 0\n";
/// A credential that an agent has found somewhere.
const FOUND: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Sends `body` as JSON that is said to be in `codings`.
fn post(agent: &Curl, path: &str, codings: &str, body: &[u8], more: &[&str]) -> Answer {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body).unwrap();
    let (data, url) = (format!("@{}", file.path().display()), format!("https://{OBJECTS}{path}"));
    let encoding = format!("Content-Encoding: {codings}");
    let kind = "Content-Type: application/json";
    agent.run(&[&["--data-binary", &data, "-H", kind, "-H", &encoding, &url], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_means_what_it_holds_and_goes_out_as_it_came() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let agent = stage.agent("worker");
    let reads = br#"{"query":"query { me { id } }"}"#;
    let deletes = br#"{"query":"mutation { volumeDelete(volumeId: \"v1\") }"}"#;
    for (codings, code) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("deflate", zlib),
        ("deflate, gzip", |bytes| gzip(&zlib(bytes))),
    ] {
        let passed = post(&agent, "/graphql", codings, &code(reads), &[]);
        assert_eq!(passed.status, 201, "{codings}: {passed:?}");
        let arrived = stage.taken().pop().unwrap();
        assert_eq!(arrived.header("content-encoding"), codings);
        assert_eq!(arrived.begin, code(reads), "as it came");
        let held = post(&agent, "/graphql", codings, &code(deletes), &[]);
        assert_eq!(held.status, 428, "{codings}: {held:?}");
    }
    assert_eq!(stage.taken().len(), 3);
    stage.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_off_is_refused_with_a_word() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let agent = stage.agent("worker");
    let plain = br#"{"note":"a note"}"#;
    let twice = [gzip(plain), gzip(plain)].concat();
    let bomb = gzip(&vec![b' '; 64 << 20]);
    for (codings, body, code, says) in [
        ("compress", gzip(plain), "unparsed", "`compress`"),
        ("gzip", plain.to_vec(), "unparsed", "not gzip"),
        ("gzip", twice, "unparsed", "one gzip member"),
        ("deflate", gzip(plain), "unparsed", "RFC 1950"),
        ("gzip", bomb, "over_limit", "times as long"),
        ("gzip,gzip,gzip,gzip", gzip(plain), "over_limit", "more than 3"),
    ] {
        let refused = post(&agent, "/items", codings, &body, &[]);
        assert_eq!((refused.status, refused.code().as_str()), (403, code), "{refused:?}");
        assert!(refused.body.contains(says), "{says}: {refused:?}");
    }
    assert!(stage.taken().is_empty());
    let recorded = stage.holdpoint.records_from(0);
    let refused = recorded.iter().filter(|shown| shown["record"]["verdict"] == "deny").count();
    assert_eq!(refused, 6, "{recorded:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_a_compressed_body_are_found() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let phantom = stage.phantom(OBJECTS, &["body:api_key"]);
    let agent = stage.agent("worker");
    let foreign = gzip(format!(r#"{{"note":"x","api_key":"{FOUND}"}}"#).as_bytes());
    let refused = post(&agent, "/items", "gzip", &foreign, &[]);
    assert_eq!(refused.code(), "foreign_credential", "{refused:?}");
    assert!(stage.taken().is_empty());

    let own = gzip(format!(r#"{{"note":"x","api_key":"{phantom}"}}"#).as_bytes());
    let passed = post(&stage.agent("other"), "/items", "gzip", &own, &[]);
    assert_eq!(passed.status, 201, "{passed:?}");
    let arrived = stage.taken().pop().unwrap();
    assert_eq!(arrived.header("content-encoding"), "");
    let expect = format!(r#"{{"note":"x","api_key":"{REAL}"}}"#);
    assert_eq!(String::from_utf8_lossy(&arrived.begin), expect);
    assert_eq!(arrived.header("content-length"), expect.len().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_body_is_released_in_the_bytes_that_came() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let agent = stage.agent("worker");
    let body = gzip(br#"{"note":"a note"}"#);
    let delete = || post(&agent, "/items/5", "gzip", &body, &["-X", "DELETE"]);
    assert_eq!(delete().status, 428);
    let holds = stage.holdpoint.json(&["holds", "--json"]);
    let hold = holds[0]["hold"].as_str().unwrap();
    let approved = stage.holdpoint.call_with(&["approve", hold], PASSPHRASE);
    assert_eq!(approved.status, 0, "{}", approved.stderr);
    let arrived = until("the release", || stage.taken().pop());
    assert_eq!((arrived.line.as_str(), &arrived.begin), ("DELETE /items/5", &body));
    assert_eq!(arrived.header("content-encoding"), "gzip");
    until("the stored answer", || (delete().status == 201).then_some(()));
    assert_eq!(stage.taken().len(), 1, "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_compressed_is_decoded_and_scrubbed() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let phantom = stage.phantom(OBJECTS, &[]);
    let agent = stage.agent("reader");
    let get = |codings: &str| {
        let url = format!("https://{OBJECTS}/coded?coding={codings}");
        agent.run(&["-D", "/dev/stderr", &url])
    };
    for codings in ["gzip", "deflate", "br", "zstd", "gzip,deflate", "identity"] {
        let answer = get(codings);
        assert_eq!(answer.status, 200, "{codings}: {answer:?}");
        assert_eq!(answer.body, format!("{{\"token\":\"{phantom}\"}}"), "{codings}");
        let headers = answer.said.to_ascii_lowercase();
        assert!(!headers.contains("content-encoding"), "{codings}: {headers}");
        let tag = if codings == "identity" { "etag: \"1\"" } else { "etag: w/\"1\"" };
        assert!(headers.contains(tag), "{codings}: {headers}");
        assert_eq!(headers.contains("content-md5"), codings == "identity", "{headers}");
    }
    let withheld = get("compress");
    assert_eq!(withheld.status, 502, "{withheld:?}");
    assert!(withheld.body.contains("compress") && !withheld.body.contains(REAL), "{withheld:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_events_arrive_one_by_one() {
    const PAUSE: Duration = Duration::from_millis(250);
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let phantom = stage.phantom(OBJECTS, &[]);
    let url = format!("https://{OBJECTS}/events?pause_ms={}", PAUSE.as_millis());
    let mut curl = stage.agent("reader").command(&["-N", &url]);
    let mut child = curl.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let came: Vec<(String, Instant)> = lines
        .filter(|line| line.starts_with("data: "))
        .map(|line| (line, Instant::now()))
        .collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(came.len(), 3);
    for (number, (line, _)) in came.iter().enumerate() {
        assert_eq!(*line, format!("data: {number} {phantom}"));
    }
    for pair in came.windows(2) {
        let gap = pair[1].1.duration_since(pair[0].1);
        assert!(gap > PAUSE / 3, "{gap:?} between two events");
    }
}
