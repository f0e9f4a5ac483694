//! Why something does not simply pass, the most telling reason first.

use std::sync::Arc;

use super::load::Rule;
use crate::reason::{Code, Reason};

/// Codes in the order in which they are told; those that are not listed come last.
const TELLING: [Code; 16] = [
    Code::Killed,
    Code::Tamper,
    Code::ForeignCredential,
    Code::PhantomLeaving,
    Code::UnboundCredential,
    Code::UnlistedHost,
    Code::OutsideRing,
    Code::OutsidePurpose,
    Code::WrongEnvironment,
    Code::OutsideTask,
    Code::NoWayBack,
    Code::RecoveryPath,
    Code::SecretUnmasked,
    Code::Opaque,
    Code::RefusedBefore,
    Code::NeedsApproval,
];

/// The reasons of the forbids that decided. Those that nothing lifts come first.
pub(super) fn reasons(forbids: &[Arc<Rule>]) -> Vec<Reason> {
    if forbids.is_empty() {
        return vec![no_policy_applies()];
    }
    let mut forbids: Vec<&Arc<Rule>> = forbids.iter().collect();
    forbids.sort_by_key(|rule| (!rule.touches.nothing(), rank(rule.code), rule.id().clone()));
    forbids.into_iter().map(|rule| reason(rule)).collect()
}

fn reason(rule: &Rule) -> Reason {
    Reason { code: rule.code, policy: rule.id().to_string(), text: rule.text.clone() }
}

fn rank(code: Code) -> usize {
    TELLING.iter().position(|one| *one == code).unwrap_or(TELLING.len())
}

fn no_policy_applies() -> Reason {
    Reason::new(
        Code::NoPolicyApplies,
        "No policy allows it, and nothing that is done first would change that.",
    )
}

/// Only what nobody here can do could release it; `forbids` are what asks for that.
pub(super) fn no_way_back(forbids: &[Arc<Rule>]) -> Vec<Reason> {
    let policy = reasons(forbids).into_iter().next().map(|reason| reason.policy);
    vec![Reason {
        code: Code::NoWayBack,
        policy: policy.unwrap_or_default(),
        text: "Nothing here can save what it would take away, or let it wait where it can be \
               cancelled, and without a way back nobody may release it."
            .to_owned(),
    }]
}

/// A policy could not be evaluated; `what` says which and why.
pub(super) fn policy_error(what: &str) -> Vec<Reason> {
    let text = format!("A policy could not be evaluated, so that nothing passes: {what}.");
    vec![Reason::new(Code::PolicyError, text)]
}

/// Nothing is known that the message would do.
pub(super) fn unparsed() -> Vec<Reason> {
    let text = "Nothing in the message says what it would do. Send it in a form that can be read.";
    vec![Reason::new(Code::Unparsed, text)]
}
