//! Git's smart HTTP protocol: what a push does, read from the commands before its pack. Fetches
//! only read, and the catalogue says so.
//!
//! - `pkt_line`: the lines of git's protocols
//! - `receive_pack`: the commands of a push
//! - `object_id`: the names of objects
//! - `pack`, `delta`: the commits that a pack begins with
//! - `ancestry`: whether a branch only goes forward
//! - `meaning`: what a command does, by its reference
//! - `follow`: what the upstream's answers teach
//! - `report`: a "no" that git prints

mod ancestry;
mod delta;
mod follow;
mod meaning;
mod object_id;
mod pack;
mod pkt_line;
mod receive_pack;
mod report;

use holdpoint_core::Operation;

use super::message::Message;
use crate::{Unreadable, World};
use meaning::Repository;
use receive_pack::Push;

pub use ancestry::Commit;
pub use follow::{Move, default_branch, fetched, fetches, lists_references, moved, moves, pushed};
pub(super) use report::{MEDIA_TYPE, report};

/// What the catalogue calls a push of which only method and path are known.
pub(super) const RECEIVE_PACK: &str = "git:receive_pack";

/// What the push `message` would do; `segments` are those of its path. The pack streams.
pub(super) fn interpret(
    message: &Message,
    segments: &[String],
    world: &dyn World,
) -> Result<Vec<Operation>, Unreadable> {
    let push = Push::read(message)?;
    Ok(meaning::operations(&push, &Repository::of(message, segments), world))
}

#[cfg(test)]
mod tests;
