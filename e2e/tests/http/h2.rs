//! HTTP/2 with real clients: curl, httpx and grpcio behind a live gateway. What is said in a stream
//! means what it means in HTTP/1.1, and each stream has its own answer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use e2e::{
    curl::Curl,
    echo::{EchoStage, LISTED, UNLISTED},
    grpc_host::{GrpcStage, HOST},
    holdpoint::{PASSPHRASE, until},
    python::Python,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const AT_ONCE: &str = "[hold]\nwait_seconds = 0\n";

/// Calls a method once and prints code, text or answer, and trailers. Arguments: method, `plain`
/// or `tls`.
const UNARY: &str = r#"
import grpc, os, sys
method, how = sys.argv[1:]
if how == "tls":
    roots = open(os.environ["SSL_CERT_FILE"], "rb").read()
    channel = grpc.secure_channel("calls.example.test:443", grpc.ssl_channel_credentials(roots))
else:
    channel = grpc.insecure_channel("calls.example.test:50051")
call = channel.unary_unary(method)
try:
    answer, state = call.with_call(b"hello", timeout=30)
    print("OK", answer.decode(), dict(state.trailing_metadata()).get("x-served-by"))
except grpc.RpcError as error:
    print(error.code().name, error.details())
"#;

/// Says one thing after another in one stream, each after the answer to the one before.
const CHAT: &str = r#"
import grpc, os, queue, sys
roots = open(os.environ["SSL_CERT_FILE"], "rb").read()
channel = grpc.secure_channel("calls.example.test:443", grpc.ssl_channel_credentials(roots))
said = queue.Queue()
def speak():
    while (word := said.get()) is not None:
        yield word
said.put(b"one")
heard = channel.stream_stream("/chat.v1.Room/ReadAlong")(speak(), timeout=30)
for word in (b"two", b"three", None):
    print(next(heard).decode())
    said.put(word)
print(sum(1 for _ in heard), heard.code().name)
"#;

/// Says one thing, and then waits for more to be said.
const LISTEN: &str = r#"
import grpc, os, queue
roots = open(os.environ["SSL_CERT_FILE"], "rb").read()
channel = grpc.secure_channel("calls.example.test:443", grpc.ssl_channel_credentials(roots))
said = queue.Queue()
said.put(b"one")
heard = channel.stream_stream("/chat.v1.Room/ReadAlong")(iter(said.get, None), timeout=50)
print(next(heard).decode(), flush=True)
try:
    next(heard)
except grpc.RpcError as error:
    print("DEADLINE" if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED else "cut", flush=True)
os._exit(0)
"#;

/// A hundred streams on one connection, of which the first asks for a deletion.
const CROWD: &str = r#"
import asyncio, httpx, os, ssl
async def main():
    url = "https://api.example.test"
    trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(http2=True, verify=trust, limits=limits, timeout=60) as client:
        await client.get(url + "/warm")
        held = asyncio.create_task(client.delete(url + "/items"))
        answers = await asyncio.gather(*(client.get(f"{url}/items/{n}") for n in range(99)))
        print({(answer.status_code, answer.http_version) for answer in answers})
        print("before" if not held.done() else "after", len(answers), flush=True)
        last = await held
        print(last.status_code, last.http_version)
asyncio.run(main())
"#;

