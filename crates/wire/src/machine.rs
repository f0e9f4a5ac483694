//! The machine that an agent works on, as far as reading a command needs it: bounded, read-only,
//! real or from fixtures.

use std::sync::Arc;

use crate::World;

/// What a command may find on the machine that it runs on. Paths are absolute and in normal form.
pub trait Machine: World {
    /// The home of whoever runs it.
    fn home(&self) -> &str;

    /// Where the agent works, if anybody said.
    fn workspace(&self) -> Option<&str>;

    /// The text of a file; `None` if there is none, or it is no text.
    fn text(&self, path: &str) -> Option<Arc<str>>;

    /// The files below a directory, a bounded number.
    fn files_below(&self, directory: &str) -> Vec<String>;

    /// Whether the repository ignores a path.
    fn ignored(&self, path: &str) -> bool;

    /// Whether there is a repository, so that what it does not ignore is somebody's work.
    fn in_repository(&self) -> bool;

    /// Whether a branch of the repository may only be changed by whoever may release things.
    fn protected_branch(&self, branch: &str) -> bool;

    /// Whether this run made a file.
    fn made(&self, path: &str) -> bool;

    /// Whether secrets in files are masked for whoever reads them.
    fn masked(&self) -> bool;

    /// Whether the agent runs with no way out but ours.
    fn enclosed(&self) -> bool;
}
