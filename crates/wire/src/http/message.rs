//! One HTTP request, after the ambiguous ones have been refused.

use std::fmt;

use bytes::Bytes;
use holdpoint_core::Digest;

use super::{
    aws::signature,
    path::{self, EncodedSlash},
};

/// What arrived. Host and port are normalised; everything else is as it was sent, but that a
/// user and password in a URL have become the `Authorization` that clients make of them
/// (RFC 7617 §2), so that a credential has one place.
#[derive(Clone, PartialEq, Eq)]
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
    /// The body, out of its content codings: this is what is judged.
    pub body: Body,
    /// The body as it came, if it came in content codings that could be taken off. It goes out so,
    /// unless something is put into the body.
    pub coded: Option<Bytes>,
}

/// Whether TLS protects a message on the way to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme as it begins a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is meant when none is written.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A body: read whole, or judged by its beginning while the rest streams.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// The beginning of a body that is longer than the limit. What it does must be clear from
    /// method, path and this prefix, or it is refused.
    Prefix(Bytes),
}

impl Body {
    /// What is there of it.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Whole(bytes) | Self::Prefix(bytes) => bytes,
        }
    }

    /// What sets the digest of a whole body apart from that of a prefix of the same bytes.
    fn kind(&self) -> &'static str {
        match self {
            Self::Whole(_) => "whole",
            Self::Prefix(_) => "prefix",
        }
    }
}

impl Message {
    /// The values of the header `name` (lower case), in order.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> + 'a {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value)
    }

    /// The values of every header that some server takes for `name` (lower case): where headers
    /// become variables (CGI, RFC 3875 §4.1.18, and what came of it), all signs are underscores.
    pub fn header_as_variable<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> + 'a {
        let same = |own: &str| is_same_variable(own.as_bytes(), name);
        self.headers.iter().filter(move |(own, _)| same(own)).map(|(_, value)| value)
    }

    /// The only value of the header `name`, if it is text.
    pub fn header_text<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.header(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The path in the one spelling by which endpoints are known: decoded, in small letters,
    /// without a slash or `.json` at its end. What has no one reading stays as it was sent.
    pub fn plain_path(&self) -> String {
        match path::segments(self.raw_path(), EncodedSlash::OfName) {
            Ok(segments) => format!("/{}", segments.join("/")).to_lowercase(),
            Err(_) => self.raw_path().to_owned(),
        }
    }

    /// Path without the query, as sent.
    pub fn raw_path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// `host`, with the port where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

/// Whether a header's name is the same variable as `name` (lower case).
pub(super) fn is_same_variable(own: &[u8], name: &str) -> bool {
    let fold = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
        _ => b'_',
    };
    own.iter().copied().map(fold).eq(name.bytes().map(fold))
}

/// Headers that do not change what a message does: who sends it, how the answer may be written,
/// how it travels hop by hop, and how it is traced. All others count.
pub(super) const WITHOUT_MEANING: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "baggage",
    "cache-control",
    "connection",
    "content-length",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    // Random at every attempt, and of no use to whoever receives it (RFC 6455 §1.3).
    "sec-websocket-key",
    "sentry-trace",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade-insecure-requests",
    "user-agent",
    "x-amz-date",
    "x-amz-user-agent",
    "x-request-id",
];

impl holdpoint_core::Message for Message {
    fn digest(&self) -> Digest {
        let port = self.port.to_be_bytes();
        let target = signature::unsigned(&self.target);
        let fixed: [&[u8]; 7] = [
            self.method.as_bytes(),
            self.scheme.as_str().as_bytes(),
            self.host.as_bytes(),
            &port,
            target.as_bytes(),
            self.body.kind().as_bytes(),
            self.body.bytes(),
        ];
        let mut headers: Vec<&(String, Bytes)> = self
            .headers
            .iter()
            .filter(|(name, _)| WITHOUT_MEANING.binary_search(&name.as_str()).is_err())
            .collect();
        // By name only: the order of repeated headers has a meaning (RFC 9110 §5.3).
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        let headers = headers.into_iter().flat_map(|(name, value)| {
            // An AWS signature is another each time that the same is signed.
            let text = (name == "authorization").then(|| std::str::from_utf8(value).ok()).flatten();
            let signer = text.and_then(signature::key_id_in_header);
            [name.as_bytes(), signer.map_or(value.as_ref(), |(_, key_id)| key_id.as_bytes())]
        });
        Digest::of_fields(fixed.into_iter().chain(headers))
    }
}

// By hand: values of headers, queries and bodies may be credentials, and never reach a log.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Message")
            .field("method", &self.method)
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("headers", &names)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.kind(), self.bytes().len())
    }
}
