//! Counting, and that nothing is told by it.

use holdpoint_core::{
    Digest, Environment, Reason, ResourceId, Reversibility,
    identity::{Principal, Task},
    ledger::Meaning,
};

use super::*;

fn decision(verdict: &str, spared: Option<&str>, hold: Option<&str>, forwarded: bool) -> Record {
    let meaning = Meaning {
        operation: "canary:operation".into(),
        resource: ResourceId::new("canary:resource/1"),
        effect: Effect::Destroy,
        reversibility: Reversibility::None,
        environment: Environment::Production,
    };
    let decided = Decided {
        message: Digest::of(b"m"),
        policies: Digest::of(b"p"),
        verdict: verdict.into(),
        operations: vec![meaning],
        obligations: Vec::new(),
        reasons: vec![Reason::new(Code::NeedsApproval, "canary text")],
        hold: hold.map(str::to_owned),
        forwarded,
        spared: spared.map(str::to_owned),
        fingerprints: vec!["canary print".into()],
        circumstances: Vec::new(),
    };
    let task = Task { description: Some("canary task".into()), ..Task::default() };
    let principal = Principal {
        agent: "canary-agent".into(),
        run: "canary-run".into(),
        task,
        killed: false,
        did: None,
    };
    Record::new(Timestamp(1000), Some(principal), RecordKind::Decision(decided))
}

fn approval(hold: &str, at: u64) -> Record {
    let (hold, approver, evidence) = (hold.to_owned(), "canary-ada".to_owned(), Digest::of(b"e"));
    let kind = RecordKind::Approval { hold, approver, released: true, evidence };
    Record::new(Timestamp(at), None, kind)
}

#[tokio::test]
async fn it_is_counted_and_nothing_is_told() {
    let metrics = Metrics::default();
    arriving(async { metrics.count(0, &decision("hold", None, Some("canary-h-1"), false)) }).await;
    metrics.count(1, &decision("allow", Some("hold"), None, true));
    metrics.count(2, &decision("deny", None, None, false));
    let outcome =
        RecordKind::Outcome { decision: 1, status: Some(200), answer: None, failure: None };
    metrics.count(3, &Record::new(Timestamp(1300), None, outcome));
    metrics.count(4, &approval("canary-h-1", 61_000));
    metrics.count(5, &approval("canary-h-2", 61_000));
    let gauges =
        [Gauge { name: "holdpoint.holds_open", label: None, help: "Holds that wait.", value: 3 }];
    let text = metrics.text(&gauges);
    for line in [
        "holdpoint_decisions_total{verdict=\"allow\",effect=\"destroy\",spared=\"hold\"} 1",
        "holdpoint_decisions_total{verdict=\"hold\",effect=\"destroy\",spared=\"none\"} 1",
        "holdpoint_reasons_total{code=\"needs_approval\"} 3",
        "holdpoint_outcomes_total{outcome=\"answered\"} 1",
        "holdpoint_holds_answered_total{answer=\"released\"} 2",
        "holdpoint_decision_seconds_count 1",
        "holdpoint_answer_seconds_bucket{le=\"0.25\"} 0",
        "holdpoint_answer_seconds_bucket{le=\"0.5\"} 1",
        "holdpoint_hold_wait_seconds_bucket{le=\"60\"} 1",
        "holdpoint_hold_wait_seconds_sum 60",
        "# TYPE holdpoint_holds_open gauge",
        "holdpoint_holds_open 3",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn what_is_awaited_has_a_maximum() {
    let metrics = Metrics::default();
    for index in 0..(AWAITED_MAX as u64 + 10) {
        metrics.count(index, &decision("allow", None, None, true));
        metrics.count(index, &decision("hold", None, Some(&format!("h-{index}")), false));
    }
    let counts = metrics.counts();
    assert_eq!((counts.forwarded.len(), counts.held.len()), (AWAITED_MAX, AWAITED_MAX));
}

#[test]
fn spans_belong_to_their_decision_and_have_a_maximum() {
    let metrics = Metrics::default();
    metrics.count(0, &decision("hold", None, Some("canary-h-0"), false));
    assert!(metrics.take_spans().is_none(), "nobody is told");
    metrics.trace(Spans::new([7; 32]));
    metrics.count(1, &decision("hold", None, Some("canary-h-1"), false));
    metrics.count(2, &approval("canary-h-1", 61_000));
    let (spans, seed) = metrics.take_spans().unwrap();
    let told = otlp::traces(&spans, &seed);
    assert!(!told.to_string().contains("canary"), "{told}");
    let hold = &told["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(hold["parentSpanId"], Spans::ids(&seed, 1, "decision").1);
    assert_eq!(
        (&hold["startTimeUnixNano"], &hold["endTimeUnixNano"]),
        (&"1000000000".into(), &"61000000000".into())
    );
    for index in 0..(spans::SPANS_MAX as u64 + 5) {
        metrics.count(index, &decision("hold", None, Some(&format!("h-{index}")), false));
        metrics.count(index, &approval(&format!("h-{index}"), 61_000));
    }
    assert_eq!(metrics.take_spans().unwrap().0.len(), spans::SPANS_MAX);
    assert!(
        metrics.text(&[]).contains("\nholdpoint_spans_dropped_total 5\n"),
        "{}",
        metrics.text(&[])
    );
}
