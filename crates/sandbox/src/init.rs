//! The first process inside: drops every power, starts the command, and reaps what it leaves.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{fd::RawFd, unix::process::CommandExt as _},
    path::Path,
    path::PathBuf,
    process::Command,
};

use crate::{
    EXEC, OURS,
    error::{During as _, Result, SandboxError},
    landlock, mounts, powers, seccomp,
    stops::Say,
    wait::{Ended, Signals, Stops},
};

/// How a shell says that a command is not there, and that it is no program.
const NOT_FOUND: Ended = Ended(127);
const NO_PROGRAM: Ended = Ended(126);

/// Runs a command, by the words that [`inside`](crate::inside) gave: where to say that it has
/// stopped, how many places can be written, these, and the command.
pub fn run(words: &[OsString]) -> Result<Ended> {
    let (say, writable, command) = understood(words)
        .ok_or_else(|| SandboxError::new("cannot start", "called with other words than ours"))?;
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .during("cannot tie this process to its parent")?;
    mounts::finish()?;
    let say = Say::take(say).during("cannot take what is left open for us")?;
    powers::drop()?;
    landlock::restrict(&writable)?;
    seccomp::filter()?;
    start(command, say)
}

fn understood(words: &[OsString]) -> Option<(RawFd, Vec<PathBuf>, &[OsString])> {
    let (say, rest) = words.split_first()?;
    let (count, rest) = rest.split_first()?;
    let (writable, command) = rest.split_at_checked(count.to_str()?.parse().ok()?)?;
    let writable = writable.iter().map(PathBuf::from).collect();
    Some((say.to_str()?.parse().ok()?, writable, command))
}

fn start(command: &[OsString], say: Say) -> Result<Ended> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(SandboxError::new("cannot start", "there is no command"));
    };
    // None is lost: they are held back before there is anything to tell of them.
    let signals = Signals::hold()?;
    let mut command = Command::new(Path::new(OURS).join("holdpoint"));
    let child = command.arg(EXEC).arg(program).args(arguments).spawn();
    signals.wait_for(child.during("cannot start the command")?.id(), Stops::Say(say))
}

/// Becomes a command, with the signals that the first process holds back for itself.
pub fn become_command(words: &[OsString]) -> Result<Ended> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| SandboxError::new("cannot start", "there is no command"))?;
    Signals::let_through()?;
    let error = Command::new(program).args(arguments).exec();
    Ok(could_not(program, &error))
}

fn could_not(program: &OsStr, error: &io::Error) -> Ended {
    eprintln!("holdpoint: {}: {error}, inside", program.display());
    match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NO_PROGRAM,
    }
}
