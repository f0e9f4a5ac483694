//! The state of a shell between two commands.

use std::{collections::BTreeMap, rc::Rc};

use brush_parser::ast::CompoundCommand;

use super::{Command, expand::UNKNOWN, path};
use crate::machine::Machine;

/// At most so many places are kept to go back to.
const PUSHED_MAX: usize = 32;
/// At most so many working directories are kept where a `cd` may have failed.
const DIRECTORIES_MAX: usize = 4;

/// What a variable holds: one value, or those of an array.
pub(super) type Values = Vec<String>;

/// The state of a shell.
#[derive(Clone)]
pub(super) struct Scope {
    /// Where it may be: more than one where nobody knows whether a `cd` succeeds.
    pub(super) directories: Vec<String>,
    /// Where `popd` goes back to, the last first to go.
    pushed: Vec<Vec<String>>,
    pub(super) variables: BTreeMap<String, Values>,
    /// The variables as they were found.
    found: Rc<BTreeMap<String, Values>>,
    /// Which variables programs see.
    pub(super) exported: BTreeMap<String, ()>,
    pub(super) functions: BTreeMap<String, Rc<CompoundCommand>>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) positional: Vec<String>,
    /// Where it is if the last `cd` succeeded.
    pub(super) arrived: Option<Vec<String>>,
    /// `set -a`: what is assigned is exported.
    pub(super) exports_all: bool,
    /// What runs is another user's, or has another root, than the shell.
    pub(super) is_another: bool,
}

impl Scope {
    pub(super) fn new(command: &Command<'_>, machine: &dyn Machine) -> Self {
        let mut variables: BTreeMap<String, Values> = BTreeMap::new();
        for (name, value) in command.environment {
            variables.insert(name.clone(), vec![value.clone()]);
        }
        let directory = path::normal(command.directory, "/");
        let told = [("HOME", machine.home()), ("PWD", &directory), ("IFS", " \t\n")];
        for (name, value) in told {
            variables.entry(name.to_owned()).or_insert_with(|| vec![value.to_owned()]);
        }
        Self {
            directories: vec![directory],
            pushed: Vec::new(),
            found: Rc::new(variables.clone()),
            exported: command.environment.keys().map(|name| (name.clone(), ())).collect(),
            variables,
            functions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            positional: Vec::new(),
            arrived: None,
            exports_all: false,
            is_another: false,
        }
    }

    /// The first value of a variable.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// Whether a variable has patterns match hidden names, too (bash).
    pub(super) fn takes_hidden(&self) -> bool {
        let options = self.value("BASHOPTS").unwrap_or_default();
        self.value("GLOBIGNORE").is_some_and(|it| !it.is_empty())
            || options.split(':').any(|it| it == "dotglob")
    }

    /// The value of a variable that programs see.
    pub(super) fn exported(&self, name: &str) -> Option<&str> {
        self.exported.contains_key(name).then(|| self.value(name)).flatten()
    }

    /// Whether a variable that programs see is not what it was when the command began.
    pub(super) fn changes(&self, name: &str) -> bool {
        let (found, now) = (self.found.get(name), self.variables.get(name));
        found != now && (found.is_some() || self.exported.contains_key(name))
    }

    pub(super) fn assign(&mut self, name: &str, values: Values) {
        if self.exports_all {
            self.exported.insert(name.to_owned(), ());
        }
        self.variables.insert(name.to_owned(), values);
    }

    pub(super) fn export(&mut self, name: &str, value: Option<String>) {
        self.exported.insert(name.to_owned(), ());
        if let Some(value) = value {
            self.variables.insert(name.to_owned(), vec![value]);
        }
    }

    /// Where it is, as the first that it may be.
    pub(super) fn directory(&self) -> &str {
        self.directories.first().map_or("/", String::as_str)
    }

    /// Where it is, if that is certain.
    pub(super) fn only_directory(&self) -> Option<String> {
        match self.directories.as_slice() {
            [one] if !one.contains(UNKNOWN) => Some(one.clone()),
            _ => None,
        }
    }

    /// Goes to `directory`; `certain` if that cannot have failed.
    pub(super) fn go(&mut self, directory: &str, certain: bool) {
        let mut next: Vec<String> = Vec::new();
        let known = !directory.contains(UNKNOWN);
        for from in &self.directories {
            let to = path::normal(directory, from);
            if known && !next.contains(&to) {
                next.push(to);
            }
        }
        self.arrived = known.then(|| next.clone());
        if !certain || !known {
            next.extend(
                self.directories
                    .iter()
                    .filter(|at| !next.contains(at))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        if !known {
            next.push(UNKNOWN.to_string());
        }
        next.truncate(DIRECTORIES_MAX);
        self.directories = next;
        self.variables.insert("PWD".to_owned(), vec![self.directory().to_owned()]);
    }

    /// `pushd`: it goes to `directory`, or changes places with where it would go back to.
    pub(super) fn push_directory(&mut self, directory: Option<&str>, certain: bool) {
        let here = self.directories.clone();
        match directory {
            Some(directory) => self.go(directory, certain),
            None => self.pop_directory(),
        }
        if self.pushed.len() < PUSHED_MAX {
            self.pushed.push(here);
        }
    }

    /// `popd`
    pub(super) fn pop_directory(&mut self) {
        if let Some(back) = self.pushed.pop() {
            self.directories = back;
        }
    }

    /// After one of several ways was taken: what they disagree about is not known.
    pub(super) fn joined(mut self, other: Self) -> Self {
        for (name, values) in other.variables {
            match self.variables.get(&name) {
                Some(own) if *own == values => {}
                _ => {
                    self.variables.insert(name, vec![UNKNOWN.to_string()]);
                }
            }
        }
        for directory in other.directories {
            if !self.directories.contains(&directory) {
                self.directories.push(directory);
            }
        }
        self.directories.truncate(DIRECTORIES_MAX);
        self.exported.extend(other.exported);
        self.functions.extend(other.functions);
        self.aliases.extend(other.aliases);
        self
    }

    /// The variables that programs see, by name and value.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.exported.keys().filter_map(|name| Some((name.as_str(), self.value(name)?)))
    }
}
