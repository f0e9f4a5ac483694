//! What we trust upstream: the machine's own roots, and what a human added.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use thiserror::Error;

use super::{ALPN, offer};

/// Why upstream certificates could not be judged.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A CA file that a human named is not usable.
    #[error("cannot trust {path}: {reason}; give a PEM file with CA certificates", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The TLS library refused our settings.
    #[error("cannot set up TLS towards upstreams: {0}")]
    Tls(#[from] rustls::Error),
}

/// The authorities that are trusted upstream, and who named them.
#[derive(Debug, Clone)]
pub struct Roots {
    store: RootCertStore,
    sources: Vec<(String, usize)>,
    pem: Arc<str>,
}

impl Roots {
    /// This machine's own roots, which `SSL_CERT_FILE` and `SSL_CERT_DIR` replace, and the CA
    /// certificates in `extra` PEM files.
    pub fn load(extra: &[PathBuf]) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::warn!(%error, "a native root certificate is not usable");
        }
        let mut believed = native.certs.clone();
        store.add_parsable_certificates(native.certs);
        let mut sources = vec![(native_source(), store.len())];
        for path in extra {
            let unusable = |reason: String| TrustError::File { path: path.clone(), reason };
            let found = CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))?;
            let before = store.len();
            for certificate in found {
                let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
                believed.push(certificate.clone());
                store.add(certificate).map_err(|e| unusable(e.to_string()))?;
            }
            match store.len().saturating_sub(before) {
                0 => return Err(unusable("it holds no certificate".to_owned())),
                count => sources.push((path.display().to_string(), count)),
            }
        }
        let pem = believed.iter().map(|it| pem(it)).collect::<String>().into();
        Ok(Self { store, sources, pem })
    }

    /// Whether nothing is trusted at all.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// The certificates that are trusted, for programs of others (RFC 7468).
    pub(crate) fn pem(&self) -> Arc<str> {
        Arc::clone(&self.pem)
    }

    /// What is trusted, in words for a human.
    pub fn describe(&self) -> String {
        let each = self.sources.iter().map(|(source, count)| format!("{count} from {source}"));
        format!("roots: {}", each.collect::<Vec<_>>().join(", "))
    }

    /// TLS towards upstreams that these roots vouch for.
    pub fn client(self) -> Result<Arc<ClientConfig>, TrustError> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.store)
            .with_no_client_auth();
        config.alpn_protocols = offer(&ALPN);
        Ok(Arc::new(config))
    }
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----\n"
}

/// Where the native roots come from: OpenSSL's variables count here as they do there.
fn native_source() -> String {
    let said = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|name| {
        let value = std::env::var_os(name)?;
        Some(format!("{name}={}", PathBuf::from(value).display()))
    });
    match said.collect::<Vec<_>>() {
        said if said.is_empty() => "this machine".to_owned(),
        said => said.join(" "),
    }
}

/// TLS towards upstreams: native roots plus the CA certificates in `extra` PEM files.
pub fn trust(extra: &[PathBuf]) -> Result<Arc<ClientConfig>, TrustError> {
    Roots::load(extra)?.client()
}
