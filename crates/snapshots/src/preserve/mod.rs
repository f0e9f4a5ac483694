//! Other things than workspaces that can be saved and brought back: what their own tools write out
//! is kept in the same repository.
//!
//! - `sqlite`: a database file, by SQLite's own backup
//! - `postgres`: a database on this machine, by `pg_dump`
//! - `git`: references of a remote, by `git`

mod git;
mod postgres;
mod sqlite;

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use holdpoint_core::Timestamp;
use holdpoint_store::snapshots::Snapshot;

pub use git::GitRemote;
pub use postgres::Postgres;
pub use sqlite::Sqlite;

use crate::{
    error::{Result, SnapshotError},
    snapshots::{Cause, Snapshots},
};

/// Something that can be written out whole and taken in again. Whoever cannot says so: then the
/// operation that needed it is held instead.
pub trait Preserve {
    /// What kind of thing it is: `sqlite`, `postgres`, `git`.
    fn kind(&self) -> &'static str;

    /// Which one, without any password.
    fn what(&self) -> String;

    /// Writes all of it into the empty directory `into`.
    fn write_out(&self, into: &Path) -> Result<()>;

    /// Makes it what was written out to `from`.
    fn take_in(&self, from: &Path) -> Result<()>;
}

/// A directory of ours for as long as something passes through it.
struct Passage(PathBuf);

impl Passage {
    fn below(state: &Path) -> Result<Self> {
        let path = state.join(format!("passage-{}-{}", std::process::id(), fresh()?));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(SnapshotError::io("make", &path))?;
        Ok(Self(path))
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

    /// Makes `it` what `to` says, once it is saved as it is now; names that snapshot. What is gone
    /// altogether cannot be saved, and is made anew.
    pub fn bring_back(
        &self,
        it: &dyn Preserve,
        to: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<Snapshot>> {
        let cause = Cause { run: None, why: format!("before the undo to {}", to.id) };
        let saved = self.preserve(it, &cause, now);
        if let Err(error) = &saved {
            tracing::warn!(what = it.what(), %error, "it cannot be saved as it is now");
        }
        let passage = Passage::below(self.state_directory()?)?;
        self.write_to(&passage.0, to)?;
        it.take_in(&passage.0)?;
        Ok(saved.ok())
    }
}

/// Runs a program to its end; what it says is an error if it fails. It reads nothing.
fn run(program: &'static str, command: &mut Command) -> Result<Output> {
    let failed = |text: String| SnapshotError::Program { program, text };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().last().unwrap_or_default();
    Err(failed(format!("failed: {said}")))
}
