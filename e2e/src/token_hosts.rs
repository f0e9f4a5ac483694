//! Issuers of logins and what they give access to, by rows: each takes a refresh token once if it gives
//! out another one with it.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{StatusCode, request::Parts};
use serde_json::{Map, Value, json};

use crate::json_host::JsonHost;

/// How one login is renewed, and what it opens.
#[derive(Debug, Clone, Copy)]
pub struct Renewal {
    /// Host and path of the issuer.
    pub issuer: (&'static str, &'static str),
    /// Host of what it opens.
    pub resource: &'static str,
    /// The fields of an answer: access, refresh; none if the refresh token stays.
    pub fields: (&'static str, Option<&'static str>),
    /// How the tokens begin.
    pub prefixes: (&'static str, &'static str),
    /// What else has to be in a request, as it is.
    pub client: &'static str,
}

/// What an issuer knows.
#[derive(Debug, Default)]
struct World {
    count: usize,
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    all: BTreeSet<String>,
    used: BTreeSet<String>,
    renewed: usize,
    served: usize,
    /// Why it refused somebody.
    refused: Vec<String>,
}

impl World {
    fn draw(&mut self, renewal: &Renewal) -> (String, String) {
        self.count += 1;
        let (number, grown) = (self.count, "Zq".repeat(self.count % 4));
        let access =
            format!("{}kT4vQ9zLw{number:03}Xn7Rb2Hs{grown}Jd6Yc8Mp3Fg5Wa", renewal.prefixes.0);
        let refresh =
            format!("{}pB3xN8rKm{number:03}Vt6Lq1Gz{grown}Ce9Hy4Ud7Sf2Ja", renewal.prefixes.1);
        self.access.insert(access.clone());
        self.refresh.insert(refresh.clone());
        self.all.extend([access.clone(), refresh.clone()]);
        (access, refresh)
    }

    fn renew(&mut self, renewal: &Renewal, body: &str) -> (StatusCode, Value) {
        let known = self.refresh.iter().find(|token| body.contains(&***token)).cloned();
        let Some(token) = known else {
            let spent = self.used.iter().any(|token| body.contains(&**token));
            self.refused.push(format!("spent: {spent}: {body}"));
            return (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }));
        };
        if !body.contains(renewal.client) {
            self.refused.push(format!("another client: {body}"));
            return (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" }));
        }
        self.renewed += 1;
        let (access, refresh) = self.draw(renewal);
        let mut answer = Map::new();
        answer.insert(renewal.fields.0.to_owned(), json!(access));
        answer.insert("expires_in".to_owned(), json!(3600));
        if let Some(field) = renewal.fields.1 {
            answer.insert(field.to_owned(), json!(refresh));
            self.refresh.remove(&token);
            self.used.insert(token);
        } else {
            self.refresh.remove(&refresh);
        }
        (StatusCode::OK, Value::Object(answer))
    }
}

/// An issuer and what it opens, in one server; ended with the value.
pub struct TokenHost {
    renewal: Renewal,
    host: JsonHost,
    world: Arc<Mutex<World>>,
}

impl TokenHost {
    /// Starts on a free loopback port.
    pub async fn start(renewal: Renewal) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let known = Arc::clone(&world);
        let answers = move |head: &Parts, body: &[u8]| answer(head, body, &renewal, &known);
        let host = JsonHost::start(&[renewal.issuer.0, renewal.resource], Arc::new(answers)).await;
        Self { renewal, host, world }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.host.ca_pem()
    }

    /// A login: its access token and its refresh token.
    pub fn login(&self) -> (String, String) {
        self.world.lock().unwrap().draw(&self.renewal)
    }

    /// Every real token that there ever was.
    pub fn all(&self) -> Vec<String> {
        self.world.lock().unwrap().all.iter().cloned().collect()
    }

    /// Whether a refresh token in this text is good.
    pub fn takes(&self, text: &str) -> bool {
        self.world.lock().unwrap().refresh.iter().any(|token| text.contains(&**token))
    }

    /// How often a login was renewed, how often it opened something, and what was refused.
    pub fn seen(&self) -> (usize, usize, Vec<String>) {
        let world = self.world.lock().unwrap();
        (world.renewed, world.served, world.refused.clone())
    }
}

fn answer(
    head: &Parts,
    body: &[u8],
    renewal: &Renewal,
    world: &Mutex<World>,
) -> (StatusCode, Value) {
    let mut body = percent_encoding::percent_decode(body).decode_utf8_lossy().into_owned();
    // Some issuers take it in a header.
    body.extend(head.headers.values().filter_map(|it| it.to_str().ok()));
    let host = head.headers.get("host").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let carries = |token: &String| {
        let mut values = head.headers.values().filter_map(|it| it.to_str().ok());
        values.any(|value| value.ends_with(token.as_str()))
    };
    let mut world = world.lock().unwrap();
    if host == renewal.issuer.0 && head.uri.path() == renewal.issuer.1 {
        world.renew(renewal, &body)
    } else if host == renewal.resource && world.access.iter().any(carries) {
        world.served += 1;
        (StatusCode::OK, json!({ "plan": "pro" }))
    } else {
        let headers = format!("{:?}", head.headers);
        world.refused.push(format!("{host}{}: {headers}", head.uri));
        (StatusCode::UNAUTHORIZED, json!({}))
    }
}
