//! A moment, as an argument: the core never reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Days from 1 March 0000 until the Unix epoch, in the proleptic Gregorian calendar.
const DAYS_BEFORE_EPOCH: u64 = 719_468;
/// Days of the 400 years after which the calendar repeats itself.
const DAYS_OF_ERA: u64 = 146_097;

/// Milliseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment plus `seconds`.
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whole seconds from `earlier` until this moment; 0 if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }
}

impl fmt::Display for Timestamp {
    /// The moment in UTC (RFC 3339), to the second: no zone, and so no daylight saving, has a say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let (days, second) = (seconds / 86_400 + DAYS_BEFORE_EPOCH, seconds % 86_400);
        // Years begin in March here, so that the leap day is the last of its year.
        let (era, day) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn moments_are_written_in_utc() {
        for (seconds, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            // The last second of summer time in Berlin, and two days later.
            (1_792_889_999, "2026-10-25T00:59:59Z"),
            (1_793_062_799, "2026-10-27T00:59:59Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp(seconds * 1000).to_string(), expect, "{seconds}");
            assert_eq!(Timestamp(seconds * 1000 + 999).to_string(), expect, "{seconds}");
        }
    }
}
