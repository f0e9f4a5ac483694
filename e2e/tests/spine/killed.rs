//! `kill -9` at each stage of the walk: no change without a record before it, no acknowledged
//! record lost, nothing executed twice, and a start that works every time.
//!
//! The gateway under test ends itself at a stage that a round names. After it, what the stand-in
//! for Railway has executed is held against the ledger of the gateway that started again.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    thread,
    time::{Duration, Instant},
};

use e2e::{
    curl::{Answer, Curl, railway_digest},
    holdpoint::PASSPHRASE,
    stage,
};
use holdpoint_enforce::Stage;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// Over many rounds, much is left that nobody answers.
const CONFIGURATION: &str = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 1000\n";
/// An `observe` is on disk this long after its answer, with some room for a slow machine.
const OBSERVE_DURABLE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(20);

/// What a message of a round does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Sets a variable in staging, which needs nobody.
    Change,
    /// Asks who it is.
    Observe,
    /// Deletes a domain in production, which a human has released.
    Release,
}

const KINDS: [Kind; 3] = [Kind::Change, Kind::Observe, Kind::Release];

/// One message, and what its client got.
struct Sent {
    kind: Kind,
    /// The variable or the domain.
    name: String,
    document: String,
    digest: String,
    /// Where it waits for its release.
    hold: Option<String>,
    answered: Option<(Answer, Instant)>,
}

/// A gateway that is killed again and again, on one state.
struct Scene {
    stage: stage::Stage,
    agent: Value,
    phantom: String,
    /// A hold that nobody answers: it has to be there after every start.
    witness: String,
    /// How many messages there were.
    sent: u64,
    /// How many records there were before the round, and how many executed mutations.
    records: u64,
    executed: usize,
}

impl Scene {
    async fn set() -> Self {
        let stage = stage::Stage::set(BINARY, CONFIGURATION).await;
        let staging = format!("railway:environment/{}", stage.railway.seed().staging);
        stage.holdpoint.json(&["inventory", "add", &staging, "--environment", "staging", "--json"]);
        stage.holdpoint.enrol("ada");
        let phantom = stage.phantom("railway", "railway:*");
        let agent = stage.holdpoint.json(&["agents", "new", "worker", "--json"]);
        let mut scene = Self {
            stage,
            agent,
            phantom,
            witness: String::new(),
            sent: 0,
            records: 0,
            executed: 0,
        };
        scene.witness = scene.message(Kind::Release).hold.unwrap();
        scene
    }

    fn client(&self) -> Curl {
        Curl::new(&self.agent).through(self.stage.gateway.proxy())
    }

    fn message(&mut self, kind: Kind) -> Sent {
        self.sent += 1;
        let seed = self.stage.railway.seed();
        let (name, document) = match kind {
            Kind::Change => {
                let name = format!("V{}", self.sent);
                let input = format!(
                    "projectId: \"{}\", environmentId: \"{}\", name: \"{name}\", value: \"1\"",
                    seed.project, seed.staging
                );
                (name, format!("mutation {{ variableUpsert(input: {{ {input} }}) }}"))
            }
            Kind::Observe => (String::new(), format!("{{ q{}: me {{ id }} }}", self.sent)),
            Kind::Release => {
                let domain = self.stage.railway.add_domain("book.example.com").unwrap();
                let document = format!("mutation {{ customDomainDelete(id: \"{domain}\") }}");
                (domain, document)
            }
        };
        let digest = railway_digest(&self.phantom, &document).to_string();
        let mut message = Sent { kind, name, document, digest, hold: None, answered: None };
        if kind == Kind::Release {
            let answer = self.client().railway(&self.phantom, &message.document);
            assert_eq!(answer.status, 428, "{answer:?}");
            let hold = answer.json()["errors"][0]["extensions"]["hold"].clone();
            message.hold = hold.as_str().map(str::to_owned);
        }
        message
    }

    /// Starts a gateway that dies when a message comes through `at` for the `nth` time.
    fn arm(&mut self, at: Stage, nth: usize) {
        self.records = self.stage.holdpoint.verified();
        self.executed = self.stage.railway.mutations();
        self.stage.restart(&[("HOLDPOINT_TEST_KILL_AT", &format!("{at:?}:{nth}"))]);
    }

