//! Upstreams that issue credentials, with a gateway in front of them: an OAuth server with a
//! device login, a site with cookies, a container registry, a code host with large files, a store
//! of signed blobs, and a host that echoes whatever it is told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

/// Where tokens come from; a human named its endpoint.
pub const ID: &str = "id.example.test";
/// What its tokens give access to.
pub const API: &str = "api.example.test";
/// Where one logs in to the staging site, and the site.
pub const LOGIN: &str = "login.staging.example.test";
/// The staging site.
pub const SITE: &str = "app.staging.example.test";
/// A container registry.
pub const REGISTRY: &str = "registry.example.test";
/// Where its tokens come from.
pub const REGISTRY_AUTH: &str = "auth.example.test";
/// Where it keeps its blobs.
pub const BLOBS: &str = "blobs.elsewhere.test";
/// A code host that a preset lists.
pub const CODE: &str = "github.com";
/// Where it keeps large files; nobody listed it.
pub const LARGE: &str = "large.elsewhere.test";
/// A host that says what it is told to.
pub const ECHO: &str = "echo.other.test";

const HOSTS: [&str; 10] = [ID, API, LOGIN, SITE, REGISTRY, REGISTRY_AUTH, BLOBS, CODE, LARGE, ECHO];
/// Without the code host, which a preset lists, and the store that nobody did.
const LISTED: [&str; 8] = [ID, API, LOGIN, SITE, REGISTRY, REGISTRY_AUTH, BLOBS, ECHO];

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The host that was asked.
    pub host: String,
    /// Method and target.
    pub line: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn field(&self, name: &str) -> String {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(own, _)| *own == name);
        found.map_or_else(String::new, |(_, value)| {
            value.replace("%2D", "-").replace("%5F", "_").replace("%2E", ".")
        })
    }
}

/// What the upstreams know.
#[derive(Debug, Default)]
struct World {
    asked: Vec<Asked>,
    count: u64,
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    used: BTreeSet<String>,
    all: BTreeSet<String>,
    reused: bool,
    /// What [`ECHO`] keeps under a path: headers and body.
    kept: BTreeMap<String, (Vec<(String, String)>, String)>,
}

impl World {
    /// A token that nobody has yet.
    fn draw(&mut self, prefix: &str) -> String {
        self.count += 1;
        let token = format!("{prefix}{:04}RealTokenOfTheIssuer{:08x}", self.count, self.count * 77);
        self.all.insert(token.clone());
        token
    }

    fn login(&mut self) -> serde_json::Value {
        let (access, refresh) = (self.draw("at_"), self.draw("rt-"));
        self.access.insert(access.clone());
        self.refresh.insert(refresh.clone());
        let signature = self.draw("sg");
        json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer",
            "expires_in": 3600,
            "id_token": format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.{signature}"),
        })
    }
}

/// The upstreams, and a gateway that dials them.
pub struct IssuingStage {
    world: Arc<Mutex<World>>,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    arguments: Vec<String>,
    serving: JoinHandle<()>,
    _ca: tempfile::NamedTempFile,
}

