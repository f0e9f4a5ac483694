//! `holdpoint undo`: what an agent did, or is to do, is taken back.

mod schedule;

use clap::Args;

use super::Here;
use crate::status::Ended;

/// Take back what is scheduled, before it is done.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint undo h-3k5vq2m7")]
pub struct Undo {
    /// The id of something scheduled: `holdpoint holds --scheduled` lists it.
    #[arg(value_name = "ID")]
    what: String,
}

/// Runs `holdpoint undo`.
pub fn run(undo: &Undo, here: &Here) -> Ended {
    schedule::cancel(&undo.what, here)
}
