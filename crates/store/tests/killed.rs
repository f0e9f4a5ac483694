//! A gateway that is killed at any moment loses no hold and executes none twice.
//!
//! The test starts itself again as the process to be killed (`kill -9`), with the state
//! directory in its environment. What a child says on its standard output it says only after the
//! store has returned; the effects that it has are lines in a file, each synced.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this file is a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use holdpoint_core::{
    Digest, Timestamp,
    identity::{Principal, Task},
    obligation::Obligations,
};
use holdpoint_store::{
    Hold, HoldState, Holds, State,
    approvals::{ApprovalContext, Release},
    approvers::{ApproverKey, WorkFactor},
    config::HoldTerms,
    holds::{Ending, NewHold, Opening},
};
use secrecy::SecretString;

const DIR: &str = "HOLDPOINT_TEST_STATE";
const ROLE: &str = "HOLDPOINT_TEST_ROLE";
const NOW: Timestamp = Timestamp(1_000_000_000);
const POLICIES: Digest = Digest([1; 32]);
const RESOURCES: Digest = Digest([2; 32]);

fn passphrase() -> SecretString {
    SecretString::from("correct horse")
}

fn open(holds: &Holds, number: usize) -> Hold {
    let principal = Principal {
        // One each: an agent may have only so many holds at a time.
        agent: format!("fixer-{number}"),
        run: "r-1".to_owned(),
        task: Task::default(),
        killed: false,
        did: None,
    };
    let new = NewHold {
        operation_digest: Digest::of(format!("{} {number}", std::process::id()).as_bytes()),
        message_digest: Digest([3; 32]),
        policy_digest: POLICIES,
        state_digest: RESOURCES,
        principal: &principal,
        meanings: &[],
        reasons: &[],
        obligations: Obligations { approvals: 1, ..Obligations::NONE },
        credential: None,
        payload: Some(b"bytes"),
    };
    match holds.open_or_join(&new, NOW).unwrap() {
        Opening::Opened(hold) => hold,
        other => panic!("{other:?}"),
    }
}

fn approve(state: &State, holds: &Holds, key: &ApproverKey, hold: &Hold) {
    let id = state.gateway_id();
    let context = ApprovalContext::about(hold, id, "ada", Release::Approve, NOW, 5);
    holds.apply(&context.sign(key).unwrap(), NOW).unwrap();
}

/// Consumes the hold if nobody else does, and has the effect.
fn execute(dir: &Path, holds: &Holds, id: &str) -> bool {
    let Ok(consumed) = holds.consume(id, NOW, POLICIES, RESOURCES) else { return false };
    let mut effects =
        OpenOptions::new().create(true).append(true).open(dir.join("effects")).unwrap();
    effects.write_all(format!("{id}\n").as_bytes()).unwrap();
    effects.sync_all().unwrap();
    holds.finish(consumed, Ending::Done { response: Some(b"ok") }, NOW).unwrap();
    true
}

/// Opens, approves and executes until it is killed.
fn gateway(dir: &Path) {
    let state = State::open(dir).unwrap();
    let lock = state.lock_gateway().unwrap();
    let holds = state.holds(HoldTerms::default());
    holds.recover(&lock, NOW).unwrap();
    let key = state.approvers().unlock("ada", &passphrase()).unwrap();
    // What was approved before the last one was killed is executed now, if it was not.
    for hold in holds.recent(1000, NOW).unwrap() {
        execute(dir, &holds, &hold.id);
    }
    for number in 0.. {
        let hold = open(&holds, number);
        println!("opened {}", hold.id);
        approve(&state, &holds, &key, &hold);
        println!("approved {}", hold.id);
        assert!(execute(dir, &holds, &hold.id));
        println!("done {}", hold.id);
    }
}

/// Executes all that it can get hold of, beside others who do the same.
fn rival(dir: &Path) {
    let holds = State::open(dir).unwrap().holds(HoldTerms::default());
    println!("ready");
    std::io::stdin().lines().next();
    for hold in holds.recent(1000, NOW).unwrap() {
        execute(dir, &holds, &hold.id);
    }
}

