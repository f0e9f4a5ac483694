//! How long a search for credentials takes: of a workspace that nobody has searched, and of one in
//! which little has changed; beside `kingfisher` and `detect-secrets`, where they are installed.
//!
//!     cargo bench -p e2e --bench found
//!
//! The workspace is made of the sources of crates that cargo has, up to 25 MB. `HOLDPOINT_BINARY` names
//! another binary to measure, `HOLDPOINT_TREE` another tree (it is copied). Processor seconds say more
//! than those on the wall where a machine does other things, too.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};

/// Rounds; in each, every kind has one turn.
const ROUNDS: usize = 5;
/// Bytes of the workspace.
const BYTES: u64 = 25 * 1000 * 1000;
/// Files that change before a search of what little has changed.
const CHANGED: usize = 3;

fn main() {
    let binary = std::env::var("HOLDPOINT_BINARY");
    let binary = binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_holdpoint-under-test").to_owned());
    let place = tempfile::tempdir().unwrap();
    let (tree, state) = (place.path().join("tree"), place.path().join("state"));
    let (files, bytes) = plant(&tree);
    println!("{} files, {:.1} MB", files.len(), bytes as f64 / 1e6);
    let own = || {
        let mut own = Command::new(&binary);
        own.args(["secrets", "found", "--alone", "--json"]).arg(&tree);
        own.env("HOLDPOINT_STATE", &state);
        own
    };
    let mut took: Vec<(&str, Vec<Took>)> = Vec::new();
    let mut add = |name: &'static str, one: Option<Took>| {
        let Some(one) = one else { return };
        match took.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.push(one),
            None => took.push((name, vec![one])),
        }
    };
    for round in 0..ROUNDS {
        // What is searched for the first time by this program is in the state directory.
        let _ = fs::remove_dir_all(state.join("found"));
        add("holdpoint, first search", timed(own()));
        for file in files.iter().skip(round * CHANGED).take(CHANGED) {
            let mut text = fs::read(file).unwrap();
            text.push(b'\n');
            fs::write(file, text).unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
        add("holdpoint, little changed", timed(own()));
        let mut kingfisher = Command::new("kingfisher");
        kingfisher.args(["scan", "--no-validate", "--no-update-check", "--format", "json"]);
        kingfisher.arg(&tree);
        add("kingfisher", timed(kingfisher));
        let mut detect = Command::new("detect-secrets");
        detect.args(["scan", "--all-files", "--no-verify"]).arg(&tree);
        add("detect-secrets", timed(detect));
    }
    for (name, all) in &mut took {
        let wall = median(all.iter().map(|it| it.wall).collect());
        let processor = median(all.iter().map(|it| it.processor).collect());
        let most = all.iter().map(|it| it.memory).max().unwrap_or_default();
        println!(
            "  {name:<28} wall {wall:>9.3?}, processor {processor:>9.3?}, memory {most} KiB so far"
        );
    }
}

struct Took {
    wall: Duration,
    processor: Duration,
    /// The most that any of this process's children has had.
    memory: i64,
}

/// Runs it to its end; nothing if there is no such program.
fn timed(mut command: Command) -> Option<Took> {
    let before = used();
    let began = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let wall = began.elapsed();
    let (after, memory) = used();
    Some(Took { wall, processor: after.saturating_sub(before.0), memory })
}

fn used() -> (Duration, i64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = [usage.user_time(), usage.system_time()].map(|it| {
        let micros = it.tv_sec() * 1_000_000 + it.tv_usec();
        Duration::from_micros(u64::try_from(micros).unwrap())
    });
    (time.iter().sum(), usage.max_rss())
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// Makes the workspace, and says which files are in it and how long they are.
fn plant(tree: &Path) -> (Vec<PathBuf>, u64) {
    let named = std::env::var_os("HOLDPOINT_TREE").map(PathBuf::from);
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let from = named.unwrap_or_else(|| home.join(".cargo/registry/src"));
    let (mut files, mut bytes, mut ahead) = (Vec::new(), 0, vec![from.clone()]);
    while let Some(directory) = ahead.pop() {
        let mut entries: Vec<_> = fs::read_dir(directory).unwrap().flatten().collect();
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                ahead.push(path);
            } else if kind.is_file() && bytes < BYTES {
                let to = tree.join(path.strip_prefix(&from).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                bytes += fs::copy(&path, &to).unwrap();
                files.push(to);
            }
        }
    }
    (files, bytes)
}
