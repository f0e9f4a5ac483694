//! The login with which something was saved: what was saved without anybody asking is brought back
//! by somebody who need not know it. It is as secret as the rest of the repository.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Result, SnapshotError};

/// The name under which it is kept beside what was written out.
const FILE: &str = "login.json";

/// A user and a password.
#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl Login {
    /// Keeps one, where there is a password.
    pub(super) fn keep(into: &Path, user: &str, password: Option<&str>) -> Result<()> {
        let Some(password) = password else { return Ok(()) };
        let path = into.join(FILE);
        let login = serde_json::json!({ "user": user, "password": password });
        let written = std::fs::write(&path, login.to_string());
        written.map_err(SnapshotError::io("write", &path))
    }

    /// The one that was kept, if one was.
    pub(super) fn kept(from: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(from.join(FILE)).ok()?).ok()
    }
}
