//! What can be counted without telling anything: how many decisions of which kind, how long they
//! took, how long humans took. Words of closed lists and numbers, and nothing that anybody wrote.
//!
//! Everything is counted where it is recorded, so that the numbers are those of the ledger.

mod console;
mod export;
mod family;
mod histogram;
mod otlp;
mod spans;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdpoint_core::{
    Code, Effect, Timestamp,
    ledger::{Decided, Record, RecordKind},
    policy::Verdict,
};
use tokio::time::Instant;

pub use console::{Gauges, serve};
pub use export::export;
use family::{Family, Labels, Points};
use histogram::Histogram;
use spans::{Span, Spans};

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
    /// Its name, as OpenTelemetry writes names (`holdpoint.holds_open`).
    pub name: &'static str,
    /// Its label, and the word of a closed list that it has.
    pub label: Option<(&'static str, &'static str)>,
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
    /// Decisions that were forwarded, and holds: when, and by which decision.
    forwarded: BTreeMap<u64, Timestamp>,
    held: BTreeMap<String, (u64, Timestamp)>,
    /// If they are told to anybody.
    spans: Option<Spans>,
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
            spans: None,
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
                    let outcome = if failure.is_none() { "answered" } else { "failed" };
                    counts.span("answer", *decision, (since, at), vec![("outcome", outcome)]);
                }
            }
            RecordKind::Approval { hold, released, .. } => {
                let mut counts = self.counts();
                let [yes, no] = &mut counts.answered;
                *(if *released { yes } else { no }) += 1;
                if let Some((index, since)) = counts.held.remove(hold) {
                    counts.waiting.observe(between(since, at));
                    let answer = if *released { "released" } else { "denied" };
                    counts.span("hold", index, (since, at), vec![("answer", answer)]);
                }
            }
            RecordKind::Closed { .. }
            | RecordKind::Claim { .. }
            | RecordKind::Explained { .. }
            | RecordKind::Schedule { .. }
            | RecordKind::Change { .. }
            | RecordKind::Lifecycle { .. } => {}
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps spans from now on.
    fn trace(&self, spans: Spans) {
        self.counts().spans = Some(spans);
    }

    /// The spans that wait to be told, and what their identifiers come from.
    fn take_spans(&self) -> Option<(Vec<Span>, [u8; 32])> {
        self.counts().spans.as_mut().map(|spans| (spans.take(), spans.seed()))
    }

    /// So many spans could not be told.
    fn dropped(&self, count: usize) {
        if let Some(spans) = &mut self.counts().spans {
            spans.dropped += count as u64;
        }
    }

    /// The numbers, and `gauges`, in Prometheus' text format 0.0.4.
    pub fn text(&self, gauges: &[Gauge]) -> String {
        let mut text = String::new();
        self.families(gauges).iter().for_each(|family| family.text(&mut text));
        text
    }

    fn families(&self, gauges: &[Gauge]) -> Vec<Family> {
        let mut families = self.counts().families();
        for Gauge { name, label, help, value } in gauges {
            let point = (label.iter().copied().collect(), *value);
            match families.last_mut() {
                Some(Family { name: last, points: Points::Gauge(points), .. }) if last == name => {
                    points.push(point);
                }
                _ => families.push(Family { name, help, points: Points::Gauge(vec![point]) }),
            }
        }
        families
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
            let began = Timestamp(at.0.saturating_sub(milliseconds(taken)));
            let code = decided.reasons.first().map(|reason| ("code", reason.code.as_str()));
            let labels = labels(word(&decided.verdict), effect, spared);
            self.span("decision", index, (began, at), labels.into_iter().chain(code).collect());
        }
        match (&decided.hold, decided.forwarded) {
            (_, true) => await_end(&mut self.forwarded, index, at),
            (Some(hold), false) if !self.held.contains_key(hold) => {
                await_end(&mut self.held, hold.clone(), (index, at));
            }
            _ => {}
        }
    }

    fn span(
        &mut self,
        name: &'static str,
        index: u64,
        (began, ended): (Timestamp, Timestamp),
        labels: Labels,
    ) {
        if let Some(spans) = &mut self.spans {
            spans.push(Span { name, index, began, ended, labels });
        }
    }

    fn families(&self) -> Vec<Family> {
        let decisions = self.decisions.iter();
        let decisions = decisions
            .map(|((verdict, effect, spared), count)| (labels(*verdict, *effect, *spared), *count));
        let reasons = self.reasons.iter();
        let reasons = reasons.map(|(code, count)| (vec![("code", code.as_str())], *count));
        let of = |label: &'static str, words: [&'static str; 2], counts: [u64; 2]| {
            words
                .into_iter()
                .zip(counts)
                .map(|(word, count)| (vec![(label, word)], count))
                .collect()
        };
        let outcomes = of("outcome", ["answered", "failed"], self.outcomes);
        let answered = of("answer", ["released", "denied"], self.answered);
        let dropped = self.spans.iter().map(|spans| (Vec::new(), spans.dropped));
        let counter =
            |name, help, points: Vec<_>| Family { name, help, points: Points::Counter(points) };
        let seconds =
            |name, help, it: &Histogram| Family { name, help, points: Points::Seconds(it.clone()) };
        let mut families = vec![
            counter("holdpoint.decisions", "Messages that were judged.", decisions.collect()),
            counter(
                "holdpoint.reasons",
                "Why messages did not simply pass, by the first reason.",
                reasons.collect(),
            ),
            counter("holdpoint.outcomes", "What became of messages that were forwarded.", outcomes),
            counter(
                "holdpoint.holds_answered",
                "Holds that a human overturned (released) or confirmed (denied).",
                answered,
            ),
            seconds(
                "holdpoint.decision",
                "From a message's arrival to its recorded decision.",
                &self.deciding,
            ),
            seconds(
                "holdpoint.answer",
                "From a decision to its upstream's answer.",
                &self.answering,
            ),
            seconds("holdpoint.hold_wait", "From a hold to a human's answer.", &self.waiting),
        ];
        let dropped: Vec<_> = dropped.collect();
        if !dropped.is_empty() {
            families.push(counter(
                "holdpoint.spans_dropped",
                "Spans that nobody could be told.",
                dropped,
            ));
        }
        families
    }
}

fn labels(verdict: Verdict, effect: Option<Effect>, spared: Option<Verdict>) -> Labels {
    vec![
        ("verdict", verdict.as_str()),
        ("effect", effect.map_or("none", Effect::as_str)),
        ("spared", spared.map_or("none", Verdict::as_str)),
    ]
}

fn milliseconds(taken: Duration) -> u64 {
    u64::try_from(taken.as_millis()).unwrap_or(u64::MAX)
}

fn between(since: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(at.0.saturating_sub(since.0))
}

fn await_end<K: Ord, V>(awaited: &mut BTreeMap<K, V>, key: K, at: V) {
    if awaited.len() >= AWAITED_MAX {
        awaited.pop_first();
    }
    awaited.insert(key, at);
}

#[cfg(test)]
mod tests;
