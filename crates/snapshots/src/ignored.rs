//! What git ignores, by the `.gitignore` files that a walk came across.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The rules of a workspace, from its root downwards.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    rules: Vec<(PathBuf, Gitignore)>,
}

impl Ignored {
    /// The rules that hold for the whole of `root`, besides those in its directories.
    pub(crate) fn of(root: &Path) -> Self {
        let mut ignored = Self::default();
        ignored.read(root, &root.join(".git/info/exclude"));
        ignored
    }

    /// Takes the rules in `file`, which hold below `directory`. Rules that cannot be read ignore
    /// nothing: more is saved then, not less.
    pub(crate) fn read(&mut self, directory: &Path, file: &Path) {
        let mut builder = GitignoreBuilder::new(directory);
        if builder.add(file).is_none()
            && let Ok(rules) = builder.build()
            && !rules.is_empty()
        {
            self.rules.push((directory.to_owned(), rules));
        }
    }

    /// Whether git ignores `path`, or a directory that it lies in. The rules closest to it win.
    pub(crate) fn covers(&self, path: &Path, is_directory: bool) -> bool {
        let near = self.rules.iter().rev().filter(|(directory, _)| path.starts_with(directory));
        for (_, rules) in near {
            let found = rules.matched_path_or_any_parents(path, is_directory);
            if !found.is_none() {
                return found.is_ignore();
            }
        }
        false
    }
}
