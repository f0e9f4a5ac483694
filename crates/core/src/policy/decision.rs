//! The PDP's answer.

use serde::{Deserialize, Serialize};

use crate::{obligation::Obligations, reason::Reason};

/// What policy says, with what must be done first or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may pass once the obligations are met, none of which makes anybody wait.
    Allow {
        /// What must be done first.
        obligations: Obligations,
    },
    /// It may pass once a human has released it or a time has gone by.
    Hold {
        /// What must be done first.
        obligations: Obligations,
        /// Why it cannot pass as it is.
        reasons: Vec<Reason>,
    },
    /// It may not pass.
    Deny {
        /// Why not; never empty.
        reasons: Vec<Reason>,
    },
}

impl Decision {
    /// Allowed with nothing to do first.
    pub const ALLOW: Self = Self::Allow { obligations: Obligations::NONE };

    /// The verdict's word.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Allow { .. } => Verdict::Allow,
            Self::Hold { .. } => Verdict::Hold,
            Self::Deny { .. } => Verdict::Deny,
        }
    }

    /// What must be done first.
    pub fn obligations(&self) -> Obligations {
        match self {
            Self::Allow { obligations } | Self::Hold { obligations, .. } => *obligations,
            Self::Deny { .. } => Obligations::NONE,
        }
    }

    /// Why it does not simply pass.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Allow { .. } => &[],
            Self::Hold { reasons, .. } | Self::Deny { reasons } => reasons,
        }
    }

    /// The decision about both: the stricter verdict, with the obligations and reasons of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let verdict = self.verdict().max(other.verdict());
        let obligations = self.obligations().union(other.obligations());
        let mut reasons: Vec<Reason> = Vec::new();
        for decision in [&self, &other] {
            let of_verdict = decision.verdict() == verdict;
            let new = decision.reasons().iter().filter(|_| of_verdict);
            reasons.extend(
                new.filter(|reason| !reasons.contains(reason)).cloned().collect::<Vec<_>>(),
            );
        }
        match verdict {
            Verdict::Allow => Self::Allow { obligations },
            Verdict::Hold => Self::Hold { obligations, reasons },
            Verdict::Deny => Self::Deny { reasons },
        }
    }
}

/// The three verdicts, laxest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Passes.
    Allow,
    /// Waits.
    Hold,
    /// Does not pass.
    Deny,
}

impl Verdict {
    /// The verdict's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }
}
