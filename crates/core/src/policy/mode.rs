//! Modes: whether what policy says "no" to is stopped, or forwarded and written down as what would
//! have been stopped; for every rule, or for one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::decision::{Decision, Verdict};
use crate::{
    authorized::Judgement,
    obligation::Obligations,
    operation::Operation,
    reason::{Code, Reason},
};

/// What becomes of a "no". The strictest is the last.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It passes, and what would have become of it is written down.
    Observe,
    /// The same, and it is said where somebody sees it.
    Warn,
    /// It is a "no".
    #[default]
    Enforce,
}

impl Mode {
    /// The mode's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no mode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("write enforce, warn or observe")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Observe, Self::Warn, Self::Enforce];
        all.into_iter().find(|mode| mode.as_str() == word).ok_or(UnknownMode)
    }
}

/// The mode of every rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modes {
    /// Of all that are not named.
    pub all: Mode,
    /// Of single rules, by the id of the policy or by a reason's code: `RULE` alone, or as
    /// `RULE OPERATION` or `RULE OPERATION RESOURCE` about no more than these. The narrowest counts.
    /// A name with a blank in it is in no key: it could be read as two.
    pub rules: BTreeMap<String, Mode>,
}

/// What would have become of a message that passes only by its mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spared {
    /// The verdict that it was spared.
    pub verdict: Verdict,
    /// What it would have waited for.
    pub obligations: Obligations,
    /// Why.
    pub reasons: Vec<Reason>,
    /// By which mode it passes.
    pub mode: Mode,
}

/// Reasons that no mode takes away: what they refuse harms whether or not somebody only looks on,
/// or cannot be decided at all.
const ALWAYS: [Code; 5] =
    [Code::ForeignCredential, Code::Tamper, Code::Killed, Code::PolicyError, Code::Unparsed];

impl Modes {
    /// Whether every rule is in force.
    pub fn enforce_all(&self) -> bool {
        self.all == Mode::Enforce && self.rules.values().all(|mode| *mode == Mode::Enforce)
    }

    /// What is decided about a message of these `judgements`, and what would have been without
    /// these modes. Each operation by itself: one that passes by its mode takes no other along.
    pub(super) fn spare(&self, judgements: &[Judgement]) -> Option<(Decision, Option<Spared>)> {
        let judged = judgements.iter().map(|it| it.decision.clone()).reduce(Decision::and)?;
        if self.enforce_all() || judged.verdict() == Verdict::Allow {
            return Some((judged, None));
        }
        let one = |it: &Judgement| self.spare_one(&it.decision, &it.operation);
        let (decision, mode) = judgements
            .iter()
            .map(one)
            .reduce(|one, other| (one.0.and(other.0), one.1.max(other.1)))?;
        let (Some(mode), Verdict::Allow) = (mode, decision.verdict()) else {
            return Some((decision, None));
        };
        let (verdict, obligations) = (judged.verdict(), judged.obligations());
        let reasons = judged.reasons().to_vec();
        Some((decision, Some(Spared { verdict, obligations, reasons, mode })))
    }

    /// What is decided about one operation, and the mode by which it passes if it does so by that.
    fn spare_one(&self, decision: &Decision, operation: &Operation) -> (Decision, Option<Mode>) {
        let mode = decision.reasons().iter().map(|reason| self.of(reason, operation)).max();
        let mode = mode.filter(|mode| *mode != Mode::Enforce);
        if mode.is_none() || decision.verdict() == Verdict::Allow {
            return (decision.clone(), None);
        }
        // What can be saved without anybody waiting still is.
        let kept = Obligations { snapshot: decision.obligations().snapshot, ..Obligations::NONE };
        (Decision::Allow { obligations: kept }, mode)
    }

    fn of(&self, reason: &Reason, operation: &Operation) -> Mode {
        if ALWAYS.contains(&reason.code) {
            return Mode::Enforce;
        }
        let rules = [reason.policy.as_str(), reason.code.as_str()];
        let (name, resource) = (operation.name.as_str(), operation.resource.id.as_str());
        // An agent may have chosen them: in `a b c` nothing says where one ends.
        let key = |names: &[&str]| {
            let one = |name: &&str| !name.is_empty() && !name.contains(char::is_whitespace);
            names.iter().all(one).then(|| names.iter().map(|name| format!(" {name}")).collect())
        };
        let narrowed: [Option<String>; 3] = [key(&[name, resource]), key(&[name]), key(&[])];
        let narrowed = narrowed.iter().flatten();
        let keys = narrowed.flat_map(|about| rules.map(|rule| format!("{rule}{about}")));
        keys.filter_map(|key| self.rules.get(&key)).next().copied().unwrap_or(self.all)
    }
}

#[cfg(test)]
mod tests;
