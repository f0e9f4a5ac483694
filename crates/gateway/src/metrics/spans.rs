//! Spans of messages: when each was judged, answered and released, for whoever traces.
//!
//! They follow from what is recorded. The ledger is the evidence; a span is dropped where there is no
//! room for it, and says no more than a number does.

use std::collections::VecDeque;

use holdpoint_core::Timestamp;
use sha2::{Digest as _, Sha256};

use super::family::Labels;

/// Spans that wait to be told, at most: of more, the newest are dropped and counted.
pub(super) const SPANS_MAX: usize = 2048;

/// One step of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// What it was: `decision`, `answer` or `hold`.
    pub(super) name: &'static str,
    /// Where its decision is in the ledger.
    pub(super) index: u64,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) labels: Labels,
}

/// What waits to be told, by a gateway that has `seed`, so that its traces are nobody else's.
#[derive(Debug)]
pub(super) struct Spans {
    seed: [u8; 32],
    waiting: VecDeque<Span>,
    pub(super) dropped: u64,
}

impl Spans {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, waiting: VecDeque::new(), dropped: 0 }
    }

    pub(super) fn push(&mut self, span: Span) {
        match self.waiting.len() < SPANS_MAX {
            true => self.waiting.push_back(span),
            false => self.dropped += 1,
        }
    }

    /// Takes all that wait.
    pub(super) fn take(&mut self) -> Vec<Span> {
        self.waiting.drain(..).collect()
    }

    /// The trace of the message whose decision is at `index`, and the span `name` in it.
    pub(super) fn ids(seed: &[u8; 32], index: u64, name: &str) -> (String, String) {
        let of = |what: &str| {
            let parts = [seed.as_slice(), &index.to_be_bytes(), what.as_bytes()];
            Sha256::digest(parts.concat())
        };
        let cut = |digest: &[u8], bytes: usize| {
            hex::encode(digest.iter().take(bytes).copied().collect::<Vec<_>>())
        };
        (cut(&of("trace"), 16), cut(&of(name), 8))
    }

    pub(super) fn seed(&self) -> [u8; 32] {
        self.seed
    }
}
