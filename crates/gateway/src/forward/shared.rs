//! Connections that many messages share: HTTP/2 towards upstreams (RFC 9113).

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use h2::Reason;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::{
    dial::{Unreached, Wire},
    outgoing::Outgoing,
};

/// Streams that are open on one connection, however many more its upstream allows.
pub(super) const STREAMS_MAX: usize = 100;
/// Bytes of one response that are taken before its agent reads them. All streams together cannot
/// fill the connection, so that an agent that does not read stops nobody else.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// How often an upstream that has something to answer is asked whether it is still there, and how
/// long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A connection that messages share.
pub(super) struct Shared {
    sender: http2::SendRequest<Outgoing>,
    load: Arc<Load>,
}

/// How much a connection is used.
struct Load {
    open: AtomicUsize,
    /// As many streams as both sides allow.
    most: AtomicUsize,
    last: Mutex<Instant>,
}

/// One message's stream on a shared connection; given back when it is dropped.
pub(super) struct Place {
    sender: http2::SendRequest<Outgoing>,
    load: Arc<Load>,
}

impl Shared {
    /// Begins to speak HTTP/2 on `wire`.
    pub(super) async fn begin(
        wire: Box<dyn Wire>,
        head_bytes_max: usize,
    ) -> Result<Self, Unreached> {
        let window = STREAM_WINDOW_BYTES.saturating_mul(u32::try_from(STREAMS_MAX).unwrap_or(1));
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(head_bytes_max).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(window)
            .initial_max_send_streams(STREAMS_MAX)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| Unreached::Unwritable(error.to_string()))?;
        let load = Arc::new(Load {
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(STREAMS_MAX),
            last: Mutex::new(Instant::now()),
        });
        let told = Arc::clone(&load);
        tokio::spawn(async move {
            let mut driver = pin!(driver);
            let driven = poll_fn(|context| {
                let driven = driver.as_mut().poll(context);
                told.most
                    .store(driver.current_max_send_streams().min(STREAMS_MAX), Ordering::Relaxed);
                driven
            });
            if let Err(error) = driven.await {
                tracing::debug!(%error, "an upstream connection broke off");
            }
        });
        Ok(Self { sender, load })
    }

    /// A stream on it, unless all are taken.
    pub(super) fn place(&self) -> Option<Place> {
        let most = self.load.most.load(Ordering::Relaxed);
        let one_more = |open: usize| (open < most).then_some(open + 1);
        self.load.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Place { sender: self.sender.clone(), load: Arc::clone(&self.load) })
    }

    /// Whether it can still be used, and has been within `idle`.
    pub(super) fn is_live(&self, idle: Duration) -> bool {
        let last = *self.load.last.lock().unwrap_or_else(PoisonError::into_inner);
        let used = self.load.open.load(Ordering::Acquire) > 0 || last.elapsed() < idle;
        used && !self.sender.is_closed()
    }

    /// Whether `place` is one of its streams.
    pub(super) fn has(&self, place: &Place) -> bool {
        Arc::ptr_eq(&self.load, &place.load)
    }
}

impl Place {
    /// Sends a request on this stream.
    pub(super) fn try_send(
        &mut self,
        request: http::Request<Outgoing>,
    ) -> impl Future<Output = Result<http::Response<Incoming>, TrySendError<http::Request<Outgoing>>>>
    {
        self.sender.try_send_request(request)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.load.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.load.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether an error is the upstream's word that it has done nothing about a message: its stream
/// was refused, or lies behind the last one that a closing connection will answer (RFC 9113 §8.7).
pub(super) fn is_unprocessed(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
            return error.is_remote() && (refused || error.is_go_away());
        }
        cause = error.source();
    }
    false
}
