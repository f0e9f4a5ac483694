//! Connections that can be used again, a small number of them for a short time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use holdpoint_wire::http::Scheme;
use hyper::client::conn::http1::SendRequest;

use super::{answers::Answers, dial::Hop, outgoing::Outgoing, sent::Sent};

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
    pub(super) sender: SendRequest<Outgoing>,
    pub(super) sent: Sent,
    pub(super) answers: Answers,
}

impl Connection {
    /// Whether it may carry another message.
    fn is_usable(&self) -> bool {
        !self.sender.is_closed() && self.answers.are_sound()
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
        Self { each_max: 4, all_max: 64, idle_timeout: Duration::from_secs(20) }
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
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, idle: Mutex::default() }
    }

    /// The connection that was used last among the live ones.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        forget_stale(&mut idle, self.limits.idle_timeout);
        idle.get_mut(key)?.pop().map(|idle| idle.connection)
    }

    /// Keeps a connection, unless there are enough.
    pub(super) fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
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

fn forget_stale(idle: &mut HashMap<Key, Vec<Idle>>, most: Duration) {
    idle.retain(|_, same| {
        same.retain(|idle| idle.connection.is_usable() && idle.since.elapsed() < most);
        !same.is_empty()
    });
}
