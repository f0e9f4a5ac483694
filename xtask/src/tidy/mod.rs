//! The rules of the house, as a program: what a compiler does not check and a reader counts on.
//!
//! - [`arrows`]: which crate may depend on which
//! - [`purity`]: no clock, file, socket, environment or random number where things are decided
//! - [`size`]: files and functions that fit a screen and a head
//! - [`docs`]: every file says in its first line what it is for
//! - [`glossary`]: one word for one thing
//! - [`mints`]: who may make a proof
//! - [`leftovers`]: what was meant to go before it was committed

mod arrows;
mod docs;
mod glossary;
mod leftovers;
mod manifest;
mod mints;
mod names;
mod purity;
mod size;
mod tree;

#[cfg(test)]
mod tests;

use std::{fmt, io, path::Path};

use thiserror::Error;

use self::tree::Tree;

/// Something to mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the root, with forward slashes.
    path: String,
    /// Counted from 1.
    line: usize,
    /// The rule's word.
    rule: &'static str,
    /// What is wrong and how to mend it.
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, text } = self;
        write!(f, "{path}:{line}: {rule}: {text}")
    }
}

/// Why the tree could not be looked at.
#[derive(Debug, Error)]
pub(crate) enum TidyError {
    /// A file or folder could not be read.
    #[error("cannot read `{path}`: {cause}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// The root is not that of a workspace.
    #[error("`{0}` has no Cargo.toml; give the root of the workspace")]
    NoWorkspace(String),
}

/// Everything to mend in the tree at `root`, file by file.
pub(crate) fn check(root: &Path) -> Result<Vec<Finding>, TidyError> {
    let tree = Tree::read(root)?;
    let rules =
        [arrows::check, purity::check, size::check, docs::check, glossary::check, mints::check];
    let mut findings = leftovers::check(&tree);
    findings.extend(tree.unparsed().iter().cloned());
    findings.extend(rules.iter().flat_map(|rule| rule(&tree)));
    findings.sort();
    findings.dedup();
    Ok(findings)
}
