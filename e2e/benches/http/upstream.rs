//! An upstream that says `ok` and keeps nothing.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc};

use bytes::Bytes;
use holdpoint_drill::Authority;
use http_body_util::Full;
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The names that it has a certificate for: a host's, and the one that every program can resolve.
pub(crate) const NAMES: [&str; 2] = ["api.example.test", "localhost"];

/// The upstream; it runs as long as the process.
pub(crate) struct Upstream {
    address: SocketAddr,
    directory: TempDir,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let authority = Authority::new("bench").expect("a CA");
        let directory = tempfile::tempdir().expect("a directory");
        authority.write_pem(&directory.path().join("ca.pem")).expect("its certificate");
        let tls = authority.server(&NAMES.map(str::to_owned)).expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(serve(listener, TlsAcceptor::from(tls)));
        Self { address, directory }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((socket, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let answer = service_fn(async |_| {
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// A client that trusts the CA in `pem` and no other.
pub(crate) fn trusting(pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(pem).expect("a certificate");
    roots.add(certificate).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
