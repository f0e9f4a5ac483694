//! Connections that can be used again, a small number of them for a short time.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use holdpoint_wire::http::Scheme;
use hyper::client::conn::http1::SendRequest;
use tokio::{sync::OwnedMutexGuard, time::timeout};

use super::{
    answers::Answers,
    dial::{Hop, Protocol},
    outgoing::Outgoing,
    sent::Sent,
    shared::{Place, Shared},
};

/// Upstreams that are remembered as speaking HTTP/1.1 only, or are being dialled.
const KNOWN_MAX: usize = 1024;
/// How long a message waits for a connection that another one is making, before it makes its own.
const TURN_WAIT: Duration = Duration::from_millis(500);

/// What makes two connections interchangeable: the address that was checked included.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) hop: Hop,
}

/// A connection to an upstream on which nothing has gone wrong.
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) sender: Sender,
    pub(super) sent: Sent,
}

/// What sends a message on a connection.
pub(super) enum Sender {
    /// It has the connection to itself, and what comes back there is watched.
    Http1(SendRequest<Outgoing>, Answers),
    /// It has one stream of it.
    Http2(Place),
}

impl Connection {
    /// One stream of a connection that others use as well.
    pub(super) fn of(key: &Key, place: Place) -> Self {
        Self { key: key.clone(), sender: Sender::Http2(place), sent: Sent::default() }
    }

    /// Whether it may carry another message by itself.
    fn is_usable(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender, answers) => !sender.is_closed() && answers.are_sound(),
            Sender::Http2(_) => false,
        }
    }
}

/// The limits of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Idle connections to one upstream.
    pub each_max: usize,
    /// Idle connections in all.
    pub all_max: usize,
    /// How long a connection may be idle and still be used. Short: an upstream that closes just
    /// as we send leaves an outcome that nobody knows.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { each_max: 64, all_max: 512, idle_timeout: Duration::from_secs(20) }
    }
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// Idle connections.
pub(super) struct Pool {
    limits: Limits,
    idle: Mutex<HashMap<Key, Vec<Idle>>>,
    shared: Mutex<HashMap<Key, Vec<Shared>>>,
    known: Mutex<Known>,
}

/// What is known about upstreams before they are dialled.
#[derive(Default)]
struct Known {
    /// Those that speak HTTP/1.1 only.
    http1: HashSet<Key>,
    /// Those that somebody dials just now.
    dialled: HashMap<Key, Arc<tokio::sync::Mutex<()>>>,
}

/// The right to dial an upstream that others want as well.
pub(super) struct Turn(#[expect(dead_code, reason = "held, not read")] OwnedMutexGuard<()>);

impl Pool {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, idle: Mutex::default(), shared: Mutex::default(), known: Mutex::default() }
    }

    /// A stream on a connection that is there already.
    pub(super) fn place(&self, key: &Key) -> Option<Connection> {
        let mut shared = lock(&self.shared);
        forget_unused(&mut shared, self.limits.idle_timeout);
        let place = shared.get(key)?.iter().find_map(Shared::place)?;
        Some(Connection::of(key, place))
    }

    /// Lets others use a connection too, unless there are enough.
    pub(super) fn share(&self, key: &Key, connection: Shared) {
        let mut shared = lock(&self.shared);
        forget_unused(&mut shared, self.limits.idle_timeout);
        let all: usize = shared.values().map(Vec::len).sum();
        let same = shared.get(key).map_or(0, Vec::len);
        if all < self.limits.all_max && same < self.limits.each_max {
            shared.entry(key.clone()).or_default().push(connection);
        }
    }

    /// No longer lets others use the connection of `place`.
    pub(super) fn withdraw(&self, key: &Key, place: &Place) {
        if let Some(same) = lock(&self.shared).get_mut(key) {
            same.retain(|shared| !shared.has(place));
        }
    }

    /// Waits for whoever dials the same upstream: what comes of it can perhaps be shared.
    pub(super) async fn turn(&self, key: &Key) -> Option<Turn> {
        let dialled = {
            let mut known = lock(&self.known);
            if known.http1.contains(key) {
                return None;
            }
            if known.dialled.len() >= KNOWN_MAX {
                known.dialled.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(known.dialled.entry(key.clone()).or_default())
        };
        timeout(TURN_WAIT, dialled.lock_owned()).await.ok().map(Turn)
    }

    /// Remembers what an upstream speaks.
    pub(super) fn learn(&self, key: &Key, protocol: Protocol) {
        let known = &mut lock(&self.known).http1;
        match protocol {
            Protocol::Http2 => drop(known.remove(key)),
            Protocol::Http1 => {
                if known.len() >= KNOWN_MAX {
                    known.clear();
                }
                known.insert(key.clone());
            }
        }
    }

    /// The connection that was used last among the live ones.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        forget_stale(&mut idle, self.limits.idle_timeout);
        idle.get_mut(key)?.pop().map(|idle| idle.connection)
    }

    /// Keeps a connection that is free again, unless there are enough.
    pub(super) fn keep(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        forget_stale(&mut idle, self.limits.idle_timeout);
        let all: usize = idle.values().map(Vec::len).sum();
        if all >= self.limits.all_max || !connection.is_usable() {
            return;
        }
        let same = idle.entry(connection.key.clone()).or_default();
        if same.len() < self.limits.each_max {
            same.push(Idle { connection, since: Instant::now() });
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget_unused(shared: &mut HashMap<Key, Vec<Shared>>, most: Duration) {
    shared.retain(|_, same| {
        same.retain(|shared| shared.is_live(most));
        !same.is_empty()
    });
}

fn forget_stale(idle: &mut HashMap<Key, Vec<Idle>>, most: Duration) {
    idle.retain(|_, same| {
        same.retain(|idle| idle.connection.is_usable() && idle.since.elapsed() < most);
        !same.is_empty()
    });
}
