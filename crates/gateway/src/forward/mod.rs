//! A message out: to exactly the address that was checked, exactly once.
//!
//! - [`reachable`](mod@reachable): which addresses may be dialled at all
//! - [`dial`]: from a host to a checked address to a connection
//! - [`client`]: one message out, one response back
//! - [`pool`]: connections that can be used again
//! - `shared`: connections of HTTP/2, which many messages share
//! - [`scrub`]: secrets in what comes back become phantoms again
//! - [`hop_by_hop`]: headers that end at each hop

pub mod client;
pub mod dial;
pub mod hop_by_hop;
mod outgoing;
pub mod pool;
pub mod reachable;
pub mod scrub;
mod sent;
mod shared;

#[cfg(test)]
mod tests;

pub use client::{Client, ForwardError, Limits, Route};
pub use dial::{Dialer, Override, Unreached};
pub use reachable::reachable;
pub use scrub::{Needles, Scrubber};
