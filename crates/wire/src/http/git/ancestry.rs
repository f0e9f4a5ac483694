//! Whether a branch only goes forward: shown by the commits that come with the push.
//!
//! An id is the hash of a commit and its parents' ids, so a chain of commits from the new tip to
//! the old one is proof, whoever sent it. No chain is no proof of the contrary: a client sends no
//! commits that the server has, and we may not have seen those.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    object_id::{Format, ObjectId},
    pack,
};
use crate::World;

/// The most commits that are looked at on the way from one to another.
const WALKED_MAX: usize = 10_000;

/// A commit, as far as ancestry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, in lower-case hexadecimal digits: the hash of what it says.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
}

/// The commits of a push, and their parents.
#[derive(Debug)]
pub(super) struct Ancestry {
    format: Format,
    parents: BTreeMap<ObjectId, Vec<ObjectId>>,
}

impl Ancestry {
    /// The commits that can be read from the beginning of `pack`.
    pub(super) fn read(pack: &[u8], format: Format) -> Self {
        let commits = pack::commits(pack, format).into_iter();
        let parents = commits.map(|(id, commit)| (id, parents(&commit, format))).collect();
        Self { format, parents }
    }

    /// Whether the commits, with those that the world has seen, show that `new` is `old` or
    /// descends from it.
    pub(super) fn shows(&self, new: &ObjectId, old: &ObjectId, world: &dyn World) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), VecDeque::from([new.clone()]));
        while let Some(id) = next.pop_front() {
            if id == *old {
                return true;
            }
            if seen.len() >= WALKED_MAX || seen.contains(&id) {
                continue;
            }
            match self.parents.get(&id) {
                Some(parents) => next.extend(parents.iter().cloned()),
                None => {
                    let parents = world.parents(&id.to_string()).unwrap_or_default();
                    next.extend(parents.iter().filter_map(|it| ObjectId::read(it, self.format)));
                }
            }
            seen.insert(id);
        }
        false
    }

    /// The commits, by what is known of them.
    pub(super) fn into_commits(self) -> Vec<Commit> {
        let commits = self.parents.into_iter().map(|(id, parents)| Commit {
            id: id.to_string(),
            parents: parents.iter().map(ObjectId::to_string).collect(),
        });
        commits.collect()
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
