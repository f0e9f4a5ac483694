//! HTTP requests.
//!
//! - [`graphql`]: GraphQL over HTTP
//! - [`grpc`]: gRPC, by the path that names a method
//! - [`json`]: strict JSON for judgement
//! - [`message`]: what arrived, in HTTP's words
//! - [`parse`]: from what a listener has to a message, or a refusal
//! - [`interpret`](mod@interpret): which dialect it is, and what it would do
//! - [`credentials`]: the credentials in it, and how one is put in another's place
//! - [`refusal`]: a "no" in HTTP's own words

mod authority;
mod content;
pub mod credentials;
mod git;
pub mod graphql;
pub mod grpc;
pub mod interpret;
pub mod json;
mod jsonrpc;
pub mod message;
pub mod parse;
mod path;
pub mod refusal;
mod rest;

pub use interpret::interpret;
pub use message::{Body, Message, Scheme};
pub use parse::{Address, RawMessage};

#[cfg(test)]
pub(crate) mod tests;
