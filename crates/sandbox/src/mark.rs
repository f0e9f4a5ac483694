//! The mark of a run: what anything inside can read about where it is.

use std::{fs, path::Path};

use holdpoint_core::identity::Task;
use serde::{Deserialize, Serialize};

use crate::OURS;

/// The mark's file, below [`OURS`]. Nobody inside can write it.
pub(crate) const FILE: &str = "run.json";

/// What a run says of itself to whoever is inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The run.
    pub run: String,
    /// Why it works, and how far it is trusted.
    pub task: Task,
}

impl Mark {
    /// The mark of the run that this process is inside of; none outside. The directory is root's
    /// outside, so that nobody else can pretend.
    pub fn here() -> Option<Self> {
        let text = fs::read(Path::new(OURS).join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The text of its file.
    pub(crate) fn text(&self) -> std::io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}
