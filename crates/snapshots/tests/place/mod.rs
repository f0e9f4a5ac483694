//! A state with snapshots, for what is written out into it and taken in again.

use holdpoint_core::Timestamp;
use holdpoint_snapshots::{Cause, Snapshots, Terms, preserve::Preserve};
use holdpoint_store::{State, config::SnapshotTerms, snapshots::Snapshot};
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) snapshots: Snapshots,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("state");
        let terms = Terms::new(&SnapshotTerms::default(), &at);
        let snapshots = Snapshots::open(&State::open(&at).unwrap(), terms).unwrap();
        Self { dir, snapshots }
    }

    pub(crate) fn save(&self, it: &dyn Preserve) -> Snapshot {
        let cause = Cause { run: Some("r-1"), why: "before a test".to_owned() };
        self.snapshots.preserve(it, &cause, Timestamp(1)).unwrap()
    }

    pub(crate) fn bring_back(&self, it: &dyn Preserve, to: &Snapshot) -> Option<Snapshot> {
        let saved = self.snapshots.save_present(it, to, Timestamp(2)).unwrap();
        self.snapshots.take_in(it, to).unwrap();
        saved
    }
}
