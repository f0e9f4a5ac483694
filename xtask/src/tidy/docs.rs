//! Docs: every file says in its first line what it is for.

use super::{Finding, tree::Tree};

/// The files that do not.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let silent = tree.sources().iter().filter(|source| {
        let words = source.first_line.strip_prefix("//!").map(str::trim);
        words.is_none_or(str::is_empty)
    });
    let finding = |path: &String| Finding {
        path: path.clone(),
        line: 1,
        rule: "docs",
        text: "begin with a `//!` line that says what the file is for".to_owned(),
    };
    silent.map(|source| finding(&source.path)).collect()
}
