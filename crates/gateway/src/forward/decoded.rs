//! A response that an upstream has compressed although it was asked not to, taken out of its
//! content codings while it streams, so that secrets in it can be found.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use holdpoint_wire::http::coding::{Coding, Decoder, Pause};
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::body::{BodyError, Streamed};

/// Headers that are about the bytes as they were coded.
const ABOUT_CODED_BYTES: [&str; 6] =
    ["accept-ranges", "content-digest", "content-length", "content-md5", "digest", "repr-digest"];

/// The codings that a response with these headers is in; `None` if one of them cannot be taken
/// off while it streams.
pub(super) fn codings(headers: &HeaderMap) -> Option<Vec<Coding>> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let codings = Coding::list(values.map(HeaderValue::as_bytes)).ok()?;
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let events = kind.to_ascii_lowercase().starts_with(b"text/event-stream");
    // Our zstd gives nothing away before its window is full: events would wait in it.
    (!events || !codings.contains(&Coding::Zstd)).then_some(codings)
}

/// Takes a response out of its `codings`, and its headers with it.
pub(super) fn decoded(headers: &mut HeaderMap, body: Streamed, codings: &[Coding]) -> Streamed {
    headers.remove(header::CONTENT_ENCODING);
    if codings.is_empty() {
        return body;
    }
    for name in ABOUT_CODED_BYTES {
        headers.remove(name);
    }
    weaken_tag(headers);
    let outermost_first = codings.iter().rev();
    outermost_first.fold(body, |body, coding| Decoded::new(body, *coding).boxed_unsync())
}

/// Other bytes of the same meaning have a weak tag (RFC 9110 §8.8.1).
fn weaken_tag(headers: &mut HeaderMap) {
    let Some(tag) = headers.get_mut(header::ETAG) else { return };
    if tag.as_bytes().starts_with(b"\"")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        *tag = weak;
    }
}

/// A body out of one coding. It gives on what each chunk makes at once, a step of the decoder at
/// a time, so that it holds no more than a chunk and a step.
struct Decoded<B> {
    body: B,
    decoder: Decoder,
    /// What has come and is not decoded yet.
    ahead: Bytes,
    trailers: Option<Frame<Bytes>>,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Text,
    /// The coded text is over; the body has to be, too.
    TextEnd,
    BodyEnd,
}

impl<B> Decoded<B> {
    fn new(body: B, coding: Coding) -> Self {
        let decoder = Decoder::new(coding);
        Self { body, decoder, ahead: Bytes::new(), trailers: None, at: At::Text }
    }

    /// What the next step makes of what is here; `None` if more has to come first.
    fn step(&mut self) -> Result<Option<Bytes>, BodyError> {
        while self.at == At::Text {
            let (mut input, mut out) = (&self.ahead[..], Vec::new());
            let pause = self.decoder.step(&mut input, &mut out)?;
            self.ahead = self.ahead.slice_ref(input);
            if pause == Pause::End {
                self.at = At::TextEnd;
            }
            if !out.is_empty() {
                return Ok(Some(out.into()));
            }
            if pause == Pause::Input {
                return Ok(None);
            }
        }
        match self.ahead.is_empty() {
            true => Ok(None),
            false => Err("something follows the end of the compressed answer".into()),
        }
    }
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Body for Decoded<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        while this.at != At::BodyEnd {
            if let Some(out) = this.step()? {
                return Poll::Ready(Some(Ok(Frame::data(out))));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(frame) => match frame?.into_data() {
                    Ok(data) => this.ahead = data,
                    Err(trailers) => this.trailers = Some(trailers),
                },
                None if this.at == At::TextEnd => this.at = At::BodyEnd,
                None => {
                    this.at = At::BodyEnd;
                    return Poll::Ready(Some(Err("the compressed answer breaks off".into())));
                }
            }
        }
        Poll::Ready(this.trailers.take().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.at == At::BodyEnd && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
