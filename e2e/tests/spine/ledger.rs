//! The ledger of real traffic: verified, shown, proven, found out when touched; and without it
//! nothing passes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{
    curl::Curl,
    echo::{EchoStage, LISTED, UNLISTED},
    files::files,
    holdpoint::{Called, PASSPHRASE, until},
};
use holdpoint_store::ledger::{DIRECTORY, VERIFIER_KEY, VerifierKey, verify};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// How many changes of a single byte are tried.
const CHANGES_MAX: usize = 400;

fn ask(agent: &Curl, method: &str, host: &str) -> u16 {
    agent.run(&["-X", method, &format!("https://{host}/items")]).status
}

/// Traffic of every kind: a look, a change, a refusal, a hold that is released.
async fn after_traffic() -> EchoStage {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    stage.holdpoint.enrol("ada");
    let agent = stage.agent("worker");
    for (method, host, status) in [
        ("GET", LISTED, 200),
        ("POST", LISTED, 200),
        ("GET", UNLISTED, 403),
        ("DELETE", LISTED, 428),
    ] {
        assert_eq!(ask(&agent, method, host), status, "{method} {host}");
    }
    let hold = stage.holdpoint.json(&["holds", "--json"])[0]["hold"].as_str().unwrap().to_owned();
    let approved = stage.holdpoint.call_with(&["approve", &hold], PASSPHRASE);
    assert_eq!(approved.status, 0, "{}", approved.stderr);
    until("the release", || (ask(&agent, "DELETE", LISTED) == 200).then_some(()));
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_is_verified_shown_and_proven() {
    let stage = after_traffic().await;
    let call = |arguments: &[&str]| stage.holdpoint.call(arguments);
    assert_eq!(call(&["ledger", "verify"]).status, 0, "while the gateway runs");
    let shown = stage.holdpoint.json(&["ledger", "show", "--last", "100", "--json"]);
    let records = shown.as_array().unwrap();
    let verdicts: Vec<_> =
        records.iter().filter_map(|it| it["record"]["verdict"].as_str()).collect();
    for verdict in ["allow", "deny", "hold"] {
        assert!(verdicts.contains(&verdict), "{verdicts:?}");
    }
    let deletion = records.iter().find(|it| {
        it["record"]["forwarded"] == true
            && it["record"]["operations"][0]["operation"] == "rest:DELETE"
    });
    let index = deletion.unwrap()["index"].to_string();
    assert!(call(&["ledger", "show", &index]).stdout.contains("rest:DELETE"));

    let proof = call(&["ledger", "prove", &index]);
    assert_eq!(proof.status, 0, "{}", proof.stderr);
    let file = stage.holdpoint.state().join("proof");
    let check = |text: &str| -> Called {
        fs::write(&file, text).unwrap();
        call(&["ledger", "prove", "--check", file.to_str().unwrap(), "--json"])
    };
    let proven = check(&proof.stdout);
    assert_eq!(proven.status, 0, "{}", proven.stdout);
    let proven = proven.json();
    assert_eq!(proven["index"].to_string(), index);
    assert_eq!(&proven["record"], &deletion.unwrap()["record"]);
    let text = proof.stdout.trim_end();
    let step = text.len() / 16;
    for at in (0..text.len()).step_by(step) {
        let mut changed = text.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap() + "\n";
        let checked = check(&changed);
        assert_eq!(checked.status, 1, "byte {at} of the proof: {checked:?}\n{changed}");
        assert_eq!(checked.json()["ok"], false);
    }
    for cut in [text.len() / 2, text.len() - 30] {
        assert_eq!(check(&text[..cut]).status, 1);
    }
    assert_eq!(call(&["ledger", "prove", "100000"]).status, 3);
    assert_eq!(stage.gateway.stop(), 0);
    assert_eq!(call(&["ledger", "verify"]).status, 0, "after it has stopped");
}

/// The ledger of a gateway that has stopped.
struct Stopped {
    stage: e2e::holdpoint::Holdpoint,
    files: Vec<PathBuf>,
}

impl Stopped {
    async fn ledger() -> Self {
        let EchoStage { holdpoint, gateway, .. } = after_traffic().await;
        assert_eq!(gateway.stop(), 0);
        let files = files(&holdpoint.state().join(DIRECTORY));
        assert!(files.len() >= 4, "checkpoint, history, entries, hashes: {files:?}");
        Self { stage: holdpoint, files }
    }

    /// The finding, by the command line.
    fn found(&self, touched: &str) {
        let called = self.stage.call(&["ledger", "verify", "--json"]);
        assert_eq!(called.status, 1, "{touched}: {called:?}");
        let fact = called.json();
        assert_eq!(fact["ok"], false);
        let finding = fact["finding"].as_str().unwrap();
        let own = self.stage.state().join(DIRECTORY);
        let named = |file: &PathBuf| finding.contains(relative(&own, file));
        assert!(self.files.iter().any(named), "{touched}: it names no file: {finding}");
    }

    fn in_order(&self) {
        let called = self.stage.call(&["ledger", "verify"]);
        assert_eq!(called.status, 0, "{called:?}");
    }
}

fn relative<'a>(dir: &Path, file: &'a Path) -> &'a str {
    file.strip_prefix(dir).unwrap().to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_is_found() {
    let ledger = Stopped::ledger().await;
    let dir = ledger.stage.state().join(DIRECTORY);
    let key = VerifierKey::read(&ledger.stage.state().join(VERIFIER_KEY)).unwrap();
    assert!(verify(&dir, &key, None).is_ok());
    let bytes: usize = ledger.files.iter().map(|it| fs::read(it).unwrap().len()).sum();
    let step = bytes.div_ceil(CHANGES_MAX).max(1);
    for file in &ledger.files {
        let whole = fs::read(file).unwrap();
        for at in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(file, changed).unwrap();
            let found = verify(&dir, &key, None);
            assert!(found.is_err(), "byte {at} of {} is not missed", file.display());
        }
        ledger.found(&format!("the last byte of {}", file.display()));
        fs::write(file, &whole).unwrap();
    }
    ledger.in_order();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_cut_longer_new_or_swapped_is_found() {
    let ledger = Stopped::ledger().await;
    for file in &ledger.files {
        let name = file.display();
        let whole = fs::read(file).unwrap();
        fs::remove_file(file).unwrap();
        ledger.found(&format!("without {name}"));
        for text in [&whole[..whole.len() - 1], &[&whole[..], b"\n"].concat(), b""] {
            fs::write(file, text).unwrap();
            ledger.found(&format!("{name} is {} instead of {} bytes", text.len(), whole.len()));
        }
        fs::write(file, &whole).unwrap();
    }
    let pairs = ledger.files.iter().zip(ledger.files.iter().skip(1));
    for (one, other) in pairs {
        let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
        fs::write(one, &second).unwrap();
        fs::write(other, &first).unwrap();
        ledger.found(&format!("{} is {}", one.display(), other.display()));
        fs::write(one, &first).unwrap();
        fs::write(other, &second).unwrap();
    }
    ledger.in_order();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_nothing_passes() {
    let stage = EchoStage::set(BINARY, NO_WAIT).await;
    let agent = stage.agent("worker");
    assert_eq!(ask(&agent, "POST", LISTED), 200);
    // As a full disk would: no tile can be written any more, not even by root. What fits into the
    // journal is still recorded, for a second at most.
    let tiles = stage.holdpoint.state().join(DIRECTORY).join("tile");
    until("the first tiles", || tiles.exists().then_some(()));
    fs::rename(&tiles, tiles.with_extension("away")).unwrap();
    fs::write(&tiles, "").unwrap();
    until("a tile is to be written", || (ask(&agent, "POST", LISTED) == 503).then_some(()));
    let sent = stage.arrived().len();
    for method in ["POST", "PUT", "DELETE", "GET"] {
        let url = format!("https://{LISTED}/items");
        let answer = agent.run(&["-X", method, &url]);
        assert_eq!(answer.status, 503, "{method}: {answer:?}");
        let body = answer.json();
        assert_eq!(
            (&body["code"], &body["retry"]),
            (&"ledger_unavailable".into(), &"later".into())
        );
        assert!(body["detail"].as_str().unwrap().contains("Nothing was sent."), "{body}");
    }
    let refused = agent.run(&[&format!("https://{UNLISTED}/items")]);
    assert_eq!(refused.code(), "ledger_unavailable", "not even a refusal is claimed: {refused:?}");
    assert_eq!(stage.arrived().len(), sent, "nothing was sent");
    stage.gateway.says("nothing passes any more");

    // What was broken is refused at the next start too; mended, it goes on.
    let EchoStage { holdpoint, gateway, .. } = stage;
    gateway.stop();
    let up = holdpoint.up_in_vain();
    assert_eq!(up.status, 3, "{up:?}");
    fs::remove_file(&tiles).unwrap();
    fs::rename(tiles.with_extension("away"), &tiles).unwrap();
    let gateway = holdpoint.up(&[], &[]);
    assert_eq!(gateway.stop(), 0);
    assert_eq!(holdpoint.call(&["ledger", "verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_was_handed_out_is_one_that_the_ledger_went_through() {
    let mut stage = after_traffic().await;
    let audit = tempfile::tempdir().unwrap();
    let of = |name: &str| audit.path().join(name);
    let state = stage.holdpoint.state().to_owned();
    // What was handed out, and what somebody kept of the ledger then.
    assert_eq!(stage.gateway.end(), 0);
    fs::copy(state.join("ledger/checkpoint"), of("early")).unwrap();
    let mut keep = Command::new("cp");
    keep.arg("-r").arg(state.join("ledger")).arg(audit.path());
    assert!(keep.status().unwrap().success());
    fs::copy(state.join(VERIFIER_KEY), of(VERIFIER_KEY)).unwrap();
    let gateway = stage.holdpoint.up(&[], &[]);
    assert_eq!(gateway.stop(), 0);
    fs::copy(state.join("ledger/checkpoint"), of("late")).unwrap();
    let forged = fs::read_to_string(of("early")).unwrap().replacen('1', "2", 3);
    fs::write(of("forged"), forged).unwrap();

    let verify = |state: &Path, head: &str| {
        let head = of(head);
        let words = ["ledger", "verify", "--head", head.to_str().unwrap()];
        let mut command = stage.holdpoint.command(&words);
        Called::from(command.env("HOLDPOINT_STATE", state).output().unwrap())
    };
    for (state, head, status) in [
        (state.as_path(), "early", 0),
        (&state, "late", 0),
        (audit.path(), "early", 0),
        (audit.path(), "late", 1),
        (audit.path(), "forged", 2),
        (audit.path(), "nothing", 2),
    ] {
        let called = verify(state, head);
        assert_eq!(called.status, status, "{head}: {called:?}");
    }
}
