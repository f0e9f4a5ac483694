//! Where a human sits: one shell on one terminal, told by the kernel.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read as _,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
};

use holdpoint_core::Digest;
use nix::sys::stat::{major, minor};

use serde::{Deserialize, Serialize};

/// A shell that leads a session on a terminal. Another terminal, another shell or another program
/// in its place is another seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    /// The shell's process.
    pub(super) leader: u32,
    /// When it began, in the kernel's ticks: a process of the same number that came later is
    /// another.
    began: u64,
    /// The program that it runs now: a shell that has become an agent (`exec`) is none.
    program: (u64, u64),
    /// With which arguments: a shell that has become another one's script (`exec bash script`) is
    /// none either.
    arguments: Digest,
    /// Its terminal's device.
    terminal: i64,
}

impl Seat {
    /// Where whoever started process `pid` sits; `None` unless its shell itself did, in the
    /// foreground of its terminal. What a script or an agent starts there has another parent.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let own = Stat::of(pid)?;
        let typed = own.parent == own.session || pid == own.session;
        let foreground = own.terminal != 0 && i64::from(own.group) == own.foreground;
        let leader = own.session;
        // A script that is piped into a shell, or into this, was not typed either.
        let reads = |pid| reads(pid) == Some(own.terminal);
        if !typed || !foreground || !reads(pid) || !reads(leader) {
            return None;
        }
        let began = Stat::of(leader)?.began;
        let (program, arguments) = (program(leader)?, arguments(leader)?);
        Some(Self { leader, began, program, arguments, terminal: own.terminal })
    }
}

impl Seat {
    /// Whether its shell is still there.
    pub(super) fn is_there(&self) -> bool {
        Stat::of(self.leader).is_some_and(|leader| leader.began == self.began)
    }
}

/// The program that a process runs: device and inode.
pub(super) fn program(pid: u32) -> Option<(u64, u64)> {
    let found = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((found.dev(), found.ino()))
}

/// The terminal that a process reads as its standard input, as `/proc/PID/stat` writes one.
fn reads(pid: u32) -> Option<i64> {
    let found = fs::metadata(format!("/proc/{pid}/fd/0")).ok()?;
    let (major, minor) = (major(found.rdev()), minor(found.rdev()));
    let number = (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12;
    found.file_type().is_char_device().then(|| i64::try_from(number).ok())?
}

/// Bytes of arguments and of an environment that are looked at.
const TEXT_BYTES_MAX: u64 = 4 << 20;

fn text(pid: u32, name: &str) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let file = File::open(format!("/proc/{pid}/{name}")).ok()?;
    let length = file.take(TEXT_BYTES_MAX).read_to_end(&mut text).ok()?;
    ((length as u64) < TEXT_BYTES_MAX).then_some(text)
}

/// The arguments that a process was started with.
fn arguments(pid: u32) -> Option<Digest> {
    text(pid, "cmdline").map(|text| Digest::of(&text))
}

/// Whether a process was started with code in it of somebody else than whoever started this one
/// (ld.so(8)).
pub(super) fn is_linked_otherwise(pid: u32) -> bool {
    let own = std::env::vars_os()
        .map(|(name, value)| [name.into_encoded_bytes(), value.into_encoded_bytes()].join(&b'='));
    let own: BTreeSet<Vec<u8>> = own.filter(|it| links(it)).collect();
    let otherwise = |text: Vec<u8>| {
        let theirs = text.split(|byte| *byte == 0).filter(|it| links(it));
        theirs.map(<[u8]>::to_vec).collect::<BTreeSet<_>>() != own
    };
    text(pid, "environ").is_none_or(otherwise)
}

/// Whether a variable is for the one who links programs.
fn links(variable: &[u8]) -> bool {
    variable.starts_with(b"LD_") || variable.starts_with(b"GLIBC_TUNABLES=")
}

/// What `/proc/PID/stat` says of a process (proc_pid_stat(5)).
#[derive(Debug)]
struct Stat {
    parent: u32,
    group: u32,
    session: u32,
    terminal: i64,
    foreground: i64,
    began: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // A program may call itself anything, brackets and spaces too: what follows the last counts.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
        let process = |index: usize| u32::try_from(number(index)?).ok();
        Some(Self {
            parent: process(1)?,
            group: process(2)?,
            session: process(3)?,
            terminal: number(4)?,
            foreground: number(5)?,
            began: u64::try_from(number(19)?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_typed_at_a_terminal_sits_nowhere() {
        // A test's process is started by another program, on whichever terminal.
        assert_eq!(Seat::of(std::process::id()), None);
        assert_eq!(Seat::of(u32::MAX), None);
        let own = Stat::of(std::process::id()).unwrap();
        assert!(own.began > 0 && own.parent > 0, "{own:?}");
        assert!(program(std::process::id()).is_some());
        assert!(arguments(std::process::id()).is_some());
    }

    #[test]
    fn what_is_linked_otherwise_is_told() {
        let started = |name: &str| {
            let mut sleeps = std::process::Command::new("sleep");
            let child = sleeps.arg("30").env(name, "x").spawn().unwrap();
            // It is not yet what it becomes when its start is reported.
            while !text(child.id(), "cmdline").is_some_and(|line| line.starts_with(b"sleep")) {
                std::thread::yield_now();
            }
            child
        };
        for (name, expect) in
            [("SOME", false), ("LD_PRELOAD", true), ("LD_AUDIT", true), ("OLD_X", false)]
        {
            let mut child = started(name);
            let found = is_linked_otherwise(child.id());
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(found, expect, "{name}");
        }
        assert!(is_linked_otherwise(u32::MAX));
    }
}
