//! Reverse mode: clients that know no proxy, judged as one agent, at one upstream and no other.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::process::{Command, Stdio};

use e2e::{
    curl::{Answer, Curl},
    echo::{LISTED, OTHER, UNLISTED},
    holdpoint::{Gateway, Holdpoint, until},
    websocket::{LOCAL, SocketStage, Talk},
};
use holdpoint_drill::upstream::EchoUpstream;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const REAL: &str = "tok_0123456789abcdefghij";

fn configuration(upstreams: &[&str]) -> String {
    let entry = |upstream: &&str| {
        format!(
            "[[reverse]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\nagent = \"worker\"\n"
        )
    };
    format!("[hold]\nwait_seconds = 0\n{}", upstreams.iter().map(entry).collect::<String>())
}

/// An upstream that echoes, a gateway that stands in for two of its names, and a client that has
/// no proxy.
struct Stage {
    upstream: EchoUpstream,
    holdpoint: Holdpoint,
    gateway: Gateway,
    /// `http://127.0.0.1:PORT` for a listed host, and for one that nobody listed.
    listed: String,
    unlisted: String,
    client: Curl,
    _ca: tempfile::NamedTempFile,
}

impl Stage {
    async fn set() -> Self {
        let upstream = EchoUpstream::https(&[LISTED, OTHER, UNLISTED]).await.unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), upstream.ca_pem().unwrap()).unwrap();
        let holdpoint = Holdpoint::new(BINARY);
        let names = [LISTED, UNLISTED].map(|host| format!("https://{host}"));
        let text = configuration(&[&names[0], &names[1]]);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), text).unwrap();
        for host in [LISTED, OTHER] {
            let rest = ["--speaks", "rest", "--environment", "development", "--json"];
            holdpoint.json(&[&["hosts", "add", host][..], &rest].concat());
        }
        holdpoint.json(&["agents", "new", "worker", "--json"]);
        let resolve = [LISTED, OTHER, UNLISTED].map(|it| format!("{it}:443:{}", upstream.addr()));
        let mut arguments = vec!["--upstream-ca", ca.path().to_str().unwrap()];
        arguments.extend(resolve.iter().flat_map(|to| ["--resolve", to]));
        let gateway = holdpoint.up(&arguments, &[]);
        let urls = gateway.reverse().iter().map(|at| format!("http://{at}")).collect::<Vec<_>>();
        let client = Curl::new(&json!({"env": {}}));
        let (listed, unlisted) = (urls[0].clone(), urls[1].clone());
        Self { upstream, holdpoint, gateway, listed, unlisted, client, _ca: ca }
    }

    fn port(&self) -> &str {
        self.listed.rsplit_once(':').unwrap().1
    }

    fn ask(&self, path: &str, arguments: &[&str]) -> Answer {
        let url = format!("{}{path}", self.listed);
        self.client.run(&[&[url.as_str()], arguments].concat())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_there_is_judged_as_the_agent() {
    let stage = Stage::set().await;
    let read = stage.ask("/echo?a=1", &["-D", "-"]);
    assert_eq!(read.status, 200, "{read:?}");
    let held = stage.ask("/items/5", &["-X", "DELETE"]);
    assert_eq!((held.status, held.code().as_str()), (428, "needs_approval"), "{held:?}");
    let unlisted = stage.client.run(&[&format!("{}/items", stage.unlisted), "-d", "x"]);
    assert_ne!(unlisted.status, 200, "{unlisted:?}");
    let arrived = stage.upstream.log();
    assert_eq!(arrived.len(), 1);
    assert_eq!(
        (arrived[0].target.as_str(), arrived[0].header("host")),
        ("/echo?a=1", Some(LISTED))
    );
    let records = stage.holdpoint.records_from(0);
    let decisions = records.iter().filter(|it| it["record"]["kind"] == "decision");
    let agents: Vec<&Value> = decisions.map(|it| &it["record"]["principal"]["agent"]).collect();
    assert_eq!(agents, ["worker"; 3]);

    let phantom = {
        let add = ["secrets", "add", "api", "--host", LISTED, "--purpose", "rest:*", "--json"];
        stage.holdpoint.call_with(&add, REAL).json()["phantom"].as_str().unwrap().to_owned()
    };
    let bearer = format!("Authorization: Bearer {phantom}");
    let reflected = stage.ask("/reflect", &["-H", &bearer]);
    assert!(reflected.body.contains(&phantom) && !reflected.body.contains(REAL), "{reflected:?}");
    assert_eq!(
        stage.upstream.log()[1].header("authorization"),
        Some(format!("Bearer {REAL}").as_str())
    );
    // A claim of one's own changes nothing, and does not go on.
    let claimed = stage.ask("/echo", &["-H", "Proxy-Authorization: Bearer nobody"]);
    assert_eq!(claimed.status, 200);
    assert_eq!(stage.upstream.log()[2].header("proxy-authorization"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_this_address_or_its_upstream_and_nothing_else() {
    let stage = Stage::set().await;
    let port = stage.port().to_owned();
    let target = |target: &str| vec!["--request-target".to_owned(), target.to_owned()];
    let host = |host: &str| vec!["-H".to_owned(), format!("Host: {host}")];
    for (arguments, status) in [
        (host(&format!("localhost:{port}")), 200),
        (host(LISTED), 200),
        (host(&format!("{LISTED}:443")), 200),
        (host(&format!("{}.", LISTED.to_uppercase())), 200),
        (host(OTHER), 400),
        (host(&format!("{LISTED}:80")), 400),
        (host("127.0.0.1"), 400),
        (host(&format!("rebound.example:{port}")), 400),
        (host(&format!("u@127.0.0.1:{port}")), 400),
        (target(&format!("http://127.0.0.1:{port}/echo")), 200),
        (target(&format!("https://{LISTED}/echo")), 200),
        (target(&format!("http://{LISTED}/echo")), 400),
        (target(&format!("https://{OTHER}/echo")), 400),
        (target(&format!("http://{OTHER}/echo")), 400),
        (vec!["-X".to_owned(), "CONNECT".to_owned()], 405),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = stage.ask("/echo", &arguments);
        // curl takes a refused CONNECT for a failure of its own, and shows the status all the same.
        assert_eq!(answer.status, status, "{arguments:?} {answer:?}");
        if status == 400 {
            assert!(answer.body.contains(LISTED), "{answer:?}");
        }
    }
    let arrived = stage.upstream.log();
    assert!(arrived.iter().all(|it| it.header("host") == Some(LISTED)), "{arrived:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_the_upstream_leads_back_here() {
    let stage = Stage::set().await;
    for (to, expect) in [
        (format!("https://{LISTED}/next?b=2#c"), format!("{}/next?b=2#c", stage.listed)),
        (format!("HTTPS://{LISTED}:443"), format!("{}/", stage.listed)),
        ("/relative".to_owned(), "/relative".to_owned()),
        (format!("https://{OTHER}/next"), format!("https://{OTHER}/next")),
        (format!("https://{LISTED}.evil.example/"), format!("https://{LISTED}.evil.example/")),
        (format!("http://{LISTED}/next"), format!("http://{LISTED}/next")),
    ] {
        let answer = stage.ask(&format!("/location?to={}", to.replace('#', "%23")), &["-D", "-"]);
        let shown = format!("{}{}", answer.headers, answer.body);
        let location = shown.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location").then(|| value.trim().replace("%23", "#"))
        });
        assert_eq!(location.as_deref(), Some(expect.as_str()), "{to}: {shown}");
    }
    let followed = stage.ask(&format!("/location?to=https://{LISTED}/echo"), &["-L"]);
    assert_eq!(followed.status, 200, "{followed:?}");
    assert!(followed.body.contains("\"target\":\"/echo\""), "{followed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_or_removed_agent_has_no_address() {
    let stage = Stage::set().await;
    assert_eq!(stage.ask("/echo", &[]).status, 200);
    stage.holdpoint.call(&["agents", "kill", "worker"]);
    let killed = stage.ask("/echo", &[]);
    assert_eq!((killed.status, killed.code().as_str()), (403, "killed"), "{killed:?}");
    stage.holdpoint.call(&["agents", "remove", "worker"]);
    let gone = stage.ask("/echo", &[]);
    assert_eq!((gone.status, gone.code().as_str()), (403, "unidentified"), "{gone:?}");
    assert_eq!(stage.upstream.log().len(), 1);
    assert_eq!(stage.gateway.stop(), 0);
}

#[test]
fn an_address_without_its_agent_or_beyond_this_machine_is_no_start() {
    let holdpoint = Holdpoint::new(BINARY);
    let write = |text: &str| {
        std::fs::write(holdpoint.state().join("holdpoint.toml"), text).unwrap();
    };
    let good = configuration(&["https://api.example.com"]);
    write(&good);
    let refused = holdpoint.up_in_vain();
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("`holdpoint agents new worker`"), "{}", refused.stderr);
    holdpoint.json(&["agents", "new", "worker", "--json"]);
    assert_eq!(holdpoint.up(&[], &[]).reverse().len(), 1);
    write(&good.replace("127.0.0.1:0", "0.0.0.0:7081"));
    let refused = holdpoint.up_in_vain();
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("an address of this machine"), "{}", refused.stderr);
}

/// Node's own WebSocket: one message there and back, or why not.
const NODE: &str = r#"
const socket = new WebSocket(process.argv[1]);
const end = (text, code) => { console.log(text); process.exit(code); };
socket.onopen = () => socket.send("x".repeat(70000));
socket.onmessage = (event) => { console.log("got " + event.data.length); socket.close(1000); };
socket.onclose = (event) => end("closed " + event.code, 0);
socket.onerror = (event) => end("failed " + (event.message ?? ""), 1);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_opened_by_who_knows_no_proxy() {
    let upstreams = [format!("https://{LOCAL}"), format!("https://{OTHER}")];
    let text = configuration(&[&upstreams[0], &upstreams[1]]);
    let stage = SocketStage::set(BINARY, &text, &["worker"]).await;
    let at = stage.gateway.reverse();
    let client = Curl::new(&json!({"env": {}}));
    let mut talk = Talk::open(&client, &format!("ws://{}/live", at[0]), "{}");
    assert_eq!(talk.opening, "open None");
    assert_eq!(talk.does("send hello"), "hello");
    let held = Talk::open(&client, &format!("ws://{}/live", at[1]), "{}");
    assert!(held.opening.starts_with("refused 428 "), "{}", held.opening);

    let node = |at: &str| {
        let mut command = Command::new("node");
        command.args(["--experimental-websocket", "--no-warnings", "-e", NODE]);
        let output = command.arg(format!("ws://{at}/live")).stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(node(&at[0]), "got 70000\nclosed 1000\n");
    assert!(node(&at[1]).starts_with("failed"), "{}", node(&at[1]));
    let heard = until("both ends", || Some(stage.tls.heard()).filter(|all| all.len() == 2));
    assert!(
        heard.iter().all(|it| it.headers.contains(&("host".into(), LOCAL.into()))),
        "{heard:?}"
    );
}
