//! The walk itself: one message from arrival to outcome, the same for every protocol.
//!
//! - [`enforce`](mod@enforce): the walk, on one screen
//! - [`stages`]: what a protocol brings to it, one trait a stage
//! - [`record`]: what is written down before and after the effect
//! - [`release`]: what waits for a human, and a human's release that is used
//! - [`resolve`]: from operations to questions for policy, live and from fixtures alike
//! - [`steps`]: the same for what commands, files and tools do
//! - [`keep`]: what a step would take away, and whoever saves it first
//! - [`explain`]: the walk up to the decision, for what has not been done yet

pub mod enforce;
pub mod explain;
pub mod keep;
pub mod record;
pub mod release;
pub mod resolve;
pub mod stages;
pub mod steps;

pub use enforce::enforce;
pub use stages::{
    Forward, Forwarded, Fulfil, Fulfilment, Identify, Interpret, Ledger, LedgerUnavailable, Point,
    Resolve, Stage,
};
