//! HTTP requests.
//!
//! - [`message`]: what arrived, in HTTP's words

pub mod message;

pub use message::{Body, Message, Scheme};
