//! The walk, proven on a protocol that exists only here: a line of text `effect resource`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "all of this file is a test")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use holdpoint_core::{
    Authorized, Code, Digest, Effect, Environment, Judged, Message, Operation, Refusal, ResourceId,
    Reversibility, Timestamp,
    authorized::{Appended, Durable},
    identity::{Principal, Task},
    ledger::{Record, RecordKind},
    obligation::{Obligation, Receipt},
    policy::{Credential, Facts, Ground, Pdp, PolicySource, Request},
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Forward, Forwarded, Fulfil, Fulfilment, Identify, Interpret, Ledger, LedgerUnavailable, Point,
    Resolve, Stage, enforce, stages::Arrivals,
};
use holdpoint_wire::Unreadable;

/// A line of text.
struct Line(&'static str);

impl Message for Line {
    fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

/// What the fake world looks like, and what came of the walk.
#[derive(Default)]
struct Fake {
    approved: bool,
    forget_receipts: bool,
    ledger_fails_at: Option<u64>,
    written: AtomicU64,
    trail: Mutex<Vec<String>>,
    remembered: Mutex<Vec<Digest>>,
}

impl Fake {
    fn say(&self, what: impl Into<String>) {
        self.trail.lock().unwrap().push(what.into());
    }

    fn write(&self, kind: &str, record: &Record) -> Result<u64, LedgerUnavailable> {
        let index = self.written.fetch_add(1, Ordering::SeqCst);
        if self.ledger_fails_at == Some(index) {
            return Err(LedgerUnavailable("disk full".into()));
        }
        let what = match &record.kind {
            RecordKind::Decision(decided) => {
                format!("decision {} forwarded={}", decided.verdict, decided.forwarded)
            }
            RecordKind::Outcome { status, .. } => format!("outcome {status:?}"),
            other => format!("{other:?}"),
        };
        self.say(format!("{kind} {what}"));
        Ok(index)
    }
}

impl Arrivals for Fake {
    type Message = Line;
}

impl Interpret for Fake {
    fn interpret(&self, message: &Line) -> Result<Vec<Operation>, Unreadable> {
        let (effect, resource) =
            message.0.split_once(' ').ok_or_else(|| Unreadable::new("expected two words"))?;
        let effect = Effect::ALL.into_iter().find(|known| known.as_str() == effect);
        let effect = effect.ok_or_else(|| Unreadable::new("no such effect"))?;
        let resource = ResourceId::of("fake", "thing", resource);
        Ok(vec![Operation::known("fake:do", effect, resource, Reversibility::None)])
    }
}

impl Identify for Fake {
    type Evidence = &'static str;

    async fn identify(&self, evidence: &&'static str) -> Result<Principal, Refusal> {
        match *evidence {
            "" => Err(Refusal::new(RefusalKind::Deny, Code::Unidentified, "say who you are")),
            agent => Ok(Principal {
                agent: agent.into(),
                run: "run-1".into(),
                task: Task::default(),
                killed: agent == "killed",
                did: None,
            }),
        }
    }
}

impl Resolve for Fake {
    async fn resolve(
        &self,
        principal: &Principal,
        message: &Line,
        operations: Vec<Operation>,
    ) -> Result<Vec<Request>, Refusal> {
        let production = message.0.ends_with("production");
        let facts = Facts {
            environment: if production { Environment::Production } else { Environment::Local },
            credential: Credential::None,
            host_listed: true,
            host_preset: false,
            learned: false,
            made_by_run: false,
            enclosed: false,
            credentials_in_reach: true,
            refused_before: false,
            tampers: false,
            ground: Ground::None,
            changes: None,
            can_snapshot: false,
            can_delay: false,
        };
        let ask =
            |operation| Request { principal: principal.clone(), operation, facts: facts.clone() };
        Ok(operations.into_iter().map(ask).collect())
    }
}

impl Fulfil for Fake {
    async fn fulfil(
        &self,
        _principal: &Principal,
        judged: &Judged<Line>,
    ) -> Result<Fulfilment<String>, Refusal> {
        let obligations = judged.decision().obligations();
        if obligations.holds() && !self.approved {
            let mut refusal = Refusal::new(RefusalKind::Hold, Code::NeedsApproval, "ask a human");
            refusal.hold = Some("h-1".into());
            return Err(refusal);
        }
        let issue = |met: Obligation| Receipt::issue(met, judged.digest(), Digest::of(b"seen"));
        let receipts = obligations.iter().map(issue);
        let receipts = if self.forget_receipts { Vec::new() } else { receipts.collect() };
        Ok(Fulfilment::Receipts { receipts, hold: None })
    }

    async fn remember(&self, _: &Principal, judged: &Judged<Line>) -> Result<(), Refusal> {
        self.remembered.lock().unwrap().push(judged.digest());
        Ok(())
    }

    fn fingerprints(&self, _judged: &Judged<Line>) -> Vec<String> {
        Vec::new()
    }
}

impl Ledger for Fake {
    async fn append(&self, record: Record, subject: Digest) -> Result<Appended, LedgerUnavailable> {
        self.write("append", &record).map(|index| Appended::at(index, subject))
    }

    async fn commit(&self, record: Record, subject: Digest) -> Result<Durable, LedgerUnavailable> {
        self.write("commit", &record).map(|index| Durable::at(index, subject))
    }
}

impl Forward for Fake {
    type Outcome = String;

    async fn forward(&self, authorized: Authorized<Line>) -> Forwarded<String> {
        self.say(format!("forward {}", authorized.message().0));
        Forwarded { outcome: Ok("done".into()), status: Some(200), answer: None }
    }
}

impl Point for Fake {
    fn now(&self) -> Timestamp {
        Timestamp(1)
    }

    fn policies(&self) -> Arc<Pdp> {
        Arc::new(Pdp::load(&[PolicySource::starter()]).expect("the starter policies load"))
    }

    fn reached(&self, stage: Stage) {
        self.say(format!("{stage:?}"));
    }
}

/// Walks `line` through `fake`; the outcome or the refusal's code, and what happened apart from
/// the stages' own names.
async fn walk(fake: &Fake, agent: &'static str, line: &'static str) -> (String, Vec<String>) {
    let outcome = match enforce(fake, &agent, Line(line)).await {
        Ok(outcome) => outcome,
        Err(refusal) => refusal.code().to_string(),
    };
    let stages: Vec<String> = Stage::ALL.iter().map(|stage| format!("{stage:?}")).collect();
    let trail = fake.trail.lock().unwrap();
    let happened = trail.iter().filter(|line| !stages.contains(line)).cloned().collect();
    (outcome, happened)
}

#[tokio::test]
async fn an_observation_is_appended_forwarded_and_reported() {
    let (outcome, happened) = walk(&Fake::default(), "a", "observe production").await;
    assert_eq!(outcome, "done");
    assert_eq!(
        happened,
        [
            "append decision allow forwarded=true",
            "forward observe production",
            "append outcome Some(200)",
        ]
    );
}

#[tokio::test]
async fn a_change_is_on_disk_before_it_is_forwarded() {
    let fake = Fake::default();
    let (_, happened) = walk(&fake, "a", "create local").await;
    assert_eq!(happened.first().unwrap(), "commit decision allow forwarded=true");
    let trail = fake.trail.lock().unwrap();
    let stages: Vec<&str> = trail.iter().map(String::as_str).collect();
    let place = |what: &str| stages.iter().position(|line| line.starts_with(what)).unwrap();
    assert!(place("Recorded") < place("forward create"));
    let walked: Vec<usize> = Stage::ALL.iter().map(|stage| place(&format!("{stage:?}"))).collect();
    assert!(walked.is_sorted(), "the stages come in their order: {stages:?}");
}

#[tokio::test]
async fn what_is_refused_is_recorded_remembered_and_never_forwarded() {
    for (agent, line, code, remembered) in [
        ("a", "destroy production", "no_way_back", 1),
        ("a", "mint_credential production", "needs_approval", 1),
        ("killed", "observe local", "killed", 0),
        ("a", "gibberish", "unparsed", 0),
    ] {
        let fake = Fake::default();
        let (outcome, happened) = walk(&fake, agent, line).await;
        assert_eq!(outcome, code, "{line}");
        assert_eq!(happened.len(), 1, "{line}: {happened:?}");
        assert!(happened.iter().all(|what| what.starts_with("commit decision")), "{happened:?}");
        assert_eq!(fake.remembered.lock().unwrap().len(), remembered, "{line}");
    }
}

#[tokio::test]
async fn nobody_passes_without_a_name() {
    let (outcome, happened) = walk(&Fake::default(), "", "observe local").await;
    assert_eq!(outcome, "unidentified");
    assert!(happened.is_empty());
}

#[tokio::test]
async fn a_release_needs_its_receipt() {
    let approved = Fake { approved: true, ..Fake::default() };
    let (outcome, _) = walk(&approved, "a", "mint_credential production").await;
    assert_eq!(outcome, "done");

    let forgetful = Fake { approved: true, forget_receipts: true, ..Fake::default() };
    let (outcome, happened) = walk(&forgetful, "a", "mint_credential production").await;
    assert_eq!(outcome, "unresolved");
    assert!(!happened.iter().any(|what| what.starts_with("forward")), "{happened:?}");
}

#[tokio::test]
async fn without_a_ledger_nothing_is_forwarded() {
    for line in ["observe local", "create local"] {
        let fake = Fake { ledger_fails_at: Some(0), ..Fake::default() };
        let (outcome, happened) = walk(&fake, "a", line).await;
        assert_eq!(outcome, "ledger_unavailable");
        assert!(happened.is_empty(), "{happened:?}");
    }
}