    /// Lets `messages` go at once: sent, or released. When the gateway died of them, if it did.
    fn go(&mut self, messages: &mut [Sent], patience: Duration) -> Option<Instant> {
        let (client, phantom, holdpoint) = (self.client(), &self.phantom, &self.stage.holdpoint);
        let gateway = &mut self.stage.gateway;
        let go = |message: &mut Sent| match &message.hold {
            Some(hold) => {
                let answer = ["approve", hold, "--name", &message.name];
                let approved = holdpoint.call_with(&answer, PASSPHRASE);
                assert_eq!(approved.status, 0, "{}", approved.stderr);
            }
            None => {
                let answer = client.railway(phantom, &message.document);
                message.answered = Some((answer, Instant::now()));
            }
        };
        let go = &go;
        thread::scope(|scope| {
            let clients: Vec<_> =
                messages.iter_mut().map(|message| scope.spawn(move || go(message))).collect();
            // Watched all the while: what was answered long before has to be in the ledger.
            while clients.iter().any(|client| !client.is_finished()) {
                if gateway.ended_within(Duration::from_millis(5)) {
                    return Some(Instant::now());
                }
            }
            gateway.ended_within(patience).then(Instant::now)
        })
    }

    /// Starts the gateway again and holds the upstream against the ledger.
    fn check(&mut self, messages: &[Sent], died: Instant) -> Ledger {
        self.stage.restart(&[]);
        self.settle();
        let witness = self.stage.holdpoint.json(&["holds", &self.witness, "--json"]);
        assert_eq!(witness["state"], "open", "{witness}");
        assert!(self.stage.holdpoint.verified() > self.records, "a start is recorded");
        let ledger = Ledger::read(self.stage.holdpoint.records_from(self.records));
        let mut executed = 0;
        for message in messages {
            let took_place = self.took_place(message);
            executed += usize::from(took_place);
            let forwarded = ledger.forwarded(&message.digest);
            assert!(!took_place || forwarded.is_some(), "no record of {}", message.document);
            if let Some((answer, at)) = &message.answered
                && (200..300).contains(&answer.status)
            {
                let lingers = message.kind == Kind::Observe && died < *at + OBSERVE_DURABLE;
                assert!(lingers || forwarded.is_some(), "an answer without a record: {answer:?}");
            }
        }
        let log = self.stage.railway.mutations() - self.executed;
        assert_eq!(log, executed, "something was executed twice, or by nobody");
        ledger
    }

    /// Whether Railway has executed a message that changes something.
    fn took_place(&self, message: &Sent) -> bool {
        let railway = &self.stage.railway;
        match message.kind {
            Kind::Change => {
                railway.shared_variables(&railway.seed().staging).contains(&message.name)
            }
            Kind::Observe => false,
            Kind::Release => !railway.domain_exists(&message.name),
        }
    }

    /// Waits until no hold is on its way any more.
    fn settle(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let holds = self.stage.holdpoint.json(&["holds", "--all", "--json"]);
            let mut holds = holds.as_array().unwrap().iter();
            let under_way =
                |hold: &&Value| ["approved", "consuming"].iter().any(|it| hold["state"] == *it);
            let Some(hold) = holds.find(under_way) else { return };
            assert!(Instant::now() < until, "on its way for ever: {hold}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks once more for what was released: never executed again, whatever became of it.
    fn never_again(&self, message: &Sent) {
        let took_place = self.took_place(message);
        let executed = self.stage.railway.mutations();
        let answer = self.client().railway(&self.phantom, &message.document);
        let answered = answer.status == 200 && took_place;
        assert!(answered || answer.status == 428, "{answer:?}");
        assert_eq!(self.stage.railway.mutations(), executed, "executed again: {message:?}");
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} {:?}", self.kind, self.document, self.answered)
    }
}

/// The records of a round: decisions by index, and the decisions that have an outcome.
struct Ledger {
    decisions: BTreeMap<u64, Value>,
    outcomes: Vec<u64>,
}

impl Ledger {
    /// Reads `records`, in which every outcome follows a decision that let something through.
    fn read(records: Vec<Value>) -> Self {
        let mut ledger = Self { decisions: BTreeMap::new(), outcomes: Vec::new() };
        for shown in records {
            let record = &shown["record"];
            if record["kind"] == "decision" {
                let index = shown["index"].as_u64().unwrap();
                ledger.decisions.insert(index, record.clone());
            } else if record["kind"] == "outcome" {
                let decision = record["decision"].as_u64().unwrap();
                assert_eq!(ledger.decisions[&decision]["forwarded"], true, "{record}");
                assert!(!ledger.outcomes.contains(&decision), "two outcomes: {record}");
                ledger.outcomes.push(decision);
            }
        }
        ledger
    }

