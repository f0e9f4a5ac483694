//! What is different between two snapshots of one workspace.
//!
//! What is equal in both has the same tree, by its hash, and is never looked at: the work is that
//! of the directories in which something changed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use rustic_core::{TreeId, repofile::Node};

use crate::{
    entry::{Content, Entry},
    error::Result,
    repository::Indexed,
};

/// One path, as it was and as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) then: Option<Entry>,
    pub(crate) now: Option<Entry>,
}

/// Everything that is not equal in every respect, by path.
pub(crate) type Difference = BTreeMap<PathBuf, Pair>;

/// Compares the workspace `root` in two trees.
pub(crate) fn difference(
    repository: &Indexed,
    root: &Path,
    then: TreeId,
    now: TreeId,
) -> Result<Difference> {
    let mut found = Difference::new();
    let pair =
        Pair { then: entry_at(repository, then, root)?, now: entry_at(repository, now, root)? };
    let mut open = vec![(root.to_owned(), pair)];
    while let Some((path, pair)) = open.pop() {
        if pair.then == pair.now {
            continue;
        }
        let trees = (tree(pair.then.as_ref()), tree(pair.now.as_ref()));
        if trees.0 != trees.1 {
            let (then, now) = (nodes(repository, trees.0)?, nodes(repository, trees.1)?);
            open.extend(pairs(then, now).map(|(name, pair)| (path.join(name), pair)));
        }
        found.insert(path, pair);
    }
    Ok(found)
}

fn tree(entry: Option<&Entry>) -> Option<TreeId> {
    match entry?.content {
        Content::Directory { tree } => Some(tree),
        _ => None,
    }
}

fn nodes(repository: &Indexed, tree: Option<TreeId>) -> Result<BTreeMap<OsString, Entry>> {
    let Some(tree) = tree else { return Ok(BTreeMap::new()) };
    let named = |node: &Node| Some((node.name().into_owned(), Entry::of(node)?));
    Ok(repository.tree(tree)?.nodes.iter().filter_map(named).collect())
}

fn pairs(
    then: BTreeMap<OsString, Entry>,
    mut now: BTreeMap<OsString, Entry>,
) -> impl Iterator<Item = (OsString, Pair)> {
    let mut all: Vec<(OsString, Pair)> = then
        .into_iter()
        .map(|(name, then)| {
            let now = now.remove(&name);
            (name, Pair { then: Some(then), now })
        })
        .collect();
    all.extend(now.into_iter().map(|(name, now)| (name, Pair { then: None, now: Some(now) })));
    all.into_iter()
}

/// What is at `path` in a tree that begins at the root of the file system.
pub(crate) fn entry_at(
    repository: &Indexed,
    mut tree: TreeId,
    path: &Path,
) -> Result<Option<Entry>> {
    let mut found = None;
    for part in path.components().skip(1) {
        let within = repository.tree(tree)?;
        let named = |node: &&Node| *node.name() == *part.as_os_str();
        let Some(entry) = within.nodes.iter().find(named).and_then(Entry::of) else {
            return Ok(None);
        };
        if let Content::Directory { tree: next } = entry.content {
            tree = next;
        }
        found = Some(entry);
    }
    Ok(found)
}
