//! TLS on both sides: certificates for the hosts that agents talk to, and trust in real upstreams.
//!
//! - [`authority`]: our own CA and where it is kept
//! - [`leaves`]: the certificates that it makes, one for each host, bounded and short-lived
//! - [`client`]: what we trust upstream

pub mod authority;
pub mod client;
pub mod leaves;

#[cfg(test)]
mod tests;

pub use authority::{Authority, AuthorityError};
pub use client::{Roots, TrustError, trust};
pub use leaves::{LeafError, Leaves};

/// What we speak within TLS (RFC 7301), the first that both sides have.
pub(crate) const ALPN: [&[u8]; 2] = [ALPN_HTTP2, ALPN_HTTP1];
/// HTTP/2 (RFC 9113 §3.2).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
/// HTTP/1.1 (RFC 7301 §6).
pub(crate) const ALPN_HTTP1: &[u8] = b"http/1.1";

/// ALPN names as TLS takes them.
pub(crate) fn offer(names: &[&[u8]]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.to_vec()).collect()
}
