//! The issuer of an agent's login, which takes each refresh token once, and the model behind it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use holdpoint_core::Digest;
use http::{StatusCode, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::json_host::JsonHost;

/// Where the login is renewed.
pub const ISSUER: &str = "auth.openai.com";
/// What it gives access to.
pub const MODEL: &str = "chatgpt.com";
/// Both.
pub const HOSTS: [&str; 2] = [ISSUER, MODEL];

/// An agent that renews its login before each turn, as often as it is told, and keeps it in its
/// file. It says what it sees.
pub const AGENT: &str = r#"#!/usr/bin/python3
import json, os, sys, time, urllib.request
path = os.path.expanduser("~/.codex/auth.json")
def ask(url, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token: headers["Authorization"] = "Bearer " + token
    data = json.dumps(body).encode() if body else None
    return urllib.request.urlopen(urllib.request.Request(url, data, headers)).read()
auth = json.load(open(path))
print(json.dumps(auth))
turns = int(os.environ["TERM_PROGRAM_VERSION"])
ask("https://chatgpt.com/backend-api/plan", token=auth["tokens"]["access_token"])
for turn in range(turns):
    renewed = json.loads(ask("https://auth.openai.com/oauth/token", {"client_id": "app", "grant_type": "refresh_token", "refresh_token": auth["tokens"]["refresh_token"]}))
    print(json.dumps(renewed))
    auth["tokens"].update(renewed)
    auth["last_refresh"] = str(turn)
    ask("https://chatgpt.com/backend-api/plan", token=auth["tokens"]["access_token"])
    with open(path, "w") as file: json.dump(auth, file)
    time.sleep(0.2)
print(open(path).read())
print("done")
"#;

/// What the issuer knows.
#[derive(Debug, Default)]
struct World {
    count: usize,
    refresh: BTreeSet<String>,
    access: BTreeSet<String>,
    all: BTreeSet<String>,
    used: BTreeSet<String>,
    refreshed: usize,
    served: usize,
    /// A refresh token came a second time: its issuer ended every login.
    reused: bool,
    /// What a human has let in who has not asked for tokens yet, by the code: the challenge (RFC 7636).
    let_in: BTreeMap<String, String>,
}

impl World {
    /// A login that nobody has yet; its tokens are of no one length.
    fn draw(&mut self) -> (String, String, String) {
        self.count += 1;
        let grown = "Zq".repeat(self.count % 5);
        let number = self.count;
        let access = format!(
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlT2ZUaGVBY2Nlc3NUb2tlbg{number:04}"
        );
        let refresh = format!("rt_{number:04}kV7mQ2xR9tLw5nB8sJd{grown}");
        let id = format!(
            "eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImEifQ.c2lnbmF0dXJlT2ZUaGVJZFRva2Vu{number:04}"
        );
        self.refresh.insert(refresh.clone());
        self.access.insert(access.clone());
        self.all.extend([access.clone(), refresh.clone(), id.clone()]);
        (access, refresh, id)
    }

    /// A code becomes tokens, once, for whoever knows what its challenge was made of.
    fn redeem(&mut self, form: &str) -> (StatusCode, Value) {
        let field = |name: &str| value_of(form, name);
        let challenge = field("code").and_then(|code| self.let_in.remove(&code));
        let verifier = field("code_verifier").unwrap_or_default();
        let made = BASE64_URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).0);
        if challenge != Some(made) || field("redirect_uri").is_none() {
            return (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }));
        }
        let (access, refresh, id) = self.draw();
        let given = json!({"access_token": access, "refresh_token": refresh, "id_token": id});
        (StatusCode::OK, given)
    }

    fn renew(&mut self, body: &Value) -> (StatusCode, Value) {
        let token = body["refresh_token"].as_str().unwrap_or_default();
        self.reused |= self.used.contains(token);
        if self.reused || !self.refresh.remove(token) {
            return (StatusCode::BAD_REQUEST, json!({ "error": "refresh_token_reused" }));
        }
        self.used.insert(token.to_owned());
        self.refreshed += 1;
        let (access, refresh, id) = self.draw();
        let lived = json!({"access_token": access, "refresh_token": refresh, "id_token": id});
        (StatusCode::OK, lived)
    }
}

