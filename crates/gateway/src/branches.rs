//! Which branches are protected: what a human said, and what upstreams call their default.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_store::config::GitTerms;
use holdpoint_wire::{Host, World};

use crate::{commits::Commits, known::Known};

/// Repositories whose default branch is remembered, at most.
const REPOSITORIES_MAX: usize = 1024;

/// The default branches that upstreams have named in lists of references. They only ever protect;
/// one that is forgotten is protected by habit, as `main` and `master` are.
#[derive(Debug, Default)]
pub(crate) struct DefaultBranches(Mutex<Named>);

#[derive(Debug, Default)]
struct Named {
    by_repository: HashMap<(String, String), String>,
    oldest_first: VecDeque<(String, String)>,
}

impl DefaultBranches {
    /// An upstream has said that this is the default branch of this host's repository.
    pub(crate) fn learn(&self, repository: (String, String), branch: String) {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if named.by_repository.insert(repository.clone(), branch).is_none() {
            named.oldest_first.push_back(repository);
        }
        if named.oldest_first.len() > REPOSITORIES_MAX
            && let Some(oldest) = named.oldest_first.pop_front()
        {
            named.by_repository.remove(&oldest);
        }
    }

    fn is_default(&self, host: &str, path: &str, branch: &str) -> bool {
        let named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let default = named.by_repository.get(&(host.to_owned(), path.to_owned()));
        default.is_some_and(|default| default.eq_ignore_ascii_case(branch))
    }
}

/// The world in which messages are interpreted.
pub(crate) struct Surveyed<'a> {
    /// Hosts and secrets.
    pub known: &'a Known,
    /// What a human said about branches.
    pub terms: &'a GitTerms,
    /// What upstreams said.
    pub defaults: &'a DefaultBranches,
    /// The commits that have passed.
    pub commits: &'a Commits,
}

impl World for Surveyed<'_> {
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        self.known.host(host, port)
    }

    fn persisted(&self, sha256: &str) -> Option<Arc<str>> {
        self.known.persisted(sha256)
    }

    fn protected(&self, host: &str, repository: &str, reference: &str) -> Option<bool> {
        let branch = reference.strip_prefix("refs/heads/")?;
        match self.defaults.is_default(host, repository, branch) {
            true => Some(true),
            false => self.terms.protects(host, repository, branch),
        }
    }

    fn parents(&self, commit: &str) -> Option<Vec<String>> {
        self.commits.parents(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_branch_is_protected_whatever_a_list_says() {
        let defaults = DefaultBranches::default();
        let shop = || ("github.com".to_owned(), "acme/shop".to_owned());
        let (known, terms, commits) = (Known::default(), GitTerms::default(), Commits::default());
        let world =
            Surveyed { known: &known, terms: &terms, defaults: &defaults, commits: &commits };
        let says = |reference: &str| world.protected("github.com", "acme/shop", reference);
        assert_eq!(says("refs/heads/trunk/a"), None);
        defaults.learn(shop(), "trunk/a".to_owned());
        assert_eq!(says("refs/heads/trunk/a"), Some(true));
        assert_eq!(says("refs/heads/Trunk/A"), Some(true));
        assert_eq!((says("refs/heads/fix"), says("refs/tags/trunk/a")), (None, None));
        defaults.learn(shop(), "next".to_owned());
        assert_eq!((says("refs/heads/trunk/a"), says("refs/heads/next")), (None, Some(true)));
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let defaults = DefaultBranches::default();
        for number in 0..=REPOSITORIES_MAX {
            defaults.learn(("h".to_owned(), number.to_string()), "next".to_owned());
        }
        assert!(!defaults.is_default("h", "0", "next") && defaults.is_default("h", "1", "next"));
    }
}
