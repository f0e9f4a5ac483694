//! A host of several names that answers each request with a status and JSON.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// What a request is answered.
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
        let authority = Authority::new("Hosts").unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let tls = TlsAcceptor::from(authority.server(&names).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (tls, answers) = (tls.clone(), Arc::clone(&answers));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let answers = Arc::clone(&answers);
                        async move { Ok::<_, Infallible>(answer(request, &*answers).await) }
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

async fn answer(request: Request<Incoming>, answers: &Answers) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (status, said) = answers(&head, &body);
    let mut response = Response::new(Full::new(said.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}
