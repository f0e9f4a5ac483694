//! The load: connections through a proxy's tunnel, each with one message at a time.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
    header::HeaderValue,
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant as Moment, sleep_until},
};
use tokio_rustls::TlsConnector;

use crate::rivals::Rival;

/// A connection that takes a message at a time.
pub(crate) type Sender = SendRequest<Empty<Bytes>>;

/// Some connections.
pub(crate) struct Load {
    /// What the upstream is called, port and all.
    authority: HeaderValue,
    senders: Vec<Sender>,
}

/// How the upstream is reached through a rival.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) proxy: SocketAddr,
    /// The value of `Proxy-Authorization`.
    pub(crate) bearer: Option<String>,
    /// What the upstream is called.
    pub(crate) name: &'static str,
}

impl Load {
    pub(crate) async fn through(rival: &Rival, upstream: SocketAddr, connections: usize) -> Self {
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(connect(rival.way(), upstream).await.expect("a connection"));
        }
        let authority = format!("{}:{}", rival.way().name, upstream.port());
        Self { authority: authority.try_into().expect("a header"), senders }
    }

    /// Sends messages for `turn`: so many in a second, or as fast as they are answered. How long
    /// each took, from when it was due.
    pub(crate) async fn run(&mut self, rate: Option<u32>, turn: Duration) -> Vec<Duration> {
        let count = self.senders.len();
        let begin = Moment::now();
        let pause = rate.map(|rate| Duration::from_secs_f64(count as f64 / f64::from(rate)));
        let clients = self.senders.drain(..).enumerate().map(|(index, sender)| {
            let first =
                begin + pause.map_or(Duration::ZERO, |it| it.mul_f64(index as f64 / count as f64));
            tokio::spawn(send(sender, self.authority.clone(), first, pause, begin + turn))
        });
        let mut all = Vec::new();
        for client in clients.collect::<Vec<_>>() {
            let (sender, took) = client.await.expect("a client");
            self.senders.push(sender);
            all.extend(took);
        }
        all
    }
}

async fn send(
    mut sender: Sender,
    authority: HeaderValue,
    first: Moment,
    pause: Option<Duration>,
    end: Moment,
) -> (Sender, Vec<Duration>) {
    let mut took = Vec::new();
    let mut due = first;
    while due < end {
        sleep_until(due).await;
        let request = Request::get("/items/1")
            .header("host", &authority)
            .body(Empty::new())
            .expect("a message");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), 200, "it passes");
        response.into_body().collect().await.expect("its body");
        took.push(due.elapsed());
        due = pause.map_or_else(Moment::now, |pause| due + pause);
    }
    (sender, took)
}

/// A tunnel to the upstream this `way`, with TLS and HTTP/1.1 in it.
pub(crate) async fn connect(way: Way, upstream: SocketAddr) -> io::Result<Sender> {
    let Way { proxy, bearer, name } = way;
    let mut socket = TcpStream::connect(proxy).await?;
    socket.set_nodelay(true)?;
    let authorization =
        bearer.map_or_else(String::new, |it| format!("Proxy-Authorization: {it}\r\n"));
    let target = format!("{name}:{}", upstream.port());
    let connect = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    socket.write_all(connect.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    let name = ServerName::try_from(name).expect("a name");
    let stream = TlsConnector::from(Arc::new(trusting_all())).connect(name, socket).await?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(driver);
    Ok(sender)
}

/// Who signed what is not measured here.
fn trusting_all() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAll))
        .with_no_client_auth()
}

#[derive(Debug)]
struct TrustAll;

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
