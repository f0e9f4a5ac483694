//! A directory, searched for credentials: every file once, then only what changed.

mod cache;
mod packed;
mod reading;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use holdpoint_catalog::credentials::Finder;
use serde::Serialize;

pub use cache::Cache;
pub use reading::{Reading, ReadingError, read};
pub use walk::{DEPTH_MAX, FILES_MAX};

use crate::exposed::Exposed;

/// Threads that read: more of them wait for the same disk.
const THREADS_MAX: usize = 4;
/// Credentials that are told of one directory; the rest is counted.
pub const EXPOSED_MAX: usize = 100_000;

/// What a search came to.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// What was found, by file and line.
    pub exposed: Vec<Exposed>,
    /// Files that were looked at.
    pub files: usize,
    /// Of them, those that were read: they are new, or changed.
    pub read: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// What could not be searched, and why. It counts as found.
    pub unsearched: Vec<Unsearched>,
    /// Credentials beyond [`EXPOSED_MAX`].
    pub untold: usize,
    /// What git keeps everything in, of each repository: its objects were not searched.
    pub repositories: Vec<PathBuf>,
}

impl Searched {
    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.exposed.extend(other.exposed);
        self.unsearched.extend(other.unsearched);
        self.repositories.extend(other.repositories);
        self.files += other.files;
        self.read += other.read;
        self.bytes += other.bytes;
        self.untold += other.untold;
        self
    }
}

/// A file or directory that could not be searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsearched {
    /// Which.
    pub path: PathBuf,
    /// Why, and what to do.
    pub why: String,
}

/// Searches what lies below `root`, or the file that it is. `fingerprint` makes a keyed
/// fingerprint of a value, which is all that is ever kept of it; what `cache` knows and did not
/// change is not read again.
pub fn search(
    root: &Path,
    finder: &Finder,
    cache: &mut Cache,
    fingerprint: &(dyn Fn(&str) -> String + Sync),
) -> Searched {
    let walked = walk::walk(root);
    let mut searched = Searched {
        unsearched: walked.unsearched,
        repositories: walked.repositories,
        ..Searched::default()
    };
    searched.files = walked.files.len();
    let (known, changed): (Vec<_>, Vec<_>) =
        walked.files.into_iter().partition(|file| cache.knows(file));
    let read = read_all(root, &changed, finder, fingerprint);
    for file in known {
        let kept = cache.exposed(&file);
        tell(&mut searched, kept);
        cache.keep(file);
    }
    for (file, reading) in changed.into_iter().zip(read) {
        match reading {
            Ok(Reading { exposed, bytes, settled }) => {
                searched.read += 1;
                searched.bytes += bytes;
                tell(&mut searched, exposed.clone());
                if settled {
                    cache.learn(file, exposed);
                }
            }
            Err(error) if error.is_gone() => searched.files -= 1,
            Err(error) => {
                let why = error.to_string();
                searched.unsearched.push(Unsearched { path: file.path, why });
            }
        }
    }
    searched.exposed.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    searched
}

fn tell(searched: &mut Searched, exposed: Vec<Exposed>) {
    let room = EXPOSED_MAX.saturating_sub(searched.exposed.len());
    searched.untold += exposed.len().saturating_sub(room);
    searched.exposed.extend(exposed.into_iter().take(room));
}

/// Reads files in several threads; the answers are in the order of the files.
fn read_all(
    root: &Path,
    files: &[walk::Seen],
    finder: &Finder,
    fingerprint: &(dyn Fn(&str) -> String + Sync),
) -> Vec<Result<Reading, ReadingError>> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(files.len()));
    let work = || {
        let mut own = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(at) else { break };
            own.push((at, read(root, &file.path, finder, fingerprint)));
        }
        answers.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    if files.len() < 2 * threads {
        work();
    } else {
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    }
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
