//! When a run ends by itself: by timers of the kernel's, as they go on while whoever has them is
//! stopped, which an agent can do to us by stopping its own command.

use std::time::Duration;

use nix::{
    sys::{
        signal::{SigEvent, SigevNotify, Signal},
        timer::{Expiration, Timer, TimerSetTimeFlags},
    },
    time::{ClockId, clock_gettime},
};

use crate::error::{During as _, Result};

/// A machine that sleeps has its time go on, whatever is said of the date.
const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
/// How long after the end of all that is inside its supervisor is woken, and how often.
const GLANCE: Duration = Duration::from_secs(1);

/// The end of this process, and so of all that is inside, when its time is over.
#[derive(Debug)]
pub(crate) struct End(#[expect(dead_code, reason = "it goes on until it is dropped")] Timer);

impl End {
    /// After `lifetime`.
    pub(crate) fn after(lifetime: Duration) -> Result<Self> {
        timer(Signal::SIGKILL, Expiration::OneShot(lifetime.into())).map(Self)
    }
}

/// The supervisor's own: it does not stay stopped once there is nothing left to continue.
#[derive(Debug)]
pub struct Expiry {
    until: Duration,
    _wakes: Timer,
}

impl Expiry {
    /// After `lifetime`.
    pub fn after(lifetime: Duration) -> Result<Self> {
        let until = uptime()?.saturating_add(lifetime);
        let (first, next) = (lifetime.saturating_add(GLANCE).into(), GLANCE.into());
        let wakes = timer(Signal::SIGCONT, Expiration::IntervalDelayed(first, next))?;
        Ok(Self { until, _wakes: wakes })
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        uptime().is_ok_and(|now| now >= self.until)
    }
}

fn uptime() -> Result<Duration> {
    clock_gettime(CLOCK).map(Duration::from).during("cannot read the clock")
}

fn timer(signal: Signal, expiration: Expiration) -> Result<Timer> {
    let event = SigEvent::new(SigevNotify::SigevSignal { signal, si_value: 0 });
    let mut timer = Timer::new(CLOCK, event).during("cannot make a timer")?;
    timer.set(expiration, TimerSetTimeFlags::empty()).during("cannot set a timer")?;
    Ok(timer)
}
