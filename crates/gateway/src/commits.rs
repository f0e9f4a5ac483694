//! The parents of commits that have passed through us. A commit's name is the hash of what it
//! says, parents included, so that they are facts wherever they come from: they show that a branch
//! only goes forward although its push brings no commits, because the server has them already.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use holdpoint_wire::http::git::Commit;

/// Commits that are remembered, at most.
const COMMITS_MAX: usize = 20_000;

/// The commits that have passed, in memory.
#[derive(Debug, Default)]
pub(crate) struct Commits(Mutex<Passed>);

#[derive(Debug, Default)]
struct Passed {
    parents: HashMap<String, Vec<String>>,
    oldest_first: VecDeque<String>,
}

impl Commits {
    /// Remembers commits that have passed.
    pub(crate) fn learn(&self, commits: Vec<Commit>) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Commit { id, parents } in commits {
            if passed.parents.insert(id.clone(), parents).is_none() {
                passed.oldest_first.push_back(id);
            }
            if passed.oldest_first.len() > COMMITS_MAX
                && let Some(oldest) = passed.oldest_first.pop_front()
            {
                passed.parents.remove(&oldest);
            }
        }
    }

    /// The parents of a commit, if it has passed.
    pub(crate) fn parents(&self, id: &str) -> Option<Vec<String>> {
        let passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.parents.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let commits = Commits::default();
        let commit = |number: usize| Commit {
            id: number.to_string(),
            parents: vec![number.wrapping_sub(1).to_string()],
        };
        commits.learn((0..=COMMITS_MAX).map(commit).collect());
        commits.learn(vec![commit(1)]);
        assert_eq!(commits.parents("0"), None);
        assert_eq!(commits.parents("1"), Some(vec!["0".to_owned()]));
    }
}
