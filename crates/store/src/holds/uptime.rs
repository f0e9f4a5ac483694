//! How long this machine has been up: the clock that nobody can set.

use std::{fs, io};

use nix::time::{ClockId, clock_gettime};

use crate::error::{Result, StoreError};

/// Where Linux says which of its boots this is (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A moment of one boot of this machine. Moments of two boots cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uptime {
    /// The boot.
    pub boot: String,
    /// Milliseconds since then, asleep or awake (`CLOCK_BOOTTIME`, clock_gettime(2)).
    pub millis: u64,
}

impl Uptime {
    /// This moment.
    pub fn now() -> Result<Self> {
        let boot = fs::read_to_string(BOOT_ID).map_err(StoreError::io("read", BOOT_ID))?;
        let up = clock_gettime(ClockId::CLOCK_BOOTTIME)
            .map_err(|error| StoreError::io("time", BOOT_ID)(io::Error::from(error)))?;
        let seconds = u64::try_from(up.tv_sec()).unwrap_or(0);
        let millis = u64::try_from(up.tv_nsec()).unwrap_or(0) / 1_000_000;
        Ok(Self { boot: boot.trim().to_owned(), millis: seconds * 1000 + millis })
    }
}

#[cfg(test)]
mod tests {
    use super::Uptime;

    #[test]
    fn one_boot_goes_on() {
        let (first, second) = (Uptime::now().unwrap(), Uptime::now().unwrap());
        assert_eq!(first.boot, second.boot);
        assert!(!first.boot.is_empty() && first.millis > 0 && second.millis >= first.millis);
    }
}
