//! What leaves, and where to.

mod dial;
mod outgoing;
mod reachable;
mod scrub;
