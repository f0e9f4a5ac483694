//! The composition root: command line, verbs, and the running gateway.
//!
//! - [`cli`]: the command line
//! - [`commands`]: one file a verb
//! - [`console`]: numbers for whoever monitors
//! - [`hooks`]: hooks that ask the gateway
//! - [`postgres`]: databases that are served
//! - [`activated`]: the socket that a service manager passes
//! - [`quoted`]: names of others in text to paste
//! - [`rows`]: rows of a database as they were
//! - [`reverse`]: addresses that stand for one upstream each
//! - [`running`]: the running gateway
//! - [`status`]: how a verb ends
//! - [`terminal`]: asking a human, and only a human
//! - [`upstream`]: the gateway's own way into the world

pub mod activated;
pub mod cli;
pub mod commands;
pub mod console;
pub mod hooks;
pub mod postgres;
pub mod quoted;
pub mod reverse;
pub mod rows;
pub mod running;
pub mod status;
pub mod terminal;
pub mod upstream;

pub use cli::Cli;
pub use commands::{run, run_observed};
pub use status::{CommandError, Status};
