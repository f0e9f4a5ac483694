//! When a run ends by itself.

use std::{
    str::FromStr,
    thread,
    time::{Duration, SystemTime},
};

use holdpoint_store::{State, agents::Kill};
use thiserror::Error;

use crate::status::CommandError;

/// How often the clock is looked at: a machine that slept has its time go on.
const GLANCE: Duration = Duration::from_secs(1);
/// The longest life: 30 days.
const SECONDS_MAX: u64 = 30 * 24 * 3600;

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime(Duration);

/// What is no lifetime.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no duration from a second to 30 days; write 90s, 30m, 8h or 2d")]
pub(super) struct LifetimeError(String);

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 24 * 3600)];
        let read = |(unit, seconds): (char, u64)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(seconds).filter(|it| (1..=SECONDS_MAX).contains(it))
        };
        let seconds = units.into_iter().find_map(read);
        seconds.map(Duration::from_secs).map(Self).ok_or_else(|| LifetimeError(text.to_owned()))
    }
}

impl Lifetime {
    /// Has `run` killed when it is over. Whoever ends before is not waited for.
    pub(super) fn begin(self, state: &State, run: &str) -> Result<(), CommandError> {
        let until = SystemTime::now() + self.0;
        let (state, run) = (state.clone(), run.to_owned());
        let wait = move || {
            while let Ok(left) = until.duration_since(SystemTime::now()) {
                thread::sleep(left.min(GLANCE));
            }
            eprintln!("holdpoint: the time of run {run} is over; it is killed");
            // Its processes end whether or not the state can be written.
            if let Err(error) = state.agents().kill(Kill::One(&run)) {
                eprintln!("holdpoint: {error}");
            }
            if let Err(error) = state.end_processes(&run) {
                eprintln!("holdpoint: {error}");
            }
        };
        thread::Builder::new().spawn(wait).map(drop).map_err(CommandError::unable)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Lifetime;

    #[test]
    fn lifetimes() {
        for (text, seconds) in
            [("1s", 1), ("90s", 90), ("30m", 1800), ("8h", 28800), ("30d", 2_592_000)]
        {
            assert_eq!(text.parse(), Ok(Lifetime(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "s", "0s", "5", "-1s", "1.5h", "31d", "1w", "99999999999999999999d"] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }
}
