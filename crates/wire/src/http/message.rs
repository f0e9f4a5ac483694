//! One HTTP request, after the ambiguous ones have been refused.

use bytes::Bytes;

/// What arrived. Host and port are normalised; everything else is as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The method, as sent (methods are case-sensitive, RFC 9110 §9.1).
    pub method: String,
    /// Whether TLS protects it on the way to the upstream.
    pub scheme: Scheme,
    /// Lower case, without a trailing dot or brackets.
    pub host: String,
    /// The port that is dialled.
    pub port: u16,
    /// Path and query as sent (origin form).
    pub target: String,
    /// Names in lower case, values as sent, in order, repeated headers repeated.
    pub headers: Vec<(String, Bytes)>,
    /// The body.
    pub body: Body,
}

/// Whether TLS protects a message on the way to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

/// A body: read whole, or judged by its beginning while the rest streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// The beginning of a body that is longer than the limit. What it does must be clear from
    /// method, path and this prefix, or it is refused.
    Prefix(Bytes),
}
