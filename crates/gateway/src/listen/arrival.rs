//! A message with its body, read up to a limit.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use holdpoint_core::{Code, Reason};
use holdpoint_wire::http::{Body, Message, bytes_to_judge, grpc};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header, request};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    sync::watch,
    time::{Sleep, sleep, timeout},
};

use super::{
    Limits,
    discard::discard,
    memory::Share,
    message::{Parts, Via, message_of},
    refuse::Unanswerable,
    strict::{misframed, unanswerable},
};
use crate::body::{BodyError, Received, Rest};

/// A message that has arrived, at least as far as it can be judged.
#[derive(Debug)]
pub struct Arrival {
    /// What arrived.
    pub message: Message,
    /// What follows the body's prefix; none where the body is whole.
    pub rest: Option<Rest>,
}

/// Whether a body is still being read: by the upstream, or by nobody, who discards it.
pub(super) type Discarding = watch::Receiver<bool>;

impl Arrival {
    /// Reads a request until it can be judged. `share` is to be kept until it is answered.
    pub(super) async fn read(
        request: Request<Incoming>,
        via: Via,
        limits: &Limits,
        share: &mut Share,
    ) -> Result<(Self, Discarding), Unanswerable> {
        let version = request.version();
        let (head, incoming) = request.into_parts();
        let incoming = Received::new(incoming, version);
        let (sender, discarding) = watch::channel(false);
        let pace = Pace::of(&head, limits);
        let message = match message_of(Parts { via, head }) {
            Ok(message) => message,
            Err(unreadable) => {
                discard(incoming, limits, sender);
                return Err(Unanswerable::new(StatusCode::BAD_REQUEST, unreadable));
            }
        };
        let most = bytes_to_judge(&message, limits.body_prefix_bytes);
        if !incoming.is_end_stream() {
            let announced = incoming.size_hint().exact().and_then(|it| usize::try_from(it).ok());
            if let Err(full) = share.reserve(announced.unwrap_or(most).min(most)).await {
                discard(incoming, limits, sender);
                return Err(full);
            }
        }
        let (body, rest) = read_body(incoming, (most, pace), limits, sender).await?;
        share.shrink_to(body.bytes().len());
        Ok((Self { message: message.with_body(body, most), rest }, discarding))
    }
}

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// In one go: a pause is a fault.
    Steady,
    /// As its sender has something to say, for as long as it likes: the client of a call answers
    /// what the server says.
    Call,
}

impl Pace {
    fn of(head: &request::Parts, limits: &Limits) -> Self {
        let media = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let call = head.version == Version::HTTP_2 && media.is_some_and(grpc::is_call);
        if call && !limits.call_pause.is_zero() { Self::Call } else { Self::Steady }
    }
}

async fn read_body(
    mut incoming: Received,
    (most, pace): (usize, Pace),
    limits: &Limits,
    discarding: watch::Sender<bool>,
) -> Result<(Body, Option<Rest>), Unanswerable> {
    // Room for what was announced, so that a long body is not moved while it grows.
    let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    let mut read = BytesMut::with_capacity(announced.min(most));
    loop {
        let says_what = pace == Pace::Call && read.len() >= grpc::HEAD_BYTES;
        let wait = if says_what { limits.call_pause } else { limits.body_idle_timeout };
        let frame = match timeout(wait, incoming.frame()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok((Body::Whole(read.freeze()), None)),
            Err(_) if says_what => {
                let rest = Following::new(Bytes::new(), incoming, pace, *limits, discarding);
                return Ok((Body::Prefix(read.freeze()), Some(rest.boxed_unsync())));
            }
            Err(_) => {
                return Err(unread(StatusCode::REQUEST_TIMEOUT, "the body stopped coming"));
            }
        };
        let data = match frame.map_err(|error| broken_off(error.as_ref()))?.into_data() {
            Ok(data) => data,
            Err(frame) if is_bare(&frame) => continue,
            Err(_) => return Err(trailers()),
        };
        let more = data.len().min(most.saturating_sub(read.len()));
        let (data, next) = data.split_at_checked(more).unwrap_or((&data, &[]));
        read.extend_from_slice(data);
        if !next.is_empty() {
            let next = Bytes::copy_from_slice(next);
            let rest = Following::new(next, incoming, pace, *limits, discarding);
            return Ok((Body::Prefix(read.freeze()), Some(rest.boxed_unsync())));
        }
    }
}

/// Trailers without a field say no more than that the body has ended.
fn is_bare(frame: &Frame<Bytes>) -> bool {
    frame.trailers_ref().is_some_and(HeaderMap::is_empty)
}

fn broken_off(error: &(dyn std::error::Error + 'static)) -> Unanswerable {
    misframed(error).map_or_else(cut_off, unanswerable)
}

fn cut_off() -> Unanswerable {
    unread(StatusCode::BAD_REQUEST, "the body is cut off or wrongly framed")
}

fn unread(status: StatusCode, text: &str) -> Unanswerable {
    Unanswerable::new(status, Reason::new(Code::Unparsed, text))
}

/// Trailers come after the body and could change its meaning, so they are not dropped silently.
pub(super) fn trailers() -> Unanswerable {
    unread(StatusCode::BAD_REQUEST, "trailers after a body are not read: send them as headers")
}

/// What follows a prefix. It breaks off when the client pauses for too long or sends trailers;
/// what nobody reads of it is discarded.
struct Following {
    next: Bytes,
    /// Gone once it has ended or broken off.
    incoming: Option<Received>,
    pace: Pace,
    limits: Limits,
    /// Runs only while we wait for the client, not while the upstream makes the client wait.
    deadline: Option<Pin<Box<Sleep>>>,
    discarding: watch::Sender<bool>,
}

impl Following {
    fn new(
        next: Bytes,
        incoming: Received,
        pace: Pace,
        limits: Limits,
        discarding: watch::Sender<bool>,
    ) -> Self {
        // A call is answered while it goes on; any other upload is read to its end before.
        discarding.send_replace(pace == Pace::Steady);
        Self { next, incoming: Some(incoming), pace, limits, deadline: None, discarding }
    }

    /// Says that nothing more comes.
    fn end(&mut self) {
        self.incoming = None;
        self.discarding.send_replace(false);
    }

    /// Says that nothing more comes, and why.
    fn break_off(&mut self, why: impl Into<BodyError>) -> Option<Result<Frame<Bytes>, BodyError>> {
        self.end();
        Some(Err(why.into()))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            discard(incoming, &self.limits, self.discarding.clone());
        }
    }
}

impl http_body::Body for Following {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if !this.next.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.next)))));
        }
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(context) else {
            // Whether the client of a call is still there is seen by the connection's keep-alive.
            if this.pace == Pace::Call {
                return Poll::Pending;
            }
            let idle = this.limits.body_idle_timeout;
            let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(idle)));
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(this.break_off("the client stopped sending"));
        };
        this.deadline = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_data() => Some(Ok(frame)),
            Some(Ok(frame)) if is_bare(&frame) => {
                this.end();
                None
            }
            Some(Ok(_)) => this.break_off("the client sent trailers"),
            Some(Err(error)) => this.break_off(error),
            None => {
                this.end();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        let ended = self.incoming.as_ref().is_none_or(http_body::Body::is_end_stream);
        self.next.is_empty() && ended
    }

    fn size_hint(&self) -> SizeHint {
        let held = u64::try_from(self.next.len()).unwrap_or(u64::MAX);
        let to_come = match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(to_come.lower().saturating_add(held));
        if let Some(upper) = to_come.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}
