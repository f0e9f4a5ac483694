//! Operations on files as such: what the file tools of an agent do, judged as a command's are.

use std::collections::BTreeMap;

use super::{Command, Dialect, Reading, scope::Scope, walk::Walk};
use crate::machine::Machine;

/// What a file tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOperation<'a> {
    /// Shows the file.
    Read,
    /// Writes this text to it.
    Write(&'a str),
    /// Takes it away.
    Delete,
}

/// What `operation` on the file at `path` would do, as seen from `directory`.
pub fn interpret(
    operation: FileOperation<'_>,
    path: &str,
    directory: &str,
    machine: &dyn Machine,
) -> Reading {
    let environment = BTreeMap::new();
    let command =
        Command { dialect: Dialect::Bash, text: "", directory, environment: &environment };
    let scope = Scope::new(&command, machine);
    let mut walk = Walk::new(machine);
    match operation {
        FileOperation::Read => {
            walk.read(&scope, path, false);
        }
        FileOperation::Write(text) => walk.writes(&scope, path, text, false),
        FileOperation::Delete => walk.deletes(&scope, path, "file:delete"),
    }
    walk.into_reading()
}

pub use super::overlay::followed;

/// The normal form of a path as seen from a directory.
pub fn normal(path: &str, directory: &str) -> String {
    super::path::normal(path, directory)
}
