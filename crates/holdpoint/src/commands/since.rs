//! How far back something is looked at, as a human writes it.

use std::str::FromStr;

use holdpoint_core::Timestamp;
use thiserror::Error;

/// How far back, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since(u64);

/// What is no such duration.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no duration; write 90s, 30m, 8h or 7d")]
pub(super) struct SinceError(String);

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        let units = [('s', 1_000), ('m', 60_000), ('h', 3_600_000), ('d', 86_400_000)];
        let read = |(unit, millis): (char, u64)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(millis).filter(|it| *it > 0)
        };
        units.into_iter().find_map(read).map(Self).ok_or_else(|| SinceError(text.to_owned()))
    }
}

impl Since {
    /// The time that is so long before `now`.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Since;

    #[test]
    fn durations() {
        for (text, expect) in [
            ("7d", Some(604_800_000)),
            ("90s", Some(90_000)),
            ("0d", None),
            ("7", None),
            ("d", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(text.parse::<Since>().ok(), expect.map(Since), "{text}");
        }
    }
}
