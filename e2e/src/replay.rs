//! Episodes replayed at a live gateway, which is told what their fixtures say: hosts, inventory
//! and secrets. Every host is an upstream that only echoes.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_catalog::hosts;
use holdpoint_core::glob;
use holdpoint_drill::upstream::EchoUpstream;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{
    agreement::agreed,
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

/// An `observe` is in the ledger soon after its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A credential that nobody gave out.
const FOUND: &str = "found-in-a-file-4d1f6a0c93";

/// Upstreams for every host of some episodes.
pub struct Upstreams {
    https: EchoUpstream,
    http: EchoUpstream,
    ca: NamedTempFile,
}

/// A gateway that knows what one episode's fixtures say, and the agent of the episode.
#[derive(Debug)]
pub struct Replay<'a> {
    episode: &'a Value,
    holdpoint: Holdpoint,
    gateway: Gateway,
    agent: Curl,
    seen: u64,
}

/// What a live gateway decided about one operation, in the shape of `explain`'s answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Live {
    /// Verdict and first code.
    pub verdict: String,
    /// Everything that it would do; empty if it could not be read.
    pub meanings: Value,
}

/// `host` and `host:port` of a URL, and whether it is protected.
fn authority(url: &str) -> (&str, String, bool) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?', '#']).next().unwrap();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    (host, format!("{host}:{port}"), scheme == "https")
}

fn urls(episode: &Value) -> impl Iterator<Item = &str> {
    let operations = episode["operations"].as_array().unwrap();
    operations.iter().map(|operation| operation["url"].as_str().unwrap())
}

impl Upstreams {
    /// For all hosts of `episodes`.
    pub async fn start(episodes: &[Value]) -> Self {
        let names: BTreeSet<&str> =
            episodes.iter().flat_map(urls).map(|url| authority(url).0).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let https = EchoUpstream::https(&names).await.unwrap();
        let http = EchoUpstream::http().await.unwrap();
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(https.ca_pem().unwrap().as_bytes()).unwrap();
        Self { https, http, ca }
    }

    /// How many messages have come through.
    pub fn arrived(&self) -> usize {
        self.https.log().len() + self.http.log().len()
    }
}

