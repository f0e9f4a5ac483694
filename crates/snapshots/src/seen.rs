//! What a workspace looked like, in a few bytes a file: enough to count what changed since.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    time::Instant,
};

use crate::{
    looks::{Kind, Looks},
    omitted::Omitted,
    terms::Terms,
    walk::{Listing, Walk},
};

/// What a workspace looked like.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    states: Vec<(u64, u64)>,
    omitted: Omitted,
}

/// What changed of a workspace.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What is there: new, or other than it was.
    pub there: Vec<PathBuf>,
    /// How many there were of those that are there no more.
    pub gone: usize,
}

impl Seen {
    pub(crate) fn of(listing: &Listing) -> Self {
        let mut seen: Vec<(u64, u64)> =
            listing.entries.iter().map(|found| (hash(&found.path), state(&found.looks))).collect();
        seen.sort_unstable();
        Self { states: seen, omitted: listing.omitted.clone() }
    }

    /// Which files and links were added, changed or removed since. None if it cannot be told.
    pub fn changed_since(&self, root: &Path, terms: &Terms) -> Option<Changed> {
        let known = |path: &Path| self.find(hash(path)).is_some();
        let walk = Walk { root, terms, known: &known, opened: None };
        let listing = walk.list().ok()?;
        let now = Self::of(&listing);
        let differs = |path: &Path, looks: &Looks| self.find(hash(path)) != Some(state(looks));
        let there = listing.entries.iter().filter(|found| differs(&found.path, &found.looks));
        let there = there.map(|found| found.path.clone()).collect();
        let gone = self.states.iter().filter(|(path, _)| now.find(*path).is_none()).count();
        Some(Changed { there, gone })
    }

    /// Whether some of what is at `path` was left out, though somebody may miss it; or all of it.
    pub(crate) fn lacks(&self, path: &Path) -> bool {
        self.omitted.takes_from(path)
    }

    /// Whether everything that is at `path` is as it was then. What is gone is no loss any more.
    /// Nobody looks longer than `until`; what was not looked at may be other.
    pub(crate) fn is_still(&self, path: &Path, until: Instant) -> bool {
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            if Instant::now() > until {
                return false;
            }
            let Ok(looks) = Looks::at(&path) else { continue };
            if self.omitted.has(&path) {
                continue;
            }
            if self.find(hash(&path)) != Some(state(&looks)) {
                return false;
            }
            if looks.kind == Kind::Directory {
                let Ok(entries) = std::fs::read_dir(&path) else { return false };
                open.extend(entries.flatten().map(|entry| entry.path()));
            }
        }
        true
    }

    fn find(&self, path: u64) -> Option<u64> {
        let at = self.states.binary_search_by_key(&path, |(path, _)| *path).ok()?;
        self.states.get(at).map(|(_, state)| *state)
    }
}

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// Of directories only that they are there and who may enter: their times follow from their files.
fn state(looks: &Looks) -> u64 {
    let mut hasher = DefaultHasher::new();
    (looks.kind as u8, looks.rights, looks.user, looks.group).hash(&mut hasher);
    if looks.kind != Kind::Directory {
        (looks.size, looks.modified, looks.changed, looks.inode).hash(&mut hasher);
    }
    hasher.finish()
}
