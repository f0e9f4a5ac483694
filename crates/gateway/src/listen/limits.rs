//! How much one listener takes, and how long it waits.

use std::time::Duration;

/// The limits of a listener. Whatever exceeds one is refused or closed, never cut silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the kernel's queue.
    pub connections_max: u32,
    /// Bytes of request line and headers; at least 8192.
    pub head_bytes_max: usize,
    /// Number of headers.
    pub headers_max: usize,
    /// How long a client may take for a request's head, also the idle time between requests, and
    /// how long it may take for a tunnel's first byte.
    pub head_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Bytes of a body that are read before the message is judged; the rest streams.
    pub body_prefix_bytes: usize,
    /// Bytes of all bodies together that are in memory at a time; whoever needs more waits.
    pub bodies_bytes_max: usize,
    /// How long a client may pause within a body, and how long a body waits for its room.
    pub body_idle_timeout: Duration,
    /// Bytes of an unwanted body that are read and dropped before the connection is closed.
    pub discard_bytes_max: usize,
    /// How long that may take.
    pub discard_timeout: Duration,
    /// Streams that one HTTP/2 connection may have open, and messages of it that may be handled
    /// at a time, those whose stream was reset included.
    pub streams_max: u32,
    /// Messages of all HTTP/2 connections that may be handled at a time; more wait.
    pub streams_all_max: u32,
    /// Bytes of one stream that are taken before anybody reads them. All streams together cannot
    /// fill the connection, so that none that waits stops another.
    pub stream_window_bytes: u32,
    /// Streams that a client resets before we have even seen them; more are a flood, and end the
    /// connection.
    pub resets_unseen_max: usize,
    /// How often an HTTP/2 client is asked whether it is still there, and how long it may take to
    /// say so.
    pub keep_alive: Duration,
    /// A call of which nothing more comes for this long is one that goes on: it is judged by what
    /// has come, and the rest streams.
    pub call_pause: Duration,
    /// How long requests in flight may take once the listener was told to stop.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            head_bytes_max: 64 * 1024,
            headers_max: 128,
            head_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            body_prefix_bytes: 1024 * 1024,
            bodies_bytes_max: 256 * 1024 * 1024,
            body_idle_timeout: Duration::from_secs(60),
            discard_bytes_max: 64 * 1024 * 1024,
            discard_timeout: Duration::from_secs(10),
            streams_max: 100,
            streams_all_max: 4096,
            stream_window_bytes: 128 * 1024,
            resets_unseen_max: 20,
            keep_alive: Duration::from_secs(20),
            call_pause: Duration::from_millis(100),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
