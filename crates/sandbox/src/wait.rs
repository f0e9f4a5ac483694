//! Waits for a command as if nobody stood between it and its terminal.
//!
//! What the terminal sends (Ctrl-C, hang-up) reaches the command by itself, as it is of the same
//! process group; what another process sends to us is passed on. Only the command decides whether
//! it stops (Ctrl-Z): when it does, so do we, one after the other up to the shell's own child.
//! The first process inside cannot be stopped from there, so it says so in words: `stops`.

use std::{os::fd::AsFd, process::ExitStatus};

use nix::{
    sys::{
        signal::{SigSet, Signal, kill, raise},
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
    stops::{Hear, Say},
};

/// What is passed on.
const PASSED_ON: [Signal; 10] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// What would stop us beside the command, which is asked instead; writing to a terminal that
/// another job has is no reason to stop either.
const HELD_BACK: [Signal; 3] = [Signal::SIGCHLD, Signal::SIGTTIN, Signal::SIGTTOU];

/// What becomes of it when the command stops.
#[derive(Debug)]
pub enum Stops {
    /// We stop, too.
    Here,
    /// We say so.
    Say(Say),
    /// We stop when it is said.
    Hear(Hear),
}

/// The signals of this process, read one by one instead of interrupting it. A child inherits that
/// they are held back, and has to let them through where it is not one of us.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Holds signals back from now on, in this thread and those that it starts.
    pub fn hold() -> Result<Self> {
        let mut signals = SigSet::from_iter(PASSED_ON);
        signals.extend(HELD_BACK);
        signals.thread_block().during("cannot hold signals back")?;
        let descriptor = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC);
        Ok(Self(descriptor.during("cannot read signals")?))
    }

    /// Holds nothing back any more.
    pub fn let_through() -> Result<()> {
        SigSet::all().thread_unblock().during("cannot let signals through")
    }

    /// Waits for the end of `child`, passes signals on to it, and reaps whatever else ends.
    pub fn wait_for(&self, child: u32, stops: Stops) -> Result<Ended> {
        self.wait_beside(child, stops, None)
    }

    /// The same, while whoever comes to `desk` is answered.
    pub(crate) fn wait_beside(
        &self,
        child: u32,
        mut stops: Stops,
        mut desk: Option<Desk>,
    ) -> Result<Ended> {
        let child = Pid::from_raw(i32::try_from(child).unwrap_or(i32::MAX));
        loop {
            // The child may have ended before signals were held back.
            match reap(child)? {
                Found::Ended(ended) => return Ok(ended),
                Found::Stopped => stops.command_stopped(child)?,
                Found::Nothing => {}
            }
            match self.next(&mut stops, desk.as_ref())? {
                Next::Signal => {}
                Next::Stop => {
                    stop(child)?;
                    continue;
                }
                Next::Asked => {
                    desk = desk.and_then(Desk::answer);
                    continue;
                }
            }
            let signal = self.0.read_signal().during("cannot read signals")?;
            let Some(signal) = signal else { continue };
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            let Ok(kind) = Signal::try_from(number) else { continue };
            // A positive code: the kernel's own, so that the terminal told the whole group.
            if PASSED_ON.contains(&kind) && signal.ssi_code <= 0 {
                // It may just have ended.
                let _ = kill(child, kind);
            }
        }
    }
}

/// What is to be done next.
enum Next {
    /// A signal may be read.
    Signal,
    /// It was said that the command has stopped.
    Stop,
    /// Somebody is at the desk.
    Asked,
}

impl Signals {
    /// Waits for whatever comes first. A signal goes before the desk, and a stop before both.
    fn next(&self, stops: &mut Stops, desk: Option<&Desk>) -> Result<Next> {
        loop {
            let (hear, begun) = match stops {
                Stops::Hear(hear) => (Some(hear.pipe.as_fd()), hear.begun),
                Stops::Here | Stops::Say(_) => (None, true),
            };
            if hear.is_none() && desk.is_none() {
                return Ok(Next::Signal);
            }
            // Until the command has begun, signals wait for it.
            let fds = [begun.then(|| self.0.as_fd()), hear, desk.map(AsFd::as_fd)];
            let mut ready: Vec<PollFd<'_>> = fds
                .iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
                .collect();
            retry_on_intr(|| poll(&mut ready, None)).during("cannot wait")?;
            let mut said = ready.iter().map(|it| !it.revents().is_empty());
            let mut next = || said.next().unwrap_or_default();
            let (signal, heard) = (begun && next(), hear.is_some() && next());
            let asked = desk.is_some() && next();
            if heard && stops.hear()? {
                return Ok(Next::Stop);
            }
            if signal {
                return Ok(Next::Signal);
            }
            if asked {
                return Ok(Next::Asked);
            }
        }
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

/// What was found of the command.
enum Found {
    Nothing,
    Stopped,
    Ended(Ended),
}

/// Reaps every process that has ended; how `child` did, if it is among them.
fn reap(child: Pid) -> Result<Found> {
    let mut found = Found::Nothing;
    loop {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED;
        let code = match waitpid(None, Some(flags)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => code,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => 128 + signal as i32,
            Ok(WaitStatus::Stopped(pid, _)) if pid == child => {
                found = Found::Stopped;
                continue;
            }
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return Ok(found),
            Ok(_) | Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error).during("cannot wait for the command"),
        };
        found = Found::Ended(Ended(u8::try_from(code).unwrap_or(u8::MAX)));
    }
}

impl Stops {
    fn command_stopped(&mut self, child: Pid) -> Result<()> {
        match self {
            Self::Here => stop(child),
            Self::Say(say) => say.stopped().during("cannot say that the command has stopped"),
            // It is our child that stopped, which cannot be: it holds back what would stop it.
            Self::Hear(_) => Ok(()),
        }
    }

    /// Hears what is said; whether it is that the command has stopped.
    fn hear(&mut self) -> Result<bool> {
        let Self::Hear(hear) = self else { return Ok(false) };
        let said = hear.next().during("cannot hear the first process")?;
        if said.is_none() {
            // It has ended, or is about to.
            *self = Self::Here;
        }
        Ok(said.unwrap_or_default())
    }
}

/// Stops this process until it is continued, and sees to it that the command is, too.
fn stop(child: Pid) -> Result<()> {
    raise(Signal::SIGSTOP).during("cannot stop")?;
    // It may be in a process group of its own, or have ended.
    let _ = kill(child, Signal::SIGCONT);
    Ok(())
}
