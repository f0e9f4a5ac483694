//! Going back: prepared, shown, staged, carried out; each step has what the next one needs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use holdpoint_core::Timestamp;
use holdpoint_store::snapshots::Snapshot;
use rustic_core::TreeId;

use crate::{
    difference::{difference, entry_at},
    entry::Entry,
    error::{Result, SnapshotError},
    looks::{Looks, Moment},
    opened::Opened,
    plan::Plan,
    repository::{Indexed, Share},
    restore::{Restore, Restored},
    snapshots::{Cause, Snapshots, Subject, WORKSPACE},
    staging::Staging,
};

/// An undo that was thought through; the present is saved, and nothing is touched.
#[derive(Debug)]
pub struct Prepared {
    reading: Indexed,
    root: PathBuf,
    plan: Plan,
    saved: Snapshot,
    /// Lent until it is decided.
    opened: Arc<Opened>,
    lock: Share,
}

/// An undo of which everything that comes back is written beside where it belongs.
#[derive(Debug)]
pub struct Staged {
    prepared: Prepared,
    staging: Staging,
}

impl Snapshots {
    /// Saves the workspace as it is now, and finds out what going back to `to` would change;
    /// only what is `within`, if that is said.
    pub fn prepare(
        &self,
        to: &Snapshot,
        within: Option<&Path>,
        now: Timestamp,
    ) -> Result<Prepared> {
        let root = PathBuf::from(&to.what);
        let opened = Arc::new(Opened::default());
        let_in(&root, &opened)?;
        let lock = self.repository.share()?;
        let reading = self.repository.indexed()?;
        let then = reading.snapshot(&to.stored)?.tree;
        // What the snapshot has is compared, whatever its name says now.
        let known = |path: &Path| entry_at(&reading, then, path).is_ok_and(|it| it.is_some());
        let cause = Cause { run: None, why: format!("before the undo to {}", to.id) };
        let before = self.state.snapshots().newest(WORKSPACE, &to.what)?.map(|it| it.stored);
        let subject = Subject::workspace(&root)?;
        let saved = self.save(&reading, &subject, &cause, now, &known, Some(&opened))?.snapshot;
        // What was just written is in no index that was read before.
        let reading = match before.as_ref() == Some(&saved.stored) {
            true => reading,
            false => self.repository.indexed()?,
        };
        let present = reading.snapshot(&saved.stored)?.tree;
        let pairs = difference(&reading, &root, then, present)?;
        if let Some(within) = within
            && entry_at(&reading, then, within)?.is_none()
            && entry_at(&reading, present, within)?.is_none()
        {
            return Err(SnapshotError::NotInSnapshot(within.to_owned()));
        }
        let before = self.before_last_undo(&reading, &to.what)?;
        let ours = |path: &Path, now: &Entry| {
            before.iter().any(|tree| {
                let entry = entry_at(&reading, *tree, path).ok().flatten();
                entry.is_some_and(|it| it.has_content_of(now) && it.modified == now.modified)
            })
        };
        let plan = Plan::new(pairs, within, to.run_ended.map(moment), &ours);
        Ok(Prepared { reading, root, plan, saved, opened, lock })
    }
}

impl Snapshots {
    /// What was there before the last undo of `what`, and what it went back to: finding either is
    /// finding no newer work.
    fn before_last_undo(&self, reading: &Indexed, what: &str) -> Result<Vec<TreeId>> {
        let Some(last) = self.state.undos().last(what)? else { return Ok(Vec::new()) };
        let mut trees = Vec::new();
        for id in [Some(last.asked.to), last.asked.saved].into_iter().flatten() {
            if let Some(snapshot) = self.state.snapshots().find(&id)? {
                trees.push(reading.snapshot(&snapshot.stored)?.tree);
            }
        }
        Ok(trees)
    }
}

/// A root that does not let its owner in hides everything.
fn let_in(root: &Path, opened: &Opened) -> Result<()> {
    let looks = Looks::at(root).map_err(SnapshotError::io("look at", root))?;
    if looks.rights & 0o700 != 0o700 {
        opened.directory(root).map_err(SnapshotError::io("open", root))?;
    }
    Ok(())
}

fn moment(at: Timestamp) -> Moment {
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(i64::MAX);
    (seconds, u32::try_from(at.0 % 1000 * 1_000_000).unwrap_or(0))
}

impl Prepared {
    /// What would change.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The snapshot of what is there now.
    pub fn saved(&self) -> &Snapshot {
        &self.saved
    }

    /// Writes everything that comes back, beside where it belongs.
    pub fn stage(self) -> Result<Staged> {
        let staging = self.restore().stage()?;
        Ok(Staged { prepared: self, staging })
    }

    fn restore(&self) -> Restore<'_> {
        Restore { root: &self.root, repository: &self.reading, plan: &self.plan }
    }
}

impl Staged {
    /// What will change.
    pub fn plan(&self) -> &Plan {
        &self.prepared.plan
    }

    /// The snapshot of what is there now.
    pub fn saved(&self) -> &Snapshot {
        &self.prepared.saved
    }

    /// Makes the changes. Fails as soon as something is not as it was saved.
    pub fn carry_out(self) -> Result<Restored> {
        let Self { prepared: Prepared { reading, root, plan, opened, lock, .. }, staging } = self;
        // Rights are as they were saved before any of them is changed for good.
        drop(opened);
        let restored =
            Restore { root: &root, repository: &reading, plan: &plan }.carry_out(staging);
        drop(lock);
        restored
    }
}
