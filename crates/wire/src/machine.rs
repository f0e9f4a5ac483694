//! The machine that an agent works on, as far as reading a command needs it: bounded, read-only,
//! real or from fixtures.

use std::sync::Arc;

use crate::{World, world::Host};

/// What a command may find on the machine that it runs on. Paths are absolute and in normal form.
pub trait Machine: World {
    /// Whether the catalogue's tables of tools may be used; without them, tools are judged by the
    /// floor. Only a test says no.
    fn knows_tools(&self) -> bool {
        true
    }

    /// The home of whoever runs it.
    fn home(&self) -> &str;

    /// Where the agent works, if anybody said.
    fn workspace(&self) -> Option<&str>;

    /// The text of a file; `None` if there is none. Of one that is no text, or too long, it is
    /// [`UNKNOWN`](crate::shell::UNKNOWN).
    fn text(&self, path: &str) -> Option<Arc<str>>;

    /// The files below a directory, a bounded number. Where there are more, one is named that
    /// nobody can have made.
    fn files_below(&self, directory: &str) -> Vec<String>;

    /// The path that `path` stands for once every link on the way is followed.
    fn resolved(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Files in which credentials may lie that code could reach.
    fn credential_files(&self) -> Vec<String> {
        self.files_below("/")
    }

    /// Whether the repository ignores a path.
    fn ignored(&self, path: &str) -> bool;

    /// Whether there is a repository.
    fn in_repository(&self) -> bool;

    /// Whether there is a repository, and at or below a path something that it keeps or that is
    /// nowhere else: somebody's work.
    fn has_work(&self, path: &str) -> bool;

    /// Whether a branch of the repository may only be changed by whoever may release things.
    fn protected_branch(&self, branch: &str) -> bool;

    /// Whether this run made a file.
    fn made(&self, path: &str) -> bool;

    /// Files that this run has written until now: those that it made, and those that it changed.
    fn written(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether secrets in files are masked for whoever reads them.
    fn masked(&self) -> bool;

    /// Whether the agent runs with no way out but ours.
    fn enclosed(&self) -> bool;
}

/// A machine of which nothing is known but where the agent works: what commands are measured on
/// and compared by.
#[derive(Debug, Clone)]
pub struct Bare {
    /// Where the agent works.
    pub workspace: String,
    /// The text of a file.
    pub text: fn(&str) -> Option<Arc<str>>,
    /// Whether secrets in files are masked.
    pub masked: bool,
}

impl Default for Bare {
    fn default() -> Self {
        Self { workspace: "/home/dev/app".to_owned(), text: |_| None, masked: false }
    }
}

impl World for Bare {
    fn host(&self, _host: &str, _port: u16) -> Option<Host> {
        None
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        None
    }
}

impl Machine for Bare {
    fn home(&self) -> &str {
        "/home/dev"
    }

    fn workspace(&self) -> Option<&str> {
        Some(&self.workspace)
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        (self.text)(path)
    }

    fn files_below(&self, _directory: &str) -> Vec<String> {
        Vec::new()
    }

    fn ignored(&self, _path: &str) -> bool {
        false
    }

    fn in_repository(&self) -> bool {
        false
    }

    fn has_work(&self, _path: &str) -> bool {
        false
    }

    fn protected_branch(&self, _branch: &str) -> bool {
        false
    }

    fn made(&self, _path: &str) -> bool {
        false
    }

    fn masked(&self) -> bool {
        self.masked
    }

    fn enclosed(&self) -> bool {
        false
    }
}
