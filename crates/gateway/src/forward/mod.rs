//! A message out: to exactly the address that was checked, exactly once.
//!
//! - [`reachable`](mod@reachable): which addresses may be dialled at all
//! - [`dial`]: from a host to a checked address to a connection
//! - [`client`]: one message out, one response back
//! - `answers`: one answer for each message
//! - [`pool`]: connections that can be used again
//! - [`scrub`]: secrets in what comes back become phantoms again
//! - [`hop_by_hop`]: headers that end at each hop

mod answers;
pub mod client;
pub mod dial;
pub mod hop_by_hop;
mod outgoing;
pub mod pool;
pub mod reachable;
pub mod scrub;
mod sent;

#[cfg(test)]
mod tests;

pub use client::{Client, ForwardError, Limits, Route};
pub use dial::{Dialer, Override, Unreached};
pub use reachable::reachable;
pub use scrub::{Needles, Scrubber};
