//! A SQLite database, by its backup API (sqlite.org/backup.html): consistent while others use it.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{PROGRAM_MAX, Preserve};
use crate::{
    error::{Result, SnapshotError},
    looks::Looks,
};

/// The name of what is written out.
const FILE: &str = "database.sqlite";
/// Bytes of the head of a database.
const HEAD: u64 = 100;
/// Pages in one step; between two, others get their turn.
const PAGES: std::ffi::c_int = 1024;
/// How long is waited where another writes.
const PAUSE: Duration = Duration::from_millis(5);

/// A database in a file.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// The file.
    pub file: PathBuf,
}

impl Preserve for Sqlite {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn what(&self) -> String {
        self.file.display().to_string()
    }

    /// The file and its log, and how both begin: there changes are counted (sqlite.org/fileformat,
    /// 1.3.7 and 4.1).
    fn mark(&self) -> Result<String> {
        let mut log = self.file.clone().into_os_string();
        log.push("-wal");
        let own = beginning(&self.file).map_err(SnapshotError::io("look at", &self.file))?;
        // A log without content comes and goes with whoever reads.
        let log = beginning(Path::new(&log)).ok().filter(|(looks, _)| looks.size > 0);
        Ok(format!("{own:?} {log:?}"))
    }

    fn write_out(&self, into: &Path) -> Result<()> {
        let from = self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut to = Connection::open(into.join(FILE)).map_err(failed)?;
        copy(&from, &mut to)
    }

    fn is_gone(&self) -> bool {
        let found = self.file.symlink_metadata();
        found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    fn take_in(&self, from: &Path) -> Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let from = Connection::open_with_flags(from.join(FILE), flags).map_err(failed)?;
        let mut to =
            self.open(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        copy(&from, &mut to)
    }
}

impl Sqlite {
    /// The very file: where a link stands in its path by now, somebody means another one.
    fn open(&self, flags: OpenFlags) -> Result<Connection> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        Connection::open_with_flags(&self.file, flags).map_err(failed)
    }
}

fn beginning(file: &Path) -> std::io::Result<(Looks, Vec<u8>)> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD).read_to_end(&mut head)?;
    Ok((Looks::at(file)?, head))
}

fn copy(from: &Connection, to: &mut Connection) -> Result<()> {
    let backup = Backup::new(from, to).map_err(failed)?;
    let until = Instant::now() + PROGRAM_MAX;
    while Instant::now() < until {
        match backup.step(PAGES).map_err(failed)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Another one has it to itself.
            _ => thread::sleep(PAUSE),
        }
    }
    let text = format!("was given up, as others had it to themselves for {PROGRAM_MAX:?}");
    Err(SnapshotError::Program { program: "SQLite", text })
}

fn failed(error: rusqlite::Error) -> SnapshotError {
    SnapshotError::Program { program: "SQLite", text: format!("failed: {error}") }
}
