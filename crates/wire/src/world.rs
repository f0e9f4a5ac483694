//! What interpretation may look up: bounded, read-only, real or from fixtures.

use std::sync::Arc;

pub use holdpoint_catalog::hosts::{Host, Speaks};

/// What interpretation may look up.
pub trait World: Send + Sync {
    /// What is known about a host; `None` if it is on no list. `host` is lower case and without
    /// a trailing dot.
    fn host(&self, host: &str, port: u16) -> Option<Host>;

    /// The text of a persisted GraphQL document by the lower-case hexadecimal SHA-256 that
    /// clients send for it.
    fn persisted(&self, sha256: &str) -> Option<Arc<str>>;

    /// Whether a human, or the code host, protects a reference (`refs/heads/x`) of the repository
    /// at this path (`owner/name`); `None` if nobody said.
    fn protected(&self, _host: &str, _repository: &str, _reference: &str) -> Option<bool> {
        None
    }

    /// The parents of a git commit by its id, both in lower-case hexadecimal digits; `None` if
    /// nobody has seen it. Only what was seen to have that hash may be answered.
    fn parents(&self, _commit: &str) -> Option<Vec<String>> {
        None
    }
}
