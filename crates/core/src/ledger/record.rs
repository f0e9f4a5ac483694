//! One append-only entry of the ledger. Records hold digests and redacted facts, never bodies,
//! never secrets, never prompts.

use serde::{Deserialize, Serialize};

use super::circumstances::Circumstances;
use crate::{
    digest::Digest,
    identity::Principal,
    operation::{Effect, Environment, Operation, ResourceId, Reversibility},
    policy::Request,
    reason::Reason,
    time::Timestamp,
};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this shape; 1.
    pub v: u8,
    /// When it was appended, by the gateway's clock.
    pub at: Timestamp,
    /// Who asked; absent where a human or the gateway itself acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// What happened.
    #[serde(flatten)]
    pub kind: RecordKind,
}

impl Record {
    /// A record of `kind` at `at`.
    pub fn new(at: Timestamp, principal: Option<Principal>, kind: RecordKind) -> Self {
        Self { v: 1, at, principal, kind }
    }

    /// The entry as it is hashed and stored: canonical JSON (RFC 8785).
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json_canonicalizer::to_vec(self)
    }
}

/// What a record is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecordKind {
    /// A message was judged. Written before its effect, if it has one.
    Decision(Decided),
    /// What became of a message that was forwarded.
    Outcome {
        /// The index of the decision.
        decision: u64,
        /// The upstream's own status, where it answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The digest of the answer, where it was read whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Digest>,
        /// Why there is no answer: nothing was sent, or nobody knows what became of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// A connection that a forwarded message opened (a WebSocket) has ended.
    Closed {
        /// The index of the decision.
        decision: u64,
        /// Bytes that went to the upstream.
        sent: u64,
        /// Bytes that came from it.
        received: u64,
        /// Why it was ended from here; absent where its ends did so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// What an agent's hook says has become of a call of a tool; nobody has seen it.
    Claim {
        /// The digest of the message that was judged.
        message: Digest,
        /// Whether it is said to have failed.
        failed: bool,
    },
    /// What a hook inside of a run was told that policy would say outside. Nothing was asked for
    /// by it, and nothing is forwarded or released.
    Explained {
        /// The digest of what it asked.
        message: Digest,
        /// The digest of the policies that were asked.
        policies: Digest,
        /// `allow`, `hold` or `deny`.
        verdict: String,
        /// What it would do.
        operations: Vec<Meaning>,
        /// Why it would not simply pass.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<Reason>,
    },
    /// A human answered a hold.
    Approval {
        /// The hold.
        hold: String,
        /// Who answered.
        approver: String,
        /// Whether it was released.
        released: bool,
        /// The digest of the signed answer.
        evidence: Digest,
    },
    /// What waits for its time was scheduled, or came to nothing before it was sent.
    Schedule {
        /// The hold.
        hold: String,
        /// What became of it: `scheduled`, `cancelled`, `denied`, `void`.
        state: String,
        /// Before when nothing is sent.
        not_before: Timestamp,
        /// Why it came to nothing, where it was refused at its time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// A human changed what the guard goes by.
    Change {
        /// What was changed: `policy`, `hosts`, `secrets`, `inventory`, `agents`, `approvers`.
        what: String,
        /// What it was changed to, redacted.
        detail: String,
    },
    /// The gateway started, went on, or stopped.
    Lifecycle {
        /// What happened.
        event: String,
    },
}

/// A judged message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The digest of the message.
    pub message: Digest,
    /// The digest of the policies that decided.
    pub policies: Digest,
    /// `allow`, `hold` or `deny`.
    pub verdict: String,
    /// What it would do.
    pub operations: Vec<Meaning>,
    /// What had to be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<String>,
    /// Why it did not simply pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The hold that it waits in, or was released from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// Whether it is forwarded now.
    pub forwarded: bool,
    /// The verdict that it was spared, where it passes by the mode of the rules that `reasons`
    /// names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spared: Option<String>,
    /// Keyed fingerprints of foreign credentials that it carried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
    /// What was known about each of `operations`, in their order; empty where it is not written
    /// down, as for what was not policy's to decide: such a record cannot be replayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub circumstances: Vec<Circumstances>,
}

impl Decided {
    /// What policy said, whatever the mode of its rules made of it.
    pub fn judged(&self) -> &str {
        self.spared.as_deref().unwrap_or(&self.verdict)
    }

    /// The questions that policy was asked, to be asked again on behalf of `principal`. `None` if the
    /// record does not hold them.
    pub fn requests(&self, principal: &Principal) -> Option<Vec<Request>> {
        let pairs = self.operations.iter().zip(&self.circumstances);
        let whole =
            !self.operations.is_empty() && self.operations.len() == self.circumstances.len();
        whole.then(|| pairs.map(|(meaning, known)| known.request(meaning, principal)).collect())
    }
}

/// One operation as it is written down and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// The operation's name.
    pub operation: String,
    /// What it is done to.
    pub resource: ResourceId,
    /// What it does.
    pub effect: Effect,
    /// Whether it can be taken back.
    pub reversibility: Reversibility,
    /// Where the resource lives.
    pub environment: Environment,
}

impl Meaning {
    /// The meaning of `operation` on a resource in `environment`.
    pub fn of(operation: &Operation, environment: Environment) -> Self {
        Self {
            operation: operation.name.clone(),
            resource: operation.resource.id.clone(),
            effect: operation.effect,
            reversibility: operation.reversibility,
            environment,
        }
    }
}
