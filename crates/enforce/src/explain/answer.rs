//! The verdicts of an episode, in the shape that scripts rely on.

use holdpoint_core::{
    self as core, Code, Effect, Environment, Judgement, Reason, Reversibility,
    identity::RefusedAim, ledger::Meaning, obligation::Obligations, operation::Resource,
    policy::Verdict,
};
use serde::Serialize;

use super::NOW;

/// The verdicts of one episode.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The episode's id.
    pub id: String,
    /// That of its strictest operation.
    pub verdict: Verdict,
    /// The index of the first operation that is held or denied.
    pub stopped_at: Option<usize>,
    /// Every operation, in order.
    pub operations: Vec<Judged>,
}

impl Answer {
    /// The answer about `operations`.
    pub(super) fn new(id: String, operations: Vec<Judged>) -> Self {
        let verdict = operations.iter().map(|judged| judged.verdict).max();
        let stopped_at = operations.iter().position(|judged| judged.verdict != Verdict::Allow);
        Self { id, verdict: verdict.unwrap_or(Verdict::Allow), stopped_at, operations }
    }
}

/// The verdict about one operation of an episode. Its own fields are those of the strictest
/// meaning.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// Its place in the episode.
    pub index: usize,
    /// What policy says.
    pub verdict: Verdict,
    /// What it was spared, where it passes by the mode of its rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spared: Option<Verdict>,
    /// What would have to be done first.
    pub obligations: Obligations,
    /// The strongest effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Whether that could be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reversibility: Option<Reversibility>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Everything that it would do.
    pub meanings: Vec<Meaning>,
    /// Why it does not simply pass.
    pub reasons: Vec<Reason>,
    /// Microseconds to interpret and decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// What of it was refused, and why.
    #[serde(skip)]
    refused: Vec<(Resource, Effect, Code)>,
}

impl Judged {
    /// What was decided about a message.
    pub(super) fn new<M>(index: usize, judged: &core::Judged<M>) -> Self {
        let judgements = judged.judgements();
        let strictest = judgements.iter().max_by_key(|judgement| {
            (judgement.operation.effect, judgement.decision.verdict(), judgement.facts.environment)
        });
        Self {
            index,
            verdict: judged.decision().verdict(),
            spared: judged.spared().map(|spared| spared.verdict),
            obligations: judged.decision().obligations(),
            effect: strictest.map(|judgement| judgement.operation.effect),
            reversibility: strictest.map(|judgement| judgement.operation.reversibility),
            environment: strictest.map(|judgement| judgement.facts.environment),
            meanings: judgements
                .iter()
                .map(|judgement| Meaning::of(&judgement.operation, judgement.facts.environment))
                .collect(),
            reasons: judged.reasons().to_vec(),
            micros: None,
            refused: judgements
                .iter()
                .filter_map(|Judgement { operation, decision, .. }| {
                    let reason = decision.reasons().first()?;
                    Some((operation.resource.clone(), operation.effect, reason.code))
                })
                .collect(),
        }
    }

    /// A message that cannot be read: denied, with no meaning.
    pub(super) fn unreadable(index: usize, reason: Reason) -> Self {
        Self {
            index,
            verdict: Verdict::Deny,
            spared: None,
            obligations: Obligations::NONE,
            effect: None,
            reversibility: None,
            environment: None,
            meanings: Vec::new(),
            reasons: vec![reason],
            micros: None,
            refused: Vec::new(),
        }
    }

    /// What is remembered when this is refused.
    pub(super) fn aims(&self, run: &str) -> impl Iterator<Item = RefusedAim> {
        let aims = self.refused.iter().map(move |(resource, effect, code)| RefusedAim {
            run: run.to_owned(),
            resource: resource.clone(),
            effect: *effect,
            code: *code,
            at: NOW,
        });
        aims.filter(RefusedAim::counts)
    }
}
