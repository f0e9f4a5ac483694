//! Receipts: the proof that one obligation was met for one message.

use serde::Serialize;

use crate::{digest::Digest, obligation::Obligation};

/// The proof that one obligation was met for one message. Only a fulfiller makes one, after it
/// has seen the thing itself: `cargo xtask tidy` knows who may name the constructor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    obligation: String,
    #[serde(skip)]
    met: Obligation,
    subject: Digest,
    evidence: Digest,
}

impl Receipt {
    /// A receipt that `met` was met for the message with digest `subject`; `evidence` is the
    /// digest of what proves it (the signed approval, the snapshot's manifest).
    pub fn issue(met: Obligation, subject: Digest, evidence: Digest) -> Self {
        Self { obligation: met.to_string(), met, subject, evidence }
    }

    /// Whether this receipt shows that `obligation` was met for the message `subject`.
    pub fn proves(&self, obligation: Obligation, subject: Digest) -> bool {
        self.subject == subject
            && match (self.met, obligation) {
                (Obligation::Snapshot, Obligation::Snapshot) => true,
                (Obligation::Approval { count: met }, Obligation::Approval { count }) => {
                    met >= count
                }
                (Obligation::Delay { seconds: met }, Obligation::Delay { seconds }) => {
                    met >= seconds
                }
                _ => false,
            }
    }
}
