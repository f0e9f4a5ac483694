//! What streams does so chunk by chunk and in bounded memory; what has to be judged whole or
//! stored and is too large is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use e2e::{
    curl::Answer,
    echo::{EchoStage, LISTED, MODEL},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const MIB: usize = 1024 * 1024;
/// Less is read whole than a tenth of what is sent.
const CONFIGURATION: &str = "[hold]\nwait_seconds = 0\n[limits]\nbody_bytes = 1048576\n";

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_one_by_one_also_where_they_are_scrubbed() {
    const PAUSE: Duration = Duration::from_millis(250);
    let stage = EchoStage::set(BINARY, CONFIGURATION).await;
    let agent = stage.agent("reader");
    let phantom = stage.phantom("api", LISTED, "tok_0123456789abcdefghij");
    let bearer = format!("Authorization: Bearer {phantom}");
    let url = format!("https://{LISTED}/sse?chunks=4&pause_ms={}", PAUSE.as_millis());
    for arguments in [vec![], vec!["-H", &bearer]] {
        let mut curl = agent.command(&[&["-N", &url], &arguments[..]].concat());
        let mut child = curl.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let data = lines.filter(|line| line.starts_with("data: "));
        let came: Vec<Instant> = data.map(|_| Instant::now()).collect();
        assert!(child.wait().unwrap().success());
        assert_eq!(came.len(), 4);
        for pair in came.windows(2) {
            let gap = pair[1].duration_since(pair[0]);
            // Held back until the end, all of them would come at once.
            assert!(gap > PAUSE / 3, "{arguments:?}: {gap:?} between two events");
        }
    }
}

/// The most memory that the gateway has ever used, in bytes.
fn peak(stage: &EchoStage) -> usize {
    status(stage, "VmHWM:")
}

/// A line of what the kernel says of the gateway's memory (`proc(5)`), in bytes.
fn status(stage: &EchoStage, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Uploads `bytes` bytes; the answer's body is not kept.
fn upload(stage: &EchoStage, name: &str, url: &str, bytes: usize, more: &[&str]) -> Answer {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), vec![b'x'; bytes]).unwrap();
    let body = format!("@{}", file.path().display());
    let agent = stage.agent(name);
    agent.run(&[&["--data-binary", &body, "-H", "content-type: text/plain", url], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_prompt_streams_in_bounded_memory_in_both_directions() {
    let stage = EchoStage::set(BINARY, CONFIGURATION).await;
    let url = format!("https://{MODEL}/v1/chat/completions");
    let small = upload(&stage, "small", &url, 1000, &[]);
    assert_eq!(small.status, 200, "{small:?}");
    let before = peak(&stage);
    for (name, more) in [("length", vec![]), ("chunked", vec!["-H", "Transfer-Encoding: chunked"])]
    {
        let answer = upload(&stage, name, &url, 30 * MIB, &more);
        assert_eq!((answer.exit, answer.status), (0, 200), "{name}: {}", answer.said);
        assert!(answer.body.len() > 30 * MIB, "the echo came back whole");
    }
    let arrived = stage.arrived();
    assert_eq!(
        arrived.iter().map(|it| it.body.len()).collect::<Vec<_>>(),
        [1000, 30 * MIB, 30 * MIB]
    );
    let grown = peak(&stage).saturating_sub(before);
    assert!(grown < 12 * MIB, "30 MiB streamed, and the gateway grew by {grown} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_to_be_judged_is_refused() {
    let stage = EchoStage::set(BINARY, CONFIGURATION).await;
    for (name, more) in [("length", vec![]), ("chunked", vec!["-H", "Transfer-Encoding: chunked"])]
    {
        let url = format!("https://{LISTED}/items");
        let answer = upload(&stage, name, &url, 30 * MIB, &more);
        assert_eq!((answer.status, answer.code().as_str()), (403, "over_limit"), "{answer:?}");
    }
    assert!(stage.arrived().is_empty());
    let whole = upload(&stage, "whole", &format!("https://{LISTED}/items"), MIB, &[]);
    assert_eq!(whole.status, 200, "what is just short enough passes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_be_stored_cannot_be_held() {
    let configuration = format!("{CONFIGURATION}stored_body_bytes = 2048\n");
    let stage = EchoStage::set(BINARY, &configuration).await;
    let delete = ["-X", "DELETE"];
    let items = format!("https://{LISTED}/items");
    let files = format!("https://{MODEL}/v1/files/file-1");
    for (name, url, bytes, status, code) in [
        ("small", &items, 100, 428, "needs_approval"),
        ("stored", &items, 4000, 403, "too_large_to_hold"),
        ("whole", &files, 2 * MIB, 403, "over_limit"),
    ] {
        let answer = upload(&stage, name, url, bytes, &delete);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {answer:?}");
    }
    assert!(stage.arrived().is_empty());
    assert_eq!(stage.holdpoint.json(&["holds", "--json"]).as_array().unwrap().len(), 1);
}

/// Sends half a MiB, the last byte of it once `finish` is said; the beginning of the answer.
fn in_two_parts(stage: &EchoStage, bearer: &str, finish: &AtomicBool) -> [u8; 12] {
    let mut socket = TcpStream::connect(stage.gateway.proxy()).unwrap();
    let length = MIB / 2;
    let head = format!(
        "POST http://{LISTED}/items HTTP/1.1\r\nHost: {LISTED}\r\nContent-Length: {length}\r\n\
         Proxy-Authorization: Bearer {bearer}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&vec![b'x'; length - 1]).unwrap();
    while !finish.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(10));
    }
    socket.write_all(b"x").unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bodies_together_have_their_memory_and_no_more() {
    const CROWD: usize = 24;
    let configuration = format!("{CONFIGURATION}bodies_bytes = 1048576\n");
    let stage = EchoStage::set(BINARY, &configuration).await;
    let items = format!("https://{LISTED}/items");
    let small = upload(&stage, "small", &items, 1000, &[]);
    assert_eq!(small.status, 200, "{small:?}");
    let before = status(&stage, "VmRSS:");
    let agent = stage.agent("crowd");
    let finish = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let part = || in_two_parts(&stage, agent.bearer(), &finish);
        let crowd: Vec<_> = (0..CROWD).map(|_| scope.spawn(part)).collect();
        // What is taken is taken within a moment, and stays: none of them goes on.
        let taken = (0..20).map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            status(&stage, "VmRSS:").saturating_sub(before)
        });
        let grown = taken.max().unwrap();
        let read = agent.run(&[&items]);
        finish.store(true, Ordering::Release);
        assert!(grown < 6 * MIB, "of {CROWD} bodies the gateway took {grown} bytes");
        assert_eq!(read.status, 200, "what has no body needs no room: {read:?}");
        // Those that have room make room for the others; the upstream is not there at this port.
        for one in crowd {
            assert_eq!(&one.join().unwrap(), b"HTTP/1.1 502");
        }
    });
}
