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

/// HTTP/1.1 is the only protocol that we speak within TLS (RFC 7301).
pub(crate) const ALPN: &[u8] = b"http/1.1";
