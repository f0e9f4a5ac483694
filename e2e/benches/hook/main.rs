//! How long one call of a hook takes, as a whole process, with a gateway and without.
//!
//!     cargo bench -p e2e --bench hook
//!
//! `HOLDPOINT_BINARY` names another binary to measure.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

use std::time::{Duration, Instant};

use e2e::hooks::{Desk, Dialect};

/// Calls of each kind.
const CALLS: usize = 300;
/// Calls before any is counted.
const WARM: usize = 20;

fn main() {
    let binary = std::env::var("HOLDPOINT_BINARY");
    let binary = binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_holdpoint-under-test").to_owned());
    let long = format!("echo {}", "x".repeat(64 * 1024 - 16));
    for (what, command) in [
        ("a look", "git status && ls -la src"),
        ("a build", "npm run build 2>&1 | tail -20"),
        ("a refusal", "rm -rf /usr/lib"),
        ("64 KiB", long.as_str()),
    ] {
        let desk = Desk::new(&binary);
        measure(what, "without a gateway", &desk, command);
        let up = desk.holdpoint.up(&[], &[]);
        measure(what, "with a gateway", &desk, command);
        assert_eq!(up.stop(), 0);
    }
}

fn measure(what: &str, how: &str, desk: &Desk, command: &str) {
    let mut took: Vec<Duration> = (0..WARM + CALLS)
        .map(|_| {
            let began = Instant::now();
            let said = desk.before(Dialect::Claude, command, true);
            assert_eq!(said.status, 0, "{said:?}");
            began.elapsed()
        })
        .skip(WARM)
        .collect();
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!("{what:<10} {how:<18} median {:>9.2?}  p99 {:>9.2?}", at(50), at(99));
}
