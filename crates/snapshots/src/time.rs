//! Moments of a file system, as the format has them.

use rustic_core::jiff::Timestamp;

use crate::looks::Moment;

/// A moment of a file system; one that is out of all bounds is none.
pub(crate) fn of((seconds, nanoseconds): Moment) -> Option<Timestamp> {
    Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
}

/// A moment of a snapshot, as a file system has it: the nanoseconds go forth.
pub(crate) fn moment(at: &Timestamp) -> Moment {
    let (seconds, nanoseconds) = (at.as_second(), at.subsec_nanosecond());
    match u32::try_from(nanoseconds) {
        Ok(nanoseconds) => (seconds, nanoseconds),
        Err(_) => (seconds - 1, u32::try_from(nanoseconds + 1_000_000_000).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::{moment, of};

    #[test]
    fn forth_and_back_before_the_epoch_too() {
        for at in [(0, 0), (1, 999_999_999), (-1, 1), (-5, 0), (1_700_000_000, 123_456_789)] {
            assert_eq!(of(at).as_ref().map(moment), Some(at));
        }
        assert_eq!(of((i64::MAX, 0)), None);
    }
}
