//! Who asks: an unverified claim becomes a verified principal, or nothing does.

mod aim;
mod did;
mod grant;
mod place;
mod ring;

use serde::{Deserialize, Serialize};

use crate::operation::Environment;

pub use aim::RefusedAim;
pub use did::{DidKey, NoDidKey};
pub use grant::Grant;
pub use place::{Place, PlaceError, Site};
pub use ring::{Ring, UnknownRing};

/// A verified agent, at work on a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// The agent's name, as a human gave it.
    pub agent: String,
    /// The life of this agent inside the guard: refusals are remembered per run.
    pub run: String,
    /// Why it works.
    pub task: Task,
    /// The agent or its run was killed; nothing of it passes any more.
    pub killed: bool,
    /// The key of its run, of which nobody inside has the secret half; an agent that a bearer
    /// proves has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<DidKey>,
}

/// Why an agent works, as a human said it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Task {
    /// In the human's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The one environment that the task is about; without it there is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// How far whoever works on it is trusted.
    #[serde(default, skip_serializing_if = "Ring::is_default")]
    pub ring: Ring,
    /// The directory that it is about, as an absolute path, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// It may read from hosts that nobody has listed, until it has read what could mislead it or
    /// must not leave.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub learns: bool,
}
