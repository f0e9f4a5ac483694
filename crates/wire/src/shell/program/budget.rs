//! How much is read of the programs of one command; what comes then is unclear.

use std::collections::{BTreeMap, BTreeSet};

use super::module::Module;

/// What is looked at of one program and its modules: a node costs one each time, and
/// [`WEIGHT_OF_ONE`] of a value that is handed on cost as much.
const PROGRAM_MAX: usize = 40_000;
/// The same, of all programs of a command.
const COMMAND_MAX: usize = 400_000;
/// How deep it goes, functions that are called and programs within programs included. Whoever
/// judges has two MiB of stack at least, also where nothing is optimised (test: what_is_nested).
const DEPTH_MAX: usize = 96;
/// Weight of values that costs as much as a node.
const WEIGHT_OF_ONE: usize = 16;

/// What is left to be read.
#[derive(Debug, Default)]
pub(in super::super) struct Budget {
    program: usize,
    command: usize,
    depth: usize,
    /// Files that the program has taken in.
    modules: BTreeSet<String>,
    /// Those of them whose functions it may call, by their files.
    pub(super) beside: BTreeMap<String, Module>,
}

impl Budget {
    /// A program begins that no other one runs.
    pub(super) fn begin(&mut self) {
        self.program = 0;
        self.modules.clear();
        self.beside.clear();
    }

    /// One more node; whether there is room for it.
    pub(super) fn node(&mut self) -> bool {
        self.program += 1;
        self.command += 1;
        !self.is_spent()
    }

    /// A value of this weight is handed on.
    pub(super) fn weigh(&mut self, weight: usize) {
        self.program += weight / WEIGHT_OF_ONE;
        self.command += weight / WEIGHT_OF_ONE;
    }

    pub(super) fn is_spent(&self) -> bool {
        self.program > PROGRAM_MAX || self.command > COMMAND_MAX
    }

    /// One level deeper; whether there is room for it. [`Budget::up`] takes it back.
    pub(super) fn down(&mut self) -> bool {
        let room = self.depth < DEPTH_MAX;
        self.depth += usize::from(room);
        room
    }

    pub(super) fn up(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether this file has not been taken in yet.
    pub(super) fn first_time(&mut self, file: &str) -> bool {
        self.modules.insert(file.to_owned())
    }

    /// A number that no other value of this program has.
    pub(super) fn number(&self) -> usize {
        self.command
    }
}
