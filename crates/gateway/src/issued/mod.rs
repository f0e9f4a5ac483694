//! Credentials that upstreams issue to a run: seen in answers, kept, and known again.
//!
//! - [`lookup`]: what a credential in a message is, if an upstream issued it
//! - [`exchange`]: one message and what its answer gives out
//! - [`answer`]: the answer: read, remembered, captured
//! - [`pages`]: the body of an answer, read while it is small
//! - [`turns`]: refreshes of one login, one after the other
//! - [`realms`]: which hosts said where their tokens come from

mod answer;
mod exchange;
mod lookup;
mod pages;
mod realms;
mod turns;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use holdpoint_core::Timestamp;
use holdpoint_store::{State, StoreError};
use holdpoint_wire::http::{Message, issued::Realm};

pub(crate) use exchange::Exchange;
pub(crate) use lookup::Lookup;
use realms::Realms;
use turns::Turns;

use crate::point::Clock;

/// What all exchanges of one gateway share.
#[derive(Debug, Clone)]
pub(crate) struct Issuing {
    state: State,
    clock: Clock,
    realms: Arc<Realms>,
    turns: Arc<Turns>,
    /// Whether anything was ever captured: most gateways have to look for none.
    captures: Arc<AtomicBool>,
}

impl Issuing {
    /// What is issued is kept in `state`.
    pub(crate) fn new(state: State, clock: Clock) -> Result<Self, StoreError> {
        let captures = Arc::new(AtomicBool::new(state.issued().any_captured()?));
        Ok(Self { state, clock, realms: Arc::default(), turns: Arc::default(), captures })
    }

    /// Looks whether something was captured, or lent, by somebody else than this gateway.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        if self.state.issued().any_captured()? {
            self.captures.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// The hosts that sent `run` for their tokens where `message` goes: they are read there (the token
    /// specification of the registries, GET) or asked for anew (RFC 6749 §6, POST).
    fn challengers(&self, run: &str, message: &Message) -> BTreeSet<String> {
        let realm = Realm::of(message).filter(|_| matches!(&*message.method, "GET" | "POST"));
        realm.map(|realm| self.realms.hosts(run, realm)).unwrap_or_default()
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
