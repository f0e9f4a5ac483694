//! The proof that a message may be forwarded, which contains the message that was judged.
//!
//! Three things have to come together, and each can only be had by doing the work: a
//! [`Judged`] message (made by [`Pdp::judge`](crate::policy::Pdp::judge)), a [`Receipt`] for
//! every obligation (made by fulfillers), and the record of the decision (made by the ledger).
//! A message that could change something needs a record that is on disk:
//!
//! ```
//! use holdpoint_core::{Authorized, Judged, authorized::{Durable, AuthorizeError, authorize}};
//!
//! fn forward<M>(judged: Judged<M>, record: Durable) -> Result<Authorized<M>, AuthorizeError> {
//!     authorize(judged, &[], record)
//! }
//! ```
//!
//! One that was merely appended does not compile:
//!
//! ```compile_fail,E0308
//! use holdpoint_core::{Authorized, Judged, authorized::{Appended, AuthorizeError, authorize}};
//!
//! fn forward<M>(judged: Judged<M>, record: Appended) -> Result<Authorized<M>, AuthorizeError> {
//!     authorize(judged, &[], record)
//! }
//! ```
//!
//! Nor is there a way around the mint:
//!
//! ```compile_fail,E0451
//! use holdpoint_core::Authorized;
//!
//! fn forge<M>(message: M) -> Authorized<M> {
//!     Authorized { message, index: 0 }
//! }
//! ```
//!
//! Nor a way to call a message judged that was not:
//!
//! ```compile_fail,E0624
//! use holdpoint_core::{Digest, Judged, policy::Decision};
//!
//! fn forge<M>(message: M, decision: Decision) -> Judged<M> {
//!     Judged::new(message, Digest([0; 32]), Vec::new(), decision, Digest([0; 32]))
//! }
//! ```

use thiserror::Error;

use crate::{
    digest::Digest,
    identity::Principal,
    obligation::{Obligation, Obligations, Receipt},
    operation::{Effect, Operation},
    policy::{Decision, Facts, Spared},
    reason::Reason,
};

/// What arrived, in a protocol's words.
pub trait Message {
    /// The digest of everything in the message that has a meaning: two messages with the same
    /// digest do the same thing.
    fn digest(&self) -> Digest;
}

/// One operation of a message, with what was found out about it and what policy said.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The operation.
    pub operation: Operation,
    /// What was resolved about it.
    pub facts: Facts,
    /// What policy says of it alone.
    pub decision: Decision,
}

/// A message that policy has judged. Only [`Pdp::judge`](crate::policy::Pdp::judge) makes one.
#[derive(Debug)]
pub struct Judged<M> {
    message: M,
    digest: Digest,
    judgements: Vec<Judgement>,
    decision: Decision,
    policy_digest: Digest,
    spared: Option<Spared>,
}

impl<M> Judged<M> {
    /// Binds a message to what was decided about it.
    pub(crate) fn new(
        message: M,
        digest: Digest,
        judgements: Vec<Judgement>,
        decision: Decision,
        policy_digest: Digest,
    ) -> Self {
        Self { message, digest, judgements, decision, policy_digest, spared: None }
    }

    /// The same, with what it was spared by the mode of its rules.
    pub(crate) fn spared_by(self, spared: Option<Spared>) -> Self {
        Self { spared, ..self }
    }

    /// The message that was judged.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// What was judged, to be judged again.
    pub(crate) fn into_parts(self) -> (M, Vec<Judgement>) {
        (self.message, self.judgements)
    }

    /// The message's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Operation by operation, in the order of interpretation.
    pub fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// The verdict of the whole: that of its strictest operation.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What would have become of it, if it passes only by the mode of its rules.
    pub fn spared(&self) -> Option<&Spared> {
        self.spared.as_ref()
    }

    /// Why it does not simply pass, or would not.
    pub fn reasons(&self) -> &[Reason] {
        self.spared.as_ref().map_or(self.decision.reasons(), |spared| &spared.reasons)
    }

    /// The digest of the policies that decided.
    pub fn policy_digest(&self) -> Digest {
        self.policy_digest
    }

    /// The strongest effect among its operations.
    pub fn effect(&self) -> Effect {
        let effects = self.judgements.iter().map(|judgement| judgement.operation.effect);
        effects.max().unwrap_or(Effect::Execute)
    }

