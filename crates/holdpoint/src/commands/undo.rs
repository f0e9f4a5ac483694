//! `holdpoint undo`: what an agent did, or is to do, is taken back.

mod schedule;

use clap::Args;

use super::Here;
use crate::status::{CommandError, Ended};

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
    match schedule::is_named(&undo.what) {
        true => schedule::cancel(&undo.what, here),
        false => Err(CommandError::usage(
            "say the id of something scheduled, h-…: `holdpoint holds --scheduled` lists them",
        )),
    }
}
