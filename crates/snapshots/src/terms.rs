//! How much is saved, and what is never part of a workspace.

use std::path::{Path, PathBuf};

use holdpoint_store::config::{Config, SnapshotTerms};

use crate::elsewhere::Place;

/// How much is saved.
#[derive(Debug, Clone)]
pub struct Terms {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) ignored_bytes: u64,
    pub(crate) keep_days: u64,
    /// Directories that are nobody's work: our own state.
    pub(crate) apart: Vec<PathBuf>,
    /// Where the repository lies.
    pub(crate) place: Place,
}

impl Terms {
    /// As configured; `state` is our own directory.
    pub fn new(configured: &SnapshotTerms, state: &Path) -> Self {
        let SnapshotTerms { files, bytes, file_bytes, ignored_bytes, keep_days } = *configured;
        let apart = vec![std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned())];
        Self { files, bytes, file_bytes, ignored_bytes, keep_days, apart, place: Place::Own }
    }

    /// The same for what a tool wrote out: it is of no use but whole.
    #[must_use]
    pub(crate) fn whole(self) -> Self {
        Self { file_bytes: self.bytes, ignored_bytes: u64::MAX, ..self }
    }

    /// Everything about snapshots that `config` says; `state` is our own directory.
    pub fn configured(config: &Config, state: &Path) -> Self {
        let place = match (&config.snapshots_store, &config.snapshots_door) {
            (Some(store), _) => Place::Store(store.clone(), config.upstream_ca.clone()),
            (None, Some(door)) => Place::Door(door.clone()),
            (None, None) => Place::Own,
        };
        Self { place, ..Self::new(&config.snapshots, state) }
    }

    /// Days for which a store that locks is asked to: everything that a snapshot needs is locked
    /// for as long as it is kept, however old it is.
    pub(crate) fn lock_days(&self) -> u64 {
        self.keep_days.saturating_mul(2)
    }
}
