//! How many decisions a second become durable, how long one takes, and how long verification
//! of a million takes. `cargo bench -p holdpoint-store --bench ledger`

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use criterion::{Criterion, Throughput};
use holdpoint_core::{
    Code, Digest, Effect, Environment, Reason, ResourceId, Reversibility, Timestamp,
    identity::{Principal, Task},
    ledger::{Decided, Meaning, Record, RecordKind},
};
use holdpoint_store::ledger::{DIRECTORY, Ledger, VERIFIER_KEY, VerifierKey, verify};
use tokio::runtime::Runtime;

/// How many records one measurement of group commit writes.
const GROUP: u64 = 50_000;
/// How many producers wait for their record at the same time.
const PRODUCERS: u64 = 4096;
/// How many records are verified.
const VERIFIED: u64 = 1_000_000;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn subject(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// A decision as they are: about 800 bytes.
fn record(number: u64) -> Record {
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
    let text = "deleting a production volume takes the backups that lie in it along";
    let decided = Decided {
        message: subject(number),
        policies: Digest::of(b"policies"),
        verdict: "hold".to_owned(),
        operations: vec![meaning],
        obligations: vec!["snapshot".to_owned(), "approval:1".to_owned()],
        reasons: vec![Reason::new(Code::NeedsApproval, text)],
        hold: Some(format!("h-{number}")),
        forwarded: false,
        spared: None,
        fingerprints: Vec::new(),
        circumstances: Vec::new(),
    };
    Record::new(now(), Some(principal), RecordKind::Decision(decided))
}

fn open(state: &Path) -> Arc<Ledger> {
    match Ledger::open(state, now) {
        Ok(ledger) => Arc::new(ledger),
        Err(error) => unusable(&error),
    }
}

/// A measurement of something that failed would be worth nothing.
fn unusable(error: &dyn std::error::Error) -> ! {
    eprintln!("the measurement failed: {error}");
    std::process::exit(1)
}

/// Commits `count` records from many producers, and returns how long it took until all of them
/// were durable.
fn commit(runtime: &Runtime, ledger: &Arc<Ledger>, count: u64) -> Duration {
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let producers: Vec<_> = (0..PRODUCERS.min(count))
        .map(|_| {
            let (ledger, next) = (Arc::clone(ledger), Arc::clone(&next));
            runtime.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    if let Err(error) = ledger.commit(&record(number), subject(number)).await {
                        unusable(&error);
                    }
                }
            })
        })
        .collect();
    for producer in producers {
        if let Err(error) = runtime.block_on(producer) {
            unusable(&error);
        }
    }
    started.elapsed()
}

fn durable(criterion: &mut Criterion, runtime: &Runtime) {
    let Ok(temporary) = tempfile::tempdir() else { return };
    let ledger = open(temporary.path());
    let bytes = record(1).to_bytes().map_or(0, |bytes| bytes.len());
    println!("a record has {bytes} bytes");
    let mut group = criterion.benchmark_group("durable");
    group.sample_size(10).throughput(Throughput::Elements(GROUP));
    group.bench_function("50,000 decisions, 4096 producers", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| commit(runtime, &ledger, GROUP)).sum());
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("one decision, nobody else", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| commit(runtime, &ledger, 1)).sum());
    });
    group.bench_function("one decision appended, until it is on disk", |bencher| {
        let (record, subject) = (record(1), subject(1));
        bencher.iter(|| {
            let index = match runtime.block_on(ledger.append(&record, subject)) {
                Ok(appended) => appended.index(),
                Err(error) => unusable(&error),
            };
            while ledger.reader().is_ok_and(|reader| reader.head().size <= index) {
                std::thread::sleep(Duration::from_micros(100));
            }
        });
    });
    group.bench_function("one decision appended", |bencher| {
        let (record, subject) = (record(1), subject(1));
        bencher.iter(|| match runtime.block_on(ledger.append(&record, subject)) {
            Ok(appended) => appended,
            Err(error) => unusable(&error),
        });
    });
    group.finish();
}

fn verification(criterion: &mut Criterion, runtime: &Runtime) {
    let Ok(temporary) = tempfile::tempdir() else { return };
    let ledger = open(temporary.path());
    let took = commit(runtime, &ledger, VERIFIED);
    let rate = VERIFIED as f64 / took.as_secs_f64();
    println!("{VERIFIED} records written in {took:?}: {rate:.0} durable decisions a second");
    drop(ledger);
    let key = match VerifierKey::read(&temporary.path().join(VERIFIER_KEY)) {
        Ok(key) => key,
        Err(error) => unusable(&error),
    };
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(10).throughput(Throughput::Elements(VERIFIED));
    group.bench_function("1,000,000 decisions", |bencher| {
        bencher.iter(|| match verify(&temporary.path().join(DIRECTORY), &key, None) {
            Ok(head) => head,
            Err(finding) => unusable(&finding),
        });
    });
    group.finish();
}

fn main() {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).build() {
        Ok(runtime) => runtime,
        Err(error) => unusable(&error),
    };
    let mut criterion = Criterion::default().configure_from_args();
    durable(&mut criterion, &runtime);
    verification(&mut criterion, &runtime);
    criterion.final_summary();
}
