//! An answer that is listened to while it streams: its beginning, or all of it if it is short.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use holdpoint_wire::http::{Body as Judged, coding};
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::body::{BodyError, ResponseBody};

/// What is done with what was heard: once, before the last of it goes on.
type Hear = Box<dyn FnOnce(Judged) + Send>;

/// Lets `hear` have the first `bytes_max` bytes of a response, out of its content codings. It is
/// not called for a response that breaks off before.
pub(crate) fn overheard(
    response: Response<ResponseBody>,
    bytes_max: usize,
    hear: impl FnOnce(Judged) + Send + 'static,
) -> Response<ResponseBody> {
    let encodings = response.headers().get_all(header::CONTENT_ENCODING).iter();
    let Ok(codings) = coding::Coding::list(encodings.map(HeaderValue::as_bytes)) else {
        return response;
    };
    let decoded = move |body: Judged| match coding::decode(&body, &codings, bytes_max) {
        Ok(Some(plain)) => hear(plain),
        Ok(None) => hear(body),
        Err(error) => tracing::debug!(%error, "an answer could not be read"),
    };
    response.map(|body| {
        let hear: Option<Hear> = Some(Box::new(decoded));
        Overheard { body, kept: Vec::new(), bytes_max, hear }.boxed_unsync()
    })
}

struct Overheard {
    body: ResponseBody,
    kept: Vec<u8>,
    bytes_max: usize,
    hear: Option<Hear>,
}

impl Overheard {
    fn keep(&mut self, data: &[u8]) {
        if self.hear.is_none() {
            return;
        }
        let room = self.bytes_max.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(data.get(..room).unwrap_or(data));
        if data.len() > room {
            self.say(Judged::Prefix);
        } else if self.body.is_end_stream() {
            self.say(Judged::Whole);
        }
    }

    fn say(&mut self, as_what: fn(Bytes) -> Judged) {
        if let Some(hear) = self.hear.take() {
            hear(as_what(std::mem::take(&mut self.kept).into()));
        }
    }
}

impl Body for Overheard {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.keep(data);
                }
            }
            Some(Err(_)) => this.hear = None,
            None => this.say(Judged::Whole),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
