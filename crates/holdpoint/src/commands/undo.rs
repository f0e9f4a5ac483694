//! `holdpoint undo`: what an agent did, or is to do, is taken back.

mod rows;
mod schedule;

use clap::Args;

use super::Here;
use crate::{rows as kept, status::Ended};

/// Take back what is scheduled, before it is done, or what a transaction took away.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint undo h-3k5vq2m7\n\n\
Rows are shown before they are put back, and nothing that was changed since is overwritten.")]
pub struct Undo {
    /// The id of something scheduled (`holdpoint holds --scheduled` lists it), of a hold that was
    /// released, or of rows that were kept.
    #[arg(value_name = "ID")]
    what: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs `holdpoint undo`.
pub fn run(undo: &Undo, here: &Here) -> Ended {
    match kept::kept(here, &undo.what)? {
        Some(id) => rows::put_back(&id, undo.yes, here),
        None => schedule::cancel(&undo.what, here),
    }
}
