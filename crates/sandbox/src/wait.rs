//! Waits for a command as if nobody stood between it and its terminal.
//!
//! What the terminal sends (Ctrl-C, hang-up) reaches the command by itself, as it is of the same
//! process group; what another process sends to us is passed on.

use std::process::ExitStatus;

use nix::{
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::retry_on_intr,
};

use crate::{
    error::{During as _, Result},
    sockets::Desk,
};

/// What is passed on.
const PASSED_ON: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGWINCH,
];

/// The signals of this process, read one by one instead of interrupting it. A child inherits that
/// they are held back, and has to let them through where it is not one of us.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Holds signals back from now on, in this thread and those that it starts.
    pub fn hold() -> Result<Self> {
        let mut signals = SigSet::from_iter(PASSED_ON);
        signals.add(Signal::SIGCHLD);
        signals.thread_block().during("cannot hold signals back")?;
        let descriptor = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC);
        Ok(Self(descriptor.during("cannot read signals")?))
    }

    /// Holds nothing back any more.
    pub(crate) fn let_through() -> Result<()> {
        SigSet::all().thread_unblock().during("cannot let signals through")
    }

    /// Waits for the end of `child`, passes signals on to it, and reaps whatever else ends.
    pub fn wait_for(&self, child: u32) -> Result<Ended> {
        self.wait_beside(child, None)
    }

    /// The same, while whoever comes to `desk` is answered.
    pub(crate) fn wait_beside(&self, child: u32, mut desk: Option<Desk>) -> Result<Ended> {
        let child = Pid::from_raw(i32::try_from(child).unwrap_or(i32::MAX));
        loop {
            // The child may have ended before signals were held back.
            if let Some(ended) = reap(child)? {
                return Ok(ended);
            }
            if self.is_first(desk.as_ref())? {
                desk = desk.and_then(Desk::answer);
                continue;
            }
            let signal = self.0.read_signal().during("cannot read signals")?;
            let Some(signal) = signal else { continue };
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            let Ok(kind) = Signal::try_from(number) else { continue };
            // A positive code: the kernel's own, so that the terminal told the whole group.
            if kind != Signal::SIGCHLD && signal.ssi_code <= 0 {
                // It may just have ended.
                let _ = kill(child, kind);
            }
        }
    }
}

impl Signals {
    /// Waits for a signal or for somebody at the desk; whether it is somebody, and no signal.
    fn is_first(&self, desk: Option<&Desk>) -> Result<bool> {
        let Some(desk) = desk else { return Ok(false) };
        let mut ready = [PollFd::new(&self.0, PollFlags::IN), PollFd::new(desk, PollFlags::IN)];
        retry_on_intr(|| poll(&mut ready, None)).during("cannot wait")?;
        let [signal, asked] = ready.map(|it| !it.revents().is_empty());
        Ok(asked && !signal)
    }
}

/// How a command ended, as a shell says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(pub u8);

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Self(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    }
}

/// Reaps every process that has ended; how `child` did, if it is among them.
fn reap(child: Pid) -> Result<Option<Ended>> {
    let mut ended = None;
    loop {
        let code = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => code,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => 128 + signal as i32,
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return Ok(ended),
            Ok(_) | Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error).during("cannot wait for the command"),
        };
        ended = Some(Ended(u8::try_from(code).unwrap_or(u8::MAX)));
    }
}
