//! `holdpoint undo`: what an agent did, or is to do, is taken back.
//!
//! - `schedule`: what is scheduled is cancelled
//! - `workspace`: files as they were; `preserved`: databases, and references of git
//! - `rows`: what a transaction took away
//! - `asked`: it is decided, and on record, before anything changes

mod asked;
pub(super) mod preserved;
mod rows;
mod schedule;
mod workspace;

use std::path::PathBuf;

use clap::Args;
use holdpoint_snapshots::{Snapshots, Terms, WORKSPACE};

use super::Here;
use crate::{
    rows as kept,
    status::{CommandError, Ended},
};

/// Take back what was done, or what is scheduled before it is done.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint undo --last\n  holdpoint undo r-4k2m9 --path src --yes\n  \
holdpoint undo h-3k5vq2m7\n\n\
Of a workspace it shows what would change and asks. What is there now is saved first, so that an \
undo can be undone: by the name of that snapshot, which it tells. Newer work that the run did not \
do, a run that goes on and a remote that others share wait for an approval. Rows that were changed \
since are not overwritten. Exit status 1 if it was not done.")]
pub struct Undo {
    /// A run, to go back to before it; a snapshot; the id of something scheduled, or of rows that
    /// a transaction took away: `holdpoint snapshots` and `holdpoint holds --scheduled` list them.
    #[arg(required_unless_present = "last", conflicts_with = "last", value_name = "RUN|ID")]
    what: Option<String>,
    /// The newest run in this workspace, or anywhere if this is none.
    #[arg(long)]
    last: bool,
    /// Only this file or directory.
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs `holdpoint undo`.
pub fn run(undo: &Undo, here: &Here) -> Ended {
    if let Some(what) = &undo.what
        && let Some(id) = kept::kept(here, what)?
    {
        return rows::put_back(&id, undo.yes, here);
    }
    if let Some(hold) = undo.what.as_deref().filter(|what| schedule::is_named(what)) {
        return schedule::cancel(hold, here);
    }
    let to = workspace::target(undo.what.as_deref(), here)?;
    match to.kind == WORKSPACE {
        true => workspace::undo(undo, &to, here),
        false => preserved::bring_back(&to, undo.yes, here),
    }
}

/// The snapshots of this state.
pub(super) fn open(here: &Here) -> Result<Snapshots, CommandError> {
    Snapshots::open(&here.state, terms(here)).map_err(CommandError::unable)
}

/// How much is saved here.
pub(super) fn terms(here: &Here) -> Terms {
    Terms::configured(&here.config, &here.dir)
}
