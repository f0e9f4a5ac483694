//! How much longer `holdpoint run -- true` takes than `true`, from start to end, the gateway being up;
//! and when the last message of a run that floods arrives upstream after it is killed.
//!
//!     cargo bench -p e2e --bench launch
//!
//! `HOLDPOINT_BINARY` names another binary to measure.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{
    enclosed::Enclosed,
    flood::{Killed, killed},
};

/// Rounds; in each, every kind has one turn.
const ROUNDS: usize = 60;
/// Kills.
const KILLS: usize = 10;
/// Rounds before any is counted.
const WARM: usize = 5;

fn main() {
    let binary = std::env::var("HOLDPOINT_BINARY");
    let binary = binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_holdpoint-under-test").to_owned());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for place in runtime.block_on(Enclosed::each(&binary)) {
        let kinds: [(&str, &[&str]); 3] = [
            ("true", &[]),
            ("run --no-snapshot -- true", &["run", "--no-snapshot", "--", "true"]),
            ("run -- true", &["run", "--", "true"]),
        ];
        let mut took = kinds.map(|_| Vec::new());
        for round in 0..WARM + ROUNDS {
            for ((_, words), times) in kinds.iter().zip(&mut took) {
                let mut command = match words.is_empty() {
                    true => place.outside("true"),
                    false => place.outside(place.path("holdpoint")),
                };
                let time = timed(command.args(*words));
                if round >= WARM {
                    times.push(time);
                }
            }
        }
        println!("{}:", place.who());
        let plain = median(&mut took[0]);
        for ((name, _), times) in kinds.iter().zip(&mut took) {
            let middle = median(times);
            let more = middle.saturating_sub(plain);
            println!("  {name:<28} median {middle:>9.2?}, over `true` {more:>9.2?}");
        }
        for _ in 0..KILLS {
            let Killed { last, returned, .. } = killed(&place);
            println!("  kill: last arrival {last:>9.2?}, returned {returned:>9.2?}");
        }
    }
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let took = began.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
