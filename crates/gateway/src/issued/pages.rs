//! The body of an answer, read while it is small. A longer one goes on as it came.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::body::{BodyError, ResponseBody, whole};

/// Bytes of an answer that are read, at most. Tokens and links fit in far less.
pub(super) const READ_BYTES_MAX: usize = 1024 * 1024;

/// A body after a look at it.
pub(super) enum Looked {
    /// All of it, without trailers.
    Whole(Bytes),
    /// It is longer, broke off, or has trailers: this is all of it, to be passed on.
    Passed(ResponseBody),
}

/// Reads `body`, unless it is longer than is read.
pub(super) async fn look(mut body: ResponseBody) -> Looked {
    let mut read = BytesMut::new();
    loop {
        match body.frame().await {
            None => return Looked::Whole(read.freeze()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => read.extend_from_slice(&data),
                Err(trailers) => return passed(read, Some(Ok(trailers)), body),
            },
            Some(Err(error)) => return passed(read, Some(Err(error)), body),
        }
        if read.len() > READ_BYTES_MAX {
            return passed(read, None, body);
        }
    }
}

fn passed(
    read: BytesMut,
    next: Option<Result<Frame<Bytes>, BodyError>>,
    rest: ResponseBody,
) -> Looked {
    let first = (!read.is_empty()).then(|| Frame::data(read.freeze()));
    Looked::Passed(Passed { first, next, rest }.boxed_unsync())
}

/// A body that was looked into: what was read, then the rest.
struct Passed {
    first: Option<Frame<Bytes>>,
    next: Option<Result<Frame<Bytes>, BodyError>>,
    rest: ResponseBody,
}

impl Body for Passed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(frame) = self.first.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match self.next.take() {
            Some(next) => Poll::Ready(Some(next)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        let here = u64::try_from(here).unwrap_or(u64::MAX);
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(here));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(here));
        }
        hint
    }
}

/// A body of these bytes.
pub(super) fn body(bytes: impl Into<Bytes>) -> ResponseBody {
    whole(bytes)
}