/// Both hosts in one server; ended with the value.
pub struct LoginHost {
    host: JsonHost,
    world: Arc<Mutex<World>>,
}

impl LoginHost {
    /// Starts on a free loopback port.
    pub async fn start() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let known = Arc::clone(&world);
        let answers = move |head: &Parts, body: &[u8]| answer(head, body, &known);
        Self { host: JsonHost::start(&HOSTS, Arc::new(answers)).await, world }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.host.ca_pem()
    }

    /// The agent's own file, after a login outside.
    pub fn auth_json(&self) -> String {
        let (access, refresh, id) = self.world.lock().unwrap().draw();
        let tokens = json!({"id_token": id, "access_token": access, "refresh_token": refresh, "account_id": "a-1"});
        json!({ "OPENAI_API_KEY": null, "tokens": tokens, "last_refresh": "2026-11-20T00:00:00Z" })
            .to_string()
    }

    /// What a human does in a browser at this URL (RFC 6749 §4.1.1): whoever asks is let in. Gives where the
    /// browser is sent.
    pub fn authorize(&self, url: &str) -> String {
        let rest = url.strip_prefix(&format!("https://{ISSUER}/oauth/authorize?"));
        let query = rest.unwrap_or_else(|| panic!("{url}"));
        let field = |name: &str| value_of(query, name).unwrap_or_else(|| panic!("{name}: {url}"));
        assert_eq!(field("code_challenge_method"), "S256");
        let mut world = self.world.lock().unwrap();
        let code = format!("ac_{:04}Qm7Vt2Xw9ZbN4", world.let_in.len());
        world.let_in.insert(code.clone(), field("code_challenge"));
        format!("{}?code={code}&state={}", field("redirect_uri"), field("state"))
    }

    /// Every real token that there ever was.
    pub fn all(&self) -> Vec<String> {
        self.world.lock().unwrap().all.iter().cloned().collect()
    }

    /// Whether this refresh token is good.
    pub fn takes(&self, refresh: &str) -> bool {
        self.world.lock().unwrap().refresh.contains(refresh)
    }

    /// Whether there is a good refresh token in this text.
    pub fn takes_in(&self, text: &str) -> bool {
        self.world.lock().unwrap().refresh.iter().any(|token| text.contains(&**token))
    }

    /// How often the login was renewed, how often the model answered, and whether a token came twice.
    pub fn seen(&self) -> (usize, usize, bool) {
        let world = self.world.lock().unwrap();
        (world.refreshed, world.served, world.reused)
    }
}

fn answer(head: &Parts, body: &[u8], world: &Mutex<World>) -> (StatusCode, Value) {
    let named = |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok());
    let bearer = named("authorization").and_then(|it| it.strip_prefix("Bearer "));
    let mut world = world.lock().unwrap();
    match (named("host"), head.uri.path()) {
        (Some(ISSUER), "/oauth/token") if body.starts_with(b"grant_type=") => {
            world.redeem(std::str::from_utf8(body).unwrap_or_default())
        }
        (Some(ISSUER), "/oauth/token") => {
            world.renew(&serde_json::from_slice(body).unwrap_or_default())
        }
        (Some(MODEL), _) if bearer.is_some_and(|it| world.access.contains(it)) => {
            world.served += 1;
            (StatusCode::OK, json!({ "plan": "pro" }))
        }
        (Some(MODEL), _) => (StatusCode::UNAUTHORIZED, json!({})),
        _ => (StatusCode::NOT_FOUND, json!({})),
    }
}

/// The value of a field of a form.
fn value_of(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(own, _)| *own == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}
