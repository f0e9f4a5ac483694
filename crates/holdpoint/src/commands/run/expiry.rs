//! When a run ends by itself.

use std::{str::FromStr, time::Duration};

use holdpoint_sandbox::expiry::Expiry;
use holdpoint_store::{State, agents::Kill};
use thiserror::Error;

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
    /// As time.
    pub(super) fn duration(self) -> Duration {
        self.0
    }
}

/// Says so if the time of `run`, which has ended, is over, and has its identity refused.
pub(super) fn end(expiry: Option<Expiry>, state: &State, run: &str) {
    if !expiry.is_some_and(|it| it.is_over()) {
        return;
    }
    eprintln!("holdpoint: the time of run {run} is over; it is killed");
    if let Err(error) = state.agents().kill(Kill::One(run)) {
        eprintln!("holdpoint: {error}");
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
