//! The streams of one HTTP/2 connection (RFC 9113): each is a message of its own, side by side.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    server::conn::http2::{self, Builder},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use super::{Limits, Stop, proxy::most};
use crate::body::{BodyError, ResponseBody};

/// What a client says first (RFC 9113 §3.4). No HTTP/1.1 request begins so.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Answers the streams on `io` until either side closes, nothing was open for a while, or `stop`
/// is said (then the streams in flight are still answered). It may be dropped at any time, which
/// resets every stream.
pub(super) async fn converse<I, F, R>(io: I, limits: &Limits, stop: &Stop, answer: F)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    let open = watch::Sender::new(0);
    let mut idle = pin!(idle(open.subscribe(), limits));
    let service = service_fn(move |request| {
        let stream = Open::new(open.clone());
        let answered = answer(request);
        async move { Ok::<_, Infallible>(stream.last(answered.await)) }
    });
    let mut connection = pin!(builder(limits).serve_connection(TokioIo::new(io), service));
    let served = tokio::select! {
        served = connection.as_mut() => Ok(served),
        () = idle.as_mut() => {
            // One last word; a client that does not take it, or never said anything, is cut off.
            connection.as_mut().graceful_shutdown();
            timeout(limits.handshake_timeout, connection).await
        }
        () = stop.said() => {
            connection.as_mut().graceful_shutdown();
            Ok(connection.await)
        }
    };
    if let Ok(Err(error)) = served {
        tracing::debug!(%error, "a connection broke off");
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let head_bytes_max = u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(head_bytes_max)
        .max_pending_accept_reset_streams(limits.resets_unseen_max)
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(
            limits.stream_window_bytes.saturating_mul(limits.streams_max).min(i32::MAX as u32),
        )
        .keep_alive_interval(limits.keep_alive)
        .keep_alive_timeout(limits.keep_alive)
        // The date of a response is the upstream's to give.
        .auto_date_header(false);
    builder
}

/// Waits until no stream has been open for as long as a client may take for its next head.
async fn idle(mut open: watch::Receiver<usize>, limits: &Limits) {
    loop {
        let none = *open.borrow_and_update() == 0;
        tokio::select! {
            () = sleep(limits.head_timeout), if none => return,
            changed = open.changed() => if changed.is_err() {
                return std::future::pending().await;
            },
        }
    }
}

/// Who may be handled now: so many messages of one connection, and so many of all. A client that
/// resets its streams and opens others does not get more done at a time.
#[derive(Clone)]
pub(super) struct Turns {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

/// A message's turn, until it is handled.
pub(super) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    /// Those of one connection, among `all`.
    pub(super) fn new(limits: &Limits, all: &Arc<Semaphore>) -> Self {
        Self { own: Arc::new(Semaphore::new(most(limits.streams_max))), all: Arc::clone(all) }
    }

    /// Waits for the next turn; `None` never comes, as nobody closes the semaphores.
    pub(super) async fn next(&self) -> Option<Turn> {
        let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _own: own, _all: all })
    }
}

/// A stream that is open, counted until its answer is sent or it is gone.
struct Open(watch::Sender<usize>);

impl Open {
    fn new(count: watch::Sender<usize>) -> Self {
        count.send_modify(|open| *open += 1);
        Self(count)
    }

    /// Lets the stream last as long as the body of its answer.
    fn last(self, response: Response<ResponseBody>) -> Response<ResponseBody> {
        response.map(|body| Lasting { body, _stream: self }.boxed_unsync())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// The body of an answer, which keeps its stream open.
struct Lasting {
    body: ResponseBody,
    _stream: Open,
}

impl http_body::Body for Lasting {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
