//! What compiling a crate costs inside of a run beside outside: user and system time of all
//! processes together, in interleaved pairs.
//!
//!     cargo bench -p e2e --bench compile
//!
//! `HOLDPOINT_BINARY` names another binary to measure, `PAIRS` another number of pairs.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use e2e::enclosed::Enclosed;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

/// Pairs, unless another number is asked for.
const PAIRS: usize = 20;
/// Modules of the crate, each a file.
const MODULES: usize = 150;

fn main() {
    let binary = std::env::var("HOLDPOINT_BINARY");
    let binary = binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_holdpoint-under-test").to_owned());
    let pairs = std::env::var("PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(Enclosed::each(&binary)).into_iter().next().unwrap();
    let sysroot = sysroot();
    write_crate(&place.path("work"));
    let compile = [
        sysroot.join("bin/rustc").display().to_string(),
        "--edition=2024".to_owned(),
        "--crate-type=lib".to_owned(),
        "-Copt-level=1".to_owned(),
        "--out-dir=/tmp".to_owned(),
        "lib.rs".to_owned(),
    ];
    let outside = || {
        let (program, words) = compile.split_first().unwrap();
        cost(place.outside(program).args(words))
    };
    let inside = |options: &[&str]| {
        let mut run = place.outside(place.path("holdpoint"));
        run.arg("run").args(["--also", &format!("{}:ro", sysroot.display())]);
        cost(run.args(options).arg("--").args(&compile))
    };
    // The gateway is up, and the workspace saved once.
    inside(&[]);
    for (what, options) in [("with an undo point", &[][..]), ("without", &["--no-snapshot"])] {
        let mut ratios = Vec::new();
        for pair in 0..pairs {
            // Neither is always the first of the two.
            let (plain, enclosed) = match pair % 2 {
                0 => (outside(), inside(options)),
                _ => {
                    let enclosed = inside(options);
                    (outside(), enclosed)
                }
            };
            println!("{pair:>3}  outside {plain:.3} s  inside {enclosed:.3} s");
            ratios.push(enclosed / plain);
        }
        ratios.sort_by(f64::total_cmp);
        let at = |share: usize| ratios.get(ratios.len() * share / 100).copied().unwrap_or_default();
        println!(
            "{what}: median {:.3}, quartiles {:.3} and {:.3}, {pairs} pairs",
            at(50),
            at(25),
            at(75)
        );
    }
}

/// Seconds of user and system time that `command`, and all that it waited for, took.
fn cost(command: &mut Command) -> f64 {
    let before = children();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
    children() - before
}

fn children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Where the compiler is itself, and not who looks for it.
fn sysroot() -> PathBuf {
    let said = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    PathBuf::from(String::from_utf8(said.stdout).unwrap().trim())
}

/// A crate of many small files.
fn write_crate(work: &Path) {
    let mut root = String::new();
    for number in 0..MODULES {
        writeln!(root, "pub mod part{number};").unwrap();
        let text = format!(
            "use std::collections::BTreeMap;\n\
             #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]\n\
             pub struct Part {{ pub name: String, pub parts: Vec<Part>, pub counts: BTreeMap<String, u64> }}\n\
             impl Part {{\n\
             pub fn total(&self) -> u64 {{\n\
             self.counts.values().sum::<u64>() + self.parts.iter().map(Part::total).sum::<u64>() + {number}\n}}\n\
             pub fn names(&self) -> Vec<String> {{\n\
             let mut all: Vec<String> = self.parts.iter().flat_map(Part::names).collect();\n\
             all.push(format!(\"{{}}-{number}\", self.name)); all.sort(); all.dedup(); all\n}}\n}}\n"
        );
        fs::write(work.join(format!("part{number}.rs")), text).unwrap();
    }
    fs::write(work.join("lib.rs"), root).unwrap();
}
