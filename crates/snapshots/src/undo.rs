//! Going back: prepared, shown, staged, carried out; each step has what the next one needs.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdpoint_core::Timestamp;
use holdpoint_store::{State, snapshots::Snapshot};

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
    state: State,
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
        let undos = self.state.undos();
        // What an undo has put there is nobody's newer work, as long as it is still that.
        let ours = |path: &Path, now: &Entry| {
            let written = undos.written(&to.what, path.as_os_str().as_bytes());
            written.is_ok_and(|it| it == Some(now.mark()))
        };
        let plan = Plan::new(pairs, within, ended(to).map(moment), &ours);
        let state = self.state.clone();
        Ok(Prepared { reading, root, plan, saved, state, opened, lock })
    }
}

/// When whatever `to` was taken for had ended. What an undo saved, it was about to replace: whatever
/// is newer than that, and not the undo's, is somebody's work.
fn ended(to: &Snapshot) -> Option<Timestamp> {
    to.run_ended.or_else(|| to.run.is_none().then_some(to.at))
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
        let Self { prepared, staging } = self;
        let Prepared { reading, root, plan, saved, state, opened, lock } = prepared;
        let restore = Restore { root: &root, repository: &reading, plan: &plan };
        // Before any of it is written: what is not written after all is not as this says.
        state.undos().will_write(&saved.what, &restore.written(), saved.at)?;
        // Rights are as they were saved before any of them is changed for good.
        drop(opened);
        let restored = restore.carry_out(staging);
        drop(lock);
        restored
    }
}
