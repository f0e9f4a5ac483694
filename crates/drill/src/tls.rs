//! A certificate authority that lives as long as its fake, and the certificates it signs.

use std::{path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::error::DrillError;

/// A certificate authority that nobody trusts unless told to.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a new key.
    pub fn new(name: &str) -> Result<Self, DrillError> {
        let mut params = CertificateParams::new(Vec::new()).map_err(certificate)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(certificate)?;
        let pem = params.self_signed(&key).map_err(certificate)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// The authority's certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the authority's certificate to `path`.
    pub fn write_pem(&self, path: &Path) -> Result<(), DrillError> {
        std::fs::write(path, &self.pem)
            .map_err(DrillError::io(format!("cannot write {}", path.display())))
    }

    /// TLS 1.2 and 1.3, HTTP/1.1 only, with a certificate for `names`.
    pub fn server(&self, names: &[String]) -> Result<Arc<ServerConfig>, DrillError> {
        let (leaf, key) = self.leaf(names)?;
        let leaf: CertificateDer<'static> = leaf.into();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(certificate)?
            .with_no_client_auth()
            .with_single_cert(vec![leaf], key)
            .map_err(certificate)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// A certificate for `names` and its key, in PEM: for a server that is not ours.
    pub fn leaf_pem(&self, names: &[String]) -> Result<(String, String), DrillError> {
        let (leaf, key) = self.leaf(names)?;
        Ok((leaf.pem(), key.serialize_pem()))
    }

    fn leaf(&self, names: &[String]) -> Result<(Certificate, KeyPair), DrillError> {
        let mut params = CertificateParams::new(names.to_vec()).map_err(certificate)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        if let Some(name) = names.first() {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        let key = KeyPair::generate().map_err(certificate)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(certificate)?;
        Ok((leaf, key))
    }
}

fn certificate(error: impl std::fmt::Display) -> DrillError {
    DrillError::Certificate(error.to_string())
}
