//! The side store: bodies and responses, each sealed under its own key, which can be erased.
//!
//! Records in the ledger name a payload by its digest. Erasing a payload takes its key and its
//! bytes away and leaves the digest, so that the proof stays intact.

mod pieces;

use holdpoint_core::{Digest, Timestamp};
pub use pieces::{Pieces, Sealed, Writer};
use rusqlite::{Connection, Row, Transaction, params};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    database::{count, digest, first, integer, millis},
    error::{Result, StoreError},
    id::{random, random_id},
    seal::{seal_with, unseal_with},
    state::State,
};

/// Why a payload was not kept.
#[derive(Debug, Error)]
pub enum PayloadError {
    /// It alone is too large.
    #[error("{size} bytes are more than the {max} of `limits.stored_body_bytes`")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The greatest number.
        max: u64,
    },
    /// All together are too large.
    #[error("the stored payloads fill the {max} bytes of `limits.stored_bytes`; prune some")]
    Full {
        /// The greatest number.
        max: u64,
    },
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for PayloadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What is known of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Its name.
    pub id: String,
    /// The digest of its bytes; stays when they are erased.
    pub digest: Digest,
    /// How many bytes there are, or were.
    pub size: u64,
    /// It can be read no more.
    pub erased: bool,
}

/// Bodies and responses.
#[derive(Debug, Clone)]
pub struct Payloads(pub(crate) State);

impl Payloads {
    /// Keeps `bytes`; they are on disk when this returns.
    pub fn keep(&self, bytes: &[u8], now: Timestamp) -> Result<Payload, PayloadError> {
        self.0.0.database.write(|transaction| self.keep_in(transaction, bytes, now))
    }

    /// Keeps `bytes` if and when the transaction is committed.
    pub(crate) fn keep_in(
        &self,
        transaction: &Transaction<'_>,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Payload, PayloadError> {
        let size = bytes.len() as u64;
        self.check_room(transaction, size)?;
        let digest = Digest::of(bytes);
        let payload = Payload { id: random_id::<16>("p")?, digest, size, erased: false };
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(random()?);
        let place = payload.id.as_bytes();
        let sealed = seal_with(&key, bytes, place)?;
        let key = self.0.0.seal.seal(key.as_slice(), place)?;
        transaction.execute(
            "INSERT INTO payloads (id, digest, size, created_at, key, sealed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![payload.id, digest.to_string(), integer(size), millis(now), key, sealed],
        )?;
        Ok(payload)
    }

    fn check_room(&self, transaction: &Transaction<'_>, size: u64) -> Result<(), PayloadError> {
        let limits = &self.0.0.limits;
        if size > limits.stored_body_bytes {
            return Err(PayloadError::TooLarge { size, max: limits.stored_body_bytes });
        }
        self.check_all(transaction, size)
    }

    /// Whether all together have room for so many bytes more.
    fn check_all(&self, connection: &Connection, size: u64) -> Result<(), PayloadError> {
        let limits = &self.0.0.limits;
        let sum = "SELECT coalesce(sum(size), 0) FROM payloads WHERE key IS NOT NULL";
        if count(connection, sum, [])?.saturating_add(size) > limits.stored_bytes {
            return Err(PayloadError::Full { max: limits.stored_bytes });
        }
        Ok(())
    }

    /// The bytes of a payload; none if there is no such payload, or it was erased.
    pub fn read(&self, id: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let sql = "SELECT * FROM payloads WHERE id = ?1 AND key IS NOT NULL";
        self.0.0.database.read(|connection| first(connection, sql, [id], |row| self.unseal(row)))
    }

    fn unseal(&self, row: &Row<'_>) -> Result<Zeroizing<Vec<u8>>> {
        let id: String = row.get("id")?;
        let (key, sealed): (Vec<u8>, Vec<u8>) = (row.get("key")?, row.get("sealed")?);
        let key = self.0.0.seal.unseal(&key, id.as_bytes(), "payload")?;
        let key = key.first_chunk::<32>().ok_or(StoreError::Corrupt("a payload's key"))?;
        let bytes = unseal_with(key, &sealed, id.as_bytes(), "payload")?;
        if Digest::of(&bytes) != digest(row, "digest")? {
            return Err(StoreError::Corrupt("a payload's digest"));
        }
        Ok(bytes)
    }

