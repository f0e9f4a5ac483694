//! What leaves, and where to.

mod dial;
mod outgoing;
mod proxies;
mod reachable;
mod scrub;
