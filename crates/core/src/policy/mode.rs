//! Modes: whether what policy says "no" to is stopped, or forwarded and written down as what would
//! have been stopped; for every rule, or for one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::decision::{Decision, Verdict};
use crate::{
    obligation::Obligations,
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
    /// Of single rules, by the id of the policy or by a reason's code.
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

    /// What becomes of `decision`, and what would have without these modes.
    pub(super) fn spare(&self, decision: Decision) -> (Decision, Option<Spared>) {
        let mode = decision.reasons().iter().map(|reason| self.of(reason)).max();
        let mode = mode.unwrap_or(Mode::Enforce);
        if mode == Mode::Enforce || decision.verdict() == Verdict::Allow {
            return (decision, None);
        }
        let (verdict, obligations) = (decision.verdict(), decision.obligations());
        let reasons = decision.reasons().to_vec();
        // What can be saved without anybody waiting still is.
        let kept = Obligations { snapshot: obligations.snapshot, ..Obligations::NONE };
        let spared = Spared { verdict, obligations, reasons, mode };
        (Decision::Allow { obligations: kept }, Some(spared))
    }

    fn of(&self, reason: &Reason) -> Mode {
        if ALWAYS.contains(&reason.code) {
            return Mode::Enforce;
        }
        let named = [reason.policy.as_str(), reason.code.as_str()];
        let named = named.iter().find_map(|name| self.rules.get(*name));
        named.copied().unwrap_or(self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Modes};
    use crate::{
        obligation::Obligations,
        policy::{Decision, Verdict},
        reason::{Code, Reason},
    };

    fn modes(all: Mode, rules: &[(&str, Mode)]) -> Modes {
        Modes { all, rules: rules.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect() }
    }

    #[test]
    fn the_strictest_reason_decides_and_some_are_always_strict() {
        use Code::{ForeignCredential, Killed, NeedsApproval, Tamper, UnlistedHost};
        use Mode::{Enforce, Observe, Warn};
        for (all, rules, codes, expect) in [
            (Enforce, &[][..], &[NeedsApproval][..], None),
            (Observe, &[], &[NeedsApproval], Some(Observe)),
            (Warn, &[], &[UnlistedHost, NeedsApproval], Some(Warn)),
            (Observe, &[], &[NeedsApproval, ForeignCredential], None),
            (Observe, &[], &[Tamper], None),
            (Observe, &[("killed", Observe)], &[Killed], None),
            (Observe, &[("unlisted_host", Enforce)], &[UnlistedHost, NeedsApproval], None),
            (Enforce, &[("unlisted_host", Warn)], &[UnlistedHost], Some(Warn)),
            (Enforce, &[("a-rule", Observe)], &[UnlistedHost], Some(Observe)),
        ] {
            let reasons: Vec<Reason> = codes
                .iter()
                .map(|code| Reason { policy: "a-rule".into(), ..Reason::new(*code, "why") })
                .collect();
            for decision in [
                Decision::Deny { reasons: reasons.clone() },
                Decision::Hold {
                    obligations: Obligations { approvals: 1, snapshot: true, ..Obligations::NONE },
                    reasons: reasons.clone(),
                },
            ] {
                let (becomes, spared) = modes(all, rules).spare(decision.clone());
                assert_eq!(spared.as_ref().map(|it| it.mode), expect, "{all} {rules:?} {codes:?}");
                let Some(spared) = spared else {
                    assert_eq!(becomes, decision);
                    continue;
                };
                assert_eq!(
                    (becomes.verdict(), spared.verdict),
                    (Verdict::Allow, decision.verdict())
                );
                assert_eq!(becomes.obligations().snapshot, decision.obligations().snapshot);
                assert_eq!((becomes.obligations().approvals, spared.reasons), (0, reasons.clone()));
            }
        }
    }
}
