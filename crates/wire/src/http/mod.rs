//! HTTP requests.
//!
//! - [`aws`]: requests to AWS, and their signatures
//! - [`coding`]: bodies that come compressed, taken out of their content codings
//! - [`git`]: pushes, read before their packs
//! - [`graphql`]: GraphQL over HTTP
//! - [`grpc`]: gRPC, by the path that names a method
//! - [`json`]: strict JSON for judgement
//! - [`message`]: what arrived, in HTTP's words
//! - [`framing`]: where one message ends and the next begins
//! - [`parse`]: from what a listener has to a message, or a refusal
//! - [`interpret`](mod@interpret): which dialect it is, and what it would do
//! - [`websocket`]: upgrades to WebSocket, and the frames after them
//! - [`credentials`]: the credentials in it, and how one is put in another's place
//! - [`issued`]: what an answer gives out: cookies, tokens, signed links
//! - [`refusal`]: a "no" in HTTP's own words

mod authority;
pub mod aws;
pub mod coding;
mod content;
pub mod credentials;
pub mod framing;
pub mod git;
pub mod graphql;
pub mod grpc;
pub mod interpret;
pub mod issued;
pub mod json;
mod jsonrpc;
pub mod message;
pub mod parse;
mod path;
pub mod refusal;
mod rest;
pub mod websocket;

pub use interpret::{bytes_to_judge, interpret};
pub use message::{Body, Message, Scheme};
pub use parse::{Address, RawMessage};
pub use rest::located;

#[cfg(test)]
pub(crate) mod tests;