impl<'a> Replay<'a> {
    /// Starts a gateway of `binary` for `episode`.
    pub fn start(binary: &str, upstreams: &Upstreams, episode: &'a Value) -> Self {
        let holdpoint = Holdpoint::new(binary);
        let text = configuration(episode);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), text).unwrap();
        let mut arguments =
            vec!["--upstream-ca".to_owned(), upstreams.ca.path().display().to_string()];
        let places: BTreeSet<(String, bool)> =
            urls(episode).map(authority).map(|(_, place, https)| (place, https)).collect();
        for (place, https) in places {
            let upstream = if https { &upstreams.https } else { &upstreams.http };
            arguments.extend(["--resolve".to_owned(), format!("{place}:{}", upstream.addr())]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let gateway = holdpoint.up(&arguments, &[]);
        let agent = Curl::new(&agent(&holdpoint, &episode["task"]));
        let mut replay = Self { episode, holdpoint, gateway, agent, seen: 0 };
        replay.give_secrets();
        replay.seen = replay.holdpoint.verified();
        replay
    }

    /// Sends every operation in order; what was decided about each.
    pub fn run(mut self) -> Vec<Live> {
        let operations = self.episode["operations"].as_array().unwrap();
        let lived = operations.iter().map(|operation| self.send(operation)).collect();
        assert_eq!(self.gateway.end(), 0);
        self.holdpoint.verified();
        agreed(&self.holdpoint);
        lived
    }

    fn give_secrets(&self) {
        let words = |list: &Value| -> Vec<String> {
            let words = list.as_array().into_iter().flatten();
            words.map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        for secret in self.episode["secrets"].as_array().into_iter().flatten() {
            let name = secret["name"].as_str().unwrap();
            let mut arguments: Vec<String> =
                ["secrets", "add", name, "--json"].map(str::to_owned).into();
            for host in words(&secret["hosts"]) {
                arguments.extend(["--host".to_owned(), host]);
            }
            for purpose in words(&secret["purpose"]) {
                arguments.extend(["--purpose".to_owned(), purpose]);
            }
            for place in words(&secret["places"]) {
                arguments.extend(["--place".to_owned(), place]);
            }
            if let Some(environment) = secret["environment"].as_str() {
                arguments.extend(["--environment", environment].map(str::to_owned));
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let added = self.holdpoint.call_with(&arguments, &format!("real-{name}-5c02e7d1"));
            assert_eq!(added.status, 0, "{}", added.stderr);
        }
    }

    /// What stands in the message for the credential that the operation is about.
    fn credential(&self, operation: &Value) -> Option<String> {
        let credential = operation["credential"].as_str()?;
        let Some(name) = credential.strip_prefix("phantom:") else { return Some(FOUND.to_owned()) };
        let listed = self.holdpoint.json(&["secrets", "list", "--json"]);
        let mut secrets = listed.as_array().unwrap().iter();
        let secret = secrets.find(|secret| secret["name"] == name);
        Some(secret.map_or(FOUND, |secret| secret["phantom"].as_str().unwrap()).to_owned())
    }

    /// The operation with its phantom wherever it says `phantom:NAME`; where it says so nowhere,
    /// what goes into its `Authorization`.
    fn placed(&self, operation: &Value) -> (Value, Option<String>) {
        let credential = self.credential(operation);
        let mut message = operation.clone();
        message.as_object_mut().unwrap().remove("credential");
        let text = message.to_string();
        let word = operation["credential"].as_str().filter(|word| word.starts_with("phantom:"));
        match (word.filter(|word| text.contains(word)), credential) {
            (Some(word), Some(phantom)) => {
                (serde_json::from_str(&text.replace(word, &phantom)).unwrap(), None)
            }
            (_, credential) => (message, credential),
        }
    }

    /// Sends one operation and waits for its decision.
    fn send(&mut self, operation: &Value) -> Live {
        let (operation, credential) = self.placed(operation);
        let body = body(&operation);
        let arguments = arguments(&operation, credential, body.as_ref());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = self.agent.run(&arguments);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(decision) = self.decision() {
                let verdict = crate::episodes::verdict(&decision, &decision["reasons"]);
                return Live { verdict, meanings: decision["operations"].clone() };
            }
            // What does not even become a message is refused where it arrives.
            if answer.code() == "unparsed" {
                return Live { verdict: "deny unparsed".to_owned(), meanings: json!([]) };
            }
            assert!(Instant::now() < until, "no decision: {} {answer:?}", self.episode["id"]);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The next decision, if there is one.
    fn decision(&mut self) -> Option<Value> {
        let records = self.holdpoint.records_from(self.seen);
        let decision = records.into_iter().find(|shown| shown["record"]["kind"] == "decision")?;
        self.seen = decision["index"].as_u64().unwrap() + 1;
        Some(decision["record"].clone())
    }
}

/// What `holdpoint.toml` says of hosts and inventory. `explain` takes every host for listed, so
/// all that no preset lists are listed here.
fn configuration(episode: &Value) -> String {
    let mut text = "[hold]\nwait_seconds = 0\n".to_owned();
    let said = episode["hosts"].as_array().cloned().unwrap_or_default();
    let unsaid = urls(episode).map(|url| authority(url).0).collect::<BTreeSet<_>>();
    let unsaid = unsaid.into_iter().filter(|name| hosts::preset(name).is_none()).map(|name| {
        let speaks = hosts::identity(name).map_or("rest", |identity| identity.speaks.as_str());
        json!({"host": name, "speaks": speaks})
    });
    let names = |pattern: &Value, name: &Value| {
        glob::host_matches(pattern.as_str().unwrap(), name.as_str().unwrap())
    };
    let named = |name: &Value| said.iter().any(|host| names(&host["host"], name));
    let unsaid: Vec<Value> = unsaid.filter(|host| !named(&host["host"])).collect();
    for host in said.iter().chain(&unsaid) {
        let environment = host["environment"].as_str().unwrap_or("unknown");
        writeln!(
            text,
            "[[hosts]]\nhost = {}\nspeaks = {}\nenvironment = \"{environment}\"",
            host["host"], host["speaks"]
        )
        .unwrap();
    }
    for placed in episode["inventory"].as_array().into_iter().flatten() {
        let (resource, environment) = (&placed["resource"], &placed["environment"]);
        writeln!(text, "[[inventory]]\nresource = {resource}\nenvironment = {environment}")
            .unwrap();
    }
    text
}

fn agent(holdpoint: &Holdpoint, task: &Value) -> Value {
    let mut arguments = vec!["agents", "new", "replayed", "--json"];
    if let Some(description) = task["description"].as_str() {
        arguments.extend(["--task", description]);
    }
    if let Some(environment) = task["environment"].as_str() {
        arguments.extend(["--environment", environment]);
    }
    holdpoint.json(&arguments)
}

/// The body in a file, from which curl sends every byte as it is.
fn body(operation: &Value) -> Option<NamedTempFile> {
    let bytes = match (operation["body"].as_str(), operation["body_base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(encoded)) => STANDARD.decode(encoded).unwrap(),
        (None, None) => return None,
    };
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    Some(file)
}

/// The arguments by which curl sends an operation and nothing of its own that has a meaning.
fn arguments(
    operation: &Value,
    credential: Option<String>,
    body: Option<&NamedTempFile>,
) -> Vec<String> {
    let text = |key: &str| operation[key].as_str();
    let (url, method) = (text("url").unwrap(), text("method").unwrap());
    let mut arguments: Vec<String> =
        ["--http1.1", "--path-as-is", "--globoff", "-H", "Expect:"].map(str::to_owned).into();
    let mut header = |name: &str, value: &str| {
        arguments.extend(["-H".to_owned(), format!("{name}: {value}")]);
    };
    let headers = operation["headers"].as_object().cloned().unwrap_or_default();
    for (name, value) in &headers {
        match value {
            Value::Array(values) => {
                values.iter().for_each(|value| header(name, value.as_str().unwrap()));
            }
            value => header(name, value.as_str().unwrap()),
        }
    }
    if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        // Else curl takes every body for a form.
        arguments.extend(["-H", "Content-Type:"].map(str::to_owned));
    }
    if let Some(credential) = credential {
        arguments.extend(["-H".to_owned(), format!("Authorization: Bearer {credential}")]);
    }
    match method {
        "HEAD" => arguments.push("--head".to_owned()),
        method => arguments.extend(["--request".to_owned(), method.to_owned()]),
    }
    if let Some(body) = body {
        arguments.extend(["--data-binary".to_owned(), format!("@{}", body.path().display())]);
    }
    let (host, place, _) = authority(url);
    if let Some(other) = text("connect") {
        arguments.extend(["--connect-to".to_owned(), format!("{place}:{other}")]);
    }
    match (text("authority"), text("sni")) {
        (Some(other), _) => arguments.extend(["-H".to_owned(), format!("Host: {other}")]),
        (None, Some(sni)) => {
            // curl takes the TLS name from the URL, so the URL names it.
            arguments.extend(["-H".to_owned(), format!("Host: {host}")]);
            arguments.extend(["--connect-to".to_owned(), format!("::{place}")]);
            return with_url(arguments, url.replacen(host, sni, 1));
        }
        (None, None) => {}
    }
    with_url(arguments, url.to_owned())
}

fn with_url(mut arguments: Vec<String>, url: String) -> Vec<String> {
    arguments.push(url);
    arguments
}
