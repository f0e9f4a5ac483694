//! What fails around the gateway, one thing at a time: the upstream, names, the state, the disk,
//! the clock, the gateway itself. Each fails closed: nothing passes that is not on record, nothing
//! is done twice, and no failure is claimed that is not ours.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use e2e::{
    curl::{Answer, Curl},
    echo::{EchoStage, LISTED},
    faulty::{FAULTY, Faulty},
    holdpoint::{Gateway, Holdpoint, PASSPHRASE, until},
    small_disk::SmallDisk,
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// In milliseconds.
const HOUR: i64 = 3_600_000;
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";

/// An upstream that fails, and a gateway in front of it.
struct Broken {
    upstream: Faulty,
    holdpoint: Holdpoint,
    _gateway: Gateway,
    agent: Curl,
}

impl Broken {
    /// The host is in this environment.
    fn set(environment: &str) -> Self {
        let upstream = Faulty::start();
        let holdpoint = Holdpoint::new(BINARY);
        fs::write(holdpoint.state().join("holdpoint.toml"), NO_WAIT).unwrap();
        let host = ["hosts", "add", FAULTY, "--speaks", "rest", "--environment", environment];
        holdpoint.json(&[&host[..], &["--json"]].concat());
        holdpoint.enrol("ada");
        let gateway = holdpoint.up(&upstream.resolve().each_ref().map(String::as_str), &[]);
        let agent = Curl::new(&holdpoint.json(&["agents", "new", "worker", "--json"]));
        Self { upstream, holdpoint, _gateway: gateway, agent }
    }

    fn ask(&self, method: &str, path: &str) -> Answer {
        self.agent.run(&["-X", method, &format!("http://{FAULTY}{path}")])
    }

    /// Why the last message has no answer, as the ledger has it.
    fn failure(&self) -> Option<String> {
        let outcome = until("its outcome", || {
            let records = self.holdpoint.records_from(0);
            let last = |kind| records.iter().rev().find(|it| it["record"]["kind"] == kind).cloned();
            let (decision, outcome) = (last("decision")?, last("outcome")?);
            (outcome["record"]["decision"] == decision["index"]).then_some(outcome)
        });
        outcome["record"]["failure"].as_str().map(str::to_owned)
    }
}

#[test]
fn an_upstream_that_fails_is_not_blamed_on_anybody_else() {
    let broken = Broken::set("development");
    for (path, exit, status, code, body) in [
        ("/honest", 0, 200, "", "honest\n"),
        ("/slow", 0, 200, "", "slow\n"),
        // It was sent, and what became of it is not known.
        ("/dead", 0, 502, "outcome_unknown", ""),
        ("/cut-head", 0, 502, "outcome_unknown", ""),
        ("/no-http", 0, 502, "outcome_unknown", ""),
        ("/unasked", 0, 502, "outcome_unknown", ""),
        ("/two-lengths", 0, 502, "outcome_unknown", ""),
        // What is missing is missing for the client as well (curl: 18, a part of the file).
        ("/short", 18, 200, "", "ten bytes\n"),
        ("/cut-chunk", 18, 200, "", ""),
        ("/long", 0, 200, "", "five\n"),
        // What came after the length is nobody's answer.
        ("/honest", 0, 200, "", "honest\n"),
    ] {
        let before = broken.upstream.received().len();
        let answer = broken.ask("POST", path);
        let got = (answer.exit, answer.status, answer.code());
        assert_eq!(got, (exit, status, code.to_owned()), "{path}: {answer:?}");
        if !body.is_empty() {
            assert_eq!(answer.body, body, "{path}");
        }
        let sent = broken.upstream.received().split_off(before);
        assert_eq!(sent, [format!("POST {path}")], "sent once and never again");
        let unanswered = broken.failure().is_some();
        assert_eq!(unanswered, code == "outcome_unknown", "{path}: {:?}", broken.failure());
    }
    broken.holdpoint.verified();
}

