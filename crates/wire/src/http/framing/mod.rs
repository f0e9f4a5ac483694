//! The framing of HTTP/1.1 (RFC 9112), followed beside the library that reads the messages. What
//! two readers could divide into messages in two ways is refused before either of them sees it.
//!
//! - [`requests`]: what a client sends on one connection
//! - [`responses`]: what an upstream sends on one connection
//! - `head`: first line and headers
//! - `chunks`: a body in chunks

mod chunks;
mod head;
pub mod requests;
pub mod responses;

pub use requests::{Misframed, Place, Requests};
pub use responses::Responses;

use crate::Unreadable;
use chunks::Chunks;

/// How much of a connection is framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one head, or of the trailers behind a body.
    pub head_bytes_max: usize,
    /// Number of headers of one head.
    pub headers_max: usize,
}

/// What follows a head.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks, and an empty one at the end.
    Chunked(Chunks),
    /// Everything until the connection closes.
    UntilClose,
}

/// How far some bytes can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nowhere without more of them.
    More,
    /// So far, and the same part goes on.
    Passed(usize),
    /// So far, and there the part ends.
    Ended(usize),
}

impl Body {
    /// Follows a body; `bytes` are not empty.
    fn step(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step, Unreadable> {
        match self {
            Self::Length(left) => Ok(of_length(left, bytes.len())),
            Self::Chunked(chunks) => chunks.step(bytes, limits),
            Self::UntilClose => Ok(Step::Passed(bytes.len())),
        }
    }
}

/// Takes what is there from what is left.
fn of_length(left: &mut u64, there: usize) -> Step {
    match usize::try_from(*left) {
        Ok(last) if last <= there => Step::Ended(last),
        _ => {
            *left = left.saturating_sub(u64::try_from(there).unwrap_or(u64::MAX));
            Step::Passed(there)
        }
    }
}

#[cfg(test)]
mod tests;
