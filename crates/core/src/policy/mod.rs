//! The policy decision point: a typed question to Cedar, and its answer with obligations.
//!
//! - [`request`]: what is asked: principal, operation and facts
//! - [`decision`]: what is answered
//! - [`pdp`]: from the one to the other
//! - [`changes`]: what a database counted of a transaction
//! - [`load`]: from policy texts to rules
//! - [`mode`]: whether a "no" stops anything
//! - [`lattice`]: which obligations could release an operation, in their order of burden
//!
//! Inside: `monotone` (obligations may only help), `slice` (which policies a request can meet),
//! `entities`, `context` and `evaluate` (the request in Cedar's words and before it), `reasons` (what is told, and in which
//! order), `bounds` (of policy texts), `cache` (bounded).

mod bounds;
mod cache;
pub mod changes;
mod context;
pub mod decision;
mod entities;
mod evaluate;
pub mod lattice;
pub mod load;
pub mod mode;
mod monotone;
pub mod pdp;
mod reasons;
pub mod request;
mod slice;

pub use changes::Changes;
pub use decision::{Decision, Verdict};
pub use load::{Delays, LoadError, PolicySource};
pub use mode::{Mode, Modes, Spared};
pub use pdp::Pdp;
pub use request::{Credential, Facts, Ground, Request};

#[cfg(test)]
mod tests;
