//! A message with its body, read up to a limit.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use holdpoint_core::{Code, Reason};
use holdpoint_wire::http::{Body, Message};
use http::{Request, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep, timeout};

use super::{
    Limits,
    message::{Parts, Via, message_of},
    refuse::Unanswerable,
};
use crate::body::{BodyError, Rest};

/// A message that has arrived, at least as far as it can be judged.
#[derive(Debug)]
pub struct Arrival {
    /// What arrived.
    pub message: Message,
    /// What follows the body's prefix; none where the body is whole.
    pub rest: Option<Rest>,
}

impl Arrival {
    /// Reads a request until it can be judged.
    pub(super) async fn read(
        request: Request<Incoming>,
        via: Via,
        limits: &Limits,
    ) -> Result<Self, Unanswerable> {
        let (head, incoming) = request.into_parts();
        if head.headers.contains_key(header::TRAILER) {
            return Err(trailers());
        }
        let (body, rest) = read_body(incoming, limits).await?;
        let message = message_of(Parts { via, head }, body)
            .map_err(|unreadable| Unanswerable::new(StatusCode::BAD_REQUEST, unreadable))?;
        Ok(Self { message, rest })
    }
}

async fn read_body(
    mut incoming: Incoming,
    limits: &Limits,
) -> Result<(Body, Option<Rest>), Unanswerable> {
    let mut read = BytesMut::new();
    loop {
        let frame = timeout(limits.body_idle_timeout, incoming.frame()).await;
        let frame =
            frame.map_err(|_| unread(StatusCode::REQUEST_TIMEOUT, "the body stopped coming"))?;
        let Some(frame) = frame else {
            return Ok((Body::Whole(read.freeze()), None));
        };
        let frame = frame.map_err(|_| {
            unread(StatusCode::BAD_REQUEST, "the body is cut off or wrongly framed")
        })?;
        let data = frame.into_data().map_err(|_| trailers())?;
        read.extend_from_slice(&data);
        if read.len() > limits.body_prefix_bytes {
            let next = read.split_off(limits.body_prefix_bytes).freeze();
            let rest = Following::new(next, incoming, limits.body_idle_timeout);
            return Ok((Body::Prefix(read.freeze()), Some(rest.boxed_unsync())));
        }
    }
}

fn unread(status: StatusCode, text: &str) -> Unanswerable {
    Unanswerable::new(status, Reason::new(Code::Unparsed, text))
}

/// Trailers come after the body and could change its meaning, so they are not dropped silently.
fn trailers() -> Unanswerable {
    unread(StatusCode::BAD_REQUEST, "trailers after a body are not read: send them as headers")
}

/// What follows a prefix. It breaks off when the client pauses for too long or sends trailers.
struct Following {
    next: Bytes,
    incoming: Incoming,
    idle: Duration,
    /// Runs only while we wait for the client, not while the upstream makes the client wait.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Following {
    fn new(next: Bytes, incoming: Incoming, idle: Duration) -> Self {
        Self { next, incoming, idle, deadline: None }
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
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) else {
            let idle = this.idle;
            let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(idle)));
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err("the client stopped sending".into())));
        };
        this.deadline = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_data() => Some(Ok(frame)),
            Some(Ok(_)) => Some(Err("the client sent trailers".into())),
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_empty() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held = u64::try_from(self.next.len()).unwrap_or(u64::MAX);
        let to_come = self.incoming.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(to_come.lower().saturating_add(held));
        if let Some(upper) = to_come.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}
