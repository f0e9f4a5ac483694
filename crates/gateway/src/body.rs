//! Bodies that stream in either direction.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any origin, sent chunk by chunk as it arrives.
pub type Streamed = UnsyncBoxBody<Bytes, BodyError>;

/// The body of a response on its way to the agent.
pub type ResponseBody = Streamed;

/// What follows the prefix of a message's body.
pub type Rest = Streamed;

/// A body that is already here.
pub fn whole(bytes: impl Into<Bytes>) -> Streamed {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub fn empty() -> Streamed {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
