//! The issuer of an agent's login, which takes each refresh token once, and the model behind it.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::json_host::JsonHost;

/// Where the login is renewed.
pub const ISSUER: &str = "auth.openai.com";
/// What it gives access to.
pub const MODEL: &str = "chatgpt.com";
/// Both.
pub const HOSTS: [&str; 2] = [ISSUER, MODEL];

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

    /// Every real token that there ever was.
    pub fn all(&self) -> Vec<String> {
        self.world.lock().unwrap().all.iter().cloned().collect()
    }

    /// Whether this refresh token is good.
    pub fn takes(&self, refresh: &str) -> bool {
        self.world.lock().unwrap().refresh.contains(refresh)
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
