//! PostgreSQL's protocol, version 3: what a client may begin with, what it sends, and a "no" in
//! the protocol's own words. What does not end where it should is no message.
//!
//! - [`startup`]: the first packet of a connection
//! - [`frontend`]: what a client sends after it
//! - [`backend`]: what a server sends
//! - [`scram`]: the login, on both sides
//! - [`refusal`]: an ErrorResponse that says that it was us

pub mod backend;
mod fields;
pub mod frontend;
pub mod refusal;
pub mod scram;
pub mod startup;

#[cfg(test)]
mod tests;
