//! Java's trust: every Java in reach finds the one authority in the place of its own.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha1::{Digest as _, Sha1};

use crate::{
    layout::{Access, Piece},
    view::places,
};

/// Where distributions keep it: Debian, Red Hat.
const SHARED: [&str; 2] =
    ["/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts"];
/// Directories of Javas; those of the home are below it.
const JAVAS: [&str; 2] = ["/usr/lib/jvm", "/opt"];
const JAVAS_OF_HOME: [&str; 2] = [".sdkman/candidates/java", ".asdf/installs/java"];
/// Where a Java keeps it.
const OWN: &str = "lib/security/cacerts";

/// The password that every trust store of Java's has; it keeps nothing secret.
const PASSWORD: &str = "changeit";
/// What the digest at the end is salted with.
const SALT: &[u8] = b"Mighty Aphrodite";
/// The beginning, and the version.
const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
/// An entry that is trusted.
const TRUSTED: u32 = 2;

/// Pieces that put the trust store at `store` in the place of every other; it is written there
/// first, from the certificates in `pem`, if it is another.
pub fn pieces(pem: &str, store: &Path, home: &Path) -> io::Result<Vec<Piece>> {
    let places = places(home);
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = trust_store(pem).ok_or_else(|| io::Error::other("the CA is no certificate"))?;
    // What is longer is another's, and is not read.
    if places::read(store, bytes.len() as u64).ok().as_deref() != Some(&bytes) {
        let draft = store.with_extension(format!("draft-{}", std::process::id()));
        fs::write(&draft, &bytes)?;
        fs::rename(&draft, store)?;
    }
    let from = fs::canonicalize(store)?;
    let piece = |at| Piece::Outside { at, from: from.clone(), access: Access::ReadOnly };
    Ok(places.into_iter().map(piece).collect())
}

/// The trust stores that there are.
fn places(home: &Path) -> BTreeSet<PathBuf> {
    let java_home = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let directories =
        JAVAS.map(PathBuf::from).into_iter().chain(JAVAS_OF_HOME.map(|at| home.join(at)));
    let javas = directories.filter_map(|at| fs::read_dir(at).ok()).flatten().flatten();
    let javas = javas.map(|entry| entry.path()).chain(java_home);
    let own = javas.map(|java| java.join(OWN));
    let all = SHARED.map(PathBuf::from).into_iter().chain(own);
    all.filter_map(|path| fs::canonicalize(path).ok()).filter(|path| path.is_file()).collect()
}

/// A key store in Java's own format (JKS), which every Java reads.
fn trust_store(pem: &str) -> Option<Vec<u8>> {
    let certificates = certificates(pem)?;
    let mut bytes = Vec::new();
    for number in [MAGIC, VERSION, u32::try_from(certificates.len()).ok()?] {
        bytes.extend(number.to_be_bytes());
    }
    for (number, certificate) in certificates.iter().enumerate() {
        bytes.extend(TRUSTED.to_be_bytes());
        bytes.extend(text(&format!("holdpoint-{number}"))?);
        // The date of its making says nothing to anybody.
        bytes.extend(0_u64.to_be_bytes());
        bytes.extend(text("X.509")?);
        bytes.extend(u32::try_from(certificate.len()).ok()?.to_be_bytes());
        bytes.extend(certificate);
    }
    let mut digest = Sha1::new();
    PASSWORD.encode_utf16().for_each(|unit| digest.update(unit.to_be_bytes()));
    digest.update(SALT);
    digest.update(&bytes);
    bytes.extend(digest.finalize());
    Some(bytes)
}

/// Text as `java.io.DataOutput` writes it; ours is ASCII.
fn text(text: &str) -> Option<Vec<u8>> {
    let length = u16::try_from(text.len()).ok()?.to_be_bytes();
    Some(length.into_iter().chain(text.bytes()).collect())
}

/// The certificates in a PEM file (RFC 7468); nothing if there is none, or one that is broken.
fn certificates(pem: &str) -> Option<Vec<Vec<u8>>> {
    let body = |block: &str| {
        let (body, _) = block.split_once("-----END CERTIFICATE-----")?;
        BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
    };
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let all = blocks.map(body).collect::<Option<Vec<_>>>()?;
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::trust_store;

    #[test]
    fn a_trust_store() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAEC\nAwQ=\n-----END CERTIFICATE-----\n";
        let store = trust_store(pem).unwrap();
        assert!(
            store.starts_with(b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\x0bholdpoint-0")
        );
        let length_and_certificate = b"\0\0\0\x05\0\x01\x02\x03\x04";
        assert!(store.windows(9).any(|it| it == length_and_certificate));
        assert_eq!(trust_store(""), None);
        assert_eq!(trust_store("-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----"), None);
    }
}
