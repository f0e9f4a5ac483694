//! Resources: what operations act on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `provider:type/identifier`, for example `railway:volume/3d2c42fb` or
/// `postgres:db.example.com/app`. Compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(String);

impl ResourceId {
    /// The identifier as it is written in an inventory.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// `provider:kind/identifier`.
    pub fn of(provider: &str, kind: &str, identifier: &str) -> Self {
        Self(format!("{provider}:{kind}/{identifier}"))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    pub fn provider(&self) -> &str {
        self.0.split_once(':').map_or("", |(provider, _)| provider)
    }

    /// What a human calls it: the part after the last slash of the identifier, and of a stream
    /// (`tcp:db.example.com:5432`) the host.
    pub fn short_name(&self) -> &str {
        let is_port = |part: &str| self.provider() == "tcp" && part.parse::<u16>().is_ok();
        let mut parts = self.0.rsplit(['/', ':']);
        parts.find(|part| !part.is_empty() && !is_port(part)).unwrap_or(&self.0)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One resource and what it lies in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// The resource itself.
    pub id: ResourceId,
    /// What contains it, nearest first, as far as the message says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<ResourceId>,
}

impl Resource {
    /// Whether `other` is this resource or lies in it.
    pub fn contains(&self, other: &Self) -> bool {
        self.id == other.id || other.within.contains(&self.id)
    }
}

impl From<ResourceId> for Resource {
    fn from(id: ResourceId) -> Self {
        Self { id, within: Vec::new() }
    }
}
