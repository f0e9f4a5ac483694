//! A company's own hosts: registries of packages, and a "staging" site that one logs in to.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;

use crate::fakes::{Fakes, PRIVATE_NPM, PRIVATE_PYPI};

/// The site.
pub(super) const STAGING: &str = "staging.acme-outdoor.dev";
/// What one logs in with, as `ada`: kept by Holdpoint, and granted.
pub(super) const PASSWORD: &str = "tryItOutKq7RmT2vXw9ZbN4c";
/// What its only session is called.
const SESSION: &str = "sid=Vb7Kq2RmT9wXz4NcLp6YdH8s";
/// A page that fills its form in as a test does, and sends it.
const LOGIN: &str = "<!doctype html><form method=post action=/session><input name=user>\
<input name=password type=password></form><script>\
const typed = new URLSearchParams(location.hash.slice(1)), form = document.forms[0];\
form.user.value = typed.get('user'); form.password.value = typed.get('password'); form.submit();\
</script>";

/// The hosts; ended with the value.
pub(super) struct Company {
    /// Names, and where they really are.
    pub(super) places: Vec<(&'static str, SocketAddr)>,
    /// Whom to trust, in PEM.
    pub(super) ca: String,
    _registries: Fakes,
    _runtime: Runtime,
}

impl std::fmt::Debug for Company {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Company").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Company {
    /// Starts all of them.
    pub(super) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        // Whoever calls may be in a runtime of their own.
        let handle = runtime.handle().clone();
        let started = std::thread::spawn(move || handle.block_on(start())).join().unwrap();
        let (registries, site, authority) = started;
        let ca = format!("{}{}", registries.ca_pem(), authority.pem());
        let addr = registries.addr();
        let places = vec![(PRIVATE_NPM, addr), (PRIVATE_PYPI, addr), (STAGING, site)];
        Self { places, ca, _registries: registries, _runtime: runtime }
    }

    /// How a human lists them.
    pub(super) fn listed(&self) -> String {
        let host = |(name, _): &(&str, SocketAddr)| {
            let (speaks, environment) =
                if *name == STAGING { ("rest", "staging") } else { ("service", "none") };
            format!(
                "[[hosts]]\nhost = \"{name}\"\nspeaks = \"{speaks}\"\nenvironment = \"{environment}\"\n"
            )
        };
        self.places.iter().map(host).collect()
    }
}

async fn start() -> (Fakes, SocketAddr, Authority) {
    let registries = Fakes::start().await;
    let authority = Authority::new("Staging").unwrap();
    let tls = TlsAcceptor::from(authority.server(&[STAGING.to_owned()]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(stream) = tls.accept(stream).await else { return };
                let service =
                    service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
                // A client that goes away is its own business.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (registries, addr, authority)
}

async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let cookies = request.headers().get("cookie").and_then(|it| it.to_str().ok());
    let is_known = cookies.is_some_and(|it| it.contains(SESSION));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut body = request.into_body();
    let (mut length, mut begins) = (0, Vec::<u8>::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        begins.extend(data.iter().take(200_usize.saturating_sub(begins.len())));
    }
    let said = |status: StatusCode, text: String| {
        let response = Response::builder().status(status).header("content-type", "text/html");
        response.body(Full::new(Bytes::from(text))).unwrap()
    };
    let to = |place: &str, cookie: Option<&str>| {
        let response = Response::builder().status(StatusCode::SEE_OTHER).header("location", place);
        let response = match cookie {
            Some(cookie) => {
                response.header("set-cookie", format!("{cookie}; Path=/; Secure; HttpOnly"))
            }
            None => response,
        };
        response.body(Full::new(Bytes::new())).unwrap()
    };
    match (method, path.as_str()) {
        (Method::GET, "/login") => said(StatusCode::OK, LOGIN.to_owned()),
        (Method::POST, "/session") => {
            match begins == format!("user=ada&password={PASSWORD}").as_bytes() {
                true => to("/", Some(SESSION)),
                false => said(StatusCode::FORBIDDEN, "who?".to_owned()),
            }
        }
        (Method::GET, "/") if is_known => said(StatusCode::OK, "<p>welcome, ada</p>".to_owned()),
        (Method::GET, "/") => to("/login", None),
        (Method::PUT, _) => said(StatusCode::CREATED, format!("{length} bytes\n")),
        _ => said(StatusCode::NOT_FOUND, "nothing".to_owned()),
    }
}
