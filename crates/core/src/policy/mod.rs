//! The policy decision point: a typed question to Cedar, and its answer with obligations.
//!
//! - [`request`]: what is asked: principal, operation and facts
//! - [`decision`]: what is answered

pub mod decision;
pub mod request;

pub use decision::Decision;
pub use request::{Credential, Facts, Request};
