//! Between outside and inside: makes the namespaces, listens in them, puts everything in its
//! place, starts the first process, and waits for it.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd, RawFd},
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream},
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use holdpoint_store::passing;
use rustix::{fs::Mode, process::umask};
use serde::{Deserialize, Serialize};

use crate::{
    INIT, OURS,
    error::{During as _, Result, SandboxError},
    expiry::End,
    layout::Layout,
    loopback, mounts, namespaces, powers,
    sockets::Desk,
    spelled, stops,
    wait::{Ended, Signals, Stops},
};

/// What the inside is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is where.
    pub layout: Layout,
    /// Below what anything can be written.
    #[serde(with = "spelled::all")]
    pub writable: Vec<PathBuf>,
    /// Where the command begins.
    #[serde(with = "spelled")]
    pub directory: PathBuf,
    /// Ports of the outside's loopback that are there inside too.
    pub services: Vec<u16>,
    /// The variables of the command.
    pub variables: Vec<(OsString, OsString)>,
    /// The rights that are taken from what it makes (umask(2)).
    pub umask: u32,
    /// How long the command may take.
    pub lifetime: Option<Duration>,
}

/// What comes with the listeners, and behind them with what else the outside answers: the socket
/// that signs, and the device by which it serves what it shows.
pub(crate) const LISTENING: &[u8] = b"listening\n";
/// What comes back once somebody accepts from them.
pub(crate) const GO: &[u8] = b"go\n";
/// The greatest length of a plan.
const PLAN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Runs `command` inside what the process at `rendezvous` plans. What needs no plan is done before
/// there is one.
pub fn run(rendezvous: &str, command: &[OsString]) -> Result<Ended> {
    close_what_was_left_open().during("cannot close what was left open")?;
    let signals = Signals::hold()?;
    let meet = || UnixStream::connect_addr(&SocketAddr::from_abstract_name(rendezvous)?);
    let mut outside = meet().during("cannot reach the outside")?;
    namespaces::enter()?;
    let plan = read_plan(&outside)?;
    umask(Mode::from_bits_truncate(plan.umask));
    let listeners = loopback::listen(&plan.services)?;
    let answered = mounts::prepare(&plan.layout)?;
    hand_over(&outside, &listeners, &answered)?;
    drop((listeners, answered));
    mounts::build(&plan.layout)?;
    outside.write_all(LISTENING).during("cannot tell the outside")?;
    await_go(&mut outside)?;
    let _end = plan.lifetime.map(End::after).transpose()?;
    powers::pass_on()?;
    let mut first = Command::new(Path::new(OURS).join("holdpoint"));
    let (hear, say) = stops::both().during("cannot make a pipe")?;
    first
        .arg(INIT)
        .arg(stops::number(&say))
        .arg(plan.writable.len().to_string())
        .args(&plan.writable);
    let directory = plan.directory.is_dir().then_some(plan.directory);
    first.env_clear().envs(plan.variables);
    first.args(command).current_dir(directory.unwrap_or_else(|| "/".into()));
    let child = first.spawn().during("cannot start the first process inside")?;
    drop(say);
    // No thread could answer at the desk: its processes are not the new ones.
    signals.wait_beside(child.id(), Stops::Hear(hear), Some(Desk::of(outside)))
}

/// A file that whoever started us left open would lead outside.
fn close_what_was_left_open() -> io::Result<()> {
    let number = |entry: io::Result<fs::DirEntry>| -> io::Result<Option<RawFd>> {
        Ok(entry?.file_name().to_str().and_then(|name| name.parse().ok()))
    };
    let open = fs::read_dir("/proc/self/fd")?.map(number).collect::<io::Result<Vec<_>>>()?;
    for number in open.into_iter().flatten().filter(|number| *number > 2) {
        // The directory itself is among them, and closed by now.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

fn read_plan(outside: &UnixStream) -> Result<Plan> {
    let mut line = Vec::new();
    // Nothing follows until it is answered.
    let read = BufReader::new(outside).take(PLAN_BYTES_MAX).read_until(b'\n', &mut line);
    read.during("cannot hear the plan")?;
    serde_json::from_slice(&line).map_err(|error| SandboxError::new("cannot read the plan", error))
}

fn hand_over(outside: &UnixStream, listeners: &[OwnedFd], answered: &[OwnedFd]) -> Result<()> {
    if listeners.is_empty() {
        return Err(loopback::nothing());
    }
    let files: Vec<_> = listeners.iter().chain(answered).map(|file| file.as_fd()).collect();
    passing::send(outside, LISTENING, &files).during("cannot hand the way out over")
}

fn await_go(outside: &mut UnixStream) -> Result<()> {
    let mut word = vec![0; GO.len()];
    match outside.read_exact(&mut word).is_ok() && word == GO {
        true => Ok(()),
        // It said on its own why.
        false => Err(SandboxError::new("nothing was started", "nobody guards the way out")),
    }
}
