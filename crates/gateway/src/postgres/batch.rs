//! What a client of the extended protocol has sent since its last Sync, and the names that it may
//! refer to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use holdpoint_wire::Unreadable;

use super::{reading::Reading, script::Bound};

/// Prepared statements and portals of one session.
const PREPARED_MAX: usize = 10_000;
/// Bytes of prepared statements and of portals' values of one session.
const PREPARED_BYTES_MAX: usize = 64 << 20;

/// What a client has sent since its last Sync, and what it may refer to.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) bytes: usize,
    pub(super) prepared: HashMap<String, Prepared>,
    pub(super) portals: HashMap<String, Bound>,
    /// Bytes of both.
    known: usize,
    /// Names that messages since the last run are about.
    pub(super) touched: Vec<Name>,
    /// Names of which nobody knows what the server takes them for: not all that touched them was
    /// done.
    pub(super) unsure: HashSet<Name>,
    /// Something failed: what comes before the next Sync is ignored.
    pub(super) skips: bool,
    /// What is run now came by the extended protocol.
    pub(super) in_pipeline: bool,
    /// A copy has ended, and the client's Sync for it is still to come.
    pub(super) awaits_sync: bool,
}

/// What a client refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Statement(String),
    Portal(String),
}

impl Batch {
    /// Whether no more can be prepared or bound.
    pub(super) fn is_full(&self) -> bool {
        self.prepared.len() + self.portals.len() > PREPARED_MAX || self.known > PREPARED_BYTES_MAX
    }

    /// A name gets another meaning, if the server does as it is told.
    pub(super) fn touch(&mut self, name: Name) {
        self.unsure.remove(&name);
        self.touched.push(name);
    }

    pub(super) fn prepare(&mut self, name: String, prepared: Prepared) {
        self.known = self.known.saturating_add(prepared.reading.text.len());
        if let Some(old) = self.prepared.insert(name, prepared) {
            self.known = self.known.saturating_sub(old.reading.text.len());
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        if let Some(old) = self.prepared.remove(name) {
            self.known = self.known.saturating_sub(old.reading.text.len());
        }
    }

    pub(super) fn bind(&mut self, portal: String, bound: Bound) {
        self.known = self.known.saturating_add(bound.values.bind.len());
        if let Some(old) = self.portals.insert(portal, bound) {
            self.known = self.known.saturating_sub(old.values.bind.len());
        }
    }

    pub(super) fn close(&mut self, portal: &str) {
        if let Some(old) = self.portals.remove(portal) {
            self.known = self.known.saturating_sub(old.values.bind.len());
        }
    }

    /// No transaction is open: the server has forgotten every portal.
    pub(super) fn close_all(&mut self) {
        let values = self.portals.values().map(|bound| bound.values.bind.len()).sum();
        self.known = self.known.saturating_sub(values);
        self.portals.clear();
    }

    /// Whether it is known what the server takes a name for.
    pub(super) fn check(&self, name: &Name) -> Result<(), Unreadable> {
        match self.unsure.contains(name) {
            true => Err(Unreadable::new(
                "it is not known what became of this name after a failure; prepare it again",
            )),
            false => Ok(()),
        }
    }
}

/// A prepared statement.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) reading: Arc<Reading>,
    pub(super) types: Vec<u32>,
}

/// One message, and what it is about.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) packet: Bytes,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A statement is prepared under a name.
    Parse(String, Arc<Reading>),
    /// A portal is run.
    Execute(Bound),
    /// Something that runs nothing, but may compute what never changes.
    Bind,
    /// Something that runs nothing.
    Other,
    /// Something that nobody can read, with its text.
    Unreadable(String, Unreadable),
}
