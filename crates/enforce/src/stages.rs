//! What a protocol brings to the walk: one trait a stage, named after it.

use std::{future::Future, sync::Arc};

use holdpoint_core::{
    Authorized, Digest, Judged, Message, Operation, Refusal, Timestamp,
    authorized::{Appended, Durable},
    identity::Principal,
    ledger::Record,
    obligation::Receipt,
    policy::{Pdp, Request},
};
use holdpoint_wire::Unreadable;
use thiserror::Error;

/// The stages of the walk, in their order. Tests stop the gateway at each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It is known who asks.
    Identified,
    /// It is known what the message would do.
    Interpreted,
    /// It is known to what, and where.
    Resolved,
    /// Policy has decided.
    Decided,
    /// The obligations are met.
    Fulfilled,
    /// The decision is in the ledger.
    Recorded,
    /// The message was forwarded, and what happened is known.
    Forwarded,
    /// What happened is in the ledger.
    Reported,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 8] = [
        Self::Identified,
        Self::Interpreted,
        Self::Resolved,
        Self::Decided,
        Self::Fulfilled,
        Self::Recorded,
        Self::Forwarded,
        Self::Reported,
    ];
}

/// What all stages of one enforcement point share.
pub trait Point: Interpret + Identify + Resolve + Fulfil + Ledger + Forward {
    /// The time.
    fn now(&self) -> Timestamp;

    /// The policies in force.
    fn policies(&self) -> Arc<Pdp>;

    /// Says that the walk has come through `stage`.
    fn reached(&self, stage: Stage) {
        tracing::trace!(?stage, "reached");
    }
}

/// Names the message that an enforcement point is about.
pub trait Arrivals: Sync {
    /// What arrives.
    type Message: Message + Send + Sync;
}

/// From a message to the operations that it would carry out.
pub trait Interpret: Arrivals {
    /// What `message` would do; [`Unreadable`] if nobody could stand for an answer.
    fn interpret(&self, message: &Self::Message) -> Result<Vec<Operation>, Unreadable>;
}

/// From an unverified claim to a verified principal.
pub trait Identify: Arrivals {
    /// The claim that comes with a message.
    type Evidence: Sync;

    /// Who asks, proven.
    fn identify(
        &self,
        evidence: &Self::Evidence,
    ) -> impl Future<Output = Result<Principal, Refusal>> + Send;
}

/// From operations to the questions that policy answers.
pub trait Resolve: Arrivals {
    /// Finds out, for each operation, what policy wants to know about it.
    fn resolve(
        &self,
        principal: &Principal,
        message: &Self::Message,
        operations: Vec<Operation>,
    ) -> impl Future<Output = Result<Vec<Request>, Refusal>> + Send;
}

/// What must be done first.
pub trait Fulfil: Arrivals + Forward {
    /// Meets the obligations of a judged message, or opens a hold and refuses with its id.
    /// Called for every message that policy does not deny.
    fn fulfil(
        &self,
        principal: &Principal,
        judged: &Judged<Self::Message>,
    ) -> impl Future<Output = Result<Fulfilment<Self::Outcome>, Refusal>> + Send;

    /// Remembers that `judged` was refused, so that its aim is held by whatever road.
    fn remember(
        &self,
        principal: &Principal,
        judged: &Judged<Self::Message>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Keyed fingerprints of the credentials in `judged` that Holdpoint did not give out.
    fn fingerprints(&self, judged: &Judged<Self::Message>) -> Vec<String>;
}

/// How obligations were met.
#[derive(Debug)]
pub enum Fulfilment<O> {
    /// There is a receipt for each.
    Receipts {
        /// The receipts.
        receipts: Vec<Receipt>,
        /// The hold that was released, where there was one.
        hold: Option<String>,
    },
    /// This very operation was carried out a short while ago: here is its answer.
    Answered(O),
    /// What it would take away was to be saved, and cannot be. It is judged once more, as what
    /// nobody here can save.
    Unsaved,
}

/// The ledger of an enforcement point.
pub trait Ledger: Sync {
    /// Puts a record in the ledger's order; it is on disk within 100 ms.
    fn append(
        &self,
        record: Record,
        subject: Digest,
    ) -> impl Future<Output = Result<Appended, LedgerUnavailable>> + Send;

    /// Puts a record on disk.
    fn commit(
        &self,
        record: Record,
        subject: Digest,
    ) -> impl Future<Output = Result<Durable, LedgerUnavailable>> + Send;
}

/// The ledger cannot be written. Nothing may pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the ledger cannot be written: {0}")]
pub struct LedgerUnavailable(pub String);

/// The effect.
pub trait Forward: Arrivals {
    /// What comes back.
    type Outcome: Send;

    /// Sends a message that may be sent. Never sends it twice.
    fn forward(
        &self,
        authorized: Authorized<Self::Message>,
    ) -> impl Future<Output = Forwarded<Self::Outcome>> + Send;
}

/// What became of a forwarded message.
#[derive(Debug)]
pub struct Forwarded<O> {
    /// The answer, or why there is none.
    pub outcome: Result<O, Refusal>,
    /// The upstream's own status.
    pub status: Option<u16>,
    /// The digest of the answer, where it was read whole.
    pub answer: Option<Digest>,
}
