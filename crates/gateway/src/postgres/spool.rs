//! Rows on their way into the store: a few are held, many are written there as they come.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_core::{Digest, Timestamp};
use holdpoint_store::{
    StoreError,
    payloads::{PayloadError, Payloads, Sealed, Writer},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{changed::Take, upstream::OwnError};

/// Bytes of rows that are held, and kept beside what is said about them.
const HELD_MAX: usize = 64 << 10;

/// Rows that are kept, as `COPY` writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kept {
    /// A few, in base64.
    Here(String),
    /// Many, in a payload of their own.
    There {
        /// Its name.
        payload: String,
        /// How long it is.
        bytes: u64,
        /// Its digest.
        digest: Digest,
    },
}

impl Default for Kept {
    fn default() -> Self {
        Self::Here(String::new())
    }
}

/// Rows piece by piece, which begin and end anywhere.
pub type RowPieces = Box<dyn Iterator<Item = Result<Zeroizing<Vec<u8>>, StoreError>> + Send>;

impl Kept {
    /// The rows; none if they are not what was kept.
    pub fn pieces(&self, payloads: &Payloads) -> Result<Option<RowPieces>, StoreError> {
        match self {
            Self::Here(text) => {
                let rows = STANDARD.decode(text).ok().map(Zeroizing::new);
                Ok(rows.map(|rows| Box::new(std::iter::once(Ok(rows))) as RowPieces))
            }
            Self::There { payload, digest, .. } => {
                let known = payloads.find(payload)?.is_some_and(|it| it.digest == *digest);
                let pieces = if known { payloads.pieces(payload)? } else { None };
                Ok(pieces.map(|pieces| Box::new(pieces) as RowPieces))
            }
        }
    }

    /// Whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// How many bytes of the store it takes.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Here(text) => text.len() as u64,
            Self::There { bytes, .. } => *bytes,
        }
    }

    /// What a checksum is made of: the rows themselves, or their digest.
    pub(super) fn field(&self) -> Option<Vec<u8>> {
        match self {
            Self::Here(text) => STANDARD.decode(text).ok(),
            Self::There { digest, .. } => Some(digest.0.to_vec()),
        }
    }
}

/// What was read of a transaction that has not ended. It goes with the value, and with the
/// transaction where that is taken back.
#[derive(Debug)]
pub(super) struct Spooled {
    payloads: Payloads,
    rows: Mutex<Unsettled>,
}

#[derive(Debug, Default)]
struct Unsettled {
    /// On disk, and not kept yet.
    sealed: Vec<Sealed>,
    /// The names of what is kept.
    kept: Vec<String>,
}

impl Spooled {
    /// Nothing yet.
    pub(super) fn new(payloads: Payloads) -> Self {
        Self { payloads, rows: Mutex::default() }
    }

    /// Keeps what `rows` name, and nothing else of what was read.
    pub(super) fn keep(&self, rows: &[&Kept], now: Timestamp) -> Result<(), OwnError> {
        let named = |id: &str| {
            rows.iter().any(|kept| matches!(kept, Kept::There { payload, .. } if payload == id))
        };
        let mut unsettled = self.rows();
        for sealed in mem::take(&mut unsettled.sealed) {
            let id = sealed.payload().id;
            if named(&id) {
                sealed.keep(now).map_err(not_kept)?;
                unsettled.kept.push(id);
            }
        }
        Ok(())
    }

    /// Takes note of something else that was kept for the transaction.
    pub(super) fn note(&self, id: String) {
        self.rows().kept.push(id);
    }

    /// The transaction is about to end, and nobody may ever hear how: what was kept for it, which
    /// stays unless somebody erases it.
    pub(super) fn settle(&self) -> Vec<String> {
        mem::take(&mut *self.rows()).kept
    }

    /// The transaction has come to nothing.
    pub(super) fn clear(&self) {
        let ids = self.settle();
        self.erase(&ids);
    }

    /// Takes away what was kept for nothing.
    pub(super) fn erase(&self, ids: &[String]) {
        for id in ids {
            if let Err(error) = self.payloads.erase(id) {
                tracing::warn!(id, %error, "rows that were kept for nothing cannot be erased");
            }
        }
    }

    fn rows(&self) -> MutexGuard<'_, Unsettled> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Where rows go that are read.
pub(super) struct Spool<'a> {
    spooled: &'a Spooled,
    held: Vec<u8>,
    writer: Option<Writer>,
    bytes: u64,
    max: u64,
}

impl<'a> Spool<'a> {
    /// A spool that takes at most `max` bytes.
    pub(super) fn new(spooled: &'a Spooled, max: u64) -> Self {
        Self { spooled, held: Vec::new(), writer: None, bytes: 0, max }
    }
}

impl Take for Spool<'_> {
    type Taken = Kept;

    fn push(&mut self, row: &[u8]) -> Result<(), OwnError> {
        self.bytes = self.bytes.saturating_add(row.len() as u64);
        if self.bytes > self.max {
            return Err(OwnError::TooLarge(self.max));
        }
        match &mut self.writer {
            Some(writer) => writer.write(row).map_err(not_kept)?,
            None => self.held.extend_from_slice(row),
        }
        if self.held.len() > HELD_MAX {
            let writer = self.spooled.payloads.begin();
            let mut writer = writer.map_err(PayloadError::from).map_err(not_kept)?;
            writer.write(&mem::take(&mut self.held)).map_err(not_kept)?;
            self.writer = Some(writer);
        }
        Ok(())
    }

    /// What was taken is on disk, or held to be kept with the rest.
    fn finish(self) -> Result<Kept, OwnError> {
        let Some(writer) = self.writer else { return Ok(Kept::Here(STANDARD.encode(self.held))) };
        let sealed = writer.finish().map_err(not_kept)?;
        let payload = sealed.payload();
        self.spooled.rows().sealed.push(sealed);
        Ok(Kept::There { payload: payload.id, bytes: payload.size, digest: payload.digest })
    }
}

fn not_kept(error: PayloadError) -> OwnError {
    OwnError::NotKept(error.to_string())
}
