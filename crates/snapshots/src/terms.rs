//! How much is saved, and what is never part of a workspace.

use std::path::{Path, PathBuf};

use holdpoint_store::config::SnapshotTerms;

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
    /// The socket behind which the repository lies; none where it lies in our own directory.
    pub(crate) door: Option<PathBuf>,
}

impl Terms {
    /// As configured; `state` is our own directory.
    pub fn new(configured: &SnapshotTerms, state: &Path) -> Self {
        let SnapshotTerms { files, bytes, file_bytes, ignored_bytes, keep_days } = *configured;
        let apart = vec![std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned())];
        Self { files, bytes, file_bytes, ignored_bytes, keep_days, apart, door: None }
    }

    /// The same for what a tool wrote out: it is of no use but whole.
    #[must_use]
    pub(crate) fn whole(self) -> Self {
        Self { file_bytes: self.bytes, ignored_bytes: u64::MAX, ..self }
    }

    /// The same, into a repository behind a door, if there is one.
    #[must_use]
    pub fn behind(self, door: Option<&Path>) -> Self {
        Self { door: door.map(Path::to_owned), ..self }
    }
}
