//! Kept beside: what a run wrote where writing could make the outside run something. Nobody sees
//! it outside until it is taken.

mod config;
mod copy;
mod merge;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

pub use self::config::alone as git_alone;
pub use self::merge::{Waiting, differences, settle, take};
use crate::guarded::Kind;

/// What the run wrote, in the directory of its run.
const ENTRY: &str = "entry";
/// What was there before.
const BEFORE: &str = "before";
/// What tells which is which.
const INDEX: &str = "kept.json";
/// Bytes of it: a hundred thousand guarded paths.
const INDEX_MAX: u64 = 16 * 1024 * 1024;

/// One guarded path of which a run has its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where it would be outside.
    #[serde(with = "crate::spelled")]
    pub at: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its number: where it is kept.
    pub number: u32,
    /// Whether it was written beside from the first; else, the run wrote in its place.
    pub beside: bool,
}

impl Kept {
    /// Where it is, below the directory of its run.
    pub(crate) fn place(&self) -> PathBuf {
        self.home().join(ENTRY)
    }

    /// Where both sides of it are, below the directory of its run.
    fn home(&self) -> PathBuf {
        PathBuf::from(self.number.to_string())
    }
}

/// What one run keeps beside.
#[derive(Debug)]
pub struct Shelf {
    dir: PathBuf,
    kept: Mutex<BTreeMap<PathBuf, Kept>>,
}

impl Shelf {
    /// An empty one at `dir`, which is made when it is needed.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir, kept: Mutex::default() }
    }

    /// The one that was left at `dir`.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        let index = dir.join(INDEX);
        if fs::metadata(&index)?.len() > INDEX_MAX {
            return Err(io::Error::other(format!("{} is longer than is read", index.display())));
        }
        let all: Vec<Kept> = serde_json::from_slice(&fs::read(index)?)?;
        let kept = all.into_iter().map(|kept| (kept.at.clone(), kept)).collect();
        Ok(Self { dir, kept: Mutex::new(kept) })
    }

    /// Writes down which is which, for whoever comes later.
    pub fn save(&self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        fs::write(self.dir.join(INDEX), serde_json::to_vec_pretty(&self.all())?)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All that is kept.
    pub fn all(&self) -> Vec<Kept> {
        self.lock().values().cloned().collect()
    }

    /// The copy of what is at `at` outside, if there is one.
    pub(crate) fn of(&self, at: &Path) -> Option<Kept> {
        self.lock().get(at).cloned()
    }

    /// The same; from now on there is one, with what is there now.
    pub(crate) fn begin(&self, at: &Path, kind: Kind) -> io::Result<Kept> {
        let mut all = self.lock();
        if let Some(found) = all.get(at) {
            return Ok(found.clone());
        }
        let new = Kept { beside: true, ..self.noted(&all, at, kind)? };
        fs::create_dir_all(self.dir.join(new.home()))?;
        if at.symlink_metadata().is_ok() {
            copy::tree(at, &self.dir.join(new.place()))?;
        }
        all.insert(at.to_owned(), new.clone());
        drop(all);
        // Should nobody come to the end of the run.
        self.save()?;
        Ok(new)
    }

    /// Makes a guarded directory hold a program that does nothing, which is no change.
    pub fn idle(&self, directory: &Path, kind: Kind, name: &str) -> io::Result<()> {
        let kept = self.begin(directory, kind)?;
        for side in [self.dir.join(kept.home()).join(BEFORE), self.dir.join(kept.place())] {
            fs::create_dir_all(&side)?;
            let program = side.join(name);
            if !program.exists() {
                fs::write(&program, "#!/bin/sh\n")?;
                fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }

    /// Remembers how it is at `at`, where nobody keeps a run from writing.
    pub fn note(&self, at: &Path, kind: Kind) -> io::Result<()> {
        let mut all = self.lock();
        if !all.contains_key(at) {
            let new = self.noted(&all, at, kind)?;
            all.insert(at.to_owned(), new);
        }
        Ok(())
    }

    /// The same, of what nobody saw before: all of it counts as the run's.
    pub fn found(&self, at: &Path, kind: Kind) {
        let mut all = self.lock();
        if !all.contains_key(at) {
            let new = added(&all, at, kind);
            all.insert(at.to_owned(), new);
        }
    }

    fn noted(&self, all: &BTreeMap<PathBuf, Kept>, at: &Path, kind: Kind) -> io::Result<Kept> {
        let new = added(all, at, kind);
        if at.symlink_metadata().is_ok() {
            fs::create_dir_all(self.dir.join(new.home()))?;
            copy::tree(at, &self.dir.join(new.home()).join(BEFORE))?;
        }
        Ok(new)
    }

    /// Takes what was written where nobody kept a run from it, if it is more than settings that
    /// do no harm, out of the outside again: it is kept beside as well.
    pub fn withdraw(&self) -> io::Result<()> {
        let mut done = Ok(());
        for kept in self.all().into_iter().filter(|kept| !kept.beside) {
            match merge::withdraw(self, &kept) {
                // Once: what is taken out twice would be the outside's own.
                Ok(()) => drop(self.lock().insert(kept.at.clone(), Kept { beside: true, ..kept })),
                // One that cannot be kept leaves none of the others in its place.
                Err(error) => done = done.and(Err(error)),
            }
        }
        done
    }

    /// What is kept of a directory of the outside itself, not of those in it.
    pub(crate) fn directly_in(&self, directory: &Path) -> Vec<Kept> {
        let all = self.lock();
        all.values().filter(|kept| kept.at.parent() == Some(directory)).cloned().collect()
    }

    /// A directory has another name: so has what is kept of what is in it.
    pub(crate) fn renamed(&self, from: &Path, to: &Path) {
        let mut all = self.lock();
        let moved = |kept: Kept| match kept.at.strip_prefix(from) {
            Ok(below) => Kept { at: to.join(below), ..kept },
            Err(_) => kept,
        };
        let old = std::mem::take(&mut *all);
        all.extend(old.into_values().map(moved).map(|kept| (kept.at.clone(), kept)));
    }

    fn forget(&self, at: &Path) {
        self.lock().remove(at);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more. A directory for it is made once there is something in it.
fn added(all: &BTreeMap<PathBuf, Kept>, at: &Path, kind: Kind) -> Kept {
    let number = all.values().map(|kept| kept.number + 1).max().unwrap_or_default();
    Kept { at: at.to_owned(), kind, number, beside: false }
}

#[cfg(test)]
mod tests;
