//! A host of several names that answers each request with a status and JSON, or with what it is told.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// What a request is answered, with its head.
pub type Replies = dyn Fn(&Parts, &[u8]) -> Response<String> + Send + Sync;
/// The same, of status and JSON alone.
pub type Answers = dyn Fn(&Parts, &[u8]) -> (StatusCode, Value) + Send + Sync;

/// The host, over TLS on a free loopback port; ended with the value.
pub struct JsonHost {
    addr: SocketAddr,
    authority: Authority,
    serving: JoinHandle<()>,
}

impl Drop for JsonHost {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl JsonHost {
    /// Starts one that has these `names`.
    pub async fn start(names: &[&str], answers: Arc<Answers>) -> Self {
        let replies = move |head: &Parts, body: &[u8]| {
            let (status, said) = answers(head, body);
            let mut response = Response::new(said.to_string());
            *response.status_mut() = status;
            response
        };
        Self::replying(names, Arc::new(replies)).await
    }

    /// The same, of one whose answers have heads of their own.
    pub async fn replying(names: &[&str], replies: Arc<Replies>) -> Self {
        let authority = Authority::new("Hosts").unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let tls = TlsAcceptor::from(authority.server(&names).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (tls, replies) = (tls.clone(), Arc::clone(&replies));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let replies = Arc::clone(&replies);
                        async move { Ok::<_, Infallible>(answer(request, &*replies).await) }
                    });
                    // A client that goes away is its own business.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { addr, authority, serving }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }
}

async fn answer(request: Request<Incoming>, replies: &Replies) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut response = replies(&head, &body).map(|said| Full::new(said.into()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().entry(CONTENT_TYPE).or_insert(json);
    response
}
