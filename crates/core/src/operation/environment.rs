//! Environments: how much a mistake would cost there.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a resource lives. The order is that of strictness: of two answers, the greater holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// What has no environment: model APIs, package registries, code hosts, trackers.
    None,
    /// This machine.
    Local,
    /// Shared, but nobody outside the team depends on it.
    Development,
    /// A rehearsal of production.
    Staging,
    /// Nobody said; judged as production.
    Unknown,
    /// What customers depend on.
    Production,
}

impl Environment {
    /// Every environment, laxest first.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Local,
        Self::Development,
        Self::Staging,
        Self::Unknown,
        Self::Production,
    ];

    /// The environment's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Local => "local",
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Unknown => "unknown",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no environment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no environment; use one of production, staging, development, local, none, unknown"
)]
pub struct UnknownEnvironment(String);

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|environment| environment.as_str() == word)
            .ok_or_else(|| UnknownEnvironment(word.to_owned()))
    }
}
