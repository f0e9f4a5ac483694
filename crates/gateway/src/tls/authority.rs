//! Our own certificate authority: made at the first start, trusted inside runs only.
//!
//! It is not name-constrained: which hosts it will speak for is known only when a human lists
//! them. It is confined in the other dimensions: it signs no further authorities and serves TLS
//! servers only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use holdpoint_core::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// File name of the private key, readable by its owner only.
pub const KEY_FILE: &str = "ca.key";
/// File name of the certificate that agents are told to trust.
pub const CERTIFICATE_FILE: &str = "ca.pem";

/// How long a CA certificate is valid: five years, in seconds.
const VALID_SECONDS: u64 = 5 * 365 * 86_400;
/// A CA certificate with less than this left is made anew from the same key: 30 days, in seconds.
const RENEW_SECONDS: u64 = 30 * 86_400;
/// Clocks differ: certificates are valid from an hour before they were made.
pub(crate) const SKEW_SECONDS: u64 = 3_600;

/// The authority that signs for the hosts that agents talk to.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    path: PathBuf,
}

/// Why there is no authority.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("cannot use {path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could have copied the key.
    #[error(
        "{path} can be read by others: remove it together with {CERTIFICATE_FILE} and start again, so that a new authority is made",
        path = .0.display()
    )]
    Exposed(PathBuf),
    /// The key or the certificate is not what we wrote.
    #[error("{path} is not usable ({reason}): remove {KEY_FILE} and {CERTIFICATE_FILE} to start with a new authority", path = path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate could not be made.
    #[error("cannot make the authority's certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl Authority {
    /// Loads the authority of a state directory, or makes it there at the first start.
    ///
    /// The certificate follows from the key, so a missing or expiring one is written anew and
    /// whatever trusted the old one still accepts what the key signs.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let key = load_or_make_key(&directory.join(KEY_FILE))?;
        let path = directory.join(CERTIFICATE_FILE);
        let certificate = match load_certificate(&path, &key, now)? {
            Some(certificate) => certificate,
            None => make_certificate(&path, &key, now)?,
        };
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { issuer, certificate, path })
    }

    /// Where the certificate lies that agents are told to trust.
    pub fn certificate_path(&self) -> &Path {
        &self.path
    }

    /// The certificate itself.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What signs leaves.
    pub(crate) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

/// Reads the key, making it first if there is none. Two starts at once agree on one key.
fn load_or_make_key(path: &Path) -> Result<KeyPair, AuthorityError> {
    let cannot = |source| AuthorityError::File { path: path.to_owned(), source };
    let unusable = |reason: String| AuthorityError::Unusable { path: path.to_owned(), reason };
    if !fs::exists(path).map_err(cannot)? {
        let fresh = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        place_new(path, Zeroizing::new(fresh.serialize_pem()).as_bytes()).map_err(cannot)?;
    }
    let facts = fs::symlink_metadata(path).map_err(cannot)?;
    if !facts.is_file() {
        return Err(unusable("it is not a plain file".to_owned()));
    }
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(AuthorityError::Exposed(path.to_owned()));
    }
    let pem = Zeroizing::new(fs::read_to_string(path).map_err(cannot)?);
    KeyPair::from_pem(&pem).map_err(|error| unusable(error.to_string()))
}

/// Writes a file that nobody else can read, whole or not at all; one that is already there stays.
fn place_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = draft_of(path);
    write_synced(&draft, content, 0o600)?;
    let placed = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A name beside `path` that no other process uses.
fn draft_of(path: &Path) -> PathBuf {
    path.with_extension(format!("draft-{}", std::process::id()))
}

/// Writes a file and waits until it is on disk. What a crash left there makes way.
fn write_synced(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if fs::exists(path)? {
        fs::remove_file(path)?;
    }
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The certificate on disk, unless there is none or it expires soon.
fn load_certificate(
    path: &Path,
    key: &KeyPair,
    now: Timestamp,
) -> Result<Option<CertificateDer<'static>>, AuthorityError> {
    let unusable = |reason: &str| AuthorityError::Unusable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let pem = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(AuthorityError::File { path: path.to_owned(), source }),
        Ok(pem) => pem,
    };
    let certificate =
        CertificateDer::from_pem_slice(&pem).map_err(|_| unusable("it holds no certificate"))?;
    let Ok((_, parsed)) = X509Certificate::from_der(&certificate) else {
        return Err(unusable("it holds no certificate"));
    };
    if parsed.public_key().subject_public_key.data != key.public_key_raw() {
        return Err(unusable("it belongs to another key"));
    }
    let until = parsed.validity().not_after.timestamp();
    let needed = seconds(now).saturating_add(RENEW_SECONDS);
    let lasts = u64::try_from(until).is_ok_and(|until| until > needed);
    Ok(lasts.then(|| certificate.clone()))
}

/// Makes the certificate that follows from the key, and writes it.
fn make_certificate(
    path: &Path,
    key: &KeyPair,
    now: Timestamp,
) -> Result<CertificateDer<'static>, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Holdpoint local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut params, now, VALID_SECONDS);
    let certificate = params.self_signed(key)?;
    let draft = draft_of(path);
    write_synced(&draft, certificate.pem().as_bytes(), 0o644)
        .and_then(|()| fs::rename(&draft, path))
        .map_err(|source| AuthorityError::File { path: path.to_owned(), source })?;
    Ok(certificate.der().clone())
}

/// Makes a certificate valid for `span` seconds in all, from a little before `now`.
pub(crate) fn set_validity(params: &mut CertificateParams, now: Timestamp, span: u64) {
    let start = seconds(now).saturating_sub(SKEW_SECONDS);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(start);
    params.not_after = epoch + Duration::from_secs(start.saturating_add(span));
}

/// Whole seconds since the Unix epoch.
fn seconds(moment: Timestamp) -> u64 {
    moment.0 / 1000
}