    /// What is known of a payload, erased or not.
    pub fn find(&self, id: &str) -> Result<Option<Payload>> {
        let sql = "SELECT id, digest, size, key IS NULL AS erased FROM payloads WHERE id = ?1";
        self.0.0.database.read(|connection| {
            first(connection, sql, [id], |row| {
                let size: i64 = row.get("size")?;
                let (id, erased) = (row.get("id")?, row.get("erased")?);
                Ok(Payload {
                    id,
                    digest: digest(row, "digest")?,
                    size: size.unsigned_abs(),
                    erased,
                })
            })
        })
    }

    /// Takes a payload's key and bytes away, on disk too. The digest stays.
    pub fn erase(&self, id: &str) -> Result<()> {
        let erased = self.0.0.database.write(|transaction| erase_in(transaction, id))?;
        if erased == 0 {
            return Err(StoreError::Missing { what: "payload", name: id.to_owned() });
        }
        if let Some(path) =
            pieces::folder(self).map(|folder| folder.join(id)).filter(|it| it.exists())
        {
            std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        self.0.0.database.checkpoint()
    }
}

/// Erases within a transaction; checkpoint afterwards.
pub(crate) fn erase_in(transaction: &Transaction<'_>, id: &str) -> Result<usize> {
    Ok(transaction.execute("UPDATE payloads SET key = NULL, sealed = NULL WHERE id = ?1", [id])?)
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Digest, Timestamp};

    use super::PayloadError;
    use crate::{config::Limits, error::StoreError, state::State};

    const NOW: Timestamp = Timestamp(1);
    const BODY: &[u8] = b"DELETE-THE-VOLUME 3d2c42fb, said the body";

    fn on_disk(dir: &std::path::Path, needle: &[u8]) -> bool {
        let read = |file: &str| std::fs::read(dir.join(file)).unwrap();
        let files = [read("state.db"), read("state.db-wal")];
        files.iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }

    #[test]
    fn payloads_are_kept_sealed_and_erased_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let payloads = state.payloads();
        let payload = payloads.keep(BODY, NOW).unwrap();
        assert_eq!(payload.digest, Digest::of(BODY));
        assert_eq!(payloads.read(&payload.id).unwrap().unwrap().as_slice(), BODY);
        assert!(!on_disk(dir.path(), BODY));
        let sealed: Vec<u8> = rusqlite::Connection::open(dir.path().join("state.db"))
            .unwrap()
            .query_row("SELECT sealed FROM payloads", [], |row| row.get(0))
            .unwrap();
        assert!(on_disk(dir.path(), &sealed));
        payloads.erase(&payload.id).unwrap();
        assert!(!on_disk(dir.path(), &sealed), "the erased bytes are still on disk");
        assert!(payloads.read(&payload.id).unwrap().is_none());
        let found = payloads.find(&payload.id).unwrap().unwrap();
        assert!(found.erased);
        assert_eq!(found.digest, Digest::of(BODY));
        assert!(matches!(payloads.erase("p-none"), Err(StoreError::Missing { .. })));
    }

    #[test]
    fn one_and_all_have_a_greatest_size() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { stored_body_bytes: 100, stored_bytes: 250, ..Limits::default() };
        let payloads = State::open_with(dir.path(), &limits).unwrap().payloads();
        let large = payloads.keep(&[0; 101], NOW);
        assert!(matches!(large, Err(PayloadError::TooLarge { size: 101, max: 100 })));
        let first = payloads.keep(&[0; 100], NOW).unwrap();
        payloads.keep(&[0; 100], NOW).unwrap();
        let full = payloads.keep(&[0; 100], NOW);
        assert!(matches!(full, Err(PayloadError::Full { max: 250 })));
        payloads.erase(&first.id).unwrap();
        payloads.keep(&[0; 100], NOW).unwrap();
    }

    #[test]
    fn a_payload_does_not_open_under_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let payloads = State::open(dir.path()).unwrap().payloads();
        let (one, two) = (payloads.keep(b"one", NOW).unwrap(), payloads.keep(b"two", NOW).unwrap());
        rusqlite::Connection::open(dir.path().join("state.db"))
            .unwrap()
            .execute(
                "UPDATE payloads SET (key, sealed, digest) =
                     (SELECT key, sealed, digest FROM payloads WHERE id = ?2) WHERE id = ?1",
                [&one.id, &two.id],
            )
            .unwrap();
        assert!(matches!(payloads.read(&one.id), Err(StoreError::Unsealed("payload"))));
        assert_eq!(payloads.read(&two.id).unwrap().unwrap().as_slice(), b"two");
    }
}
