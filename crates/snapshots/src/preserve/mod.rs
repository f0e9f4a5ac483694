//! Other things than workspaces that can be saved and brought back: what their own tools write out
//! is kept in the same repository.
//!
//! - `sqlite`: a database file, by SQLite's own backup
//! - `postgres`: a database on this machine, by `pg_dump`; `mysql`: by its own dump; `redis`: key
//!   by key
//! - `login`: with whose login it was saved
//! - `git`: references of a remote, by `git`
//! - [`Volume`]: a volume of a container engine, by the engine
//! - `address`: databases by the addresses that their tools are told

mod address;
mod git;
mod login;
mod mysql;
mod postgres;
mod redis;
mod sqlite;
mod volumes;

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use holdpoint_core::Timestamp;
use holdpoint_store::snapshots::Snapshot;
use rustix::process::{Pid, Signal, kill_process_group};

pub(crate) use address::at_address;
pub(crate) use git::GitBundle;
pub use git::GitRemote;
pub use mysql::Mysql;
pub use postgres::Postgres;
pub use redis::Redis;
pub use sqlite::Sqlite;
pub use volumes::Volume;
pub(crate) use volumes::{is_reachable, meant};

use login::Login;

use crate::{
    error::{Result, SnapshotError},
    snapshots::{Cause, Snapshots},
};

/// Something that can be written out whole and taken in again. Whoever cannot says so: then the
/// operation that needed it is held instead.
pub trait Preserve {
    /// What kind of thing it is: `sqlite`, `postgres`, `mysql`, `redis`, `volume`, `git`.
    fn kind(&self) -> &'static str;

    /// Which one, without any password.
    fn what(&self) -> String;

    /// What differs as soon as anything of it has changed.
    fn mark(&self) -> Result<String>;

    /// Writes all of it into the empty directory `into`.
    fn write_out(&self, into: &Path) -> Result<()>;

    /// The same with the login that was kept with what was written out to `from`, if one was.
    fn with_login(&self, _from: &Path) -> Option<Box<dyn Preserve>> {
        None
    }

    /// What is still there of it, where some of it is gone.
    fn that_is_there(&self) -> Option<Box<dyn Preserve>> {
        None
    }

    /// Whether it is not there any more; nobody says so who cannot tell.
    fn is_gone(&self) -> bool {
        false
    }

    /// Makes it what was written out to `from`.
    fn take_in(&self, from: &Path) -> Result<()>;
}

/// What the name of a directory begins with through which something passes.
const PASSAGE: &str = "passage-";

