//! Proof by trying: fakes of the far end, the incident replayed with real tools, and the story
//! of what stopped it.
//!
//! - [`railway`]: a fake of Railway's API, with what made the incident possible
//! - [`upstream`]: an upstream that echoes, streams, stalls and breaks off
//! - [`kill_chain`]: the scripted agent: a task, a search, a found credential, one mutation
//! - [`cli`]: the guard as it is driven from outside, by its commands
//! - [`tabletop`]: the incident unguarded, then guarded link by link
//! - [`story`]: the same for a human

pub mod cli;
mod error;
pub mod kill_chain;
pub mod railway;
mod server;
pub mod story;
pub mod tabletop;
mod tls;
pub mod upstream;

pub use error::DrillError;
pub use tls::Authority;
