//! What is said on an open WebSocket goes on in both directions, until its ends or we end it.

use std::{
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use holdpoint_wire::http::websocket::frame::{self, Head, Opcode, Side};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    sync::{Notify, watch},
    time::timeout,
};

use super::looks::{Direction, Looks};
use crate::listen::Stop;

/// How long nothing may be said in either direction, pings included.
const IDLE_MAX: Duration = Duration::from_secs(3600);
/// How long one direction may stay open once the other has ended.
const HALF_OPEN_MAX: Duration = Duration::from_secs(10);
/// How long both ends may take to hear that we end it.
const PARTING_MAX: Duration = Duration::from_secs(1);
/// Bytes that are read at a time, in each direction.
const CHUNK_BYTES: usize = 16 * 1024;

/// What became of an open WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Where the ledger holds the decision to open it.
    pub decision: u64,
    /// Bytes that went to the upstream.
    pub sent: u64,
    /// Bytes that came from the upstream.
    pub received: u64,
    /// Why we ended it; none if its ends did.
    pub failure: Option<&'static str>,
}

impl Closed {
    /// Nothing was said on it.
    pub(crate) fn unused(failure: &'static str) -> Self {
        Self { decision: 0, sent: 0, received: 0, failure: Some(failure) }
    }
}

/// Why we end a connection, and what its ends are told (RFC 6455 §7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parting {
    code: u16,
    failure: &'static str,
    text: &'static str,
}

impl Parting {
    const STOPPED: Self =
        Self { code: 1001, failure: "stopped", text: "Holdpoint is stopping; connect again" };
    const IDLE: Self =
        Self { code: 1001, failure: "idle", text: "Holdpoint ends what is idle; connect again" };
    pub(super) const PROTOCOL: Self =
        Self { code: 1002, failure: "unparsed", text: "Holdpoint cannot read this frame" };
    pub(super) const STRAY: Self = Self {
        code: 1008,
        failure: "phantom_leaving",
        text: "Holdpoint (phantom_leaving): a credential is not for this host",
    };

    /// The close frame of `side`.
    fn frame(self, side: Side) -> Vec<u8> {
        let mut payload = [&self.code.to_be_bytes()[..], self.text.as_bytes()].concat();
        let mut mask = None;
        if side == Side::Client {
            // Where there is no randomness, zeros are still a mask.
            let mut key = [0; 4];
            let _ = getrandom::fill(&mut key);
            frame::mask(&mut payload, key, 0);
            mask = Some(key);
        }
        let length = u64::try_from(payload.len()).unwrap_or_default();
        let mut bytes = Vec::new();
        Head { fin: true, opcode: Opcode::Close, mask, length }.write(&mut bytes);
        bytes.extend(payload);
        bytes
    }
}

/// What both directions share.
struct Shared {
    parting: watch::Sender<Option<Parting>>,
    moved: Notify,
}

/// Joins `agent` and `upstream` until one of them, a kill (`until`), a `stop` or silence ends it.
pub async fn relay<A, U>(agent: A, upstream: U, looks: &Looks, until: &Stop, stop: &Stop) -> Closed
where
    A: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    let shared = Shared { parting: watch::Sender::new(None), moved: Notify::new() };
    let (from_agent, to_agent) = split(agent);
    let (from_upstream, to_upstream) = split(upstream);
    let out = pump(from_agent, to_upstream, Side::Client, looks, &shared, &sent);
    let back = pump(from_upstream, to_agent, Side::Server, looks, &shared, &received);
    let failure = tokio::select! {
        biased;
        // At once: nothing more is written, not even a goodbye.
        () = until.said() => Some("killed"),
        parting = both(out, back, &shared, stop) => parting.map(|parting| parting.failure),
    };
    let (sent, received) = (sent.into_inner(), received.into_inner());
    Closed { decision: 0, sent, received, failure }
}

/// Runs both directions to their end.
async fn both(
    out: impl Future<Output = Option<Parting>>,
    back: impl Future<Output = Option<Parting>>,
    shared: &Shared,
    stop: &Stop,
) -> Option<Parting> {
    let (mut out, mut back) = (pin!(out), pin!(back));
    let mut stopped = pin!(stop.said());
    let (ended, is_out) = tokio::select! {
        ended = out.as_mut() => (ended, true),
        ended = back.as_mut() => (ended, false),
        () = stopped.as_mut() => return part(Parting::STOPPED, out, back, shared).await,
        () = silence(&shared.moved) => return part(Parting::IDLE, out, back, shared).await,
    };
    let other = async { if is_out { back.await } else { out.await } };
    let wait = match ended {
        Some(parting) => {
            shared.parting.send_replace(Some(parting));
            PARTING_MAX
        }
        None => HALF_OPEN_MAX,
    };
    let other = tokio::select! {
        other = timeout(wait, other) => other.unwrap_or_default(),
        () = stopped => None,
    };
    ended.or(other)
}

/// Tells both ends, as far as they listen, that we end it.
async fn part(
    parting: Parting,
    out: impl Future<Output = Option<Parting>>,
    back: impl Future<Output = Option<Parting>>,
    shared: &Shared,
) -> Option<Parting> {
    shared.parting.send_replace(Some(parting));
    let _ = timeout(PARTING_MAX, async { tokio::join!(out, back) }).await;
    Some(parting)
}

/// Waits until nothing has moved for as long as is allowed.
async fn silence(moved: &Notify) {
    while timeout(IDLE_MAX, moved.notified()).await.is_ok() {}
}

/// Waits until the connection is to be ended from here.
async fn said(parting: &mut watch::Receiver<Option<Parting>>) -> Option<Parting> {
    parting.wait_for(Option::is_some).await.ok().and_then(|said| *said)
}

/// Passes on what `side` says. What comes back is why it had to end, if it was not by itself.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    side: Side,
    looks: &Looks,
    shared: &Shared,
    passed: &AtomicU64,
) -> Option<Parting> {
    let mut direction = Direction::of(side, looks);
    let mut parting = shared.parting.subscribe();
    let (mut chunk, mut out) = (vec![0; CHUNK_BYTES], Vec::new());
    loop {
        let read = tokio::select! {
            biased;
            said = said(&mut parting) => {
                let whole = direction.is_between_frames();
                if let Some(said) = said.filter(|_| whole) {
                    let _ = to.write_all(&said.frame(side)).await;
                }
                let _ = to.shutdown().await;
                return said;
            }
            read = from.read(&mut chunk) => read,
        };
        shared.moved.notify_one();
        let read = match read {
            Ok(0) | Err(_) => {
                let _ = to.shutdown().await;
                return None;
            }
            Ok(read) => chunk.get(..read).unwrap_or_default(),
        };
        out.clear();
        if let Err(parting) = direction.pass(read, &mut out) {
            if parting == Parting::PROTOCOL {
                // A head that cannot be read has not gone on: what has are whole frames.
                out.extend(parting.frame(side));
                let _ = to.write_all(&out).await;
                let _ = to.shutdown().await;
            }
            return Some(parting);
        }
        if to.write_all(&out).await.and(to.flush().await).is_err() {
            return None;
        }
        let count = u64::try_from(out.len()).unwrap_or_default();
        passed.fetch_add(count, Ordering::Relaxed);
    }
}
