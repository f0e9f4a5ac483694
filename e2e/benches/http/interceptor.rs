//! The least that ends TLS and forwards: what looking at messages is measured against.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http_body_util::{BodyExt as _, Empty, combinators::BoxBody};
use hyper::{
    Method, Request, Response, body::Incoming, client, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::upstream::{NAMES, trusting};

type Body = BoxBody<Bytes, hyper::Error>;

/// Shared by all connections.
struct Shared {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    /// Connections to the upstream that wait for a message.
    kept: Mutex<Vec<client::conn::http1::SendRequest<Incoming>>>,
}

/// Listens on a free port, says which, and serves until it is killed.
pub(crate) async fn serve(upstream_ca: &str) {
    let authority = Authority::new("bare").expect("a CA");
    let tls = authority.server(&NAMES.map(str::to_owned)).expect("a certificate");
    let shared = Arc::new(Shared {
        acceptor: TlsAcceptor::from(tls),
        connector: TlsConnector::from(trusting(upstream_ca)),
        kept: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("its address"));
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            socket.set_nodelay(true).expect("a socket");
            let tunnel = service_fn(|request| open(request, Arc::clone(&shared)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(socket), tunnel);
            let _ = connection.with_upgrades().await;
        });
    }
}

/// Answers CONNECT, and serves what is in the tunnel.
async fn open(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    assert_eq!(request.method(), Method::CONNECT, "only tunnels");
    let authority = request.uri().authority().expect("an authority").as_str().to_owned();
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let Ok(stream) = shared.acceptor.accept(TokioIo::new(upgraded)).await else { return };
        let forward = service_fn(|request| forward(request, &shared, &authority));
        let mut builder = http1::Builder::new();
        let _ =
            builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), forward).await;
    });
    Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed()))
}

async fn forward(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
    authority: &str,
) -> Result<Response<Body>, hyper::Error> {
    let kept = || shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = kept().pop();
    let mut sender = match taken {
        Some(sender) => sender,
        None => dial(shared, authority).await,
    };
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    // Small answers come with their head, so that the connection is free at once.
    let whole = body.collect().await?.to_bytes();
    kept().push(sender);
    Ok(Response::from_parts(
        head,
        http_body_util::Full::new(whole).map_err(|never| match never {}).boxed(),
    ))
}

async fn dial(shared: &Shared, authority: &str) -> client::conn::http1::SendRequest<Incoming> {
    let (name, port) = authority.rsplit_once(':').expect("a port");
    let port = port.parse().expect("a port");
    let socket =
        TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.expect("the upstream");
    socket.set_nodelay(true).expect("a socket");
    let name = name.to_owned().try_into().expect("a name");
    let stream = shared.connector.connect(name, socket).await.expect("TLS");
    let (sender, driver) =
        client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(driver);
    sender
}
