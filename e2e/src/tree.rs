//! A directory as it is: every name, what it is, and all that can be seen of it from outside.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

/// What is at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Type and rights.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// When it was changed: seconds, nanoseconds.
    pub modified: (i64, i64),
    /// A digest of a file, the target of a link.
    pub content: Vec<u8>,
    /// The first name of the same file.
    pub first_name: PathBuf,
    /// Extended attributes.
    pub attributes: Vec<(OsString, Vec<u8>)>,
}

/// Everything below `root`, itself included, but what `skip` says.
pub fn tree(root: &Path, skip: &dyn Fn(&Path) -> bool) -> BTreeMap<PathBuf, Leaf> {
    let mut paths = vec![root.to_owned()];
    let mut all = Vec::new();
    while let Some(path) = paths.pop() {
        if skip(&path) {
            continue;
        }
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.push(path);
    }
    all.sort();
    let mut first = BTreeMap::new();
    let mut found = BTreeMap::new();
    for path in all {
        let looks = fs::symlink_metadata(&path).unwrap();
        let content = match () {
            () if looks.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_vec(),
            () if looks.is_file() => {
                holdpoint_core::Digest::of(&fs::read(&path).unwrap()).0.to_vec()
            }
            () => Vec::new(),
        };
        let relative = path.strip_prefix(root).unwrap().to_owned();
        let own = match looks.is_file() && looks.nlink() > 1 {
            true => first.entry((looks.dev(), looks.ino())).or_insert(relative.clone()).clone(),
            false => relative.clone(),
        };
        let leaf = Leaf {
            mode: looks.mode(),
            owner: (looks.uid(), looks.gid()),
            modified: (looks.mtime(), looks.mtime_nsec()),
            content,
            first_name: own,
            attributes: attributes(&path),
        };
        found.insert(relative, leaf);
    }
    found
}

fn attributes(path: &Path) -> Vec<(OsString, Vec<u8>)> {
    let mut names = [0_u8; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut found: Vec<_> = names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let name = OsString::from_vec(name.to_vec());
            let mut value = [0_u8; 4096];
            let length = rustix::fs::lgetxattr(path, &name, &mut value[..]).unwrap_or(0);
            (name, value[..length].to_vec())
        })
        .collect();
    found.sort();
    found
}

/// Panics, with the first few of them, if anything is different.
pub fn assert_same(what: &str, before: &BTreeMap<PathBuf, Leaf>, after: &BTreeMap<PathBuf, Leaf>) {
    let mut different = Vec::new();
    for path in before.keys().chain(after.keys().filter(|path| !before.contains_key(*path))) {
        let (one, other) = (before.get(path), after.get(path));
        if one != other {
            different.push(format!("{}:\n  {one:?}\n  {other:?}", path.display()));
        }
    }
    assert!(
        different.is_empty(),
        "{what}: {} differ\n{}",
        different.len(),
        different.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
}
