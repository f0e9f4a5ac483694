//! HTTP requests.
//!
//! - [`graphql`]: GraphQL over HTTP
//! - [`json`]: strict JSON for judgement
//! - [`message`]: what arrived, in HTTP's words

pub mod graphql;
pub mod json;
pub mod message;

pub use message::{Body, Message, Scheme};