/// Whether this process is a child; then it has done its work.
fn acted() -> bool {
    let (Some(dir), Ok(role)) = (std::env::var_os(DIR), std::env::var(ROLE)) else { return false };
    match role.as_str() {
        "gateway" => gateway(Path::new(&dir)),
        _ => rival(Path::new(&dir)),
    }
    true
}

fn start(test: &str, role: &str, dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DIR, dir)
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    (child, said)
}

fn prepared() -> (tempfile::TempDir, State, Holds) {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    state.approvers().enrol("ada", &passphrase(), WorkFactor::TRIVIAL, NOW).unwrap();
    let holds = state.holds(HoldTerms::default());
    (dir, state, holds)
}

fn effects(dir: &Path) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for line in fs::read_to_string(dir.join("effects")).unwrap_or_default().lines() {
        *counted.entry(line.to_owned()).or_default() += 1;
    }
    counted
}

#[test]
fn killed_gateways_lose_no_hold_and_execute_none_twice() {
    if acted() {
        return;
    }
    let (dir, state, holds) = prepared();
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for round in 0..15u64 {
        let name = "killed_gateways_lose_no_hold_and_execute_none_twice";
        let (mut child, output) = start(name, "gateway", dir.path());
        let reader = std::thread::spawn(move || -> Vec<String> {
            output.lines().map_while(Result::ok).collect()
        });
        std::thread::sleep(Duration::from_millis(150 + 23 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            if let Some((step, id)) = line.split_once(' ').filter(|(_, id)| id.starts_with("h-")) {
                said.entry(step.to_owned()).or_default().insert(id.to_owned());
            }
        }
    }
    holds.recover(&state.lock_gateway().unwrap(), NOW).unwrap();
    let state_of = |id: &str| holds.find(id, NOW).unwrap().map(|hold| hold.state);
    let effects = effects(dir.path());
    assert!(effects.len() > 15, "the children did hardly anything: {}", effects.len());
    assert!(effects.values().all(|times| *times == 1), "{effects:?}");
    for id in &said["opened"] {
        assert!(state_of(id).is_some(), "{id} is lost");
    }
    for id in &said["approved"] {
        assert!(!matches!(state_of(id), None | Some(HoldState::Open)), "{id} lost its approval");
    }
    for id in &said["done"] {
        assert_eq!(state_of(id), Some(HoldState::Done), "{id}");
        assert!(effects.contains_key(id), "{id} is done without an effect");
    }
    for id in effects.keys() {
        let state = state_of(id);
        assert!(matches!(state, Some(HoldState::Done | HoldState::Unknown)), "{id}: {state:?}");
        assert!(!execute(dir.path(), &holds, id), "{id} was executed again");
    }
}

#[test]
fn of_many_processes_each_hold_is_executed_by_one() {
    if acted() {
        return;
    }
    let (dir, state, holds) = prepared();
    let key = state.approvers().unlock("ada", &passphrase()).unwrap();
    let opened: Vec<Hold> = (0..40).map(|number| open(&holds, number)).collect();
    for hold in &opened {
        approve(&state, &holds, &key, hold);
    }
    let name = "of_many_processes_each_hold_is_executed_by_one";
    let mut rivals: Vec<_> = (0..4).map(|_| start(name, "rival", dir.path())).collect();
    for (_, said) in &mut rivals {
        assert!(said.lines().map_while(Result::ok).any(|line| line.contains("ready")));
    }
    for (child, _) in &mut rivals {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    for (child, said) in &mut rivals {
        said.lines().for_each(drop);
        assert!(child.wait().unwrap().success());
    }
    let effects = effects(dir.path());
    assert_eq!(effects.len(), opened.len());
    assert!(effects.values().all(|times| *times == 1), "{effects:?}");
}
