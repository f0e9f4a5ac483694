//! `holdpoint ledger`: the record of everything that was decided.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use holdpoint_core::{
    ledger::{Record, RecordKind},
    plain,
};
use holdpoint_store::ledger::{DIRECTORY, Head, Proof, Reader, VERIFIER_KEY, VerifierKey, verify};
use serde_json::{Value, json};

use super::Here;
use crate::status::{CommandError, Ended, Status};

/// How many records are shown when nobody says.
const SHOWN: usize = 20;

/// The record of everything that was decided: before the effect, and what became of it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdpoint ledger verify && holdpoint ledger show --json | jq ."
)]
pub struct Ledger {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Compute everything again; ends with 1 and names file and record if anything was touched.
    Verify {
        /// A head that was handed out earlier, a copy of `ledger/checkpoint`: it has to be one that this
        /// ledger went through.
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
    /// The newest records, or one.
    Show {
        /// Only this record.
        index: Option<u64>,
        /// How many.
        #[arg(long, default_value_t = SHOWN)]
        last: usize,
    },
    /// A file that proves one record to somebody without the ledger; or check such a file.
    Prove {
        /// The record.
        #[arg(required_unless_present = "check")]
        index: Option<u64>,
        /// Check this proof instead.
        #[arg(long, value_name = "FILE", conflicts_with = "index")]
        check: Option<PathBuf>,
    },
}

/// Runs `holdpoint ledger`.
pub fn run(ledger: Ledger, here: &Here) -> Ended {
    if !matches!(ledger.verb, Verb::Prove { check: Some(_), .. }) {
        is_there(here)?;
    }
    match ledger.verb {
        Verb::Verify { head } => check_all(here, head.as_deref()),
        Verb::Show { index: Some(index), .. } => {
            let record = reader(here)?.record(index).map_err(CommandError::unable)?;
            here.print(&fact(index, &record), &line(index, &record))?;
            Ok(Status::Done)
        }
        Verb::Show { index: None, last } => {
            let page = reader(here)?.page(None, last).map_err(CommandError::unable)?;
            let facts: Vec<Value> =
                page.iter().map(|(index, record)| fact(*index, record)).collect();
            let text: String = page.iter().map(|(index, record)| line(*index, record)).collect();
            here.print(&facts, if text.is_empty() { "nothing is recorded yet" } else { &text })?;
            Ok(Status::Done)
        }
        Verb::Prove { index: Some(index), .. } => {
            let proof = reader(here)?.prove(index).map_err(CommandError::unable)?;
            here.print(&json!({ "proof": proof.to_string() }), &proof.to_string())?;
            Ok(Status::Done)
        }
        Verb::Prove { check, .. } => check_one(here, check),
    }
}

fn check_all(here: &Here, head: Option<&Path>) -> Ended {
    let key = key(here)?;
    let remembered = head.map(|file| handed_out(file, &key)).transpose()?;
    match verify(&here.dir.join(DIRECTORY), &key, remembered) {
        Ok(head) => {
            let fact = json!({ "ok": true, "size": head.size, "root": head.root });
            let text = format!("in order: {} records, root {}", head.size, head.root);
            here.print(&fact, &text)?;
            Ok(Status::Done)
        }
        Err(finding) => {
            let text = finding.to_string();
            here.print(&json!({ "ok": false, "finding": text }), &text)?;
            Ok(Status::Wanting)
        }
    }
}

fn handed_out(file: &Path, key: &VerifierKey) -> Result<Head, CommandError> {
    let at = file.display();
    let note = fs::read(file).map_err(|error| CommandError::usage(format!("{at}: {error}")))?;
    Head::handed_out(&note, key).map_err(|error| {
        CommandError::usage(format!("{at}: {error}; name a copy of the file `ledger/checkpoint`"))
    })
}

fn check_one(here: &Here, file: Option<PathBuf>) -> Ended {
    let file = file.ok_or_else(|| CommandError::usage("say which proof to check"))?;
    let text = fs::read_to_string(&file)
        .map_err(|error| CommandError::unable(format!("{}: {error}", file.display())))?;
    let key = key(here)?;
    match Proof::parse(&text).and_then(|proof| proof.verify(&key)) {
        Ok(proven) => {
            let fact = json!({ "ok": true, "index": proven.index, "record": proven.record });
            here.print(&fact, &format!("proven: record {}", proven.index))?;
            Ok(Status::Done)
        }
        Err(error) => {
            here.print(&json!({ "ok": false, "finding": error.to_string() }), &error.to_string())?;
            Ok(Status::Wanting)
        }
    }
}

/// Says what to do where there is no ledger: none has begun, or somebody took it away.
fn is_there(here: &Here) -> Result<(), CommandError> {
    let (dir, key) = (here.dir.join(DIRECTORY), here.dir.join(VERIFIER_KEY));
    let text = match (dir.exists(), key.exists()) {
        (true, true) => return Ok(()),
        (false, false) => format!(
            "there is no ledger in {} yet: the first gateway begins it (`holdpoint run -- AGENT`, or \
             `holdpoint up`); one that lies elsewhere is named with --state DIR",
            here.dir.display()
        ),
        (false, true) => format!(
            "{} is missing, though a ledger was begun here: put it back as it was saved; without it \
             nothing is proven of the time before",
            dir.display()
        ),
        (true, false) => format!(
            "{} is missing, by which the ledger is verified: put it back as it was saved, or as \
             whoever you gave it to has it",
            key.display()
        ),
    };
    Err(CommandError::unable(text))
}

fn key(here: &Here) -> Result<VerifierKey, CommandError> {
    VerifierKey::read(&here.dir.join(VERIFIER_KEY)).map_err(CommandError::unable)
}

fn reader(here: &Here) -> Result<Reader, CommandError> {
    Reader::open(&here.dir.join(DIRECTORY)).map_err(CommandError::unable)
}

fn fact(index: u64, record: &Record) -> Value {
    json!({ "index": index, "record": record })
}

/// One record on one line, for a human.
fn line(index: u64, record: &Record) -> String {
    let who = record.principal.as_ref().map_or("-", |principal| principal.agent.as_str());
    let what = match &record.kind {
        RecordKind::Decision(decided) => {
            let operation = decided.operations.iter().max_by_key(|meaning| meaning.effect);
            let operation = operation.map_or_else(String::new, |meaning| {
                format!("{} on {}", meaning.operation, meaning.resource)
            });
            let reason = decided.reasons.first().map_or("", |reason| reason.code.as_str());
            let spared = decided.spared.as_ref();
            let spared = spared.map_or_else(String::new, |verdict| format!(", spared {verdict}"));
            format!("{:<6} {operation} {reason}{spared}", decided.verdict)
        }
        RecordKind::Outcome { decision, status, failure, .. } => {
            let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            format!("outcome of {decision}: {status} {}", failure.as_deref().unwrap_or_default())
        }
        RecordKind::Closed { decision, sent, received, failure } => {
            let failure = failure.as_deref().unwrap_or_default();
            format!("end of {decision}: {sent} bytes sent, {received} received {failure}")
        }
        RecordKind::Claim { message, failed } => {
            let claim = if *failed { "failed" } else { "done" };
            let message: String = message.to_string().chars().take(12).collect();
            format!("claim about {message}: {claim}")
        }
        RecordKind::Explained { verdict, operations, .. } => {
            let operation = operations.iter().max_by_key(|meaning| meaning.effect);
            let operation = operation.map_or_else(String::new, |meaning| {
                format!("{} on {}", meaning.operation, meaning.resource)
            });
            format!("explained: {verdict} {operation}")
        }
        RecordKind::Approval { hold, approver, released, .. } => {
            let answer = if *released { "released" } else { "denied" };
            format!("{approver} {answer} {hold}")
        }
        RecordKind::Schedule { hold, state, not_before, failure } => {
            let failure = failure.as_deref().unwrap_or_default();
            format!("{hold} {state}, not before {not_before} {failure}")
        }
        RecordKind::Change { what, detail } => format!("change of {what}: {detail}"),
        RecordKind::Lifecycle { event } => event.clone(),
    };
    format!("{index:>8} {:<16} {}\n", who, plain(&what))
}
