//! Where a human sits: one shell on one terminal, told by the kernel.

use std::{fs, os::unix::fs::MetadataExt as _};

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
        if !typed || !foreground {
            return None;
        }
        let leader = own.session;
        let began = Stat::of(leader)?.began;
        let program = program(leader)?;
        Some(Self { leader, began, program, terminal: own.terminal })
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
    }
}
