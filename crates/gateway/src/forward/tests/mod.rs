mod dial;
mod outgoing;
mod reachable;
mod scrub;
