//! The product's own `main`, which also ends itself like `kill -9` at a stage of the walk that
//! a test names: `STAGE` or `STAGE:n` for the n-th time it is reached.

use std::{
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use holdpoint::{Cli, run_observed};
use holdpoint_enforce::Stage;

/// The stage and the count, from the environment.
static KILL_AT: OnceLock<Option<(String, u64)>> = OnceLock::new();
static REACHED: AtomicU64 = AtomicU64::new(0);

fn kill_at() -> Option<(String, u64)> {
    let wish = std::env::var("HOLDPOINT_TEST_KILL_AT").ok()?;
    let (stage, count) = wish.split_once(':').unwrap_or((&wish, "1"));
    Some((stage.to_owned(), count.parse().ok()?))
}

fn observe(stage: Stage) {
    let Some((wanted, count)) = KILL_AT.get_or_init(kill_at) else { return };
    if *wanted == format!("{stage:?}") && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::SIGKILL);
    }
}

fn main() -> ExitCode {
    match run_observed(Cli::read(), observe) {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("holdpoint: {error}");
            error.status().into()
        }
    }
}
