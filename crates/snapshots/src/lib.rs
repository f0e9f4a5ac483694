//! What there was before, kept where whoever destroys it has no power, and the way back to it.
//!
//! Everything lies in one repository of the format that restic made (restic.readthedocs.io,
//! "Repository Format"): content-addressed, deduplicated, compressed and encrypted, so that any
//! restic reads it without us. In the order of a snapshot's life:
//!
//! - [`Snapshots`] takes one, and goes back to one
//! - [`Terms`]: how much is taken; `walk`: what there is; `ignored`: what git ignores of it
//! - `looks`: what a file looks like; `opened`: rights that an owner lends us to look
//! - `source`: how the repository reads a workspace; `omitted`: what it could not have
//! - `processor`: where a workspace of many small files is read
//! - `repository`: the repository; `storage`: the directory that it lies in;
//!   [`door`]: another user's directory; `elsewhere`: a store of another machine
//! - `difference` between two snapshots; [`Plan`]: what an undo would do; `entry`: one thing of it
//! - `staging`, `restore`: an undo; [`asking`]: whether it may be carried out
//! - [`preserve`]: databases and references of git
//! - [`Keeper`]: what is about to be taken away is saved first, for whoever waits
//! - [`Finding`]: what the credential that writes can do to what it wrote
//!
//! # Blocking
//!
//! All of it blocks, for as long as reading a workspace takes.

pub mod asking;
mod check;
mod difference;
pub mod door;
mod elsewhere;
mod entry;
mod error;
mod ignored;
mod keeper;
mod looks;
mod omitted;
mod opened;
mod plan;
pub mod preserve;
mod processor;
mod repository;
mod restore;
mod seen;
mod snapshots;
mod source;
mod staging;
mod storage;
mod terms;
#[cfg(test)]
mod tests;
mod time;
mod undo;
mod walk;

pub use check::Finding;
pub use elsewhere::Login;
pub use error::SnapshotError;
pub use keeper::Keeper;
pub use plan::{Action, Change, Plan};
pub use repository::Exported;
pub use restore::Restored;
pub use seen::{Changed, Seen};
pub use snapshots::{Cause, Pruned, Saved, Snapshots, Verified, WORKSPACE};
pub use terms::Terms;
pub use undo::{Prepared, Staged};