    /// The decision by which the message of this digest was forwarded; there is at most one.
    fn forwarded(&self, digest: &str) -> Option<u64> {
        let mut found = self
            .decisions
            .iter()
            .filter(|(_, decision)| decision["message"] == digest && decision["forwarded"] == true);
        let first = found.next().map(|(index, _)| *index);
        assert_eq!(found.next(), None, "forwarded twice");
        first
    }
}

fn reached(stage: Stage, mark: Stage) -> bool {
    let place = |wanted| Stage::ALL.iter().position(|stage| *stage == wanted);
    place(stage) >= place(mark)
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_stage_it_dies_at_upstream_and_ledger_agree() {
    let mut scene = Scene::set().await;
    for at in Stage::ALL {
        for kind in KINDS {
            let mut messages = [scene.message(kind)];
            scene.arm(at, 1);
            let died = scene.go(&mut messages, PATIENCE);
            let died = died.unwrap_or_else(|| panic!("{kind:?} never came through {at:?}"));
            let before = scene.stage.railway.mutations() - scene.executed;
            let changes = kind != Kind::Observe && reached(at, Stage::Forwarded);
            assert_eq!(before, usize::from(changes), "{kind:?} at {at:?}");

            let ledger = scene.check(&messages, died);
            let [message] = &messages;
            let forwarded = ledger.forwarded(&message.digest).is_some();
            match kind {
                Kind::Change => assert_eq!(forwarded, reached(at, Stage::Recorded), "{at:?}"),
                Kind::Observe => assert!(!forwarded || reached(at, Stage::Recorded), "{at:?}"),
                Kind::Release => {
                    // Until it is consumed it is released still, and the next gateway does it.
                    let consumed = reached(at, Stage::Fulfilled);
                    assert_eq!(scene.took_place(message), !consumed || changes, "{at:?}");
                    scene.never_again(message);
                }
            }
        }
    }
}

/// Numbers that nobody foresees; the seed is printed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = RandomState::new().hash_one(0) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    /// A number below `sides` (xorshift64).
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Several clients at once, at a random stage of a random message; 100 rounds and more with
/// `HOLDPOINT_SOAK=1`.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_under_way_when_it_dies_upstream_and_ledger_agree() {
    let soak = std::env::var_os("HOLDPOINT_SOAK").is_some();
    let rounds = if soak { 120 } else { 6 };
    let mut scene = Scene::set().await;
    let mut dice = Dice::new();
    let began = Instant::now();
    let (mut deaths, mut sent, mut executed, mut recorded) = (0, 0, 0, 0);
    for _ in 0..rounds {
        let clients = 2 + dice.roll(7);
        let kinds: Vec<Kind> = (0..clients).map(|_| KINDS[dice.roll(KINDS.len())]).collect();
        let mut messages: Vec<Sent> = kinds.into_iter().map(|kind| scene.message(kind)).collect();
        // The first one is done, and long enough ago, when the others come.
        let mut early = [scene.message(Kind::Observe)];
        scene.arm(Stage::ALL[dice.roll(Stage::ALL.len())], 2 + dice.roll(clients));
        assert_eq!(scene.go(&mut early, OBSERVE_DURABLE), None);
        let died = scene.go(&mut messages, Duration::from_millis(300));
        messages.extend(early);
        let ledger = scene.check(&messages, died.unwrap_or_else(Instant::now));
        for message in messages.iter().filter(|message| message.kind == Kind::Release) {
            scene.never_again(message);
        }
        deaths += usize::from(died.is_some());
        sent += messages.len();
        executed += messages.iter().filter(|message| scene.took_place(message)).count();
        recorded += ledger.decisions.len();
    }
    println!(
        "{rounds} rounds, {deaths} deaths, {sent} messages, {executed} changes executed, \
         {recorded} decisions in the ledger, {:?}",
        began.elapsed()
    );
    assert!(deaths * 2 > rounds, "too few deaths to prove anything: {deaths} of {rounds}");
}
