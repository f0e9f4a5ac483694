//! What can be counted without telling anything: how many decisions of which kind, how long they
//! took, how long humans took. Words of closed lists and numbers, and nothing that anybody wrote.
//!
//! Everything is counted where it is recorded, so that the numbers are those of the ledger.

mod console;
mod histogram;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdpoint_core::{
    Code, Effect, Timestamp,
    ledger::{Decided, Record, RecordKind},
    policy::Verdict,
};
use tokio::time::Instant;

pub use console::serve;
use histogram::Histogram;

/// Decisions whose end is awaited, and holds, at most: of more, the oldest are not timed.
const AWAITED_MAX: usize = 10_000;
/// Upper bounds of what a decision takes, in seconds.
const DECISION: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];
/// The same of an upstream's answer.
const ANSWER: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];
/// The same of a human's.
const RELEASE: &[f64] = &[5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

tokio::task_local! {
    /// When the message that this task is about arrived.
    static ARRIVED: Instant;
}

/// Carries out `walk` as what a message that arrives now is taken through.
pub(crate) async fn arriving<F: Future>(walk: F) -> F::Output {
    ARRIVED.scope(Instant::now(), walk).await
}

/// A number that is looked up when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// Its name, with its labels: words of our own.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// How many.
    pub value: u64,
}

/// All that is counted.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    /// By verdict, effect, and what it was spared by a mode.
    decisions: BTreeMap<(Verdict, Option<Effect>, Option<Verdict>), u64>,
    reasons: BTreeMap<Code, u64>,
    /// Upstreams' answers, and what came to nothing.
    outcomes: [u64; 2],
    /// Holds that a human released, and that one denied.
    answered: [u64; 2],
    deciding: Histogram,
    answering: Histogram,
    waiting: Histogram,
    /// Decisions that were forwarded, and holds: when.
    forwarded: BTreeMap<u64, Timestamp>,
    held: BTreeMap<String, Timestamp>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            decisions: BTreeMap::new(),
            reasons: BTreeMap::new(),
            outcomes: [0; 2],
            answered: [0; 2],
            deciding: Histogram::new(DECISION),
            answering: Histogram::new(ANSWER),
            waiting: Histogram::new(RELEASE),
            forwarded: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }
}

impl Metrics {
    /// Counts a record that is in the ledger at `index`.
    pub(crate) fn count(&self, index: u64, record: &Record) {
        let at = record.at;
        match &record.kind {
            RecordKind::Decision(decided) => {
                let taken = ARRIVED.try_with(Instant::elapsed).ok();
                self.counts().decision(index, at, decided, taken);
            }
            RecordKind::Outcome { decision, failure, .. } => {
                let mut counts = self.counts();
                let [answered, failed] = &mut counts.outcomes;
                *(if failure.is_none() { answered } else { failed }) += 1;
                if let Some(since) = counts.forwarded.remove(decision) {
                    counts.answering.observe(between(since, at));
                }
            }
            RecordKind::Approval { hold, released, .. } => {
                let mut counts = self.counts();
                let [yes, no] = &mut counts.answered;
                *(if *released { yes } else { no }) += 1;
                if let Some(since) = counts.held.remove(hold) {
                    counts.waiting.observe(between(since, at));
                }
            }
            RecordKind::Closed { .. }
            | RecordKind::Claim { .. }
            | RecordKind::Schedule { .. }
            | RecordKind::Change { .. }
            | RecordKind::Lifecycle { .. } => {}
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers, and `gauges`, in Prometheus' text format 0.0.4.
    pub fn text(&self, gauges: &[Gauge]) -> String {
        let mut text = self.counts().text();
        for Gauge { name, help, value } in gauges {
            let plain = name.split('{').next().unwrap_or(name);
            if !text.contains(&format!("# TYPE {plain} ")) {
                head(&mut text, plain, "gauge", help);
            }
            line(&mut text, name, &value.to_string());
        }
        text
    }
}

impl Counts {
    fn decision(&mut self, index: u64, at: Timestamp, decided: &Decided, taken: Option<Duration>) {
        let word = |word: &str| match word {
            "allow" => Verdict::Allow,
            "hold" => Verdict::Hold,
            _ => Verdict::Deny,
        };
        let effect = decided.operations.iter().map(|meaning| meaning.effect).max();
        let spared = decided.spared.as_deref().map(word);
        *self.decisions.entry((word(&decided.verdict), effect, spared)).or_default() += 1;
        if let Some(reason) = decided.reasons.first() {
            *self.reasons.entry(reason.code).or_default() += 1;
        }
        if let Some(taken) = taken {
            self.deciding.observe(taken);
        }
        match (&decided.hold, decided.forwarded) {
            (_, true) => await_end(&mut self.forwarded, index, at),
            (Some(hold), false) if !self.held.contains_key(hold) => {
                await_end(&mut self.held, hold.clone(), at);
            }
            _ => {}
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let name = "holdpoint_decisions_total";
        head(&mut text, name, "counter", "Messages that were judged.");
        for ((verdict, effect, spared), count) in &self.decisions {
            let effect = effect.map_or("none", Effect::as_str);
            let spared = spared.map_or("none", Verdict::as_str);
            let verdict = verdict.as_str();
            let labels = format!("verdict=\"{verdict}\",effect=\"{effect}\",spared=\"{spared}\"");
            line(&mut text, &format!("{name}{{{labels}}}"), &count.to_string());
        }
        let name = "holdpoint_reasons_total";
        head(&mut text, name, "counter", "Why messages did not simply pass, by the first reason.");
        for (code, count) in &self.reasons {
            line(&mut text, &format!("{name}{{code=\"{code}\"}}"), &count.to_string());
        }
        for (name, help, label, words, counts) in [
            (
                "holdpoint_outcomes_total",
                "What became of messages that were forwarded.",
                "outcome",
                ["answered", "failed"],
                self.outcomes,
            ),
            (
                "holdpoint_holds_answered_total",
                "Holds that a human overturned (released) or confirmed (denied).",
                "answer",
                ["released", "denied"],
                self.answered,
            ),
        ] {
            head(&mut text, name, "counter", help);
            for (word, count) in words.iter().zip(counts) {
                line(&mut text, &format!("{name}{{{label}=\"{word}\"}}"), &count.to_string());
            }
        }
        for (name, help, histogram) in [
            (
                "holdpoint_decision_seconds",
                "From a message's arrival to its recorded decision.",
                &self.deciding,
            ),
            (
                "holdpoint_answer_seconds",
                "From a decision to its upstream's answer.",
                &self.answering,
            ),
            ("holdpoint_hold_wait_seconds", "From a hold to a human's answer.", &self.waiting),
        ] {
            head(&mut text, name, "histogram", help);
            histogram.text(&mut text, name);
        }
        text
    }
}

fn between(since: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(at.0.saturating_sub(since.0))
}

fn await_end<K: Ord>(awaited: &mut BTreeMap<K, Timestamp>, key: K, at: Timestamp) {
    if awaited.len() >= AWAITED_MAX {
        awaited.pop_first();
    }
    awaited.insert(key, at);
}

/// Writing to a string cannot fail.
fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests;