impl Drop for IssuingStage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl IssuingStage {
    /// Starts all of it, with `more` in `holdpoint.toml`.
    pub async fn set(binary: &str, more: &str) -> Self {
        let authority = Authority::new("Issuers").unwrap();
        let world = Arc::new(Mutex::new(World::default()));
        let (addr, serving) = serve(&authority, Arc::clone(&world)).await;
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), authority.pem()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        let issuer =
            format!("[[issuers]]\nendpoint = \"https://{ID}/oauth/token\"\nhosts = [\"{API}\"]\n");
        let configuration = format!("{more}\n[hold]\nwait_seconds = 0\n{issuer}");
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        for host in LISTED {
            let listed = ["hosts", "add", host, "--speaks", "rest"];
            holdpoint.json(&[&listed[..], &["--environment", "development", "--json"]].concat());
        }
        let mut arguments = vec!["--upstream-ca".to_owned(), ca.path().display().to_string()];
        let resolve = HOSTS.map(|host| format!("{host}:443:{addr}"));
        arguments.extend(resolve.into_iter().flat_map(|to| ["--resolve".to_owned(), to]));
        let gateway = up(&holdpoint, &arguments);
        Self { world, holdpoint, gateway, arguments, serving, _ca: ca }
    }

    /// Ends the gateway and starts another on the same state; clients have to follow it.
    pub fn restart(&mut self) {
        self.gateway.end();
        self.gateway = up(&self.holdpoint, &self.arguments);
    }

    /// A client with the identity of a new agent.
    pub fn agent(&self, name: &str) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]))
    }

    /// What arrived.
    pub fn asked(&self) -> Vec<Asked> {
        self.world.lock().unwrap().asked.clone()
    }

    /// Every real credential that was issued until now.
    pub fn issued(&self) -> Vec<String> {
        self.world.lock().unwrap().all.iter().cloned().collect()
    }

    /// Whether a refresh token came twice, for which its issuer would end the login.
    pub fn reused(&self) -> bool {
        self.world.lock().unwrap().reused
    }

    /// Lets [`ECHO`] answer at `path` with these headers and this body.
    pub fn keep(&self, path: &str, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let kept = (headers.collect(), body.to_owned());
        self.world.lock().unwrap().kept.insert(path.to_owned(), kept);
    }
}

fn up(holdpoint: &Holdpoint, arguments: &[String]) -> Gateway {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    holdpoint.up(&arguments, &[])
}

