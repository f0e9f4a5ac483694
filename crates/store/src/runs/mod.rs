//! Who hands listeners over: a run's supervisor, to whichever gateway is up.
//!
//! The gateway serves `runs.sock`. A supervisor says which run it is, and passes the sockets that
//! wait in that run's network namespace: whatever arrives there is that run's, so that no other
//! proof is needed. That the run is its own it shows by its key, as the gateway asks something that
//! nobody could know before. The connection stays open as long as both live. When the gateway goes,
//! the supervisor finds the next one; when the supervisor goes, the gateway stops listening.
//!
//! A gateway may have a door beside it, for runs of other users: who comes there says in the same
//! words what its run is, and what it is to be known by.
//!
//! - [`supervisor`]: the one end
//! - [`gateway`]: the other

pub mod gateway;
pub mod supervisor;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use holdpoint_core::identity::{DidKey, Task};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Result, StoreError},
    state::State,
};

pub use gateway::{Handed, RunsSocket, Supervisor};
pub use supervisor::{HandOver, HandedOver, Heard, RunDoor};

/// What the gateway answers when it accepts from the listeners.
const TAKEN: &str = "taken";
/// What it says when the run is killed; no hold is called so.
const KILLED: &str = "killed";
/// The greatest length of what a supervisor says, and of an authority.
const SAID_BYTES_MAX: usize = 8192;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a supervisor says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// It asks for the authority that whoever is inside has to trust.
    Authority,
    /// The sockets that come along are a run's.
    HandOver {
        run: String,
        /// The ports among theirs that stand for services of the machine.
        services: Vec<u16>,
        /// By the run's key.
        signature: String,
        /// What it is, where nobody but its supervisor has said it.
        newcomer: Option<Newcomer>,
    },
}

/// A run of another user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
    /// Why it works, and how far it is trusted.
    pub task: Task,
    /// Its key.
    pub did: DidKey,
}

/// What is signed of a run that is handed over.
fn signed(run: &str, services: &[u16]) -> String {
    let services: String = services.iter().map(|port| format!(" {port}")).collect();
    format!("{run}{services}")
}

fn runs_socket(state: &State) -> Result<PathBuf> {
    let dir = state.dir().map(|dir| dir.join("runs.sock"));
    dir.ok_or_else(|| StoreError::Missing { what: "state directory", name: "in memory".into() })
}
