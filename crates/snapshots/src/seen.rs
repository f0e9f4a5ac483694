//! What a workspace looked like, in a few bytes a file: enough to count what changed since.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
};

use crate::{
    looks::Looks,
    terms::Terms,
    walk::{Listing, Walk},
};

/// What a workspace looked like.
#[derive(Debug, Default, Clone)]
pub struct Seen(Vec<(u64, u64)>);

impl Seen {
    pub(crate) fn of(listing: &Listing) -> Self {
        let mut seen: Vec<(u64, u64)> =
            listing.entries.iter().map(|found| (hash(&found.path), state(&found.looks))).collect();
        seen.sort_unstable();
        Self(seen)
    }

    /// How many files and links were added, changed or removed since. None if it cannot be told.
    pub fn changed_since(&self, root: &Path, terms: &Terms) -> Option<usize> {
        let known = |path: &Path| self.find(hash(path)).is_some();
        let walk = Walk { root, terms, known: &known, opened: None };
        let now = Self::of(&walk.list().ok()?);
        let differs = |(path, state): &&(u64, u64)| self.find(*path) != Some(*state);
        let changed = now.0.iter().filter(differs).count();
        let gone = self.0.iter().filter(|(path, _)| now.find(*path).is_none()).count();
        Some(changed + gone)
    }

    fn find(&self, path: u64) -> Option<u64> {
        let at = self.0.binary_search_by_key(&path, |(path, _)| *path).ok()?;
        self.0.get(at).map(|(_, state)| *state)
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
    if looks.kind != crate::looks::Kind::Directory {
        (looks.size, looks.modified, looks.changed, looks.inode).hash(&mut hasher);
    }
    hasher.finish()
}
