//! Accepts connections, a bounded number at a time, until told to stop.

use std::{fmt, io, sync::Arc, time::Duration};

use holdpoint_core::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Door, Handler, Limits, Stop, connection::Session, memory::Memory};
use crate::tls::Leaves;

/// How long to wait after a failed accept: usually the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A forward proxy in front of a [`Handler`].
pub struct Proxy<H> {
    pub(super) handler: H,
    pub(super) leaves: Arc<Leaves>,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    /// A place for each message of an HTTP/2 connection that is handled.
    pub(super) streams: Arc<Semaphore>,
    /// Room for the bodies that are read.
    pub(super) memory: Memory,
}

impl<H> fmt::Debug for Proxy<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<H: Handler> Proxy<H> {
    /// A proxy that shows agents the certificates of `leaves`.
    pub fn new(handler: H, leaves: Arc<Leaves>, limits: Limits, clock: Clock) -> Self {
        let streams = Arc::new(Semaphore::new(most(limits.streams_all_max)));
        let memory = Memory::new(&limits);
        Self { handler, leaves, limits, clock, streams, memory }
    }

    /// Serves until `stop` is said, then lets what is in flight end within the drain time.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: Stop) {
        self.serve_at(listener, Door::Proxy, stop).await;
    }

    /// The same for whoever comes in at `door`.
    pub async fn serve_at(self: Arc<Self>, listener: TcpListener, door: Door, stop: Stop) {
        let places = Arc::new(Semaphore::new(most(self.limits.connections_max)));
        let mut connections = JoinSet::new();
        loop {
            let Some(place) = unless(&stop, Arc::clone(&places).acquire_owned()).await else {
                break;
            };
            let Some(accepted) = unless(&stop, listener.accept()).await else { break };
            while connections.try_join_next().is_some() {}
            let Ok(place) = place else { break };
            match accepted {
                Ok((socket, peer)) => {
                    without_delay(&socket);
                    let (proxy, door) = (Arc::clone(&self), door.clone());
                    let session = Session::new(proxy, peer, stop.clone(), place, door);
                    connections.spawn(session.serve(socket));
                }
                Err(error) => pause(&error).await,
            }
        }
        drop(listener);
        // Each connection and each message being handled has a place: all free means all done.
        let all = places.acquire_many(self.limits.connections_max);
        if timeout(self.limits.drain_timeout, all).await.is_err() {
            tracing::warn!("connections were cut off at the end of the drain time");
        }
        connections.shutdown().await;
    }
}

/// Small writes must go out at once: a server-sent event is worth nothing late.
fn without_delay(socket: &TcpStream) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch delays off");
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    sleep(ACCEPT_PAUSE).await;
}

/// What `future` gives, unless `stop` is said before.
pub(super) async fn unless<F: Future>(stop: &Stop, future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        () = stop.said() => None,
        output = future => Some(output),
    }
}

pub(super) fn most(count: u32) -> usize {
    usize::try_from(count).map_or(Semaphore::MAX_PERMITS, |count| count.min(Semaphore::MAX_PERMITS))
}
