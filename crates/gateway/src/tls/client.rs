//! What we trust upstream: the machine's own roots, and what a human added.

use std::{path::PathBuf, sync::Arc};

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

/// TLS towards upstreams: native roots plus the CA certificates in `extra` PEM files.
pub fn trust(extra: &[PathBuf]) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a native root certificate is not usable");
    }
    roots.add_parsable_certificates(native.certs);
    for path in extra {
        let unusable = |reason: String| TrustError::File { path: path.clone(), reason };
        let found = CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))?;
        let before = roots.len();
        for certificate in found {
            let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
            roots.add(certificate).map_err(|e| unusable(e.to_string()))?;
        }
        if roots.len() == before {
            return Err(unusable("it holds no certificate".to_owned()));
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offer(&ALPN);
    Ok(Arc::new(config))
}
