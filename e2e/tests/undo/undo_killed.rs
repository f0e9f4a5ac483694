//! `kill -9` at any moment of a snapshot, an undo and a prune: no half snapshot counts, no file is
//! half, and the repository stays readable.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use e2e::{
    enclosed::Enclosed,
    holdpoint::{Called, Holdpoint, PASSPHRASE},
    tree::{Leaf, assert_same, tree},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// Rounds of each kind; three hundred in all under `HOLDPOINT_SOAK`.
const ROUNDS: u64 = 4;
const ROUNDS_SOAK: u64 = 100;

/// Numbers that look random, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn work(place: &Enclosed) -> BTreeMap<PathBuf, Leaf> {
    // An undo that was cut short leaves what it had staged; the next one removes it.
    let staging = |path: &Path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".holdpoint-undo-"))
    };
    tree(&place.path("work"), &staging)
}

/// Every file gets other bytes, some go, some come.
fn scramble(place: &Enclosed, round: u64, numbers: &mut Numbers) {
    for number in 0..60 {
        let directory = place.path("work").join(format!("d{}", number % 7));
        let file = directory.join(format!("f{number}"));
        match numbers.below(4) {
            0 => drop(fs::remove_file(&file)),
            1 => {}
            _ => {
                fs::create_dir_all(&directory).unwrap();
                let length = 1 + numbers.below(60_000) as usize;
                let bytes: Vec<u8> = (0..length).map(|_| numbers.below(256) as u8).collect();
                fs::write(&file, [format!("{round} ").as_bytes(), &bytes].concat()).unwrap();
            }
        }
    }
}

fn start(place: &Enclosed, arguments: &[&str]) -> Child {
    let mut command = place.outside(place.path("holdpoint"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Ends it after a while that is anywhere within what it takes.
fn kill_somewhere(mut child: Child, numbers: &mut Numbers) {
    thread::sleep(Duration::from_micros(numbers.below(60_000)));
    let _ = child.kill();
    let _ = child.wait();
}

/// Undoes all of it: what was changed since by somebody else than the run waits for an approval.
fn undone(place: &Enclosed, to: &str, round: u64) {
    for _ in 0..3 {
        let undone = place.call(&["undo", to, "--yes", "--json"]);
        if undone.status == 0 {
            return;
        }
        approved(place, &undone, round);
    }
    panic!("{round}: it is held again and again");
}

fn approved(place: &Enclosed, undone: &Called, round: u64) {
    assert_eq!(undone.status, 1, "{round}: {}{}", undone.stdout, undone.stderr);
    let hold = undone.json()["hold"].as_str().unwrap_or_else(|| panic!("{undone:?}")).to_owned();
    let holdpoint = Holdpoint::on(place.path("state"), place.path("holdpoint"));
    let approved = holdpoint.call_with(&["approve", &hold], PASSPHRASE);
    assert_eq!(approved.status, 0, "{round}: {approved:?}");
}

fn verified(place: &Enclosed) {
    let verified = place.call(&["snapshots", "verify"]);
    assert_eq!(verified.status, 0, "{}{}", verified.stdout, verified.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_dies_nothing_half_counts() {
    let soak = std::env::var_os("HOLDPOINT_SOAK").is_some();
    let rounds = if soak { ROUNDS_SOAK } else { ROUNDS };
    let place = Enclosed::each(BINARY).await.remove(0);
    let mut numbers = Numbers(0x5eed);
    Holdpoint::on(place.path("state"), place.path("holdpoint")).enrol("ada");
    scramble(&place, 0, &mut numbers);
    assert_eq!(place.script("true").status, 0);
    let first = place.call(&["snapshots", "--json"]).json()[0]["id"].as_str().unwrap().to_owned();
    let before = work(&place);
    for round in 1..=rounds {
        scramble(&place, round, &mut numbers);
        let run = start(&place, &["run", "--", "true"]);
        kill_somewhere(run, &mut numbers);
        let held = place.call(&["undo", &first, "--yes", "--json"]);
        if held.status != 0 {
            approved(&place, &held, round);
        }
        let undo = start(&place, &["undo", &first, "--yes"]);
        kill_somewhere(undo, &mut numbers);
        let prune = start(&place, &["snapshots", "prune"]);
        kill_somewhere(prune, &mut numbers);
        if round % 10 == 0 || !soak {
            verified(&place);
        }
        // What was cut short is finished by the same again.
        undone(&place, &first, round);
        assert_same(&format!("round {round}"), &before, &tree(&place.path("work"), &|_| false));
    }
    verified(&place);
    // Every row is a snapshot that is whole.
    let all = place.call(&["snapshots", "--json"]).json();
    for row in all.as_array().unwrap().iter().take(20) {
        undone(&place, row["id"].as_str().unwrap(), rounds);
    }
}