fn unary(python: &Python, agent: &Curl, method: &str, how: &str) -> String {
    python.run(agent, UNARY, &[method, how]).trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_mean_the_same() {
    let stage = EchoStage::set(BINARY, AT_ONCE).await;
    let phantom = stage.phantom("api", LISTED, "tok_0123456789abcdefghij");
    let bearer = format!("Authorization: Bearer {phantom}");
    let first = stage.holdpoint.verified();
    for version in ["--http2", "--http1.1"] {
        // Each in a run of its own: a refusal is remembered.
        let agent = stage.agent(version.trim_start_matches('-').trim_end_matches(".1"));
        let url = format!("https://{LISTED}/items/1?a=%2F");
        let answer = agent.run(&[version, &url, "-H", &bearer]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = ["-X", "POST", "-H", "Content-Type: application/json", "-d", "{\"a\":1}"];
        let answer =
            agent.run(&[&[version, &format!("https://{LISTED}/items")][..], &body].concat());
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = agent.run(&[version, "-X", "DELETE", &format!("https://{LISTED}/items")]);
        assert_eq!((answer.status, answer.code().as_str()), (428, "needs_approval"));
        let answer = agent.run(&[version, &format!("https://{UNLISTED}/")]);
        assert_eq!((answer.status, answer.code().as_str()), (403, "unlisted_host"));
        let format = "-w%{http_version}";
        let shown = agent.run(&[version, format, &format!("https://{LISTED}/v")]);
        let expect = if version == "--http2" { "2" } else { "1.1" };
        assert!(shown.body.ends_with(expect), "{shown:?}");
    }
    let arrived = stage.arrived();
    let (two, one) = arrived.split_at(3);
    assert_eq!(two.len(), one.len());
    for (two, one) in two.iter().zip(one) {
        assert_eq!((&two.method, &two.target, &two.body), (&one.method, &one.target, &one.body));
        for name in ["authorization", "host", "content-length", "content-type"] {
            assert_eq!(two.header(name), one.header(name), "{name}");
        }
    }
    // The ledger cannot tell them apart either: the same message has the same digest.
    // What observes is on disk a moment after its answer.
    let digests: Vec<Value> = until("ten decisions", || {
        let records = stage.holdpoint.records_from(first).into_iter();
        let decisions = records.filter(|shown| shown["record"]["kind"] == "decision");
        let digests: Vec<_> = decisions.map(|shown| shown["record"]["message"].clone()).collect();
        (digests.len() >= 10).then_some(digests)
    });
    let (two, one) = digests.split_at(5);
    assert_eq!(two, one);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_hosts_are_spoken_to_in_http_1() {
    let stage = EchoStage::set(BINARY, AT_ONCE).await;
    let agent = stage.agent("worker");
    let spoken = |host: &str| {
        let answer = agent.run(&["--http2", "-w%{http_version}", &format!("https://{host}/")]);
        answer.body.rsplit_once('}').map(|(_, version)| version.to_owned())
    };
    assert_eq!(spoken(UNLISTED).as_deref(), Some("2"));
    let add = ["hosts", "add", UNLISTED, "--speaks", "collaboration"];
    let added = stage.holdpoint.call(&add);
    assert_eq!(added.status, 0, "{added:?}");
    until("HTTP/1.1", || (spoken(UNLISTED)? == "1.1").then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_streams_one_is_held_and_the_others_are_answered() {
    let stage = EchoStage::set(BINARY, "[hold]\nwait_seconds = 50\n").await;
    stage.holdpoint.enrol("ada");
    let python = Python::with_clients(FOLDER);
    let mut crowd = python.command(&stage.agent("crowd"), CROWD, &[]);
    let mut crowd = crowd.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(crowd.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "{(200, 'HTTP/2')}");
    assert_eq!(lines.next().unwrap(), "before 99");
    assert_eq!(stage.arrived().len(), 100);
    let holds = stage.holdpoint.json(&["holds", "--json"]);
    let hold = holds[0]["hold"].as_str().unwrap();
    let approved = stage.holdpoint.call_with(&["approve", hold], PASSPHRASE);
    assert_eq!(approved.status, 0, "{approved:?}");
    assert_eq!(lines.next().unwrap(), "200 HTTP/2");
    assert!(crowd.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_is_judged_by_its_methods_and_refused_in_its_own_words() {
    let stage = GrpcStage::set(BINARY, AT_ONCE).await;
    let python = Python::with_clients(FOLDER);
    let agent = stage.agent("caller");
    for how in ["tls", "plain"] {
        let read = unary(&python, &agent, "/shop.v1.Orders/GetOrder", how);
        assert_eq!(read, "OK hello echo", "{how}");
        let held = unary(&python, &agent, "/shop.v1.Orders/PlaceOrder", how);
        assert!(held.starts_with("FAILED_PRECONDITION Holdpoint holds "), "{held}");
        assert!(
            held.contains("Nothing was sent. Tell the human that `holdpoint approve "),
            "{held}"
        );
    }
    assert_eq!(stage.called(), ["/shop.v1.Orders/GetOrder"; 2]);
    stage.holdpoint.json(&["hosts", "remove", HOST, "--json"]);
    let refused = unary(&python, &agent, "/shop.v1.Orders/GetOrder", "tls");
    assert!(refused.starts_with("PERMISSION_DENIED Holdpoint refused "), "{refused}");
    assert!(refused.contains("(unlisted_host)"), "{refused}");
    assert_eq!(stage.called().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_both_ways_word_by_word() {
    let stage = GrpcStage::set(BINARY, AT_ONCE).await;
    let python = Python::with_clients(FOLDER);
    let said = python.run(&stage.agent("talker"), CHAT, &[]);
    assert_eq!(said, "one\ntwo\nthree\n0 OK\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_call_is_answered_with_its_trailers() {
    let stage = GrpcStage::set(BINARY, "[hold]\nwait_seconds = 30\n").await;
    stage.holdpoint.enrol("ada");
    let python = Python::with_clients(FOLDER);
    let agent = stage.agent("waiter");
    let method = "/shop.v1.Orders/PlaceOrder";
    let mut asking = python.command(&agent, UNARY, &[method, "tls"]);
    let asking = asking.stdout(Stdio::piped()).spawn().unwrap();
    let hold = until("a hold", || {
        let holds = stage.holdpoint.json(&["holds", "--json"]);
        holds[0]["hold"].as_str().map(str::to_owned)
    });
    let approved = stage.holdpoint.call_with(&["approve", &hold], PASSPHRASE);
    assert_eq!(approved.status, 0, "{approved:?}");
    let said = String::from_utf8(asking.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(said, "OK hello echo\n");
    assert_eq!(stage.called(), [method], "executed exactly once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_a_killed_agent_are_cut_and_told_why() {
    let stage = GrpcStage::set(BINARY, AT_ONCE).await;
    let python = Python::with_clients(FOLDER);
    let agent = stage.agent("caller");
    let mut listening = python.command(&agent, LISTEN, &[]);
    let mut listening = listening.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "one");
    assert_eq!(stage.holdpoint.call(&["agents", "kill", "caller"]).status, 0);
    assert_eq!(lines.next().unwrap(), "cut");
    assert!(listening.wait().unwrap().success());
    let told = unary(&python, &agent, "/shop.v1.Orders/GetOrder", "tls");
    assert!(told.starts_with("PERMISSION_DENIED Holdpoint refused "), "{told}");
    assert!(told.contains("(killed)"), "{told}");
    assert_eq!(stage.called(), ["/chat.v1.Room/ReadAlong"]);
}
