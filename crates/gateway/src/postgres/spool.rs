//! Rows on their way into the store: a few are held, many are written there as they come.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_core::{Digest, Timestamp};
use holdpoint_store::{
    StoreError,
    payloads::{PayloadError, Payloads, Writer},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::upstream::OwnError;

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

/// Where rows go that are read.
pub(super) struct Spool<'a> {
    payloads: &'a Payloads,
    held: Vec<u8>,
    writer: Option<Writer>,
    bytes: u64,
    max: u64,
}

impl<'a> Spool<'a> {
    /// A spool that takes at most `max` bytes.
    pub(super) fn new(payloads: &'a Payloads, max: u64) -> Self {
        Self { payloads, held: Vec::new(), writer: None, bytes: 0, max }
    }

    /// Takes a row.
    pub(super) fn push(&mut self, row: &[u8]) -> Result<(), OwnError> {
        self.bytes = self.bytes.saturating_add(row.len() as u64);
        if self.bytes > self.max {
            return Err(OwnError::TooLarge(self.max));
        }
        match &mut self.writer {
            Some(writer) => writer.write(row).map_err(not_kept)?,
            None => self.held.extend_from_slice(row),
        }
        if self.held.len() > HELD_MAX {
            let mut writer = self.payloads.begin().map_err(not_kept)?;
            writer.write(&std::mem::take(&mut self.held)).map_err(not_kept)?;
            self.writer = Some(writer);
        }
        Ok(())
    }

    /// Keeps what was taken; it is on disk when this returns, or held to be kept with the rest.
    pub(super) fn finish(self, now: Timestamp) -> Result<Kept, OwnError> {
        let Some(writer) = self.writer else { return Ok(Kept::Here(STANDARD.encode(self.held))) };
        let payload = writer.finish(now).map_err(|error| match error {
            PayloadError::Store(error) => not_kept(error),
            error => OwnError::NotKept(error.to_string()),
        })?;
        Ok(Kept::There { payload: payload.id, bytes: payload.size, digest: payload.digest })
    }
}

fn not_kept(error: StoreError) -> OwnError {
    OwnError::NotKept(error.to_string())
}
