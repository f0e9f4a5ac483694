//! One certificate for each host: made when first needed, kept in a bounded cache, short-lived.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_core::Timestamp;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::NoServerSessionStorage,
};
use thiserror::Error;

use super::{
    ALPN,
    authority::{Authority, SKEW_SECONDS, set_validity},
    offer,
};

/// How long a leaf is valid in all: seven days, in seconds.
pub const LEAF_SECONDS: u64 = 7 * 86_400;
/// A leaf with less than this left is made anew, so that long connections outlive no certificate
/// unnoticed: one day, in seconds.
const RENEW_SECONDS: u64 = 86_400;

/// What serves TLS, and the certificate that it shows.
pub(crate) type Shown = (Arc<ServerConfig>, CertificateDer<'static>);

/// The leaves that were made lately.
#[derive(Debug)]
pub struct Leaves {
    authority: Authority,
    most: NonZeroUsize,
    made: Mutex<Made>,
}

/// What is cached. `turn` grows with each use, and so orders leaves by their last one.
#[derive(Debug, Default)]
struct Made {
    leaves: HashMap<String, Leaf>,
    turn: u64,
}

#[derive(Debug)]
struct Leaf {
    shown: Shown,
    renew_at: Timestamp,
    turn: u64,
}

/// Why a host has no certificate.
#[derive(Debug, Error)]
pub enum LeafError {
    /// The host's name cannot stand in one, or signing failed.
    #[error("cannot make a certificate for {host}: {source}")]
    Make {
        /// For which host.
        host: String,
        /// Why.
        source: rcgen::Error,
    },
    /// TLS does not take the certificate.
    #[error("cannot serve TLS for {host}: {source}")]
    Serve {
        /// For which host.
        host: String,
        /// Why.
        source: rustls::Error,
    },
}

impl Leaves {
    /// Leaves signed by `authority`, of which at most `most` are kept.
    pub fn new(authority: Authority, most: NonZeroUsize) -> Self {
        Self { authority, most, made: Mutex::default() }
    }

    /// The authority that signs.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How many leaves are kept at present.
    pub fn count(&self) -> usize {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).leaves.len()
    }

    /// What serves TLS as `host` (a name in lower case, or an address without brackets).
    pub fn serve_as(&self, host: &str, now: Timestamp) -> Result<Arc<ServerConfig>, LeafError> {
        self.shown_as(host, now).map(|(config, _)| config)
    }

    /// The same, and the certificate that it shows, for a login that is bound to it.
    pub(crate) fn shown_as(&self, host: &str, now: Timestamp) -> Result<Shown, LeafError> {
        if let Some(shown) = self.cached(host, now) {
            return Ok(shown);
        }
        let shown = self.make(host, now)?;
        self.keep(host, shown.clone(), now);
        Ok(shown)
    }

    fn cached(&self, host: &str, now: Timestamp) -> Option<Shown> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.turn += 1;
        let turn = made.turn;
        let leaf = made.leaves.get_mut(host).filter(|leaf| now < leaf.renew_at)?;
        leaf.turn = turn;
        Some(leaf.shown.clone())
    }

    fn keep(&self, host: &str, shown: Shown, now: Timestamp) {
        let renew_at = now.plus_seconds(LEAF_SECONDS - SKEW_SECONDS - RENEW_SECONDS);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.leaves.len() >= self.most.get() && !made.leaves.contains_key(host) {
            let oldest = made.leaves.iter().min_by_key(|(_, leaf)| leaf.turn);
            if let Some(oldest) = oldest.map(|(host, _)| host.clone()) {
                made.leaves.remove(&oldest);
            }
        }
        let turn = made.turn;
        made.leaves.insert(host.to_owned(), Leaf { shown, renew_at, turn });
    }

    fn make(&self, host: &str, now: Timestamp) -> Result<Shown, LeafError> {
        let (certificate, key) = self
            .sign(host, now)
            .map_err(|source| LeafError::Make { host: host.to_owned(), source })?;
        let chain = vec![certificate.clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|source| LeafError::Serve { host: host.to_owned(), source })?;
        config.alpn_protocols = offer(&ALPN);
        // Each tunnel is admitted by itself, so no state of an earlier one is worth keeping.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok((Arc::new(config), certificate))
    }

    fn sign(
        &self,
        host: &str,
        now: Timestamp,
    ) -> Result<(rustls::pki_types::CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error>
    {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new([host.to_owned()])?;
        // The name stands in the alternative names; a common name holds 64 characters at most.
        params.distinguished_name.push(DnType::CommonName, "Holdpoint");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, now, LEAF_SECONDS);
        let certificate = params.signed_by(&key, self.authority.issuer())?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((certificate.der().clone(), key.into()))
    }
}
