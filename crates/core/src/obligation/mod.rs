//! What must be done before a message may pass, and the proof that it was.

mod receipt;

use std::fmt;

use serde::{Serialize, Serializer};

pub use receipt::Receipt;

/// A set of obligations. Facts that are not true yet: the same three numbers are Cedar's
/// `context.approvals`, `context.snapshot` and `context.delay_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Obligations {
    /// How many distinct humans must release it.
    pub approvals: u8,
    /// A verified pre-image must exist.
    pub snapshot: bool,
    /// How long it must wait, in which it can be cancelled.
    pub delay_seconds: u64,
}

impl Obligations {
    /// Nothing to be done.
    pub const NONE: Self = Self { approvals: 0, snapshot: false, delay_seconds: 0 };

    /// Whether there is nothing to be done.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Whether somebody has to wait: for a human or for time.
    pub fn holds(self) -> bool {
        self.approvals > 0 || self.delay_seconds > 0
    }

    /// What meets both: the obligations of a message are those of all its operations.
    pub fn union(self, other: Self) -> Self {
        Self {
            approvals: self.approvals.max(other.approvals),
            snapshot: self.snapshot || other.snapshot,
            delay_seconds: self.delay_seconds.max(other.delay_seconds),
        }
    }

    /// One by one, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Obligation> {
        let snapshot = self.snapshot.then_some(Obligation::Snapshot);
        let approval =
            (self.approvals > 0).then_some(Obligation::Approval { count: self.approvals });
        let delay =
            (self.delay_seconds > 0).then_some(Obligation::Delay { seconds: self.delay_seconds });
        [snapshot, approval, delay].into_iter().flatten()
    }
}

impl Serialize for Obligations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|obligation| obligation.to_string()))
    }
}

/// One obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obligation {
    /// A verified pre-image exists where the destroyer has no power.
    Snapshot,
    /// This many distinct humans have released this exact operation.
    Approval {
        /// How many.
        count: u8,
    },
    /// It has waited this long.
    Delay {
        /// How long.
        seconds: u64,
    },
}

impl fmt::Display for Obligation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot => f.write_str("snapshot"),
            Self::Approval { count } => write!(f, "approval:{count}"),
            Self::Delay { seconds } => write!(f, "delay:{seconds}"),
        }
    }
}
