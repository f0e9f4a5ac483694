//! Nodes: the numbers by which the kernel speaks of what it has looked up.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use rustix::fs::Stat;

/// The root above all that is shown.
pub(super) const ROOT: u64 = 1;
/// The first number of what cannot have its own.
const FOREIGN: u64 = 1 << 56;
/// Numbers that are not taken as they are, and that stay.
const OWN_MAX: usize = 100_000;
/// Names of one file that are remembered.
const NAMES_MAX: usize = 16;
/// Directories within each other.
const DEPTH_MAX: usize = 2048;

/// A file, by device and number.
pub(super) type File = (u64, u64);

/// All nodes that the kernel knows.
#[derive(Debug)]
pub(super) struct Nodes {
    /// The file system of which numbers are taken as they are, so that they stay what they are
    /// outside: git compares them.
    device: u64,
    known: HashMap<u64, Node>,
    /// The numbers that are not.
    own: HashMap<File, u64>,
    next: u64,
}

#[derive(Debug, Default)]
struct Node {
    /// What it is, until that is removed: then its number may be another file's, outside.
    file: Option<File>,
    /// Its directory and its name there; the newest is last.
    names: Vec<(u64, OsString)>,
    lookups: u64,
}

impl Nodes {
    pub(super) fn of(device: u64) -> Self {
        Self { device, known: HashMap::new(), own: HashMap::new(), next: FOREIGN }
    }

    pub(super) fn device(&self) -> u64 {
        self.device
    }

    /// The number of a file.
    pub(super) fn number(&mut self, stat: &Stat) -> u64 {
        let file = (stat.st_dev, stat.st_ino);
        if let Some(number) = self.own.get(&file) {
            return *number;
        }
        let plain = file.0 == self.device && (ROOT + 1..FOREIGN).contains(&file.1);
        if plain && self.known.get(&file.1).is_none_or(|node| node.file == Some(file)) {
            return file.1;
        }
        self.next += 1;
        self.own.insert(file, self.next);
        self.next
    }

    /// The kernel has looked up `name` in `parent`, and found this.
    pub(super) fn remember(&mut self, stat: &Stat, parent: u64, name: &OsStr) -> u64 {
        let number = self.number(stat);
        self.name(number, parent, name);
        if let Some(node) = self.known.get_mut(&number) {
            node.file = Some((stat.st_dev, stat.st_ino));
            node.lookups += 1;
        }
        number
    }

    /// What the kernel knows by `number` is in this file from now on.
    pub(super) fn carried(&mut self, number: u64, to: &Stat) {
        let file = (to.st_dev, to.st_ino);
        if let Some(node) = self.known.get_mut(&number) {
            if let Some(old) = node.file.replace(file) {
                self.own.remove(&old);
            }
            self.own.insert(file, number);
        }
    }

    /// All that is known of `root` and of what is in it, each with its path from there.
    pub(super) fn below(&self, root: &Path) -> Vec<(u64, PathBuf)> {
        let below = |number: &u64| {
            let path = self.path(*number)?;
            Some((*number, path.strip_prefix(root).ok()?.to_owned()))
        };
        self.known.keys().filter_map(below).collect()
    }

    /// It is removed: whatever gets its number outside is another file.
    pub(super) fn removed(&mut self, number: u64) {
        if let Some(file) = self.known.get_mut(&number).and_then(|node| node.file.take()) {
            self.own.remove(&file);
        }
    }

    fn name(&mut self, number: u64, parent: u64, name: &OsStr) {
        let node = self.known.entry(number).or_default();
        node.names.retain(|(at, known)| *at != parent || known != name);
        if node.names.len() >= NAMES_MAX {
            node.names.remove(0);
        }
        node.names.push((parent, name.to_owned()));
    }

    /// The kernel has forgotten it as often as this.
    pub(super) fn forget(&mut self, number: u64, count: u64) {
        if let Some(node) = self.known.get_mut(&number) {
            node.lookups = node.lookups.saturating_sub(count);
            if node.lookups > 0 {
                return;
            }
            let file = self.known.remove(&number).and_then(|node| node.file);
            // A number that is nobody's outside stays this file's: git remembers it.
            let stays = number >= FOREIGN && self.own.len() < OWN_MAX;
            if let Some(file) = file.filter(|_| !stays) {
                self.own.remove(&file);
            }
        }
    }

    /// It has this name no more.
    pub(super) fn unname(&mut self, number: u64, parent: u64, name: &OsStr) {
        if let Some(node) = self.known.get_mut(&number) {
            node.names.retain(|(at, known)| *at != parent || known != name);
        }
    }

    /// It has another name.
    pub(super) fn rename(&mut self, number: u64, from: (u64, &OsStr), to: (u64, &OsStr)) {
        if self.known.contains_key(&number) {
            self.unname(number, from.0, from.1);
            self.name(number, to.0, to.1);
        }
    }

    /// Where it is, from the root on.
    pub(super) fn path(&self, number: u64) -> Option<PathBuf> {
        let (mut names, mut at) = (Vec::new(), number);
        while at != ROOT {
            let (parent, name) = self.known.get(&at)?.names.last()?;
            names.push(name);
            at = *parent;
            if names.len() > DEPTH_MAX {
                return None;
            }
        }
        Some(names.iter().rev().map(Path::new).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, path::Path};

    use rustix::fs::{AtFlags, CWD, Stat, statat};

    use super::{Nodes, ROOT};

    fn file(number: u64) -> Stat {
        let mut stat = statat(CWD, "/", AtFlags::empty()).unwrap();
        (stat.st_dev, stat.st_ino) = (1, number);
        stat
    }

    #[test]
    fn names_come_and_go() {
        let mut nodes = Nodes::of(1);
        let name = |name: &'static str| OsStr::new(name);
        nodes.remember(&file(10), ROOT, name("0"));
        nodes.remember(&file(11), 10, name("a"));
        nodes.remember(&file(12), 11, name("b"));
        let path = |nodes: &Nodes, number| nodes.path(number).map(|it| it.display().to_string());
        assert_eq!(path(&nodes, 12).as_deref(), Some("0/a/b"));
        nodes.remember(&file(12), 10, name("link"));
        assert_eq!(path(&nodes, 12).as_deref(), Some("0/link"));
        nodes.unname(12, 10, name("link"));
        assert_eq!(path(&nodes, 12).as_deref(), Some("0/a/b"));
        assert_eq!(nodes.below(Path::new("0/a")).len(), 2);
        assert!(nodes.below(Path::new("0/a")).contains(&(12, "b".into())));
        nodes.rename(11, (10, name("a")), (10, name("c")));
        assert_eq!(path(&nodes, 12).as_deref(), Some("0/c/b"));
        assert_eq!(nodes.path(ROOT).as_deref(), Some(Path::new("")));
        nodes.forget(12, 2);
        assert_eq!(nodes.path(12), None);
    }

    #[test]
    fn a_number_is_one_file_s_at_a_time() {
        let mut nodes = Nodes::of(1);
        let name = OsStr::new("lock");
        assert_eq!(nodes.remember(&file(10), ROOT, name), 10);
        // Its content goes on in another file, and the outside gives its number away.
        nodes.carried(10, &file(20));
        assert_eq!(nodes.number(&file(20)), 10);
        let second = nodes.remember(&file(10), ROOT, name);
        assert_ne!(second, 10);
        // The same where it was removed while the kernel still knows it.
        nodes.removed(second);
        assert_ne!(nodes.number(&file(10)), second);
        nodes.forget(10, 1);
        assert_eq!(nodes.number(&file(20)), 20);
    }
}
