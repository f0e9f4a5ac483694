//! Which hosts said where their tokens come from, run by run.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdpoint_wire::http::issued::Realm;

/// Realms that are remembered, at most: a client is challenged again where it matters.
const REALMS_MAX: usize = 4096;
/// Hosts of one realm in one run, at most.
const HOSTS_MAX: usize = 64;

/// The challenges of late. They do not survive a restart: the client is challenged anew.
#[derive(Debug, Default)]
pub(super) struct Realms(Mutex<HashMap<(String, Realm), BTreeSet<String>>>);

impl Realms {
    /// Remembers that `host` sent `run` to `realm` for its tokens.
    pub(super) fn remember(&self, run: &str, realm: Realm, host: &str) {
        let mut realms = self.lock();
        if realms.len() >= REALMS_MAX {
            realms.clear();
        }
        let hosts = realms.entry((run.to_owned(), realm)).or_default();
        if hosts.len() < HOSTS_MAX {
            hosts.insert(host.to_owned());
        }
    }

    /// The hosts that sent `run` to `realm`.
    pub(super) fn hosts(&self, run: &str, realm: Realm) -> BTreeSet<String> {
        self.lock().get(&(run.to_owned(), realm)).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, Realm), BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
