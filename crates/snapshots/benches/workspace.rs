//! How long a workspace takes to save and to bring back, beside restic on the same files in the
//! same run: `cargo bench -p holdpoint-snapshots`. Needs restic and 4 GB below the temporary
//! directory.

#![allow(clippy::expect_used, reason = "a measurement that cannot be made is none")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use holdpoint_core::Timestamp;
use holdpoint_snapshots::{Cause, Snapshots, Terms};
use holdpoint_store::{State, config::SnapshotTerms, snapshots::Snapshot};

/// Bytes that do not compress to nothing, and are others for each seed.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Half of it as text is: repeated.
        bytes.extend_from_slice(&state.to_le_bytes());
        bytes.extend_from_slice(b"    let ");
    }
    bytes.truncate(length);
    bytes
}

/// `count` files of `length` bytes, a hundred to a directory.
fn fill(root: &Path, count: usize, length: usize) {
    for number in 0..count {
        let directory = root.join(format!("d{}", number / 100));
        if number % 100 == 0 {
            fs::create_dir_all(&directory).expect("room for the workspace");
        }
        let file = directory.join(format!("f{number}"));
        fs::write(file, bytes(number as u64 + 1, length)).expect("room for the workspace");
    }
}

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = act();
    let took = began.elapsed();
    println!("{what:<60} {:>9.1} ms", took.as_secs_f64() * 1000.0);
    (value, took)
}

struct Place {
    root: PathBuf,
    state: PathBuf,
    restic: PathBuf,
}

impl Place {
    fn save(&self) -> Snapshot {
        let terms = Terms::new(&SnapshotTerms::default(), &self.state);
        let state = State::open(&self.state).expect("a state");
        let snapshots = Snapshots::open(&state, terms).expect("a repository");
        let cause = Cause { run: None, why: "a measurement".to_owned() };
        snapshots.save_workspace(&self.root, &cause, Timestamp(1)).expect("a snapshot").snapshot
    }

    fn undo(&self, to: &Snapshot) {
        let terms = Terms::new(&SnapshotTerms::default(), &self.state);
        let state = State::open(&self.state).expect("a state");
        let snapshots = Snapshots::open(&state, terms).expect("a repository");
        let (prepared, _) = timed("  undo: the present saved, the difference found", || {
            snapshots.prepare(to, None, Timestamp(2)).expect("a plan")
        });
        println!("  {} changes", prepared.plan().changes.len());
        let (staged, _) =
            timed("  undo: what comes back written", || prepared.stage().expect("room"));
        timed("  undo: carried out", || staged.carry_out().expect("carried out"));
    }

    fn restic(&self, arguments: &[&str]) {
        let status = Command::new("restic")
            .args(["-q", "--no-cache", "-r"])
            .arg(&self.restic)
            .args(arguments)
            .env("RESTIC_PASSWORD", "x")
            .env("RESTIC_COMPRESSION", "auto")
            .status()
            .expect("restic is installed");
        assert!(status.success(), "restic {arguments:?}");
    }
}

fn measure(dir: &Path, what: &str, count: usize, length: usize) {
    println!("{what}");
    let place =
        Place { root: dir.join("work"), state: dir.join("state"), restic: dir.join("restic") };
    fill(&place.root, count, length);
    let root = place.root.to_str().expect("a path that is text").to_owned();
    // Both read from memory what the other has read.
    place.restic(&["init", "--repository-version", "2"]);
    let (_, restic) = timed("  restic: first", || place.restic(&["backup", &root]));
    let (first, ours) = timed("  ours: first", || place.save());
    println!("  ratio {:.2}", ours.as_secs_f64() / restic.as_secs_f64());
    timed("  ours: nothing changed", || place.save());
    timed("  restic: nothing changed", || place.restic(&["backup", &root]));
    for number in 0..100 {
        let number = number * count / 100;
        let file = place.root.join(format!("d{}/f{number}", number / 100));
        fs::write(file, b"changed").expect("room");
    }
    timed("  ours: 100 files changed", || place.save());
    timed("  restic: 100 files changed", || place.restic(&["backup", &root]));
    place.undo(&first);
}

fn main() {
    // `cargo test --benches` calls it too: then only that it works.
    let small = !std::env::args().any(|argument| argument == "--bench");
    let dir = tempfile::tempdir().expect("a temporary directory");
    if small {
        measure(&dir.path().join("a"), "small", 200, 1000);
        return;
    }
    measure(&dir.path().join("one"), "1 GB: 10,000 files of 100 KB", 10_000, 100_000);
    measure(&dir.path().join("many"), "100,000 files of 1 KB", 100_000, 1000);
}
