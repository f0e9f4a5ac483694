//! What the ledger and the agent are told of a judgement.

use holdpoint_core::{
    Code, Judged,
    ledger::{Circumstances, Decided, Meaning},
    policy::{Decision, Verdict},
};
use holdpoint_wire::{
    explain::Explanation,
    hook::{Answer, Heard, Reply, answer},
};

use super::{Said, reference};

/// Meanings and reasons that one record holds, at most.
const WRITTEN_DOWN_MAX: usize = 50;

/// What the ledger says about it.
pub(super) fn decided(judged: &Judged<Said>) -> Decided {
    let decision = judged.decision();
    let judgements = judged.judgements().iter().take(WRITTEN_DOWN_MAX);
    // Of a part nobody can say again what was said of the whole.
    let whole = judged.judgements().len() <= WRITTEN_DOWN_MAX;
    Decided {
        message: judged.digest(),
        policies: judged.policy_digest(),
        verdict: decision.verdict().as_str().into(),
        operations: judgements
            .map(|judgement| Meaning::of(&judgement.operation, judgement.facts.environment))
            .collect(),
        obligations: decision.obligations().iter().map(|it| it.to_string()).collect(),
        reasons: judged.reasons().iter().take(WRITTEN_DOWN_MAX).cloned().collect(),
        hold: None,
        forwarded: decision.verdict() == Verdict::Allow,
        spared: judged.spared().map(|spared| spared.verdict.as_str().into()),
        fingerprints: Vec::new(),
        circumstances: match whole {
            true => judged.judgements().iter().map(Circumstances::of).collect(),
            false => Vec::new(),
        },
    }
}

/// What is said to the agent, or by the agent to its human.
pub(super) fn text(judged: &Judged<Said>, heard: &Heard) -> String {
    let Some(reason) = reason(&Explanation::of(judged)) else { return String::new() };
    let reference = reference(judged.digest());
    let reference = format!("Ref {reference} (mistaken? `holdpoint wrong {reference}`).");
    match judged.decision() {
        Decision::Hold { .. } if heard.can_ask() => {
            format!("Holdpoint asks before this {reason} {reference}")
        }
        Decision::Hold { .. } => format!(
            "Holdpoint holds this {reason} Nothing was done. This agent has no way to ask its \
             human: tell them what you need and why, and go on without it. Another road to the \
             same end is held as well. {reference}"
        ),
        _ => format!(
            "Holdpoint refused this {reason} Nothing was done, and another road will not help. \
             Go on without it, or tell your human what you need and why. {reference}"
        ),
    }
}

/// What is said inside a run, where a hook stops nothing.
pub(super) fn inside(explanation: &Explanation) -> String {
    let would = match explanation.verdict {
        Verdict::Hold => "hold",
        _ => "refuse",
    };
    let reason = reason(explanation).unwrap_or_default();
    format!(
        "Outside of this run Holdpoint would {would} this {reason} Here it goes on, and the run \
         itself stops what it must not reach."
    )
}

/// Why, and what it is about.
fn reason(explanation: &Explanation) -> Option<String> {
    let reason = explanation.reason.as_ref()?;
    let what = explanation.meaning.as_ref().map_or_else(String::new, |it| {
        format!(" It is {} on {} ({}).", it.operation, it.resource, it.environment)
    });
    Some(format!("({}): {}{what}", reason.code, reason.text))
}

/// How an agent is told that nobody could decide in time, or at all: never a yes.
pub fn undecided(heard: &Heard, code: Code, why: &str) -> Answer {
    let told = format!(
        "Holdpoint could not decide about this ({code}): {why}. Nothing was done. Try once more, \
         and if it stays so tell your human to look at `holdpoint doctor`."
    );
    answer(heard, Reply::Deny(&told))
}