/// A directory of ours for as long as something passes through it, locked as long as somebody is
/// there to remove it.
struct Passage(PathBuf, #[expect(dead_code, reason = "it is locked as long as it is open")] File);

impl Passage {
    fn below(state: &Path) -> Result<Self> {
        sweep(state);
        let path = state.join(format!("{PASSAGE}{}-{}", std::process::id(), fresh()?));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(SnapshotError::io("make", &path))?;
        let locked = File::open(&path).and_then(|it| it.lock().map(|()| it));
        let locked = locked.map_err(SnapshotError::io("lock", &path))?;
        Ok(Self(path, locked))
    }
}

/// Removes what nobody is there for any more: whoever let something pass was ended, and left it
/// there in the clear.
fn sweep(state: &Path) {
    let found = fs::read_dir(state).into_iter().flatten().filter_map(std::result::Result::ok);
    for entry in found.filter(|it| it.file_name().to_string_lossy().starts_with(PASSAGE)) {
        let path = entry.path();
        let is_left = path.is_dir() && File::open(&path).is_ok_and(|it| it.try_lock().is_ok());
        if is_left && let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(path = %path.display(), %error, "what was left behind cannot be removed");
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        // It holds nothing that the repository has not.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fresh() -> Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| SnapshotError::Key(error.to_string()))?;
    Ok(hex::encode(bytes))
}

impl Snapshots {
    /// Saves `it`; whole and on disk when this returns.
    pub fn preserve(
        &self,
        it: &dyn Preserve,
        cause: &Cause<'_>,
        now: Timestamp,
    ) -> Result<Snapshot> {
        let passage = Passage::below(self.state_directory()?)?;
        it.write_out(&passage.0)?;
        self.save_as(&passage.0, it.kind(), it.what(), cause, now)
    }

    /// Saves `it` as it is now, before it is made what `to` says. What is gone altogether cannot be
    /// saved, and is made anew.
    pub fn save_present(
        &self,
        it: &dyn Preserve,
        to: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<Snapshot>> {
        let passage = Passage::below(self.state_directory()?)?;
        self.write_to(&passage.0, to)?;
        let known = it.with_login(&passage.0);
        let it = known.as_deref().unwrap_or(it);
        let there = it.that_is_there();
        let it = there.as_deref().unwrap_or(it);
        let cause = Cause { run: None, why: format!("before the undo to {}", to.id) };
        match self.preserve(it, &cause, now) {
            Ok(saved) => Ok(Some(saved)),
            Err(_) if it.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `it` what `to` says.
    pub fn take_in(&self, it: &dyn Preserve, to: &Snapshot) -> Result<()> {
        let passage = Passage::below(self.state_directory()?)?;
        self.write_to(&passage.0, to)?;
        it.with_login(&passage.0).as_deref().unwrap_or(it).take_in(&passage.0)
    }
}

/// Who we are to a server that nobody named a user to (PostgreSQL: 34.1.2, `user`).
fn own_user() -> String {
    let own = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut lines = users.lines().map(|line| line.split(':'));
    let found = lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == own).then(|| name.to_owned())
    });
    found.or_else(|| std::env::var("USER").ok()).unwrap_or_default()
}

/// Whether a host is this machine, by its name alone.
fn is_here(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// How long a program may take.
const PROGRAM_MAX: Duration = Duration::from_secs(15 * 60);

/// How long a server may take to say how far it is: somebody waits for that.
const MARK_MAX: Duration = Duration::from_secs(5);

/// Runs a program to its end; what it says is an error if it fails. It reads nothing.
fn run(program: &'static str, command: &mut Command) -> Result<Output> {
    run_with(Stdio::null(), program, command)
}

/// The same, of one that reads something.
fn run_with(input: Stdio, program: &'static str, command: &mut Command) -> Result<Output> {
    run_for(PROGRAM_MAX, program, command.stdin(input))
}

/// The same; it is ended, with all that it started, where it takes longer than `max`.
fn run_for(max: Duration, program: &'static str, command: &mut Command) -> Result<Output> {
    let failed = |text: String| SnapshotError::Program { program, text };
    let cannot = |error: std::io::Error| failed(format!("cannot be run: {error}"));
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).spawn().map_err(cannot)?;
    let group = Pid::from_child(&child);
    let (say, ended) = mpsc::channel();
    let wait = move || say.send(child.wait_with_output());
    thread::Builder::new().name("program".to_owned()).spawn(wait).map_err(cannot)?;
    let Ok(output) = ended.recv_timeout(max) else {
        // It may have ended this very moment.
        let _ = kill_process_group(group, Signal::KILL);
        return Err(failed(format!("was ended, as it took longer than {max:?}")));
    };
    let output = output.map_err(cannot)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(failed(format!("failed: {}", last(&output))))
}

/// The same of a program that says more than anybody keeps in memory: it goes `into` something.
fn run_into(
    into: &mut dyn Write,
    max: Duration,
    program: &'static str,
    command: &mut Command,
) -> Result<()> {
    let failed = |text: String| SnapshotError::Program { program, text };
    let cannot = |error: std::io::Error| failed(format!("cannot be run: {error}"));
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).spawn().map_err(cannot)?;
    let (group, mut says) = (Pid::from_child(&child), child.stdout.take());
    let (say, ended) = mpsc::channel::<()>();
    let outcome = thread::scope(|scope| {
        scope.spawn(move || {
            if ended.recv_timeout(max) == Err(mpsc::RecvTimeoutError::Timeout) {
                // It may have ended this very moment.
                let _ = kill_process_group(group, Signal::KILL);
            }
        });
        let copied = says.as_mut().map_or(Ok(0), |says| io::copy(says, into));
        drop(says);
        let output = child.wait_with_output();
        drop(say);
        copied.and(output)
    });
    let output = outcome.map_err(cannot)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(format!("failed, or took longer than {max:?}: {}", last(&output)))),
    }
}

/// The last of what a program complained about.
fn last(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().last().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        process::Command,
        time::{Duration, Instant},
    };

    use super::run_for;

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started() {
        let begun = Instant::now();
        let mut hangs = Command::new("sh");
        let ended = run_for(Duration::from_millis(50), "sh", hangs.args(["-c", "sleep 60; true"]));
        assert!(ended.unwrap_err().to_string().contains("took longer"));
        assert!(begun.elapsed() < Duration::from_secs(30));
        let mut says = Command::new("sh");
        let said = run_for(Duration::from_secs(30), "sh", says.args(["-c", "echo a"])).unwrap();
        assert_eq!(said.stdout, b"a\n");
    }
}
