//! Trust for Chromium and others of Mozilla's NSS: a certificate database in the private home, as no
//! variable tells them of an authority.

use std::{fs, io, path::Path};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rusqlite::{Connection, OpenFlags, ToSql};
use sha1::{Digest as _, Sha1};

use crate::{layout::Piece, view::places};

/// Where it is, below the home.
const DATABASE: &str = ".pki/nssdb/cert9.db";
/// Bytes of one that we wrote: a certificate and its trust.
const DATABASE_MAX: u64 = 1024 * 1024;

/// PKCS #11, and NSS's own numbers beside it (pkcs11n.h): what an object is, and how far it is
/// trusted.
const CERTIFICATE: u32 = 1;
const TRUST: u32 = 0xce53_4353;
const TRUSTED_FOR_SERVERS: u32 = 0xce53_4352;
const NOT_SAID: u32 = 0xce53_4353;

/// The table as NSS makes it, as far as a certificate and its trust have columns: each is the number
/// of an attribute. It adds the others itself.
const TABLE: &str = "CREATE TABLE nssPublic (id PRIMARY KEY UNIQUE ON CONFLICT ABORT, a0, a1, a2, a3, \
                     a11, a80, a81, a82, a101, a102, a170, ace536358, ace536359, ace53635a, ace53635b, \
                     ace536360, ace5363b4)";
const ADD_CERTIFICATE: &str = "INSERT INTO nssPublic (id, a0, a1, a2, a3, a11, a80, a81, a82, a101, a102, \
                               a170) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const ADD_TRUST: &str = "INSERT INTO nssPublic (id, a0, a1, a2, a3, a81, a82, a170, ace536358, ace536359, \
                         ace53635a, ace53635b, ace536360, ace5363b4) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What NSS calls it.
const NAME: &[u8] = b"Holdpoint";

/// A copy of a database in which the authority in `pem` is trusted for servers. It is kept at
/// `store`, and written there first if it is another's.
pub fn piece(pem: &str, store: &Path, home: &Path) -> io::Result<Piece> {
    let der = certificate(pem).ok_or_else(|| io::Error::other("the CA is no certificate"))?;
    if !holds(store, &der) {
        let draft = store.with_extension(format!("draft-{}", std::process::id()));
        // What a process left that died.
        let _ = fs::remove_file(&draft);
        write(&draft, &der)?;
        fs::rename(&draft, store)?;
    }
    Ok(Piece::Copied { at: home.join(DATABASE), from: fs::canonicalize(store)? })
}

/// Whether the database at `store` is of this certificate.
fn holds(store: &Path, der: &[u8]) -> bool {
    // What is longer is not what we wrote, and is written anew.
    let bytes = places::read(store, DATABASE_MAX).unwrap_or_default();
    memchr::memmem::find(&bytes, der).is_some()
}

fn write(at: &Path, der: &[u8]) -> io::Result<()> {
    let fields = Fields::of(der).ok_or_else(|| io::Error::other("the CA cannot be read"))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let database = Connection::open_with_flags(at, flags).map_err(io::Error::other)?;
    let add = || {
        database.execute_batch(TABLE)?;
        fields.add(&database, der)
    };
    add().map_err(io::Error::other)?;
    database.close().map_err(|(_, error)| io::Error::other(error))
}

