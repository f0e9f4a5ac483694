//! What verification finds wrong: in which file, at which record.

use std::fmt;

use thiserror::Error;

use crate::ledger::checkpoint::CheckpointError;

/// Something in a ledger is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Finding {
    /// The file, below the ledger's directory.
    pub file: String,
    /// The first record that is affected, where it can be told.
    pub record: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

/// What is wrong with a file of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// It is gone.
    #[error("is missing; restore it from a copy")]
    Missing,
    /// It could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It belongs to nothing that was signed.
    #[error(
        "is covered by no signature: a write that a crash cut short (opening the ledger clears it), or smuggled in"
    )]
    Unsigned,
    /// An entry was changed, moved, added or taken away.
    #[error("the entry is not the one that was signed")]
    Entry,
    /// A hash was changed.
    #[error("the hash is not the one that follows from the entries")]
    Hash,
    /// Entries and tiles agree, but not with what was signed.
    #[error("the entries up to {size} do not lead to the root that was signed for them")]
    Root {
        /// The size of the signed head.
        size: u64,
    },
    /// The checkpoint itself.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// A line in the list of earlier heads.
    #[error("line {line} {fault}")]
    History {
        /// Which, counted from 1.
        line: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// There was a newer signed head.
    #[error(
        "the ledger was cut back: it had {known} records, and now has {size}; restore the newer copy"
    )]
    RolledBack {
        /// How many records it had.
        known: u64,
        /// How many it has.
        size: u64,
    },
    /// The entry is what was signed, but no record of a kind that this version knows.
    #[error("the entry is no record that this version can read: {0}")]
    NoRecord(String),
}

impl Finding {
    /// `fault` of the whole of `file`.
    pub(crate) fn of(file: impl Into<String>, fault: Fault) -> Self {
        Self { file: file.into(), record: None, fault }
    }

    /// `fault` of `file` at `record`.
    pub(crate) fn at(file: impl Into<String>, record: u64, fault: Fault) -> Self {
        Self { file: file.into(), record: Some(record), fault }
    }
}

impl Fault {
    /// Why a file could not be read.
    pub(crate) fn unreadable(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable(error.to_string()),
        }
    }
}
