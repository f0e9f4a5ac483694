//! A gateway that forwards everything, and upstreams that it can forward to.

use std::{
    convert::Infallible,
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    pin::Pin,
    process::Output,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use holdpoint_core::{Code, Refusal, Timestamp, refusal::RefusalKind};
use holdpoint_gateway::{
    body::{BodyError, ResponseBody, Streamed, whole},
    forward::{self, Client, Dialer, ForwardError, Needles, Override, Route},
    listen::{
        Admission, Arrival, Evidence, Handler, Limits, Proxy, Stop, Stopper, refuse::problem,
    },
    tls::{Authority, Leaves, trust},
};
use holdpoint_wire::http::Message;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// The name under which every upstream is reached.
pub(crate) const HOST: &str = "api.example.test";
/// The bearer that is admitted.
pub(crate) const BEARER: &str = "sesame";
/// The bearer of somebody who was killed.
pub(crate) const DEAD: &str = "mallory";

/// Nothing on loopback takes this long, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

/// Forwards everything, and remembers what it was asked to handle.
pub(crate) struct Forwarder {
    client: Client,
    route: Route,
    admitted: Stop,
    pub(crate) handled: Arc<Mutex<Vec<Message>>>,
    pub(crate) outcomes: Arc<Mutex<Vec<String>>>,
}

impl Handler for Forwarder {
    async fn admit(&self, evidence: &Evidence) -> Admission {
        match evidence.bearer.as_ref().map(ExposeSecret::expose_secret) {
            Some(BEARER) => Admission::Admit(self.admitted.clone()),
            Some(DEAD) => Admission::Refuse(Refusal::new(
                RefusalKind::Deny,
                Code::Killed,
                "this run was killed",
            )),
            _ => Admission::Challenge,
        }
    }

    async fn handle(&self, _: Evidence, arrival: Arrival) -> Response<ResponseBody> {
        let Arrival { message, rest } = arrival;
        self.handled.lock().unwrap().push(message.clone());
        if message.host == "holdpoint.internal" {
            return Response::new(whole("internal"));
        }
        match message.target.as_str() {
            "/panic" => panic!("the handler failed, as it was asked to"),
            "/no" => {
                let refusal = Refusal::new(RefusalKind::Deny, Code::NoPolicyApplies, "not this");
                return problem(StatusCode::FORBIDDEN, &refusal);
            }
            _ => {}
        }
        let answered = self.client.send(message, rest, &self.route).await;
        let outcome =
            answered.as_ref().map_or_else(ToString::to_string, |r| r.status().to_string());
        self.outcomes.lock().unwrap().push(outcome);
        answered.unwrap_or_else(|error| {
            let code = match error {
                ForwardError::NothingSent(_) => Code::UpstreamUnreachable,
                _ => Code::OutcomeUnknown,
            };
            let refusal = Refusal::new(RefusalKind::Unavailable, code, error.to_string());
            problem(StatusCode::BAD_GATEWAY, &refusal)
        })
    }
}

/// How a gateway under test differs from the usual one.
#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) limits: Limits,
    pub(crate) needles: Option<Needles>,
    /// Parts of objects are asked for as they are.
    pub(crate) partial: bool,
    pub(crate) silence: Option<Duration>,
    /// Nobody told the gateway about the upstreams' authorities.
    pub(crate) distrust: bool,
}

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) stopper: Stopper,
    pub(crate) identity: Stopper,
    pub(crate) handled: Arc<Mutex<Vec<Message>>>,
    pub(crate) outcomes: Arc<Mutex<Vec<String>>>,
    pub(crate) leaves: Arc<Leaves>,
    pub(crate) serving: JoinHandle<()>,
    pub(crate) directory: TempDir,
}

impl Gateway {
    pub(crate) async fn start(upstreams: &[&Upstream]) -> Self {
        Self::start_with(upstreams, Setting::default()).await
    }

