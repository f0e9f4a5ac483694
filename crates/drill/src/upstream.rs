//! An upstream for tests of anything in between: it echoes, streams, stalls and breaks off, and
//! keeps a log of what arrived.
//!
//! | path | answer |
//! |---|---|
//! | `/echo` (and any other) | method, target, headers and body as JSON |
//! | `/reflect` | each header back as `x-reflected-NAME`, and in the body |
//! | `/pieces?bytes=7` | the echo in chunks of that many bytes |
//! | `/sse?chunks=3&pause_ms=50` | server-sent events with pauses |
//! | `/slow?ms=500` | `slow`, after a while |
//! | `/short?promise=100&send=10` | fewer bytes than its `content-length` promises |
//! | `/large?bytes=1000000` | that many bytes |
//! | `/status/418` | that status |
//! | `/location?status=307&to=URL` | a redirect |

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use crate::{
    error::DrillError,
    server::{Answer, AnswerBody, Pieces, Server, whole},
    tls::Authority,
};

/// How many arrivals the log keeps; after that the upstream answers 503.
const ARRIVALS_MAX: usize = 10_000;
/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 120_000;
/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// A free port of this machine.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Header names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body; bytes that are no UTF-8 are replaced.
    pub body: String,
}

impl Arrival {
    /// The first value of the header `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running echo upstream; dropping it ends it.
pub struct EchoUpstream {
    server: Server,
    authority: Option<Authority>,
    log: Arc<Mutex<Vec<Arrival>>>,
}

impl EchoUpstream {
    /// Plain HTTP on a free loopback port.
    pub async fn http() -> Result<Self, DrillError> {
        Self::http_at(LOOPBACK).await
    }

    /// Plain HTTP at `addr`.
    pub async fn http_at(addr: SocketAddr) -> Result<Self, DrillError> {
        Self::start(addr, None, &[]).await
    }

    /// HTTPS on a free loopback port, with a certificate for `names` from an authority of its own.
    pub async fn https(names: &[&str]) -> Result<Self, DrillError> {
        Self::start(LOOPBACK, Some(Authority::new("Echo upstream")?), names).await
    }

    async fn start(
        addr: SocketAddr,
        authority: Option<Authority>,
        names: &[&str],
    ) -> Result<Self, DrillError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let tls = authority.as_ref().map(|authority| authority.server(&names)).transpose()?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        let handler = Arc::new(move |request: Request<Bytes>| -> Answer {
            let kept = keep(&written, &request);
            Box::pin(async move {
                match kept {
                    Some(arrival) => answer(arrival).await,
                    None => whole(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "log is full"),
                }
            })
        });
        let server = Server::start(addr, tls, handler).await?;
        Ok(Self { server, authority, log })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The certificate to trust, in PEM; absent for plain HTTP.
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::pem)
    }

    /// Everything that arrived, oldest first.
    pub fn log(&self) -> Vec<Arrival> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn keep(log: &Mutex<Vec<Arrival>>, request: &Request<Bytes>) -> Option<Arrival> {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let arrival = Arrival {
        method: request.method().as_str().to_owned(),
        target: request.uri().to_string(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(request.body()).into_owned(),
    };
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    (log.len() < ARRIVALS_MAX).then(|| log.push(arrival.clone()))?;
    Some(arrival)
}

async fn answer(arrival: Arrival) -> Response<AnswerBody> {
    let target = arrival.target.clone();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = Query::parse(query);
    match path {
        "/reflect" => reflect(&arrival),
        "/pieces" => pieces(&arrival, query.number("bytes", 7)),
        "/sse" => sse(query.number("chunks", 3), query.pause("pause_ms", 50)),
        "/slow" => {
            tokio::time::sleep(query.pause("ms", 500)).await;
            whole(StatusCode::OK, "text/plain", "slow")
        }
        "/short" => short(query.number("promise", 100), query.number("send", 10)),
        "/large" => {
            let bytes = query.number("bytes", 1 << 20).min(ANSWER_BYTES_MAX);
            let bytes = usize::try_from(bytes).unwrap_or_default();
            whole(StatusCode::OK, "application/octet-stream", vec![b'x'; bytes])
        }
        "/location" => redirect(query.number("status", 307), query.text("to")),
        path => match path.strip_prefix("/status/").and_then(|status| status.parse().ok()) {
            Some(status) => whole(as_status(status), "text/plain", "status"),
            None => echo(&arrival),
        },
    }
}

fn echo(arrival: &Arrival) -> Response<AnswerBody> {
    whole(StatusCode::OK, "application/json", json!(arrival).to_string())
}

fn reflect(arrival: &Arrival) -> Response<AnswerBody> {
    let mut response = echo(arrival);
    for (name, value) in &arrival.headers {
        let name = HeaderName::try_from(format!("x-reflected-{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn pieces(arrival: &Arrival, bytes: u64) -> Response<AnswerBody> {
    let (pieces, body) = Pieces::channel();
    let (echo, bytes) = (json!(arrival).to_string(), usize::try_from(bytes).unwrap_or_default());
    tokio::spawn(async move {
        for piece in echo.into_bytes().chunks(bytes.max(1)) {
            if pieces.send(Ok(Bytes::copy_from_slice(piece))).await.is_err() {
                return;
            }
        }
    });
    with_body(body, header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

fn sse(chunks: u64, pause: Duration) -> Response<AnswerBody> {
    let (pieces, body) = Pieces::channel();
    tokio::spawn(async move {
        for chunk in 0..chunks {
            let event = format!("id: {chunk}\ndata: {{\"chunk\":{chunk}}}\n\n");
            if pieces.send(Ok(Bytes::from(event))).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    });
    with_body(body, header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))
}

fn short(promise: u64, send: u64) -> Response<AnswerBody> {
    let (pieces, body) = Pieces::channel();
    tokio::spawn(async move {
        let bytes = vec![b'x'; usize::try_from(send.min(promise)).unwrap_or_default()];
        // The pause lets the first piece leave before the connection breaks.
        let sent = pieces.send(Ok(Bytes::from(bytes))).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if sent.is_ok() {
            let broken = io::Error::new(io::ErrorKind::UnexpectedEof, "broken off on purpose");
            pieces.send(Err(broken)).await.unwrap_or_default();
        }
    });
    with_body(body, header::CONTENT_LENGTH, HeaderValue::from(promise))
}

fn redirect(status: u64, to: &str) -> Response<AnswerBody> {
    let mut response = whole(as_status(status), "text/plain", "elsewhere");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

fn with_body(body: AnswerBody, name: HeaderName, value: HeaderValue) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(name, value);
    response
}

fn as_status(status: u64) -> StatusCode {
    u16::try_from(status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .filter(|status| status.as_u16() >= 200)
        .unwrap_or(StatusCode::BAD_REQUEST)
}

/// The settings in a query string; nothing in them needs decoding.
struct Query<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Self {
        Self(query.split('&').filter_map(|pair| pair.split_once('=')).collect())
    }

    fn text(&self, name: &str) -> &'a str {
        self.0.get(name).copied().unwrap_or_default()
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.text(name).parse().unwrap_or(default)
    }

    fn pause(&self, name: &str, default_ms: u64) -> Duration {
        Duration::from_millis(self.number(name, default_ms).min(PAUSE_MS_MAX))
    }
}

#[cfg(test)]
mod tests;
