//! A small HTTP/1.1 server on loopback, with or without TLS, that lives as long as its value.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, Limited, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::error::DrillError;

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 64 << 20;
/// How many connections are served at once; the others wait.
const CONNECTIONS_MAX: usize = 256;
/// How long a client may take to send its headers.
const HEADERS_SECONDS_MAX: u64 = 30;

/// An answer's body: whole, or sent in pieces, or broken off.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;
/// What a handler gives back.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;
/// Answers one request whose body was read whole.
pub(crate) type Handler = Arc<dyn Fn(Request<Bytes>) -> Answer + Send + Sync>;

/// A listening server; dropping it ends it and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on `addr`, with TLS if there is a configuration for it.
    pub(crate) async fn start(
        addr: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        handler: Handler,
    ) -> Result<Self, DrillError> {
        let cannot = || DrillError::io(format!("cannot listen on {addr}"));
        let listener = TcpListener::bind(addr).await.map_err(cannot())?;
        let addr = listener.local_addr().map_err(cannot())?;
        let accepting = tokio::spawn(accept(listener, tls.map(TlsAcceptor::from), handler));
        Ok(Self { addr, accepting })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves connections until it is aborted; the set ends those that are open with it.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, handler: Handler) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; at once would be a busy loop.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (tls, handler) = (tls.clone(), Arc::clone(&handler));
        open.spawn(async move {
            let _place = place;
            connect(stream, tls, handler).await;
        });
        while open.try_join_next().is_some() {}
    }
}

async fn connect(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Handler) {
    match tls {
        None => serve(stream, handler).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(stream, handler).await,
            Err(error) => tracing::debug!(%error, "tls handshake failed"),
        },
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, handler: Handler) {
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(answer(request, handler).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADERS_SECONDS_MAX))
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn answer(request: Request<Incoming>, handler: Handler) -> Response<AnswerBody> {
    let (parts, body) = request.into_parts();
    match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => handler(Request::from_parts(parts, body.to_bytes())).await,
        Err(_) => whole(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "too large"),
    }
}

/// A whole answer.
pub(crate) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<AnswerBody> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// A body whose pieces come over a channel; an error in it breaks the connection off.
pub(crate) struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Pieces {
    /// The body, and where its pieces are put in.
    pub(crate) fn channel() -> (mpsc::Sender<io::Result<Bytes>>, AnswerBody) {
        let (sender, receiver) = mpsc::channel(8);
        (sender, Self(receiver).boxed_unsync())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
