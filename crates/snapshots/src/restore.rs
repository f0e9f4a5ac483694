//! Carries out a plan: what comes back is written whole first; then each thing is exchanged in one
//! step, and whatever moved since it was saved stops the undo before it is touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, PermissionsExt as _, lchown},
    },
    path::{Path, PathBuf},
};

use holdpoint_core::Digest;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};

use crate::{
    entry::{Content, Entry},
    error::{Result, SnapshotError},
    looks::{Looks, set_attributes},
    plan::{Action, Plan},
    repository::Indexed,
    staging::Staging,
};

/// What could not be made as it was.
#[derive(Debug, Default)]
pub struct Restored {
    /// How many changes were made.
    pub changes: u64,
    /// What stays otherwise than it was, in sentences.
    pub left: Vec<String>,
}

/// A plan that is being carried out in one workspace.
pub(crate) struct Restore<'a> {
    pub(crate) root: &'a Path,
    pub(crate) repository: &'a Indexed,
    pub(crate) plan: &'a Plan,
}

impl Restore<'_> {
    /// Writes everything that comes back. Nothing of the workspace is touched yet.
    pub(crate) fn stage(&self) -> Result<Staging> {
        let mut staging = Staging::in_workspace(self.root)?;
        for (path, entry) in self.coming_back() {
            if self.leader(path).is_none() {
                staging.stage(self.repository, path, entry)?;
            }
        }
        Ok(staging)
    }

    /// Everything whose content comes back, as it was; directories before what is in them.
    fn coming_back(&self) -> impl Iterator<Item = (&PathBuf, &Entry)> {
        let back = |action: &Action| matches!(action, Action::Restore | Action::Replace);
        let actions = self.plan.actions.iter().filter(move |(_, action)| back(action));
        actions.filter_map(|(path, _)| Some((path, self.then(path)?)))
    }

    fn then(&self, path: &Path) -> Option<&Entry> {
        self.plan.pairs.get(path)?.then.as_ref()
    }

    fn now(&self, path: &Path) -> Option<&Entry> {
        self.plan.pairs.get(path)?.now.as_ref()
    }

    /// The other name of the same file from which `path` becomes one again.
    fn leader(&self, path: &Path) -> Option<&Path> {
        let leader = self.plan.leaders.get(path).filter(|leader| leader.as_path() != path)?;
        match self.plan.actions.get(leader) {
            Some(Action::Restore | Action::Replace) => Some(leader),
            // It is not part of this undo: it serves if it is what it was.
            _ => {
                let (then, now) = (self.then(leader)?, self.now(leader)?);
                then.has_content_of(now).then_some(leader)
            }
        }
    }

    /// What will be there of everything that this touches: the path, and what its content and time
    /// say. A name that a file gets once more changes its others, too.
    pub(crate) fn written(&self) -> Vec<(Vec<u8>, Digest)> {
        let mut all: BTreeMap<&Path, &Entry> = BTreeMap::new();
        for (path, then) in self.to_adjust(BTreeSet::new()) {
            all.insert(path, then);
            let leader = self.leader(path).and_then(|leader| Some((leader, self.then(leader)?)));
            all.extend(leader);
        }
        let written =
            |(path, then): (&Path, &Entry)| (path.as_os_str().as_bytes().to_vec(), then.mark());
        all.into_iter().map(written).collect()
    }

    /// Makes the changes.
    pub(crate) fn carry_out(&self, mut staging: Staging) -> Result<Restored> {
        let mut restored = Restored::default();
        let opened = self.let_in()?;
        self.remove(&mut restored)?;
        for (path, then) in self.coming_back() {
            self.exchange(path, then, &mut staging)?;
            restored.changes += 1;
        }
        drop(staging);
        // What is innermost first: putting something into a directory changes its time.
        for (path, then) in self.to_adjust(opened).into_iter().rev() {
            let adjusted = match self.plan.actions.get(path) {
                Some(Action::Adjust) => self.only_adjust(path, then),
                _ => adjust(path, then).map_err(SnapshotError::io("adjust", path)),
            };
            match adjusted {
                Ok(()) => restored.changes += 1,
                Err(error) => restored.left.push(error.to_string()),
            }
        }
        Ok(restored)
    }

    /// Adjusts what is as it was saved.
    fn only_adjust(&self, path: &Path, then: &Entry) -> Result<()> {
        if let Some(now) = self.now(path) {
            self.check(path, now)?;
        }
        adjust(path, then).map_err(SnapshotError::io("adjust", path))
    }

    /// Everything that gets its looks back: what changed, directories in which something did, those
    /// that were `opened` for it, and the root, in which it was staged.
    fn to_adjust(&self, opened: BTreeSet<PathBuf>) -> Vec<(&PathBuf, &Entry)> {
        let mut touched = opened;
        touched.insert(self.root.to_owned());
        for path in self.plan.actions.keys() {
            touched.insert(path.clone());
            touched.extend(path.parent().map(Path::to_owned));
        }
        let pairs = self.plan.pairs.iter().filter(|(path, _)| touched.contains(*path));
        pairs.filter_map(|(path, pair)| Some((path, pair.then.as_ref()?))).collect()
    }

    /// Directories that do not let their owner in do so until they get their rights back.
    fn let_in(&self) -> Result<BTreeSet<PathBuf>> {
        let mut opened = BTreeSet::new();
        for (path, pair) in &self.plan.pairs {
            let Some(now) = pair.now.as_ref().filter(|now| now.is_directory()) else { continue };
            if now.rights & 0o700 != 0o700 {
                let rights = Permissions::from_mode(now.rights | 0o700);
                fs::set_permissions(path, rights).map_err(SnapshotError::io("open", path))?;
                opened.insert(path.clone());
            }
        }
        Ok(opened)
    }

    /// Removes what was not there, the innermost first.
    fn remove(&self, restored: &mut Restored) -> Result<()> {
        let removed = self.plan.actions.iter().rev().filter(|(_, it)| **it == Action::Remove);
        for (path, _) in removed {
            let Some(now) = self.now(path) else { continue };
            self.check(path, now)?;
            let gone =
                if now.is_directory() { fs::remove_dir(path) } else { fs::remove_file(path) };
            match gone {
                Ok(()) => restored.changes += 1,
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    let what = "stays, as it holds what is in no snapshot";
                    restored.left.push(format!("{} {what}", path.display()));
                }
                Err(error) => return Err(SnapshotError::io("remove", path)(error)),
            }
        }
        Ok(())
    }

    /// Nothing is touched that is not what was saved a moment ago.
    fn check(&self, path: &Path, now: &Entry) -> Result<()> {
        let looks = Looks::at(path).map_err(|_| SnapshotError::Moving(path.to_owned()))?;
        let same = (looks.device, looks.inode) == (now.device, now.inode)
            && (now.is_directory() || Some(looks.modified) == now.modified);
        if same { Ok(()) } else { Err(SnapshotError::Moving(path.to_owned())) }
    }

    fn exchange(&self, path: &Path, then: &Entry, staging: &mut Staging) -> Result<()> {
        match self.now(path) {
            Some(now) => {
                self.check(path, now)?;
                if now.is_directory() != then.is_directory() {
                    let gone = match now.is_directory() {
                        true => fs::remove_dir(path),
                        false => fs::remove_file(path),
                    };
                    gone.map_err(SnapshotError::io("remove", path))?;
                }
            }
            None if path.symlink_metadata().is_ok() && !then.is_directory() => {
                return Err(SnapshotError::Moving(path.to_owned()));
            }
            None => {}
        }
        if then.is_directory() {
            return match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(SnapshotError::io("make", path)(error))
                }
                _ => Ok(()),
            };
        }
        let ready = match self.leader(path) {
            Some(leader) => staging.link(leader)?,
            None => match staging.staged(path) {
                Some(staged) => staged.to_owned(),
                None => return Ok(()),
            },
        };
        fs::rename(&ready, path).map_err(SnapshotError::io("put back", path))?;
        // rename(2) of one of two names of a file to the other does nothing.
        let _ = fs::remove_file(&ready);
        Ok(())
    }
}

/// Gives what is at `path` owner, rights, attributes and times.
fn adjust(path: &Path, then: &Entry) -> io::Result<()> {
    let now = Looks::at(path)?;
    let link = matches!(then.content, Content::Link { .. });
    if (then.user, then.group) != (Some(now.user), Some(now.group)) {
        lchown(path, then.user, then.group)?;
    }
    if !link && (Looks::at(path)?.rights != then.rights) {
        // An attribute cannot be set on what its owner may not write.
        if !then.attributes.is_empty() || now.rights & 0o200 == 0 {
            fs::set_permissions(path, Permissions::from_mode(then.rights | 0o200))?;
        }
    }
    set_attributes(path, &then.attributes)?;
    if !link && Looks::at(path)?.rights != then.rights {
        fs::set_permissions(path, Permissions::from_mode(then.rights))?;
    }
    if let Some((seconds, nanoseconds)) = then.modified {
        let time = Timespec { tv_sec: seconds, tv_nsec: i64::from(nanoseconds) };
        let untouched = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access: untouched, last_modification: time };
        utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}