    /// What a human releases: this message of this principal with this meaning. Two messages
    /// with the same operation digest share one hold.
    pub fn operation_digest(&self, principal: &Principal) -> Digest {
        let message = self.digest;
        let mut fields: Vec<Vec<u8>> = vec![
            message.0.to_vec(),
            principal.agent.clone().into_bytes(),
            principal.run.clone().into_bytes(),
        ];
        for Judgement { operation, .. } in &self.judgements {
            fields.push(operation.name.clone().into_bytes());
            fields.push(operation.effect.as_str().into());
            fields.push(operation.resource.id.as_str().into());
        }
        Digest::of_fields(fields.iter().map(Vec::as_slice))
    }

    /// The state of the resources as far as the decision depended on it. An approval is for
    /// this state and no other.
    pub fn state_digest(&self) -> Digest {
        let states: Vec<String> = self
            .judgements
            .iter()
            .map(|Judgement { operation, facts, .. }| {
                let (id, environment) = (&operation.resource.id, facts.environment);
                let counted = facts.changes.as_ref().map(|changes| format!(" {changes:?}"));
                let counted = counted.unwrap_or_default();
                format!("{id} {environment} {:?}{counted}", facts.credential)
            })
            .collect();
        Digest::of_fields(states.iter().map(String::as_bytes))
    }
}

/// The decision is in the ledger's order, and on disk within 100 ms. Enough to observe.
#[derive(Debug)]
pub struct Appended {
    index: u64,
    subject: Digest,
}

/// The decision is on disk. Needed to change anything.
#[derive(Debug)]
pub struct Durable {
    index: u64,
    subject: Digest,
}

impl Appended {
    /// Says that the record of the decision about the message `subject` has `index`. Only the
    /// ledger may: `cargo xtask tidy` knows who names this.
    pub fn at(index: u64, subject: Digest) -> Self {
        Self { index, subject }
    }

    /// The record's place in the ledger.
    pub fn index(&self) -> u64 {
        self.index
    }
}

impl Durable {
    /// Says that the record of the decision about the message `subject` is on disk at `index`.
    /// Only the ledger may: `cargo xtask tidy` knows who names this.
    pub fn at(index: u64, subject: Digest) -> Self {
        Self { index, subject }
    }

    /// The record's place in the ledger.
    pub fn index(&self) -> u64 {
        self.index
    }
}

/// A message together with the proof that it may be forwarded.
#[derive(Debug)]
pub struct Authorized<M> {
    message: M,
    index: u64,
}

impl<M> Authorized<M> {
    /// The message, to be forwarded now.
    pub fn into_message(self) -> M {
        self.message
    }

    /// The message that was judged.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Where the ledger holds the decision.
    pub fn index(&self) -> u64 {
        self.index
    }
}

/// Why a judged message may not be forwarded after all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorizeError {
    /// Policy said no.
    #[error("policy denies this message")]
    Denied,
    /// An obligation has no receipt for this message.
    #[error("no receipt shows that `{0}` was met")]
    Unmet(Obligation),
    /// The record is about another message.
    #[error("the record is about another message")]
    OtherRecord,
    /// Something that changes needs a durable record.
    #[error("an operation with effect `{0}` needs a durable record")]
    NotDurable(Effect),
}

/// Authorizes a message whose decision is on disk.
pub fn authorize<M>(
    judged: Judged<M>,
    receipts: &[Receipt],
    record: Durable,
) -> Result<Authorized<M>, AuthorizeError> {
    mint(judged, receipts, record.index, record.subject)
}

/// Authorizes a message that only observes, and whose decision is in the ledger's order.
pub fn authorize_observe<M>(
    judged: Judged<M>,
    receipts: &[Receipt],
    record: Appended,
) -> Result<Authorized<M>, AuthorizeError> {
    match judged.effect() {
        Effect::Observe => mint(judged, receipts, record.index, record.subject),
        effect => Err(AuthorizeError::NotDurable(effect)),
    }
}

/// The only place that makes an `Authorized`.
fn mint<M>(
    judged: Judged<M>,
    receipts: &[Receipt],
    index: u64,
    subject: Digest,
) -> Result<Authorized<M>, AuthorizeError> {
    let obligations = match judged.decision {
        Decision::Deny { .. } => return Err(AuthorizeError::Denied),
        Decision::Allow { obligations } | Decision::Hold { obligations, .. } => obligations,
    };
    if subject != judged.digest {
        return Err(AuthorizeError::OtherRecord);
    }
    let unmet = |obligation: &Obligation| {
        !receipts.iter().any(|receipt| receipt.proves(*obligation, judged.digest))
    };
    match Obligations::iter(obligations).find(unmet) {
        Some(obligation) => Err(AuthorizeError::Unmet(obligation)),
        None => Ok(Authorized { message: judged.message, index }),
    }
}
