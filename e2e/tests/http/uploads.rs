//! What is larger than memory streams where method, path and the beginning say what it does; what
//! has to be held, or judged whole, and is too large is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs::File, io::Write as _};

use e2e::{
    bulk_host::{BulkStage, CRATES, IMAGES, MODEL, OBJECTS, PACKAGES, TRACKER},
    curl::{Answer, Curl},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// The default limits: 10 MiB of a body are read whole.
const CONFIGURATION: &str = "[hold]\nwait_seconds = 0\n";
const MIB: u64 = 1024 * 1024;
/// What the gateway may grow by, however much streams.
const GROWTH_KB_MAX: u64 = 32 * 1024;

/// A GiB takes its time: only where there is plenty.
fn large() -> u64 {
    if std::env::var_os("HOLDPOINT_SOAK").is_some() { 1024 * MIB } else { 256 * MIB }
}

/// Sends `bytes` bytes that begin with `begin`, and go on with what looks escaped.
fn send(stage: &BulkStage, name: &str, begin: &[u8], bytes: u64, more: &[&str]) -> Answer {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut written = File::create(file.path()).unwrap();
    written.write_all(begin).unwrap();
    // As far as it is searched at all; the rest is a hole in the file.
    let escaped = b"%41\\u0041 ".repeat(usize::try_from(bytes.min(12 * MIB) / 10).unwrap());
    written.write_all(&escaped).unwrap();
    written.set_len(bytes).unwrap();
    let body = format!("{}", file.path().display());
    stage.agent(name).run(&[&["--max-time", "600", "-T", &body], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_objects_and_prompts_stream_in_bounded_memory() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    // So that what leaves is searched for a phantom that belongs elsewhere.
    stage.phantom(TRACKER, &[]);
    let binary = "Content-Type: application/octet-stream";
    let json = "Content-Type: application/json";
    let layer = format!("https://{IMAGES}/v2/acme/shop/blobs/uploads/1?state=a");
    let object = format!("https://{OBJECTS}/bucket/dump.tar");
    let prompt = format!("https://{MODEL}/v1/chat/completions");
    let warm = send(&stage, "warm", b"x", 1000, &["-H", binary, &object]);
    assert_eq!(warm.status, 201, "{warm:?}");
    for (name, begin, bytes, more) in [
        ("layer", b"\x1f\x8b".as_slice(), large(), vec!["-X", "PATCH", "-H", binary, &layer]),
        ("object", b"ustar", 64 * MIB, vec!["-H", binary, &object]),
        ("untyped", b"one line\n", 64 * MIB, vec![&object]),
        ("prompt", b"{\"input\":\"", 64 * MIB, vec!["-X", "POST", "-H", json, &prompt]),
        (
            "chunked",
            b"\x1f\x8b",
            64 * MIB,
            vec!["-X", "PATCH", "-H", binary, "-H", "Transfer-Encoding: chunked", &layer],
        ),
    ] {
        let before = stage.gateway.peak_kb();
        let answer = send(&stage, name, begin, bytes, &more);
        let grown = stage.gateway.peak_kb() - before;
        assert_eq!((answer.exit, answer.status), (0, 201), "{name}: {answer:?}");
        assert_eq!(stage.taken().pop().unwrap().bytes, bytes, "{name}");
        println!("{name}: {} MiB, and the gateway grew by {grown} KiB", bytes / MIB);
        assert!(grown < GROWTH_KB_MAX, "{name}: {grown} KiB for {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_download_is_scrubbed_in_bounded_memory() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let phantom = stage.phantom(OBJECTS, &[]);
    let agent = stage.agent("reader");
    let get = |bytes: u64| {
        let url = format!("https://{OBJECTS}/download?bytes={bytes}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let to = file.path().display().to_string();
        let answer = agent.run(&["--max-time", "600", "-o", &to, &url]);
        assert_eq!((answer.exit, answer.status), (0, 200), "{answer:?}");
        assert_eq!(file.path().metadata().unwrap().len(), bytes);
        // Counted by a program that does not keep the file in memory.
        let mut count = std::process::Command::new("grep");
        let counted = count.args(["-o", "-a", "-F"]).arg(&phantom).arg(file.path()).output();
        counted.unwrap().stdout.split(|byte| *byte == b'\n').count() as u64 - 1
    };
    assert_eq!(get(64 * 1024), 1);
    let before = stage.gateway.peak_kb();
    let bytes = large();
    assert_eq!(get(bytes), bytes / (64 * 1024));
    let grown = stage.gateway.peak_kb() - before;
    println!("{} MiB, and the gateway grew by {grown} KiB", bytes / MIB);
    assert!(grown < GROWTH_KB_MAX, "{grown} KiB for {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_waits_for_a_human_or_is_too_large_to() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let package = format!("https://{PACKAGES}/left-pad");
    let new = format!("https://{CRATES}/api/v1/crates/new");
    let json = "Content-Type: application/json";
    for (name, url, bytes, status, code) in [
        ("npm-small", &package, 100_000, 428, "opaque"),
        ("npm-large", &package, 12 * MIB, 403, "too_large_to_hold"),
        ("cargo-small", &new, 100_000, 428, "opaque"),
        ("cargo-large", &new, 12 * MIB, 403, "too_large_to_hold"),
    ] {
        let answer = send(&stage, name, b"x", bytes, &["-H", json, url]);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert!(answer.body.contains(code), "{name}: {answer:?}");
    }
    assert!(stage.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_beginning_does_not_explain_is_too_long_to_be_judged() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let url = format!("https://{OBJECTS}/items");
    let padded = [b"{".as_slice(), &[b' '; 11 << 20], b"\"query\":\"mutation{a}\"}"].concat();
    for (name, kind, begin) in [
        ("json", "application/json", b"{\"a\":\"".as_slice()),
        ("like-json", "application/octet-stream", b"{\"a\":\""),
        ("padded", "application/octet-stream", &padded),
        ("form", "application/x-www-form-urlencoded", b"a=b"),
        ("multipart", "multipart/form-data; boundary=b", b"--b\r\n"),
        ("xml", "text/xml", b"<a>"),
    ] {
        let kind = format!("Content-Type: {kind}");
        let answer = send(&stage, name, begin, 24 * MIB, &["-X", "POST", "-H", &kind, &url]);
        assert_eq!((answer.status, answer.code().as_str()), (403, "over_limit"), "{answer:?}");
    }
    assert!(stage.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_take_away_what_it_has_created() {
    let stage = BulkStage::set(BINARY, CONFIGURATION).await;
    let (own, other) = (stage.agent("own"), stage.agent("other"));
    let items = format!("https://{TRACKER}/items");
    let fifth = format!("{items}/42");
    let delete = |agent: &Curl, url: &str| agent.run(&["-X", "DELETE", url]).status;
    assert_eq!(delete(&own, &fifth), 428, "nobody made it");
    let own = stage.agent("own-again");
    assert_eq!(own.run(&["-d", "{}", "-H", "Content-Type: application/json", &items]).status, 201);
    assert_eq!(delete(&other, &fifth), 428, "another run made it");
    assert_eq!(delete(&own, &format!("{items}/43")), 428, "that is another");
    let own = stage.agent("own-anew");
    assert_eq!(own.run(&["-d", "{}", "-H", "Content-Type: application/json", &items]).status, 201);
    assert_eq!(delete(&own, &fifth), 201, "its own");
    stage.holdpoint.verified();
}
