//! A server of gRPC: it says back what it is told, message by message, and keeps a log.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    curl::Curl,
    holdpoint::{Gateway, Holdpoint},
};

/// The name under which agents know it; with TLS at 443, without at 50051.
pub const HOST: &str = "calls.example.test";

/// A running server; ended with the value.
struct GrpcHost {
    tls: SocketAddr,
    plain: SocketAddr,
    authority: Authority,
    log: Arc<Mutex<Vec<String>>>,
    serving: Vec<JoinHandle<()>>,
}

impl Drop for GrpcHost {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

impl GrpcHost {
    async fn start() -> Self {
        let authority = Authority::new("Server of gRPC").unwrap();
        let mut config = authority.server(&[HOST.to_owned()]).unwrap().as_ref().clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let log = Arc::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (tls, with) = listen(Some(acceptor), &log).await;
        let (plain, without) = listen(None, &log).await;
        Self { tls, plain, authority, log, serving: vec![with, without] }
    }
}

async fn listen(
    tls: Option<TlsAcceptor>,
    log: &Arc<Mutex<Vec<String>>>,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, log) = (listener.local_addr().unwrap(), Arc::clone(log));
    let serving = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (tls, log) = (tls.clone(), Arc::clone(&log));
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, log).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, log).await;
                        }
                    }
                }
            });
        }
    });
    (addr, serving)
}

async fn serve<I>(io: I, log: Arc<Mutex<Vec<String>>>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        log.lock().unwrap().push(request.uri().path().to_owned());
        let answer = Response::builder().header("content-type", "application/grpc");
        let answer = answer.body(Echo { incoming: request.into_body(), ended: false });
        async move { Ok::<_, Infallible>(answer.unwrap()) }
    });
    // A client that goes away is its own business.
    let _ =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service).await;
}

/// What came, and that all is well.
struct Echo {
    incoming: Incoming,
    ended: bool,
}

impl Body for Echo {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        Poll::Ready(Some(frame.unwrap_or_else(|| {
            self.ended = true;
            let trailers = [
                ("grpc-status", HeaderValue::from_static("0")),
                ("x-served-by", HeaderValue::from_static("echo")),
            ];
            let trailers = trailers.map(|(name, value)| (name.parse().unwrap(), value));
            Ok(Frame::trailers(HeaderMap::from_iter(trailers)))
        })))
    }
}

/// The server, and a gateway that dials it.
pub struct GrpcStage {
    host: GrpcHost,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    _ca: tempfile::NamedTempFile,
}

impl GrpcStage {
    /// Starts both, with this `holdpoint.toml`; the server's host is listed, in development.
    pub async fn set(binary: &str, configuration: &str) -> Self {
        let host = GrpcHost::start().await;
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), host.authority.pem()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let at = ["hosts", "add", HOST, "--speaks", "rest", "--environment", "development"];
        holdpoint.json(&[&at[..], &["--json"]].concat());
        let (tls, plain) =
            (format!("{HOST}:443:{}", host.tls), format!("{HOST}:50051:{}", host.plain));
        let resolve = ["--resolve", &tls, "--resolve", &plain];
        let trust = ["--upstream-ca", ca.path().to_str().unwrap()];
        let gateway = holdpoint.up(&[&resolve[..], &trust].concat(), &[]);
        Self { host, holdpoint, gateway, _ca: ca }
    }

    /// A client with the identity of a new agent.
    pub fn agent(&self, name: &str) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]))
    }

    /// The methods that were called.
    pub fn called(&self) -> Vec<String> {
        self.host.log.lock().unwrap().clone()
    }
}
