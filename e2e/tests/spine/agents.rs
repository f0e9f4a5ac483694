//! Who asks: killed and revived, bound to a task's environment, never the one who releases, and
//! let into no address that no human has listed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    io::{Read as _, Write as _},
    process::{Child, Stdio},
};

use e2e::{
    curl::{Answer, Curl},
    echo::{EchoStage, LISTED},
    holdpoint::{Called, PASSPHRASE, until},
};
use holdpoint_drill::upstream::EchoUpstream;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";

fn ask(agent: &Curl, method: &str, path: &str) -> Answer {
    agent.run(&["-X", method, &format!("https://{LISTED}{path}")])
}

/// Two requests through one tunnel, the second when a line comes in.
const ONE_TUNNEL: &str = r#"
import base64, http.client, os, ssl, sys, urllib.parse
proxy = urllib.parse.urlparse(os.environ["HTTPS_PROXY"])
claim = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
link = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=context)
link.set_tunnel(sys.argv[1], 443, {"Proxy-Authorization": f"Basic {claim}"})
link.auto_open = 0
link.connect()
for number in range(2):
    try:
        link.request("POST", f"/tunnel/{number}")
        answer = link.getresponse()
        answer.read()
        print(answer.status, flush=True)
    except (OSError, http.client.HTTPException):
        print("closed", flush=True)
    sys.stdin.readline()
"#;