/// What of a certificate has a column of its own, as DER.
#[derive(Debug, PartialEq, Eq)]
struct Fields<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Of an X.509 certificate of the third version (RFC 5280 §4.1).
    fn of(der: &'a [u8]) -> Option<Self> {
        let (certificate, _) = part(der)?;
        let (signed, _) = part(certificate.inner)?;
        let (_version, rest) = part(signed.inner)?;
        let (serial, rest) = part(rest)?;
        let (_algorithm, rest) = part(rest)?;
        let (issuer, rest) = part(rest)?;
        let (_validity, rest) = part(rest)?;
        let (subject, _) = part(rest)?;
        Some(Self { serial: serial.whole, issuer: issuer.whole, subject: subject.whole })
    }

    fn add(&self, database: &Connection, der: &[u8]) -> rusqlite::Result<()> {
        let number = |number: u32| number.to_be_bytes().to_vec();
        let (yes, no) = (&[1_u8][..], &[0_u8][..]);
        let digest = Sha1::digest(der).to_vec();
        let (serial, issuer, subject) = (self.serial, self.issuer, self.subject);
        let (certificate, trust) = (number(CERTIFICATE), number(TRUST));
        let (trusted, not_said, kind) = (number(TRUSTED_FOR_SERVERS), number(NOT_SAID), number(0));
        let id = digest.as_slice();
        let values: [&dyn ToSql; 12] = [
            &1,
            &certificate,
            &yes,
            &no,
            &NAME,
            &der,
            &kind,
            &issuer,
            &serial,
            &subject,
            &id,
            &yes,
        ];
        database.execute(ADD_CERTIFICATE, &values[..])?;
        let values: [&dyn ToSql; 14] = [
            &2, &trust, &yes, &no, &NAME, &issuer, &serial, &yes, &trusted, &not_said, &not_said,
            &not_said, &no, &id,
        ];
        database.execute(ADD_TRUST, &values[..]).map(drop)
    }
}

/// One piece of DER (X.690): all of it, and what is in it.
struct Part<'a> {
    whole: &'a [u8],
    inner: &'a [u8],
}

/// The first piece, and what follows it.
fn part(der: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let first = usize::from(*der.get(1)?);
    // The long form says how many bytes say how long it is.
    let more = first.saturating_sub(0x80);
    let length = match first < 0x80 {
        true => first,
        false => {
            let bytes = der.get(2..2 + more).filter(|it| it.len() <= 3)?;
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
    };
    let (whole, rest) = der.split_at_checked(2 + more + length)?;
    Some((Part { whole, inner: whole.get(2 + more..)? }, rest))
}

/// The first certificate of a PEM file (RFC 7468).
fn certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{DATABASE_MAX, Fields, holds, part};

    #[test]
    fn a_database_that_we_did_not_write_is_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().canonicalize().unwrap().join("store");
        for (length, expect) in [(8, true), (DATABASE_MAX, true), (DATABASE_MAX + 1, false)] {
            let mut bytes = vec![7; usize::try_from(length).unwrap()];
            bytes[..3].copy_from_slice(b"der");
            fs::write(&store, bytes).unwrap();
            assert_eq!(holds(&store, b"der"), expect, "{length}");
        }
        assert!(!holds(&store.with_extension("none"), b"der"));
    }

    #[test]
    fn pieces_of_der() {
        let long = [&[0x30, 0x81, 0x80][..], &[7; 0x80], &[9]].concat();
        let (found, rest) = part(&long).unwrap();
        assert_eq!((found.whole.len(), found.inner.len(), rest), (0x83, 0x80, &[9][..]));
        for broken in [&[][..], &[0x30], &[0x30, 5, 1], &[0x30, 0x84, 0, 0, 0, 1, 7], &[0x30, 0x80]]
        {
            assert!(part(broken).is_none_or(|(it, _)| it.inner.is_empty()), "{broken:?}");
        }
    }

    #[test]
    fn the_fields_of_a_certificate() {
        let signed = [0xa0, 1, 2, 0x02, 1, 77, 0x30, 0, 0x30, 1, 8, 0x30, 0, 0x30, 1, 9, 0x30, 0];
        let signed = [&[0x30, signed.len() as u8][..], &signed].concat();
        let der = [&[0x30, signed.len() as u8][..], &signed].concat();
        let found = Fields::of(&der).unwrap();
        let expect = Fields { serial: &[2, 1, 77], issuer: &[0x30, 1, 8], subject: &[0x30, 1, 9] };
        assert_eq!(found, expect);
        assert_eq!(Fields::of(&der[..der.len() - 4]), None);
    }
}