    pub(crate) async fn start_with(upstreams: &[&Upstream], setting: Setting) -> Self {
        let directory = TempDir::new().unwrap();
        let authority = Authority::open(directory.path(), now()).unwrap();
        let leaves = Arc::new(Leaves::new(authority, NonZeroUsize::new(8).unwrap()));
        let trusted = upstreams.iter().filter(|_| !setting.distrust);
        let extra: Vec<PathBuf> = trusted.filter_map(|up| up.ca(&directory)).collect();
        let overrides = upstreams.iter().map(|up| up.reached_by());
        let dialer = Dialer::new(overrides, trust(&extra).unwrap(), Duration::from_secs(5));
        let mut limits = forward::Limits::default();
        limits.response_head_timeout = setting.silence.unwrap_or(limits.response_head_timeout);
        let identity = Stopper::new();
        let (handled, outcomes) = (Arc::default(), Arc::default());
        let forwarder = Forwarder {
            client: Client::new(dialer, limits),
            route: Route {
                listed_privately: false,
                scrub: setting.needles.map(Arc::new),
                partial: setting.partial,
            },
            admitted: identity.stop(),
            handled: Arc::clone(&handled),
            outcomes: Arc::clone(&outcomes),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Proxy::new(forwarder, Arc::clone(&leaves), setting.limits, Arc::new(now));
        let stopper = Stopper::new();
        let serving = tokio::spawn(Arc::new(proxy).serve(listener, stopper.stop()));
        Self { address, stopper, identity, handled, outcomes, leaves, serving, directory }
    }

    pub(crate) fn proxy_url(&self) -> String {
        format!("http://{BEARER}@{}", self.address)
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.leaves.authority().certificate_path().to_owned()
    }

    /// Runs curl through this gateway, as an agent's environment would make it.
    pub(crate) async fn curl(&self, arguments: &[&str]) -> Curled {
        curl_with(arguments, &self.proxy_url(), Some(self.ca_file())).await
    }

    /// A raw connection, and a CONNECT on it that must be answered with 200.
    pub(crate) async fn tunnel(&self, authority: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let claim = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{BEARER}:"));
        let connect = format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic {claim}\r\n\r\n"
        );
        socket.write_all(connect.as_bytes()).await.unwrap();
        let answer = read_head(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        socket
    }

    pub(crate) fn outcomes(&self) -> Vec<String> {
        self.outcomes.lock().unwrap().clone()
    }
}

/// What curl printed.
#[derive(Debug)]
pub(crate) struct Curled {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) async fn curl_with(arguments: &[&str], proxy: &str, ca: Option<PathBuf>) -> Curled {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "20"]).args(arguments);
    command.env_clear().env("http_proxy", proxy).env("https_proxy", proxy);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(ca) = ca {
        command.env("CURL_CA_BUNDLE", ca);
    }
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    Curled {
        exit: status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Reads until the end of a head.
pub(crate) async fn read_head(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, socket.read(&mut byte)).await.unwrap().unwrap();
        if read == 0 {
            break;
        }
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}

/// Reads until the connection is closed.
pub(crate) async fn read_all(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut all)).await;
    read.expect("the connection stays open").ok();
    String::from_utf8_lossy(&all).into_owned()
}

/// What an upstream saw of one message.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) connection: usize,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// An HTTP/1.1 server on loopback.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    ca_pem: Option<String>,
    serving: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Upstream {
    pub(crate) async fn plain() -> Self {
        Self::start(None).await
    }

    pub(crate) async fn tls() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([HOST.to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        Self::start(Some((TlsAcceptor::from(Arc::new(config)), ca.pem()))).await
    }

    async fn start(tls: Option<(TlsAcceptor, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (acceptor, ca_pem) = tls.unzip();
        let log = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            for connection in 0.. {
                let (socket, _) = listener.accept().await.unwrap();
                let (log, acceptor) = (Arc::clone(&log), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(socket, connection, log).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(socket).await {
                                serve(stream, connection, log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen, ca_pem, serving }
    }

    /// An upstream that is somebody else's server: only its address matters.
    pub(crate) fn at(address: SocketAddr, serving: JoinHandle<()>) -> Self {
        Self { address, seen: Arc::default(), ca_pem: None, serving }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, target: &str) -> String {
        match self.ca_pem {
            Some(_) => format!("https://{HOST}{target}"),
            None => format!("http://{HOST}{target}"),
        }
    }

    fn reached_by(&self) -> Override {
        let port = if self.ca_pem.is_some() { 443 } else { 80 };
        Override { host: HOST.to_owned(), port, address: self.address }
    }

    fn ca(&self, directory: &TempDir) -> Option<PathBuf> {
        let path = directory.path().join("upstream-ca.pem");
        std::fs::write(&path, self.ca_pem.as_ref()?).unwrap();
        Some(path)
    }
}

async fn serve<I>(io: I, connection: usize, log: Arc<Mutex<Vec<Seen>>>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let log = Arc::clone(&log);
        async move { Ok::<_, Infallible>(answer(request, connection, &log).await) }
    });
    drop(http1::Builder::new().serve_connection(TokioIo::new(io), service).await);
}

/// Says what it saw, or does what the path says.
async fn answer(
    request: Request<Incoming>,
    connection: usize,
    log: &Mutex<Vec<Seen>>,
) -> Response<Streamed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let seen = Seen {
        connection,
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
    };
    let line = format!("{} {} {}\n", seen.method, seen.target, seen.body.len());
    log.lock().unwrap().push(seen);
    let response = Response::builder();
    match head.uri.path() {
        "/events" => {
            let response = response.header("content-type", "text/event-stream");
            response.body(events(3, Duration::from_millis(300))).unwrap()
        }
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            response.body(whole(line)).unwrap()
        }
        "/204" => response.status(204).body(whole("")).unwrap(),
        "/304" => response.status(304).header("etag", "\"e\"").body(whole("")).unwrap(),
        "/leak" => {
            response.header("x-leak", "a s3cret b").body(whole("the s3cret is s3cret")).unwrap()
        }
        "/compress" => {
            response.header("content-encoding", "compress").body(whole("\u{1f}")).unwrap()
        }
        "/hops" => response
            .header("connection", "x-one")
            .header("x-one", "1")
            .header("keep-alive", "timeout=5")
            .header("alt-svc", "h3=\":443\"")
            .header("x-kept", "2")
            .body(whole(line))
            .unwrap(),
        _ => response.body(whole(line)).unwrap(),
    }
}

/// Server-sent events, the next one `pause` after the one before.
fn events(count: usize, pause: Duration) -> Streamed {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for number in 0..count {
            let event = Bytes::from(format!("data: {number}\n\n"));
            if sender.send(event).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    });
    Events(receiver).boxed_unsync()
}

struct Events(tokio::sync::mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
