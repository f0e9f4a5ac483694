//! A SQLite database, by its backup API (sqlite.org/backup.html): consistent while others use it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use super::Preserve;
use crate::error::{Result, SnapshotError};

/// The name of what is written out.
const FILE: &str = "database.sqlite";
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

    fn write_out(&self, into: &Path) -> Result<()> {
        let from = Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let from = from.map_err(failed)?;
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
        let mut to = Connection::open(&self.file).map_err(failed)?;
        copy(&from, &mut to)
    }
}

fn copy(from: &Connection, to: &mut Connection) -> Result<()> {
    let backup = Backup::new(from, to).map_err(failed)?;
    backup.run_to_completion(PAGES, PAUSE, None).map_err(failed)
}

fn failed(error: rusqlite::Error) -> SnapshotError {
    SnapshotError::Program { program: "SQLite", text: format!("failed: {error}") }
}