async fn serve(authority: &Authority, world: Arc<Mutex<World>>) -> (SocketAddr, JoinHandle<()>) {
    let tls = TlsAcceptor::from(authority.server(&HOSTS.map(str::to_owned)).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (tls, world) = (tls.clone(), Arc::clone(&world));
            tokio::spawn(async move {
                let Ok(stream) = tls.accept(stream).await else { return };
                let service = service_fn(move |request| {
                    let world = Arc::clone(&world);
                    async move { Ok::<_, Infallible>(answer(request, &world).await) }
                });
                // A client that goes away is its own business.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (addr, serving)
}

type Answer = Response<Full<Bytes>>;

async fn answer(request: Request<Incoming>, world: &Mutex<World>) -> Answer {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let asked = Asked {
        host: headers.get("host").cloned().unwrap_or_default(),
        line: format!("{} {}", head.method, head.uri),
        body: String::from_utf8_lossy(&body).into_owned(),
        headers,
    };
    let mut world = world.lock().unwrap();
    world.asked.push(asked.clone());
    match asked.host.as_str() {
        ID => id(&asked, &mut world),
        API => match world.access.contains(bearer(&asked)) {
            true => plain(StatusCode::OK, "hello"),
            false => plain(StatusCode::UNAUTHORIZED, "who are you?"),
        },
        LOGIN | SITE => site(&asked, &mut world),
        REGISTRY | REGISTRY_AUTH => registry(&asked, &mut world),
        CODE => large_files(&asked),
        BLOBS | LARGE => match asked.line.contains("X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F20261120%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0123456789abcdef0123") {
            true => plain(StatusCode::OK, "the blob"),
            false => plain(StatusCode::FORBIDDEN, "no signature"),
        },
        _ => echo(&asked, &world),
    }
}

fn plain(status: StatusCode, text: &str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}

fn with(mut response: Answer, headers: &[(&str, &str)]) -> Answer {
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

fn json_of(value: &serde_json::Value) -> Answer {
    let response = plain(StatusCode::OK, &value.to_string());
    with(response, &[("content-type", "application/json")])
}

fn bearer(asked: &Asked) -> &str {
    asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
}

/// RFC 8628, and refresh tokens that are good once: one that comes again ends every login.
fn id(asked: &Asked, world: &mut World) -> Answer {
    match (asked.line.as_str(), asked.field("grant_type").as_str()) {
        ("POST /device/code", _) => json_of(&json!({
            "device_code": "device-code-of-ada", "user_code": "ADA-1815", "interval": 1,
            "verification_uri": format!("https://{ID}/device"), "expires_in": 600,
        })),
        ("POST /oauth/token", "refresh_token") => {
            let token = asked.field("refresh_token");
            if world.used.contains(&token) {
                world.reused = true;
                world.refresh.clear();
            }
            if !world.refresh.remove(&token) {
                let error = plain(StatusCode::BAD_REQUEST, "{\"error\":\"invalid_grant\"}");
                return with(error, &[("content-type", "application/json")]);
            }
            world.used.insert(token);
            json_of(&world.login())
        }
        ("POST /oauth/token", _) => json_of(&world.login()),
        _ => plain(StatusCode::NOT_FOUND, ""),
    }
}

/// A login whose cookie is for everything below the domain, and a page that wants it.
fn site(asked: &Asked, world: &mut World) -> Answer {
    if asked.line == "POST /login" {
        let token = world.draw("cookie");
        world.access.insert(format!("sid={token}"));
        let cookie = format!(
            "sid={token}; Domain=staging.example.test; Path=/; Secure; HttpOnly; Max-Age=600"
        );
        let to = format!("https://{SITE}/home");
        return with(plain(StatusCode::FOUND, ""), &[("set-cookie", &cookie), ("location", &to)]);
    }
    match world.access.contains(asked.header("cookie")) {
        true => plain(StatusCode::OK, "the staging site"),
        false => plain(StatusCode::UNAUTHORIZED, "log in first"),
    }
}

/// A registry: a challenge, a token from another host, a manifest, a blob somewhere else.
fn registry(asked: &Asked, world: &mut World) -> Answer {
    if asked.host == REGISTRY_AUTH {
        let token = world.draw("reg");
        world.access.insert(token.clone());
        return json_of(&json!({ "token": token, "expires_in": 300 }));
    }
    if !world.access.contains(bearer(asked)) {
        let challenge = format!(
            "Bearer realm=\"https://{REGISTRY_AUTH}/token\",service=\"registry\",scope=\"repository:a/b:pull\""
        );
        let refusal = plain(StatusCode::UNAUTHORIZED, "");
        return with(refusal, &[("www-authenticate", &challenge)]);
    }
    match asked.line.contains("/blobs/") {
        true => {
            let to = format!(
                "https://{BLOBS}/b?X-Amz-Expires=60&X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F20261120%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0123456789abcdef0123"
            );
            with(plain(StatusCode::TEMPORARY_REDIRECT, ""), &[("location", &to)])
        }
        false => plain(StatusCode::OK, "the manifest"),
    }
}

/// The batch API of Git LFS.
fn large_files(asked: &Asked) -> Answer {
    let link = |at: &str| {
        format!(
            "https://{LARGE}/{at}?X-Amz-Expires=900&X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F20261120%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0123456789abcdef0123"
        )
    };
    match asked.line.ends_with("/info/lfs/objects/batch") {
        true => with(
            json_of(
                &json!({ "transfer": "basic", "objects": [{ "oid": "1f", "size": 8, "actions": {
                "download": { "href": link("down") }, "upload": { "href": link("up") } } }] }),
            ),
            &[("x-large", "files")],
        ),
        false => plain(StatusCode::NOT_FOUND, ""),
    }
}

/// Says what was kept under the path, or repeats the body as JSON with the cookie `x` from it.
fn echo(asked: &Asked, world: &World) -> Answer {
    let path = asked.line.split_once(' ').map_or("", |(_, target)| target);
    if let Some((headers, body)) = world.kept.get(path) {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let moved = headers.iter().any(|(name, _)| *name == "location");
        let status = if moved { StatusCode::FOUND } else { StatusCode::OK };
        return with(plain(status, body), &headers);
    }
    let cookie = format!("x={}", asked.field("note"));
    let body = json!({ "access_token": asked.field("note") });
    with(json_of(&body), &[("set-cookie", &cookie)])
}
