//! Bodies that stream in either direction.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;

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

/// A body as it is received: it ends where its sender ended it, and is an error where it was only
/// given up.
///
/// The HTTP library takes for the end what is none: an HTTP/2 stream that is reset without an
/// error, or whose connection was closed because the other side does not answer any more. Half an
/// upload would go on as a whole one.
#[derive(Debug)]
pub(crate) struct Received {
    incoming: Incoming,
    in_stream: bool,
    /// It ended with its head: what that announces is the length of a body that is not sent.
    is_bare: bool,
}

impl Received {
    /// The body of a message that came in this version of HTTP.
    pub(crate) fn new(incoming: Incoming, version: Version) -> Self {
        let is_bare = incoming.is_end_stream();
        Self { incoming, in_stream: version == Version::HTTP_2, is_bare }
    }

    /// Whether, now that no more comes, all has come.
    fn is_whole(&self) -> bool {
        let ended = !self.in_stream || self.incoming.is_end_stream();
        self.is_bare || (ended && self.incoming.size_hint().lower() == 0)
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        Poll::Ready(match frame {
            None if !self.is_whole() => Some(Err("the body is cut off".into())),
            frame => frame.map(|frame| frame.map_err(Into::into)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
