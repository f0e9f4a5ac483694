//! HTTP towards a store, for whoever may wait: one question, one answer.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use bytes::Bytes;
use holdpoint_store::config::StoreUrl;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// How long a connection may take to be made.
const CONNECTING_MAX: Duration = Duration::from_secs(10);
/// How long a store may take for one answer: it may have to write a pack.
const ANSWERING_MAX: Duration = Duration::from_secs(120);
/// Bytes of an answer: a pack is some 32 MiB, a list of a million files 100.
const BYTES_MAX: usize = 256 << 20;
/// Connections that wait for the next question.
const IDLE_MAX: usize = 8;

type Connection = SendRequest<Full<Bytes>>;

/// What a store answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The answer, if it is a yes; else what was said instead.
    pub(super) fn good(self) -> io::Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let kind = match self.status {
            StatusCode::NOT_FOUND => io::ErrorKind::NotFound,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        let said = String::from_utf8_lossy(&self.body);
        let said: String = said.trim().chars().filter(|it| !it.is_control()).take(200).collect();
        Err(io::Error::new(kind, format!("the store answers {}: {said}", self.status)))
    }
}

/// The part of a file that was asked for, of whoever answers with all of it too.
pub(super) fn part(answer: Answer, offset: u32, length: u32) -> io::Result<Vec<u8>> {
    let from = if answer.status == StatusCode::PARTIAL_CONTENT { 0 } else { offset as usize };
    let part = answer.body.get(from..).and_then(|rest| rest.get(..length as usize));
    part.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Connections to one store.
#[derive(Debug)]
pub(super) struct Client {
    /// Its thread; taken when this is dropped.
    runtime: Option<Runtime>,
    connections: Arc<Connections>,
}

struct Connections {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    idle: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Client {
    /// Towards the host of `url`; besides the machine's own, the `authorities` in these files are
    /// believed.
    pub(super) fn new(url: &StoreUrl, authorities: &[PathBuf]) -> io::Result<Self> {
        let tls = if url.tls { Some(connector(authorities)?) } else { None };
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().thread_name("store").build()?;
        let connections =
            Connections { host: url.host.clone(), port: url.port, tls, idle: Mutex::default() };
        Ok(Self { runtime: Some(runtime), connections: Arc::new(connections) })
    }

    /// Asks. Whatever is asked here may be asked twice: a connection that was idle may have ended.
    pub(super) fn ask(&self, request: Request<Full<Bytes>>) -> io::Result<Answer> {
        let runtime = self.runtime.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let (say, hear) = mpsc::sync_channel(1);
        let connections = Arc::clone(&self.connections);
        runtime.spawn(async move {
            let answer = timeout(ANSWERING_MAX, connections.ask(request)).await;
            // Nobody hears it where whoever asked has gone.
            let _ = say.send(answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())));
        });
        hear.recv().map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whoever drops this may be a thread that must not wait.
            runtime.shutdown_background();
        }
    }
}

impl Connections {
    async fn ask(&self, request: Request<Full<Bytes>>) -> io::Result<Answer> {
        while let Some(mut idle) = self.idle() {
            if idle.ready().await.is_err() {
                continue;
            }
            if let Ok(answer) = self.exchange(idle, request.clone()).await {
                return Ok(answer);
            }
        }
        let fresh = timeout(CONNECTING_MAX, self.connect()).await;
        let fresh = fresh.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        self.exchange(fresh, request).await
    }

    fn idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
    ) -> io::Result<Answer> {
        let response = connection.send_request(request).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BYTES_MAX).collect().await.map_err(io::Error::other)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return handshake(TokioIo::new(stream)).await };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        handshake(TokioIo::new(tls.connect(name, stream).await?)).await
    }
}

async fn handshake<I>(stream: I) -> io::Result<Connection>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a store broke off");
        }
    });
    Ok(sender)
}

fn connector(authorities: &[PathBuf]) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in authorities {
        let found = CertificateDer::pem_file_iter(path).map_err(io::Error::other)?;
        for certificate in found {
            let certificate = certificate.map_err(io::Error::other)?;
            roots.add(certificate).map_err(io::Error::other)?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
