//! A registry of images and the service that gives out its tokens, as the distribution specification and
//! its token authentication have it: the registry challenges, the service takes a password or a refresh
//! token, and each of its tokens opens the registry.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, Response, StatusCode, request::Parts};
use percent_encoding::percent_decode;
use serde_json::json;

use crate::json_host::JsonHost;

/// The registry.
pub const REGISTRY: &str = "registry.acme-outdoor.dev";
/// Its token service.
pub const SERVICE: &str = "auth.acme-outdoor.dev";
/// Both.
pub const HOSTS: [&str; 2] = [REGISTRY, SERVICE];
/// Who may log in.
pub const USER: &str = "ada";
/// With what.
pub const PASSWORD: &str = "dR7mQ2xW9tLv5nB8sJk4";
/// The only image.
pub const IMAGE: &str = "shop/web";

const CONFIG: &str =
    r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
const CONFIG_DIGEST: &str =
    "sha256:dc570f145a7f2862c9ef3c30b8d6ae2feaceb0d364e4b2e08e67ae18815427d9";
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":90,"digest":"sha256:dc570f145a7f2862c9ef3c30b8d6ae2feaceb0d364e4b2e08e67ae18815427d9"},"layers":[]}"#;
const MANIFEST_DIGEST: &str =
    "sha256:61a2218bea0d89b289dca7de051f3d753c3e35e92aa7b53c91078ab562f7ec19";

/// What the service knows.
#[derive(Debug, Default)]
struct World {
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    /// What was asked for and given: method, host, path, and by what.
    given: Vec<String>,
}

impl World {
    fn draw(&mut self, lasting: bool) -> serde_json::Value {
        let number = self.access.len();
        let access = format!(
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.kT4vQ9zLw{number:03}Xn7Rb2HsJd6Yc8Mp3Fg5Wa"
        );
        self.access.insert(access.clone());
        let mut answer = json!({"token": access, "access_token": access, "expires_in": 300});
        if lasting {
            let refresh = format!("kZ8nV2xQ7{number:03}-pB3xN8rKmVt6Lq1GzCe9Hy4Ud7Sf2Ja");
            self.refresh.insert(refresh.clone());
            answer["refresh_token"] = json!(refresh);
        }
        answer
    }
}

/// Both hosts in one server; ended with the value.
pub struct RegistryHost {
    host: JsonHost,
    world: Arc<Mutex<World>>,
}

impl RegistryHost {
    /// Starts on a free loopback port. Where it is `lasting`, a login is a refresh token.
    pub async fn start(lasting: bool) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let known = Arc::clone(&world);
        let replies = move |head: &Parts, body: &[u8]| {
            let reply = answer(head, body, &mut known.lock().unwrap(), lasting);
            reply.unwrap_or_else(challenge)
        };
        Self { host: JsonHost::replying(&HOSTS, Arc::new(replies)).await, world }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.host.ca_pem()
    }

    /// A login that was made elsewhere: its refresh token.
    pub fn login(&self) -> String {
        let answer = self.world.lock().unwrap().draw(true);
        answer["refresh_token"].as_str().unwrap().to_owned()
    }

    /// Every real credential that there ever was.
    pub fn all(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let tokens = world.access.iter().chain(&world.refresh).cloned();
        tokens.chain([PASSWORD.to_owned(), basic()]).collect()
    }

    /// Whether this text holds a refresh token that is good.
    pub fn takes(&self, text: &str) -> bool {
        self.world.lock().unwrap().refresh.iter().any(|token| text.contains(&**token))
    }

    /// What was given, and by what.
    pub fn given(&self) -> Vec<String> {
        self.world.lock().unwrap().given.clone()
    }
}

/// User and password as a header has them.
pub fn basic() -> String {
    BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

fn named<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn challenge() -> Response<String> {
    let realm =
        format!("Bearer realm=\"https://{SERVICE}/token\",service=\"registry\",scope=\"pull\"");
    let answer = Response::builder().status(StatusCode::UNAUTHORIZED);
    answer.header("www-authenticate", realm).body("{\"errors\":[]}".to_owned()).unwrap()
}

fn answer(head: &Parts, body: &[u8], world: &mut World, lasting: bool) -> Option<Response<String>> {
    let (host, path) = (named(&head.headers, "host"), head.uri.path());
    let authorization = named(&head.headers, "authorization");
    let said = percent_decode(body).decode_utf8_lossy();
    let mut give = |by: &str| world.given.push(format!("{} {host}{path} by {by}", head.method));
    match host {
        SERVICE if path == "/token" => {
            let offline = head.uri.query().is_some_and(|it| it.contains("offline_token=true"));
            let renewed = said.contains("grant_type=refresh_token")
                && world.refresh.iter().any(|token| said.contains(&format!("={token}")));
            if authorization == format!("Basic {}", basic()) {
                give("password");
            } else if renewed {
                give("refresh token");
            } else {
                give("nobody");
                return Some(Response::builder().status(401).body("{}".to_owned()).unwrap());
            }
            Some(Response::new(world.draw(lasting && offline).to_string()))
        }
        REGISTRY => {
            let token = authorization.strip_prefix("Bearer ");
            if !token.is_some_and(|token| world.access.contains(token)) {
                give("nobody");
                return None;
            }
            give("token");
            Some(content(path))
        }
        _ => None,
    }
}

fn content(path: &str) -> Response<String> {
    let (media, digest, text) = match path.strip_prefix(&format!("/v2/{IMAGE}/")) {
        None => ("application/json", "", "{}"),
        Some(rest) if rest.starts_with("manifests/") => {
            ("application/vnd.docker.distribution.manifest.v2+json", MANIFEST_DIGEST, MANIFEST)
        }
        Some(_) => ("application/octet-stream", CONFIG_DIGEST, CONFIG),
    };
    let answer = Response::builder().header("content-type", media);
    answer.header("docker-content-digest", digest).body(text.to_owned()).unwrap()
}
