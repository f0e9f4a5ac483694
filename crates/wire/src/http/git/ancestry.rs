//! Whether a branch only goes forward: shown by the commits that come with the push.
//!
//! An id is the hash of a commit and its parents' ids, so a chain of commits from the new tip to
//! the old one is proof, whoever sent it. No chain is no proof of the contrary: a client sends no
//! commits that the server has.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    object_id::{Format, ObjectId},
    pack,
};

/// The commits of a push, and their parents.
#[derive(Debug)]
pub(super) struct Ancestry {
    parents: BTreeMap<ObjectId, Vec<ObjectId>>,
}

impl Ancestry {
    /// The commits that can be read from the beginning of `pack`.
    pub(super) fn read(pack: &[u8], format: Format) -> Self {
        let commits = pack::commits(pack, format).into_iter();
        Self { parents: commits.map(|(id, commit)| (id, parents(&commit, format))).collect() }
    }

    /// Whether the commits show that `new` is `old` or descends from it.
    pub(super) fn shows(&self, new: &ObjectId, old: &ObjectId) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![new]);
        while let Some(id) = next.pop() {
            if id == old {
                return true;
            }
            if seen.insert(id) {
                next.extend(self.parents.get(id).into_iter().flatten());
            }
        }
        false
    }
}

/// The parents that a commit names, right behind its tree.
fn parents(commit: &[u8], format: Format) -> Vec<ObjectId> {
    let mut lines = commit.split(|byte| *byte == b'\n');
    if !lines.next().is_some_and(|line| line.starts_with(b"tree ")) {
        return Vec::new();
    }
    let ids = lines.map_while(|line| line.strip_prefix(b"parent "));
    ids.map_while(|id| ObjectId::read(std::str::from_utf8(id).ok()?, format)).collect()
}
