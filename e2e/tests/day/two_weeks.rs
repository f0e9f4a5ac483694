//! Two weeks in observe mode: incidents among days of honest work. The report names those that
//! should have been stopped, and nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use e2e::{
    day::{Day, Hooked, Situation, situations},
    episodes::{example, read},
    holdpoint::Holdpoint,
    incidents::{Expanded, expand},
};
use holdpoint_core::{
    Digest, Environment, Timestamp,
    identity::{Principal, Task},
    ledger::{Decided, Record, RecordKind},
    policy::{Mode, Modes, Pdp},
};
use holdpoint_enforce::explain::{answer::Judged, explain};
use holdpoint_store::ledger::Ledger;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TWO_WEEKS_MS: u64 = 14 * 86_400_000;
/// What needs others' servers is for `a_day` alone.
const AWAY: [&str; 4] = ["npm", "pip", "cargo", "npx"];

/// Policies that only look on.
fn observing() -> Pdp {
    let modes = Modes { all: Mode::Observe, ..Modes::default() };
    Pdp::starter().unwrap().in_modes(modes).unwrap()
}

/// The records of an incident, whose operations all happen.
fn records(pdp: &Pdp, incident: &Expanded) -> Vec<Record> {
    let answer = explain(pdp, &incident.episode.to_string(), 1, false).unwrap();
    let environment = incident.episode["task"]["environment"].as_str();
    let principal = Principal {
        agent: "agent".into(),
        run: incident.id.clone(),
        task: Task {
            description: Some(incident.id.clone()),
            environment: environment.map(|word| word.parse::<Environment>().unwrap()),
            ..Task::default()
        },
        killed: false,
        did: None,
    };
    let harmful = |judged: &&Judged| incident.harmful.contains(&judged.index);
    let record = |judged: &Judged| {
        let kind = RecordKind::Decision(decided(&incident.id, judged));
        Record::new(Timestamp(0), Some(principal.clone()), kind)
    };
    answer.operations.iter().filter(harmful).map(record).collect()
}

/// What the ledger says of it.
fn decided(id: &str, judged: &Judged) -> Decided {
    Decided {
        message: Digest::of(format!("{id} {}", judged.index).as_bytes()),
        policies: Digest::of(b"starter"),
        verdict: judged.verdict.as_str().into(),
        operations: judged.meanings.clone(),
        obligations: judged.obligations.iter().map(|it| it.to_string()).collect(),
        reasons: judged.reasons.clone(),
        hold: None,
        forwarded: true,
        spared: judged.spared.map(|spared| spared.as_str().into()),
        fingerprints: Vec::new(),
        circumstances: Vec::new(),
    }
}

/// The decisions about a day that was really lived, in observe mode.
fn a_day() -> Vec<Record> {
    let day = Day::configured(BINARY, false, "mode = \"observe\"\n").unwrap();
    let mut lived = 0;
    for (number, situation) in situations().into_iter().enumerate() {
        let away = AWAY.iter().any(|word| situation.command.contains(word));
        if situation.soak || away || situation.restart {
            continue;
        }
        let alone = Situation { hook: Hooked::None, unguarded: false, ..situation };
        match day.tried(&alone, number) {
            Ok(outcome) => {
                lived += 1;
                assert_eq!(outcome.verdict, alone.expect, "{}: {}", alone.name, outcome.told);
            }
            Err(why) => println!("not here: {}: {why}", alone.name),
        }
    }
    assert!(lived >= 5, "{lived}");
    let shown = Holdpoint::on(day.state(), BINARY).records_from(0);
    let records = shown.into_iter().map(|it| serde_json::from_value(it["record"].clone()).unwrap());
    let decisions = records.filter(|it: &Record| matches!(it.kind, RecordKind::Decision(_)));
    decisions.collect()
}

/// Documented cases lie beside the repository, or where `HOLDPOINT_INCIDENTS` says; our own always
/// lie here.
fn incidents() -> Vec<Expanded> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents");
    let place = std::env::var_os("HOLDPOINT_INCIDENTS").map_or_else(beside, PathBuf::from);
    let file = place.join("incidents.jsonl");
    let mut incidents: Vec<Value> = read(&example("incidents.jsonl"));
    match file.exists() {
        true => incidents.extend(read(&file)),
        false => println!(
            "there are no documented incidents here: HOLDPOINT_INCIDENTS names a directory"
        ),
    }
    incidents.iter().map(expand).collect()
}

/// Writes `incidents` among the days into one ledger: each at its own moment of two weeks.
async fn live(holdpoint: &Holdpoint, incidents: &[Vec<Record>], day: &[Record]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let (mut from, step) = (0, day.len().div_ceil(incidents.len().max(1)).max(1));
    let mut all: Vec<&Record> = Vec::new();
    for incident in incidents {
        all.extend(incident);
        // A day is over, and the next begins.
        all.extend((from..from + step).filter_map(|at| day.get(at % day.len().max(1))));
        from += step;
    }
    let ledger = Ledger::open(holdpoint.state(), || Timestamp(0)).unwrap();
    // The last minutes are left, in which the report is read.
    let (begin, span) = (now - TWO_WEEKS_MS + 3_600_000, TWO_WEEKS_MS - 7_200_000);
    for (number, record) in all.iter().enumerate() {
        let at = Timestamp(begin + span * number as u64 / all.len() as u64);
        let RecordKind::Decision(decided) = &record.kind else { continue };
        let subject = decided.message;
        ledger.append(&Record { at, ..(*record).clone() }, subject).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_names_what_should_have_been_stopped_and_nobody_else() {
    let (incidents, pdp) = (incidents(), observing());
    let recorded: Vec<Vec<Record>> = incidents.iter().map(|it| records(&pdp, it)).collect();
    let day = tokio::task::spawn_blocking(a_day).await.unwrap();
    let holdpoint = Holdpoint::new(BINARY);
    holdpoint.json(&["holds", "--json"]);
    live(&holdpoint, &recorded, &day).await;

    let report = holdpoint.json(&["report", "--since", "14d", "--json"]);
    let named: BTreeSet<&str> =
        report["agents"].as_object().unwrap().keys().map(String::as_str).collect();
    let due: BTreeMap<&str, bool> =
        incidents.iter().map(|it| (it.id.as_str(), it.expected != "allow_with_snapshot")).collect();
    let missed: Vec<_> = due.iter().filter(|(id, stop)| **stop && !named.contains(*id)).collect();
    assert!(missed.is_empty(), "not named: {missed:?}");
    let besides: Vec<_> = named.iter().filter(|name| due.get(**name) != Some(&true)).collect();
    let counts = &report["agents"];
    assert!(
        besides.is_empty(),
        "honest work is named, or what a snapshot is for: {besides:?}: {counts}"
    );
    let text = holdpoint.call(&["report", "--since", "14d"]).stdout;
    assert_eq!(text.matches("\nmend first: ").count(), 3, "{text}");
}
