//! What interpretation may look up: bounded, read-only, real or from fixtures.

use std::sync::Arc;

use holdpoint_core::Environment;
use serde::{Deserialize, Serialize};

/// What interpretation may look up.
pub trait World: Send + Sync {
    /// What is known about a host; `None` if it is on no list. `host` is lower case and without
    /// a trailing dot.
    fn host(&self, host: &str, port: u16) -> Option<Host>;

    /// The text of a persisted GraphQL document by the lower-case hexadecimal SHA-256 that
    /// clients send for it.
    fn persisted(&self, sha256: &str) -> Option<Arc<str>>;
}

/// What is known about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// How its requests are read.
    pub speaks: Speaks,
    /// The environment that a human, or a preset, gave it.
    pub environment: Option<Environment>,
    /// The provider whose tables apply (`railway`, `github`, `npm`), where there is one.
    pub provider: Option<&'static str>,
}

/// How a host's requests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    /// GraphQL on every path.
    Graphql,
    /// What method and path say.
    Rest,
    /// A service without an environment of its own: model APIs, package registries.
    Service,
    /// Code hosts, trackers, mail of the team.
    Collaboration,
    /// Kubernetes; read as REST until it has a table.
    Kubernetes,
    /// Elasticsearch; read as REST until it has a table.
    Elasticsearch,
}
