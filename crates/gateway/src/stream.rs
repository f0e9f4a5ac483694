//! Raw streams: connections whose protocol nobody here reads, from the upstream's end to the count
//! of bytes that passed.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Response;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    sync::Notify,
    time::timeout,
};

use crate::{
    body::{ResponseBody, empty},
    forward::{Client, Unreached, dial::Wire},
    listen::Stop,
    websocket::Closed,
};

/// How long nothing may be said in either direction.
const IDLE_MAX: Duration = Duration::from_secs(3600);
/// Bytes that are read at a time, in each direction.
const CHUNK_BYTES: usize = 64 * 1024;

/// The upstream's end of a raw stream, in the extensions of the response that opens it.
#[derive(Clone)]
pub struct Stream {
    upstream: Arc<Mutex<Option<Box<dyn Wire>>>>,
    decision: u64,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("decision", &self.decision).finish_non_exhaustive()
    }
}

impl Stream {
    /// Connects to a host; `decision` is where the ledger holds that it may be.
    pub(crate) async fn open(
        client: &Client,
        host: &str,
        port: u16,
        listed_privately: bool,
        decision: u64,
    ) -> Result<Response<ResponseBody>, Unreached> {
        let upstream = client.connect_raw(host, port, listed_privately).await?;
        let upstream = Arc::new(Mutex::new(Some(upstream)));
        let mut response = Response::new(empty());
        response.extensions_mut().insert(Self { upstream, decision });
        Ok(response)
    }

    /// Joins `agent` and the upstream until both have said all, a kill (`until`), a `stop` or
    /// silence ends it.
    pub(crate) async fn relay<A>(self, agent: A, until: &Stop, stop: &Stop) -> Closed
    where
        A: AsyncRead + AsyncWrite,
    {
        let upstream = self.upstream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let unused = Closed { decision: self.decision, ..Closed::unused("not_taken_up") };
        let Some(upstream) = upstream else { return unused };
        let (from_agent, to_agent) = split(agent);
        let (from_upstream, to_upstream) = split(upstream);
        let (sent, received, moved) = (AtomicU64::new(0), AtomicU64::new(0), Notify::new());
        let both = async {
            tokio::join!(
                pump(from_agent, to_upstream, &sent, &moved),
                pump(from_upstream, to_agent, &received, &moved),
            )
        };
        let failure = tokio::select! {
            biased;
            () = until.said() => Some("killed"),
            _ = both => None,
            () = stop.said() => Some("stopped"),
            () = silence(&moved) => Some("idle"),
        };
        let (sent, received) = (sent.into_inner(), received.into_inner());
        Closed { decision: self.decision, sent, received, failure }
    }
}

/// Passes on what comes, to its end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passed: &AtomicU64,
    moved: &Notify,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let read = chunk.get(..length).unwrap_or_default();
        if to.write_all(read).await.and(to.flush().await).is_err() {
            break;
        }
        passed.fetch_add(u64::try_from(length).unwrap_or_default(), Ordering::Relaxed);
        moved.notify_one();
    }
    // The other direction may go on.
    let _ = to.shutdown().await;
}

async fn silence(moved: &Notify) {
    while timeout(IDLE_MAX, moved.notified()).await.is_ok() {}
}
