//! What can go wrong with a ledger, and what to do about it.

use std::{io, path::PathBuf};

use holdpoint_core::ledger::tree::TreeError;
use thiserror::Error;

use crate::ledger::finding::Finding;

/// Why the ledger could not be opened, written or read.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// Somebody else writes to it.
    #[error(
        "another process writes to the ledger `{0}`; stop that gateway, or give this one its own state directory"
    )]
    Locked(PathBuf),
    /// The signing key is there, what it signed is not.
    #[error(
        "the ledger `{0}` is gone, but its signing key is still here; bring the ledger back, or move `ledger.key` and `ledger.vkey` away to begin a new one"
    )]
    Gone(PathBuf),
    /// There are records, but no key.
    #[error(
        "the ledger `{0}` has records, but its signing key is missing; bring `ledger.key` back, or move the ledger away to begin a new one"
    )]
    Keyless(PathBuf),
    /// A key file does not hold a key, or not the key that belongs there.
    #[error("`{path}` is not the key of this ledger ({fault}); bring the right file back")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// What is on disk is not what was signed.
    #[error("the ledger does not hold: {0}; nothing passes until it is restored or moved away")]
    Damaged(#[from] Finding),
    /// The record does not fit.
    #[error("a record of {bytes} bytes does not fit into the ledger (at most 65535); shorten it")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// The record cannot be written as JSON.
    #[error("the record cannot be written down: {0}")]
    Unwritable(#[source] serde_json::Error),
    /// The record is the decision about another message than the one it is to prove.
    #[error("the record decides about another message; record each decision with its own message")]
    OtherSubject,
    /// An earlier write failed, and nothing is recorded any more.
    #[error(
        "the ledger stopped ({cause}); nothing passes until the disk can be written and the gateway is started again"
    )]
    Stopped {
        /// The first failure.
        cause: String,
    },
    /// There is no such record.
    #[error("the ledger has {size} records and none at {index}")]
    NoRecord {
        /// What was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// A hash for a proof could not be read, or does not lead to the signed root.
    #[error("the ledger cannot prove this: {0}; run `holdpoint ledger verify`")]
    Unprovable(#[from] TreeError),
    /// A file could not be read or written.
    #[error("`{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LedgerError {
    /// What the system said about `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
