//! The files of the machine, with what the command has written so far.

use std::{collections::BTreeMap, sync::Arc};

use super::Written;
use crate::machine::Machine;

/// The files as they are at one moment of a command.
pub(super) struct Overlay<'a> {
    pub(super) machine: &'a dyn Machine,
    pub(super) written: BTreeMap<String, Written>,
    /// Patterns match hidden names, too.
    pub(super) takes_hidden: bool,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(machine: &'a dyn Machine) -> Self {
        Self { machine, written: BTreeMap::new(), takes_hidden: false }
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<Arc<str>> {
        match self.written.get(path) {
            Some(Written::Text(text)) => Some(text.clone()),
            Some(Written::Gone) => None,
            Some(Written::Link(_)) => {
                let to = self.resolved(path);
                match self.written.get(&to) {
                    Some(Written::Text(text)) => Some(text.clone()),
                    Some(_) => None,
                    None => self.machine.text(&to),
                }
            }
            None => self.machine.text(path),
        }
    }

    /// Whether anything is known to be at `path`, a file or a directory.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.text(path).is_some() || !self.below(path).is_empty()
    }

    /// The files below a directory.
    pub(super) fn below(&self, directory: &str) -> Vec<String> {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let mut files = self.machine.files_below(directory);
        files.retain(|file| self.written.get(file) != Some(&Written::Gone));
        for (path, written) in self.written.range(prefix.clone()..) {
            if !path.starts_with(&prefix) {
                break;
            }
            if matches!(written, Written::Text(_)) && !files.contains(path) {
                files.push(path.clone());
            }
        }
        files
    }

    /// A path without the links in it: those that the command has made, and those of the machine.
    pub(super) fn resolved(&self, path: &str) -> String {
        let link = |path: &str| match self.written.get(path) {
            Some(Written::Link(to)) => Some(to.clone()),
            _ => None,
        };
        self.machine.resolved(&followed(path, &link))
    }

    /// Makes a link at `path`.
    pub(super) fn link(&mut self, path: &str, to: &str) {
        self.written.insert(path.to_owned(), Written::Link(to.to_owned()));
    }

    pub(super) fn write(&mut self, path: &str, text: &str) {
        self.written.insert(path.to_owned(), Written::Text(text.into()));
    }

    /// What this run, and this command, have written.
    pub(super) fn wrote(&self) -> Vec<String> {
        let own = self.written.iter().filter(|(_, it)| matches!(it, Written::Text(_)));
        let mut wrote = self.machine.written();
        wrote.retain(|path| self.written.get(path) != Some(&Written::Gone));
        wrote.extend(own.map(|(path, _)| path.clone()));
        wrote.sort();
        wrote.dedup();
        wrote
    }

    /// Whether this run, or this command, made what is at `path`.
    pub(super) fn made(&self, path: &str) -> bool {
        let fresh = matches!(self.written.get(path), Some(Written::Text(_) | Written::Link(_)));
        fresh && self.machine.text(path).is_none() || self.machine.made(path)
    }
}

/// Links that lead to each other, at most.
const LINKS_MAX: usize = 8;

/// `path` as it is behind the links that `link` tells of.
pub fn followed(path: &str, link: &dyn Fn(&str) -> Option<String>) -> String {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        let ends: Vec<usize> = ends.chain([path.len()]).collect();
        let next = ends.into_iter().find_map(|at| {
            let (own, rest) = path.split_at_checked(at)?;
            Some(format!("{}{rest}", link(own)?))
        });
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    path
}
