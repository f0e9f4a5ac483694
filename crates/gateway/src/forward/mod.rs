//! A message out: to exactly the address that was checked, exactly once.
//!
//! - [`reachable`](mod@reachable): which addresses may be dialled at all
//! - [`proxies`]: which proxy leads to which host
//! - [`resolver`]: from a name to addresses
//! - [`dial`]: from a host to a checked address, or to a proxy, to a connection
//! - `happy_eyeballs`: several addresses, the first that answers
//! - `tunnel`: a connection through a proxy
//! - [`client`]: one message out, one response back
//! - `answer`: a response on its way to the agent
//! - `answers`: one answer for each message
//! - [`pool`]: connections that can be used again
//! - `decoded`: what comes back compressed, taken out of its codings
//! - `shared`: connections of HTTP/2, which many messages share
//! - [`scrub`]: secrets in what comes back become phantoms again
//! - [`hop_by_hop`]: headers that end at each hop

mod answer;
mod answers;
pub mod client;
mod decoded;
pub mod dial;
mod happy_eyeballs;
pub mod hop_by_hop;
mod outgoing;
pub mod pool;
pub mod proxies;
pub mod reachable;
pub mod resolver;
pub mod scrub;
mod sent;
mod shared;
mod tunnel;

#[cfg(test)]
mod tests;

pub use client::{Client, ForwardError, Limits, Route};
pub use dial::{Dialer, Hop, Override, Unreached};
pub use proxies::{Proxies, ProxiesError};
pub use reachable::reachable;
pub use resolver::Resolver;
pub use scrub::{Needles, Scrubber};
