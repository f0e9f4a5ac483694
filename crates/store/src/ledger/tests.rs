//! What every test of the ledger needs: a state directory, records, and a clock that is turned.

mod append;
mod crash;
mod formats;
mod opening;
mod proof;
mod tamper;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use holdpoint_core::{
    Effect, Environment, ResourceId, Reversibility,
    identity::{Principal, Task},
    ledger::{Decided, Meaning},
};
use tempfile::TempDir;

use super::*;

/// A state directory that is gone after the test.
pub(super) struct State {
    pub(super) path: PathBuf,
    clock: Arc<AtomicU64>,
    _temporary: TempDir,
}

impl State {
    pub(super) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("state");
        Self { path, clock: Arc::default(), _temporary: temporary }
    }

    /// A ledger of `count` records, closed again.
    pub(super) fn with_records(count: u64) -> Self {
        let state = Self::new();
        state.record(0..count);
        state
    }

    pub(super) fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.path, self.clock())
    }

    fn clock(&self) -> impl Fn() -> Timestamp + Send + 'static {
        let clock = Arc::clone(&self.clock);
        move || Timestamp(clock.load(Ordering::SeqCst))
    }

    /// Opens the ledger, appends records as one group and closes it.
    pub(super) fn record(&self, numbers: std::ops::Range<u64>) {
        let hour = Duration::from_secs(3600);
        let ledger = Ledger::open_lingering(&self.path, self.clock(), hour).unwrap();
        run(async {
            for number in numbers {
                ledger.append(&record(number), subject(number)).await.unwrap();
            }
        });
    }

    pub(super) fn later(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.path.join(DIRECTORY)
    }

    pub(super) fn key(&self) -> VerifierKey {
        VerifierKey::read(&self.path.join(VERIFIER_KEY)).unwrap()
    }

    pub(super) fn verify(&self) -> Result<Head, Finding> {
        verify(&self.dir(), &self.key(), None)
    }

    /// Everything in the ledger's directory.
    pub(super) fn files(&self) -> Files {
        let names = layout::files(&self.dir()).unwrap();
        let read = |name: String| (name.clone(), std::fs::read(self.dir().join(name)).unwrap());
        names.into_iter().map(read).collect()
    }

    /// Makes the ledger's directory hold exactly this.
    pub(super) fn restore(&self, files: &Files) {
        std::fs::remove_dir_all(self.dir()).unwrap();
        std::fs::create_dir(self.dir()).unwrap();
        for (name, bytes) in files {
            let path = self.dir().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// Every record is there, in order, and nothing else is.
    pub(super) fn assert_holds(&self, count: u64) {
        assert_eq!(self.verify().map(|head| head.size), Ok(count));
        let reader = Reader::open(&self.dir()).unwrap();
        let records: Vec<_> = reader.records(0).map(Result::unwrap).collect();
        let expected: Vec<_> = (0..count).map(|number| (number, record(number))).collect();
        assert_eq!(records, expected);
    }
}

pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) fn subject(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// A decision as they are: about 800 bytes.
pub(super) fn record(number: u64) -> Record {
    let principal = Principal {
        agent: "coder".to_owned(),
        run: format!("run-{}", number / 100),
        task: Task {
            description: Some("fix the staging credentials of the shop".to_owned()),
            environment: Some(Environment::Staging),
            ..Task::default()
        },
        killed: false,
        did: None,
    };
    let meaning = Meaning {
        operation: "railway:volumeDelete".to_owned(),
        resource: ResourceId::of("railway", "volume", &format!("3d2c42fb-{number:012}")),
        effect: Effect::Destroy,
        reversibility: Reversibility::None,
        environment: Environment::Production,
    };
    let decided = Decided {
        message: subject(number),
        policies: Digest::of(b"policies"),
        verdict: "hold".to_owned(),
        operations: vec![meaning],
        obligations: vec!["snapshot".to_owned(), "approval:1".to_owned()],
        reasons: vec![holdpoint_core::Reason::new(
            holdpoint_core::Code::NeedsApproval,
            "deleting a production volume takes the backups that lie in it along",
        )],
        hold: Some(format!("h-{number}")),
        forwarded: false,
        spared: None,
        fingerprints: Vec::new(),
        circumstances: Vec::new(),
    };
    Record::new(
        Timestamp(1_790_000_000_000 + number),
        Some(principal),
        RecordKind::Decision(decided),
    )
}
