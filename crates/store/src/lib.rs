//! What Holdpoint keeps on disk, and the watch by which its processes hear of changes.
//!
//! Everything lies in one directory that only its owner can enter: an SQLite database, a key
//! that seals what is secret in it, and a socket. In the order in which they are needed:
//!
//! - [`config`]: `holdpoint.toml`, validated, with limits
//! - [`state`]: the directory, its database and its one gateway
//! - [`agents`]: who may ask, and with which bearer
//! - [`hosts`], [`inventory`]: what humans said about the world
//! - [`secrets`]: real credentials, their phantoms and what they were made for
//! - [`issued`]: what upstreams gave to each run
//! - [`refusals`]: what was refused a short while ago
//! - [`made`]: what runs have made
//! - [`snapshots`]: what was saved of workspaces and databases, and what was undone
//! - [`payloads`]: bodies and responses, each under a key that can be erased
//! - [`holds`]: operations that wait for a human or for time, and their way to exactly one execution
//! - [`approvers`], [`approvals`]: who may release, and the signed answer that does
//! - [`ledger`]: the record of everything that was decided, which nobody can alter unseen
//! - [`watch`]: who hears that something changed
//! - [`supervised`]: which runs go on; [`runs`]: those that have a gateway accept for them;
//!   [`run_key`]: how they show who they are
//! - [`undos`]: undos that are asked for
//! - [`passing`]: open files to other processes
//! - [`hooks`]: hooks that ask the gateway; [`spool`]: what they record without one;
//!   [`episodes`]: what their sessions have done so far
//! - [`corpus`]: what a human called wrong
//!
//! # Blocking
//!
//! All of it blocks, mostly for well under a millisecond; a write waits for the disk. Call
//! writes from asynchronous code in `tokio::task::spawn_blocking`.

pub mod agents;
pub mod approvals;
pub mod approvers;
pub mod config;
pub mod corpus;
mod database;
pub mod episodes;
mod error;
pub mod holds;
pub mod hooks;
pub mod host_pattern;
pub mod hosts;
mod id;
pub mod inventory;
pub mod issued;
pub mod ledger;
pub mod made;
pub mod passing;
pub mod payloads;
pub mod refusals;
pub mod run_key;
pub mod runs;
mod schema;
mod seal;
pub mod secrets;
pub mod snapshots;
pub mod spool;
pub mod state;
pub mod supervised;
pub mod undos;
pub mod watch;

pub use config::Config;
pub use error::StoreError;
pub use holds::{Hold, HoldState, Holds};
pub use state::{GatewayLock, State};
pub use watch::Topic;
