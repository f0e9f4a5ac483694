//! An upstream that takes and gives more than fits into memory, and that compresses its answers
//! whether or not it was asked to, with a gateway in front of it.
//!
//! | path | answer |
//! |---|---|
//! | `/download?bytes=N` | that many bytes in pieces of 64 KiB, with the real secret in each |
//! | `/coded?coding=gzip` | the real secret in JSON, in that coding |
//! | `/events?pause_ms=200` | three events with the real secret, in gzip, each flushed |
//! | any other | `201`, with a `location` below the path |

use std::{
    convert::Infallible,
    io::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use holdpoint_drill::Authority;
use http::{HeaderMap, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

/// A REST host that a human listed, in development.
pub const OBJECTS: &str = "objects.example.test";
/// A service that a human listed: it has no environment.
pub const TRACKER: &str = "tracker.example.test";
/// A registry of images that a preset lists.
pub const IMAGES: &str = "registry-1.docker.io";
/// A registry of packages that a preset lists.
pub const PACKAGES: &str = "registry.npmjs.org";
/// Another one.
pub const CRATES: &str = "crates.io";
/// A model host that a preset lists.
pub const MODEL: &str = "api.openai.com";

/// The real secret that the host knows.
pub const REAL: &str = "tok_0123456789abcdefghij";
/// How much of a body is kept to be looked at.
const KEPT_BYTES: usize = 4096;
const PIECE_BYTES: usize = 64 * 1024;
/// `{"token":"tok_0123456789abcdefghij"}` as Node and the `zstd` command write it.
const BROTLI: &str =
    "8b11807b22746f6b656e223a22746f6b5f303132333435363738396162636465666768696a227d03";
const ZSTD: &str = "28b52ffd24242101007b22746f6b656e223a22746f6b5f303132333435363738396162636465666768696a227d2a844313";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// One message as it arrived.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Method and target.
    pub line: String,
    /// The headers.
    pub headers: HeaderMap,
    /// How long its body was.
    pub bytes: u64,
    /// The beginning of its body.
    pub begin: Vec<u8>,
}

impl Taken {
    /// The value of a header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The host, and a gateway that dials it by any of its names.
pub struct BulkStage {
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    taken: Arc<Mutex<Vec<Taken>>>,
    serving: JoinHandle<()>,
    _ca: tempfile::NamedTempFile,
}

impl Drop for BulkStage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl BulkStage {
    /// Starts both, with this `holdpoint.toml` and an approver.
    pub async fn set(binary: &str, configuration: &str) -> Self {
        let names = [OBJECTS, TRACKER, IMAGES, PACKAGES, CRATES, MODEL];
        let authority = Authority::new("Bulk host").unwrap();
        let tls = authority.server(&names.map(str::to_owned)).unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (address, serving) = serve(TlsAcceptor::from(tls), Arc::clone(&taken)).await;
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), authority.pem()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let add = |host, more: &[&str]| {
            holdpoint.json(&[&["hosts", "add", host, "--json", "--speaks"], more].concat());
        };
        add(OBJECTS, &["rest", "--environment", "development"]);
        add(TRACKER, &["collaboration"]);
        let resolve = names.map(|name| format!("{name}:443:{address}"));
        let resolve = resolve.iter().flat_map(|to| ["--resolve", to]);
        let trust = ["--upstream-ca", ca.path().to_str().unwrap()];
        let gateway = holdpoint.up(&trust.into_iter().chain(resolve).collect::<Vec<_>>(), &[]);
        holdpoint.enrol("ada");
        Self { holdpoint, gateway, taken, serving, _ca: ca }
    }

    /// A client with the identity of a new agent.
    pub fn agent(&self, name: &str) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]))
    }

    /// Gives [`REAL`] for everything at `host`, in headers and in `places`; the phantom.
    pub fn phantom(&self, host: &str, places: &[&str]) -> String {
        let name = format!("secret-{}", host.split('.').next().unwrap());
        let arguments = ["secrets", "add", &name, "--host", host, "--purpose", "rest:*", "--json"];
        let places = places.iter().flat_map(|place| ["--place", place]);
        let arguments: Vec<&str> = arguments.into_iter().chain(places).collect();
        let added = self.holdpoint.call_with(&arguments, REAL);
        assert_eq!(added.status, 0, "{}", added.stderr);
        added.json()["phantom"].as_str().unwrap().to_owned()
    }

    /// What arrived.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn serve(tls: TlsAcceptor, taken: Arc<Mutex<Vec<Taken>>>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (tls, taken) = (tls.clone(), Arc::clone(&taken));
            tokio::spawn(async move {
                let Ok(stream) = tls.accept(stream).await else { return };
                let service = service_fn(move |request| {
                    let taken = Arc::clone(&taken);
                    async move { Ok::<_, Infallible>(answer(request, &taken).await) }
                });
                // A client that goes away is its own business.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, serving)
}

async fn answer(request: Request<Incoming>, log: &Mutex<Vec<Taken>>) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri);
    let mut taken = Taken { line, headers: head.headers, bytes: 0, begin: Vec::new() };
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.into_data().unwrap_or_default();
        taken.bytes += data.len() as u64;
        let room = KEPT_BYTES.saturating_sub(taken.begin.len());
        taken.begin.extend(data.iter().take(room));
    }
    log.lock().unwrap().push(taken);
    let asked = |name: &str| {
        let query = head.uri.query().unwrap_or_default().split('&');
        let value = query.filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name);
        value.map_or("", |(_, value)| value).to_owned()
    };
    let response = Response::builder();
    match head.uri.path() {
        "/download" => response.body(download(asked("bytes").parse().unwrap())).unwrap(),
        "/coded" => response
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_ENCODING, asked("coding"))
            .header(header::ETAG, "\"1\"")
            .header("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ==")
            .body(whole(coded(&asked("coding"))))
            .unwrap(),
        "/events" => response
            .header(header::CONTENT_TYPE, "text/event-stream")
            .header(header::CONTENT_ENCODING, "gzip")
            .body(events(Duration::from_millis(asked("pause_ms").parse().unwrap())))
            .unwrap(),
        path => response
            .status(201)
            .header(header::LOCATION, format!("{path}/42"))
            .body(whole(b"{\"id\":42}".to_vec()))
            .unwrap(),
    }
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// JSON with the real secret, in a coding or several.
fn coded(codings: &str) -> Vec<u8> {
    let plain = format!("{{\"token\":\"{REAL}\"}}").into_bytes();
    codings.split(',').fold(plain, |bytes, coding| match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => unhex(BROTLI),
        "zstd" => unhex(ZSTD),
        _ => bytes,
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(pair).collect()
}

fn download(bytes: usize) -> Body {
    let mut piece = vec![b'x'; PIECE_BYTES];
    piece[1000..1000 + REAL.len()].copy_from_slice(REAL.as_bytes());
    let piece = Bytes::from(piece);
    channel(async move |sender| {
        let mut left = bytes;
        while left > 0 {
            let next = piece.slice(..left.min(PIECE_BYTES));
            left -= next.len();
            if sender.send(next).await.is_err() {
                return;
            }
        }
    })
}

fn events(pause: Duration) -> Body {
    channel(async move |sender| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for number in 0..3 {
            write!(encoder, "data: {number} {REAL}\n\n").unwrap();
            encoder.flush().unwrap();
            let flushed = std::mem::take(encoder.get_mut());
            if sender.send(flushed.into()).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        let _ = sender.send(encoder.finish().unwrap().into()).await;
    })
}

/// A body of what `fill` sends.
fn channel<F, R>(fill: F) -> Body
where
    F: FnOnce(mpsc::Sender<Bytes>) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move { fill(sender).await });
    Pieces(receiver).boxed_unsync()
}

struct Pieces(mpsc::Receiver<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
