//! The first process inside: drops every power, starts the command, and reaps what it leaves.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{fd::RawFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::{self, ScopedJoinHandle},
};

use rustix::fs::{Access, access};

use crate::{
    begun,
    error::{During as _, Result, SandboxError},
    landlock, mounts, powers, seccomp,
    stops::Say,
    wait::{Ended, Signals, Stops},
};

/// How a shell says that a command is not there, and that it is no program.
const NOT_FOUND: Ended = Ended(127);
const NO_PROGRAM: Ended = Ended(126);
/// Where programs are looked for by default.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

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

fn start(command: &[OsString], mut say: Say) -> Result<Ended> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(SandboxError::new("cannot start", "there is no command"));
    };
    // None is lost: they are held back before there is anything to tell of them, and none is passed
    // on to us before the command has begun.
    let signals = Signals::hold()?;
    let child = match spawned(program, arguments)? {
        Ok(child) => child,
        Err(error) => return Ok(could_not(program, &error)),
    };
    say.begun().during("cannot say that the command has begun")?;
    let ended = signals.wait_for(child.id(), Stops::Say(say));
    begun::gather(Path::new(begun::PLACE));
    ended
}

/// Starts a command, with the signals let through that the first process holds back for itself: by a
/// thread, as a command has those of the thread that starts it.
fn spawned(program: &OsStr, arguments: &[OsString]) -> Result<io::Result<Child>> {
    let start = || {
        Signals::let_through()?;
        Ok(match Command::new(program).args(arguments).spawn() {
            // A script that does not say what runs it, as a shell runs it (execvp(3)).
            Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
                Command::new("/bin/sh").arg(found(program)).args(arguments).spawn()
            }
            other => other,
        })
    };
    let started = thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, start).map(ScopedJoinHandle::join)
    });
    let ended = || SandboxError::new("cannot start the command", "what was to start it ended");
    started.during("cannot start the command")?.map_err(|_| ended())?
}

/// Where a program was found, as execvp(3) does: the shell looks for a script elsewhere.
fn found(program: &OsStr) -> PathBuf {
    if program.as_bytes().contains(&b'/') {
        return program.into();
    }
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    // An empty place is the current directory.
    let mut places = env::split_paths(&path).map(|dir| Path::new(".").join(dir).join(program));
    let is_program = |at: &PathBuf| at.is_file() && access(at, Access::EXEC_OK).is_ok();
    places.find(is_program).unwrap_or_else(|| program.into())
}

fn could_not(program: &OsStr, error: &io::Error) -> Ended {
    eprintln!("holdpoint: {}: {error}, inside", program.display());
    match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NO_PROGRAM,
    }
}