fn piped(agent: &Curl, program: &str, arguments: &[&str]) -> Child {
    let mut command = agent.program(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn line(child: &mut Child) -> String {
    // A byte at a time: nothing is read that the next line needs.
    let mut text = Vec::new();
    let stdout = child.stdout.as_mut().unwrap();
    let mut byte = [0];
    while stdout.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_stops_everything_of_an_agent_at_once_and_nothing_of_others() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let (worker, other) = (stage.agent("worker"), stage.agent("other"));
    let mut tunnels: Vec<Child> =
        [&worker, &other].map(|it| piped(it, "python3", &["-c", ONE_TUNNEL, LISTED])).into();
    for tunnel in &mut tunnels {
        assert_eq!(line(tunnel), "200");
    }
    let url = format!("https://{LISTED}/sse?chunks=1000&pause_ms=20");
    let mut stream = piped(&worker, "curl", &["-sN", &url]);
    assert!(line(&mut stream).starts_with("id: 0"));

    let kill = stage.holdpoint.call(&["agents", "kill", "worker"]);
    assert_eq!(kill.status, 0, "{}", kill.stderr);
    // Neither what is open nor what is new: from the moment when the command has returned.
    for tunnel in &mut tunnels {
        tunnel.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
    assert_eq!(line(&mut tunnels[0]), "closed");
    assert_eq!(line(&mut tunnels[1]), "200", "of another agent");
    let ended = until("the end of the stream", || stream.try_wait().unwrap());
    assert!(!ended.success(), "the stream was cut off: {ended}");
    for method in ["GET", "POST", "DELETE"] {
        let answer = ask(&worker, method, "/after");
        assert_eq!((answer.status, answer.code().as_str()), (403, "killed"), "{answer:?}");
    }
    assert_eq!(ask(&other, "POST", "/other").status, 200);
    let arrived = stage.arrived();
    assert!(!arrived.iter().any(|it| it.target == "/after"), "{arrived:?}");
    assert_eq!(arrived.iter().filter(|it| it.target == "/tunnel/1").count(), 1, "the other's");

    assert_eq!(stage.holdpoint.call(&["agents", "revive", "worker"]).status, 0);
    assert_eq!(ask(&worker, "POST", "/revived").status, 200);
    for mut child in tunnels {
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    let unknown = stage.holdpoint.call(&["agents", "kill", "nobody"]);
    assert_eq!(unknown.status, 3, "a kill that hits nobody says so: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_for_a_killed_agent_is_not_executed() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    stage.holdpoint.enrol("ada");
    let worker = stage.agent("worker");
    assert_eq!(ask(&worker, "DELETE", "/items/1").status, 428);
    let hold = stage.holdpoint.json(&["holds", "--json"])[0]["hold"].as_str().unwrap().to_owned();
    assert_eq!(stage.holdpoint.call(&["agents", "kill", "worker"]).status, 0);
    let refused = stage.holdpoint.call_with(&["approve", &hold], PASSPHRASE);
    assert_ne!(refused.status, 0, "{}", refused.stdout);
    assert!(refused.stderr.contains("was killed"), "{}", refused.stderr);
    assert!(stage.arrived().is_empty(), "{:?}", stage.arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_agent_is_nobody() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let worker = stage.agent("worker");
    assert_eq!(ask(&worker, "GET", "/before").status, 200);
    assert_eq!(stage.holdpoint.call(&["agents", "remove", "worker"]).status, 0);
    let answer = ask(&worker, "GET", "/after");
    assert!(answer.said.contains("407"), "{answer:?}");
    let again = stage.agent("worker");
    assert_ne!(again.bearer(), worker.bearer());
    assert!(ask(&worker, "GET", "/after").said.contains("407"), "the old bearer stays dead");
    assert_eq!(stage.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_changes_its_own_environment_only() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    for (environment, status, code) in
        [("staging", 403, "wrong_environment"), ("development", 200, "")]
    {
        let made = ["agents", "new", environment, "--task", "fix it", "--json"];
        let made = [&made[..], &["--environment", environment]].concat();
        let agent = Curl::new(&stage.holdpoint.json(&made));
        for method in ["POST", "PUT", "PATCH"] {
            let answer = ask(&agent, method, "/items/1");
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
        }
        assert_eq!(ask(&agent, "GET", "/items/1").status, 200, "it may look");
    }
    let changes = stage.arrived().iter().filter(|it| it.method != "GET").count();
    assert_eq!(changes, 3, "those in development");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_releases_nothing_and_sees_no_hold_but_its_own() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let (worker, other) = (stage.agent("worker"), stage.agent("other"));
    let held = ask(&worker, "DELETE", "/items/1");
    let hold = held.json()["hold"].as_str().unwrap().to_owned();
    let call = |arguments: &[&str]| -> Called { stage.holdpoint.call_with(arguments, PASSPHRASE) };

    let nobody = call(&["approve", &hold]);
    assert_eq!(nobody.status, 3, "nobody is enrolled: {nobody:?}");
    for name in ["worker", "WORKER"] {
        let enrolled = call(&["approvers", "enrol", name]);
        assert_eq!(enrolled.status, 3, "{enrolled:?}");
        assert!(enrolled.stderr.contains("agent"), "it says why: {enrolled:?}");
        let approved = call(&["approve", &hold, "--as", name]);
        assert_eq!(approved.status, 1, "{approved:?}");
    }
    stage.holdpoint.enrol("ada");
    let named = call(&["agents", "new", "Ada"]);
    assert_eq!(named.status, 3, "nor does an agent take an approver's name: {named:?}");
    let wrong = stage.holdpoint.call_with(&["approve", &hold], "a guess at a passphrase");
    assert_eq!(wrong.status, 1, "{wrong:?}");

    let internal = format!("http://holdpoint.internal/holds/{hold}");
    assert_eq!(worker.run(&[&internal]).status, 428);
    let foreign = other.run(&[&internal]);
    assert_eq!(foreign.status, 403, "{foreign:?}");
    assert!(!foreign.body.contains("items"), "{foreign:?}");
    for method in ["POST", "PUT", "DELETE"] {
        let answer = worker.run(&["-X", method, &internal]);
        assert_eq!(answer.status, 403, "there is no such thing as releasing: {answer:?}");
    }
    assert_eq!(stage.holdpoint.json(&["holds", "--json"])[0]["state"], "open");
    assert!(stage.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_addresses_are_dialled_only_where_a_human_listed_exactly_them() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let inside = EchoUpstream::http().await.unwrap();
    let port = inside.addr().port();
    let agent = stage.agent("worker");
    let ask = |host: &str| agent.run(&[&format!("http://{host}:{port}/inside")]);
    for host in ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]", "[fd00::1]"] {
        let answer = ask(host);
        assert_eq!((answer.status, answer.code().as_str()), (403, "unlisted_host"), "{answer:?}");
    }
    for host in ["2130706433", "0x7f.1", "127.1"] {
        // curl would rewrite them: the target is written by hand.
        let target = format!("http://{host}:{port}/inside");
        let answer =
            agent.run(&["--request-target", &target, &format!("http://127.0.0.1:{port}/")]);
        assert_eq!(answer.code(), "unparsed", "{host}: {answer:?}");
    }
    // A secret that is bound to a host lists it, but says nothing of where it lies.
    for host in ["127.0.0.1", "localhost"] {
        let arguments = ["secrets", "add", &host.replace('.', "-"), "--host", host];
        let arguments = [&arguments[..], &["--purpose", "rest:*"]].concat();
        let added = stage.holdpoint.call_with(&arguments, &format!("tok_0123456789-{host}"));
        assert_eq!(added.status, 0, "{added:?}");
        let answer = ask(host);
        assert_eq!(answer.code(), "upstream_unreachable", "{answer:?}");
        assert!(answer.body.contains("a loopback address"), "{answer:?}");
    }
    assert!(inside.log().is_empty(), "{:?}", inside.log());

    let add = |host: &str| stage.holdpoint.call(&["hosts", "add", host]).status;
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(add(host), 0);
        assert_eq!(ask(host).status, 200, "{host}, as a human said");
    }
    assert_eq!(inside.log().len(), 2);
    for (host, words) in [
        ("169.254.169.254", "metadata service"),
        ("100.100.100.200", "metadata service"),
        ("0.0.0.0", "the unspecified address"),
    ] {
        assert_eq!(add(host), 0);
        let answer = ask(host);
        assert_eq!(answer.code(), "upstream_unreachable", "{answer:?}");
        assert!(answer.body.contains(words), "whatever a human says: {answer:?}");
    }
    let mapped = agent.run(&[&format!("http://[::ffff:169.254.169.254]:{port}/inside")]);
    assert!(mapped.body.contains("metadata service"), "in IPv6 dress: {mapped:?}");
    assert_eq!(inside.log().len(), 2);
}
