//! What is open of a run is closed at once when the run is killed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use crate::listen::{Stop, Stopper};

/// The runs that have something open. There are never more than there are agents.
#[derive(Debug, Default)]
pub(crate) struct Kills(Mutex<HashMap<String, Stopper>>);

impl Kills {
    /// Said when `run` is killed, or its agent is gone.
    pub(crate) fn of(&self, run: &str) -> Stop {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(run.to_owned()).or_default().stop()
    }

    /// Closes what is open of every run but those that are `alive`.
    pub(crate) fn spare(&self, alive: &HashSet<String>) {
        // A stopper that is dropped says stop.
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|run, _| alive.contains(run));
    }
}