#[test]
fn a_released_change_whose_answer_breaks_off_is_not_done_again() {
    let broken = Broken::set("production");
    for (path, state) in [("/dead", "unknown"), ("/short", "done")] {
        let held = broken.ask("DELETE", path);
        assert_eq!((held.status, held.code().as_str()), (428, "needs_approval"), "{held:?}");
        let hold = held.json()["hold"].as_str().unwrap().to_owned();
        let name = path.trim_start_matches('/');
        let approve = ["approve", &hold, "--name", name];
        let released = broken.holdpoint.call_with(&approve, PASSPHRASE);
        assert_eq!(released.status, 0, "{}", released.stderr);
        until(state, || {
            let all = broken.holdpoint.json(&["holds", "--all", "--json"]);
            let found = all.as_array().unwrap().iter().find(|it| it["hold"] == hold.as_str());
            (found?["state"] == state).then_some(())
        });
        let sent = broken.upstream.received();
        let times = sent.iter().filter(|it| it.ends_with(path)).count();
        assert_eq!(times, 1, "{path}: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_gone_is_an_upstream_that_was_not_reached() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let host = "nowhere.invalid";
    let add = ["hosts", "add", host, "--speaks", "rest", "--environment", "development", "--json"];
    stage.holdpoint.json(&add);
    let agent = stage.agent("worker");
    let answer = agent.run(&["-X", "POST", &format!("https://{host}/items")]);
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_unreachable"));
    assert!(answer.body.contains("annot resolve nowhere.invalid"), "{}", answer.body);
    assert!(answer.body.contains("othing was sent"), "{}", answer.body);
}

/// A gateway whose state lies on a small disk.
struct Cramped {
    disk: SmallDisk,
    upstream: Faulty,
    holdpoint: Holdpoint,
    agent: Curl,
    gateway: Gateway,
}

impl Cramped {
    fn set() -> Self {
        let upstream = Faulty::start();
        let disk = SmallDisk::new(BINARY, 32);
        let holdpoint = Holdpoint::on(disk.path(), disk.binary());
        holdpoint.json(&[
            "hosts",
            "add",
            FAULTY,
            "--speaks",
            "rest",
            "--environment",
            "development",
            "--json",
        ]);
        let gateway = holdpoint.up(&upstream.resolve().each_ref().map(String::as_str), &[]);
        let agent = Curl::new(&holdpoint.json(&["agents", "new", "worker", "--json"]));
        Self { disk, upstream, holdpoint, agent, gateway }
    }

    fn change(&self) -> Answer {
        self.agent.run(&["-X", "POST", &format!("http://{FAULTY}/honest")])
    }

    fn restart(&mut self) {
        self.gateway.end();
        let arguments = self.upstream.resolve();
        self.gateway = self.holdpoint.up(&arguments.each_ref().map(String::as_str), &[]);
        self.agent = self.agent.through(self.gateway.proxy());
    }

    /// Tries until the state takes no more; what was answered until then is upstream.
    fn until_refused(&self) -> Answer {
        let mut passed = self.upstream.received().len();
        let refused = until("a refusal", || {
            let answer = self.change();
            passed += usize::from(answer.status == 200);
            (answer.status != 200).then_some(answer)
        });
        assert_eq!(self.upstream.received().len(), passed, "what was not on record was not sent");
        refused
    }
}

#[test]
fn a_full_disk_stops_changes_until_there_is_room() {
    let mut cramped = Cramped::set();
    assert_eq!(cramped.change().status, 200);
    cramped.disk.fill();
    let refused = cramped.until_refused();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("othing was sent"), "{refused:?}");
    cramped.disk.clear();
    cramped.restart();
    assert_eq!(cramped.change().status, 200);
    cramped.holdpoint.verified();
}

#[test]
fn a_state_that_can_only_be_read_stops_changes() {
    let mut cramped = Cramped::set();
    assert_eq!(cramped.change().status, 200);
    cramped.disk.read_only(true);
    let refused = cramped.until_refused();
    assert_eq!(refused.status, 503, "{refused:?}");
    let up = cramped.holdpoint.up_in_vain();
    assert_eq!(up.status, 3, "{} {}", up.stdout, up.stderr);
    cramped.disk.read_only(false);
    cramped.restart();
    assert_eq!(cramped.change().status, 200);
    cramped.holdpoint.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_lets_nothing_pass() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("worker");
    let url = format!("https://{LISTED}/items");
    assert_eq!(agent.run(&["-X", "POST", &url]).status, 200);
    // Another process takes the database for itself, as a broken backup program would.
    let script = "import sqlite3, sys, time\n\
                  db = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  db.execute('BEGIN EXCLUSIVE')\n\
                  print('taken', flush=True); sys.stdin.read()";
    let database = fs::read_dir(stage.holdpoint.state()).unwrap().map(|it| it.unwrap().path());
    let database = database.into_iter().find(|it| it.extension().is_some_and(|it| it == "db"));
    let mut taken = Command::new("python3")
        .args(["-c", script])
        .arg(database.unwrap())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = [0; 6];
    std::io::Read::read_exact(taken.stdout.as_mut().unwrap(), &mut line).unwrap();
    let refused = agent.run(&["-X", "DELETE", &url]);
    let sent = stage.arrived().len();
    drop(taken.stdin.take());
    taken.wait().unwrap();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(sent, 1, "only the first");
    assert_eq!(agent.run(&["-X", "POST", &url]).status, 200, "and goes on by itself");
}

/// Clients that send changes all the time while the gateway is stopped, or dies, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_load_loses_nothing_and_does_nothing_twice() {
    let mut stage = EchoStage::set(BINARY, NO_WAIT).await;
    let proxy = stage.gateway.proxy().to_owned();
    let agent = stage.agent("worker");
    let over = AtomicBool::new(false);
    let mut answered: Vec<(String, Answer)> = thread::scope(|scope| {
        let send = |client: usize| {
            let (agent, over) = (&agent, &over);
            scope.spawn(move || {
                let mut answers = Vec::new();
                for number in 0.. {
                    if over.load(Ordering::Acquire) {
                        break;
                    }
                    let name = format!("item-{client}-{number}");
                    let url = format!("https://{LISTED}/items/{name}");
                    answers.push((name, agent.run(&["-X", "PUT", "-d", "1", &url])));
                }
                answers
            })
        };
        let clients: Vec<_> = (0..6).map(send).collect();
        for how in ["stop", "kill", "stop"] {
            thread::sleep(Duration::from_millis(700));
            match how {
                "stop" => assert_eq!(stage.gateway.end(), 0),
                _ => stage.gateway.cut(),
            }
            let mut command = stage.holdpoint.command(&["up", "--proxy", &proxy, "--json"]);
            command.args(stage.arguments());
            stage.gateway = Gateway::start(command);
        }
        thread::sleep(Duration::from_millis(700));
        over.store(true, Ordering::Release);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let arrived = stage.arrived();
    let times = |name: &str| arrived.iter().filter(|it| it.target.ends_with(name)).count();
    assert!(answered.iter().filter(|(_, it)| it.status == 200).count() > 30, "there was a load");
    for (name, answer) in &answered {
        let expected = usize::from(answer.status == 200);
        assert!(times(name) <= 1, "{name} was done twice");
        assert!(times(name) >= expected, "{name} was answered and not done: {answer:?}");
    }
    answered.retain(|(_, it)| it.status != 200);
    let refused = answered.iter().filter(|(_, it)| it.status != 0).count();
    assert_eq!(refused, 0, "who finds nobody is not told that it was refused: {answered:?}");
    // What is upstream was on record before.
    let records = stage.holdpoint.records_from(0);
    let decided =
        |it: &&Value| it["record"]["kind"] == "decision" && it["record"]["forwarded"] == true;
    let forwarded = records.iter().filter(decided).count();
    assert!(forwarded >= arrived.len(), "{forwarded} on record, {} upstream", arrived.len());
    stage.holdpoint.verified();
}

/// A gateway whose clock a test sets, by Debian's faketime.
struct Clock {
    offset: tempfile::NamedTempFile,
}

impl Clock {
    fn new() -> Self {
        let clock = Self { offset: tempfile::NamedTempFile::new().unwrap() };
        clock.step(0);
        clock
    }

    /// Hours that it goes before the true one, or after it.
    fn step(&self, hours: i64) {
        fs::write(self.offset.path(), format!("{:+}\n", hours * 3600)).unwrap();
    }

    /// What makes a program go by it.
    fn variables(&self) -> [(String, String); 4] {
        let libraries = fs::read_dir("/usr/lib").unwrap().map(|it| it.unwrap().path());
        let library = libraries.map(|it| it.join("faketime/libfaketimeMT.so.1"));
        let library = library.into_iter().find(|it| it.exists()).expect("faketime is installed");
        let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD".into(), text(&library)),
            ("FAKETIME_TIMESTAMP_FILE".into(), text(self.offset.path())),
            ("FAKETIME_NO_CACHE".into(), "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
        ]
    }
}

/// When the last record was written, in milliseconds.
fn at(holdpoint: &Holdpoint) -> i64 {
    let records = holdpoint.records_from(0);
    records.last().unwrap()["record"]["at"].as_i64().unwrap()
}

fn now_millis() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_a_day_releases_nothing_and_stops_nothing() {
    let clock = Clock::new();
    let variables = clock.variables();
    let variables = variables.each_ref().map(|(name, value)| (name.as_str(), value.as_str()));
    let stage = EchoStage::set_with(BINARY, NO_WAIT, &variables).await;
    stage.holdpoint.enrol("ada");
    let agent = stage.agent("worker");
    let url = format!("https://{LISTED}/items");
    let change = || agent.run(&["-X", "POST", &url]).status;
    let hold = |path: &str| {
        let held = agent.run(&["-X", "DELETE", &format!("{url}/{path}")]);
        assert_eq!(held.status, 428, "{held:?}");
        held.json()["hold"].as_str().unwrap().to_owned()
    };
    let approve = |hold: &str| stage.holdpoint.call_with(&["approve", hold], PASSPHRASE).status;
    let deleted = || stage.arrived().iter().filter(|it| it.method == "DELETE").count();

    assert_eq!(change(), 200);
    for hours in [25, -25, 25, -25, 0] {
        let (before, answered) = (hold(&format!("b{hours}")), deleted());
        clock.step(hours);
        // A new connection sees the new time: its certificate, its record, its refusals.
        assert_eq!(change(), 200, "{hours} h");
        let (seen, now) = (at(&stage.holdpoint), now_millis());
        assert!((seen - now - hours * HOUR).abs() < HOUR, "{hours} h: its clock stepped");
        // A release from another time is carried out once at most, and never later.
        if approve(&before) == 0 {
            until("it is carried out, or not at all", || {
                let all = stage.holdpoint.json(&["holds", "--all", "--json"]);
                let hold = all.as_array().unwrap().iter().find(|it| it["hold"] == before.as_str());
                let state = hold?["state"].as_str()?;
                (!["open", "approved", "consuming"].contains(&state)).then_some(())
            });
        }
        let at_once = deleted() - answered;
        assert!(at_once <= 1, "{hours} h: {at_once}");
        clock.step(0);
        assert_eq!(change(), 200);
        assert_eq!(deleted() - answered, at_once, "{hours} h: done later");
    }
    let (at_last, answered) = (hold("at-last"), deleted());
    assert_eq!(approve(&at_last), 0);
    until("the release", || (deleted() == answered + 1).then_some(()));
    stage.holdpoint.verified();
}
