//! Shell commands: read as a shell would read them, as far as constants allow.
//!
//! - [`step`]: one thing that a command would do, and where
//! - [`files`]: file operations as such, the same as those of commands
//! - `walk`: through the tree of a script, command by command
//! - `expand`, `parameter`, `pattern`: words as they will be when the command runs
//! - `call`: what one simple command is, and who reads it
//! - `hidden`: commands where nobody looks for one; `borne`: behind programs that nobody knows to start any
//! - `convention`: what a program takes in without being told, where this run has written it; `named`: what it is told
//!   by a variable, an option or a word
//! - `filter`: scripts of `sed` and `awk`
//! - `agents`: other agents, and whether anybody sees what they do
//! - `compiled`: what programs of Go, Rust, Java, C and their like say plainly
//! - `recipes`: targets of files that programs run, `make`, `task`, `npm run` and their like
//! - `program`: programs in other languages
//! - `powershell`, `batch`, `windows`: the shells of Windows, and what they have in common
//! - `path`: which part of the machine a path is about
//! - [`volumes`]: volumes of a container engine that a command takes away

mod agents;
mod aws;
mod batch;
mod borne;
mod call;
mod carrier;
mod cli;
mod client;
mod compiled;
mod configured;
mod connection;
mod container;
mod convention;
mod database;
mod disk;
mod expand;
mod far;
mod fetch;
pub mod files;
mod filter;
mod getopt;
mod git;
mod hidden;
mod interpreter;
mod named;
mod output;
mod overlay;
mod package;
mod parameter;
mod path;
mod pattern;
mod powershell;
mod program;
mod recipes;
mod redirect;
mod scope;
mod secret;
pub mod step;
mod targets;
pub mod volumes;
mod walk;
mod windows;
mod yaml;

use std::{collections::BTreeMap, sync::Arc};

use crate::{Unreadable, machine::Machine};

/// What nobody can know of a text stands in it as this letter, which no text has (a noncharacter
/// of Unicode).
pub use connection::ConnectionUri;
pub use expand::UNKNOWN;
pub use secret::in_reach;
pub use step::{At, Step};

/// The longest command that is read, in bytes; longer ones are held.
pub const COMMAND_BYTES_MAX: usize = 128 * 1024;

/// Which shell reads a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// bash, and what is close to it.
    #[default]
    Bash,
    /// PowerShell.
    Powershell,
    /// The command interpreter of Windows.
    Cmd,
}

/// A command as an agent hands it to a shell.
#[derive(Debug, Clone)]
pub struct Command<'a> {
    /// Which shell.
    pub dialect: Dialect,
    /// The text.
    pub text: &'a str,
    /// Where it runs.
    pub directory: &'a str,
    /// The variables of its environment.
    pub environment: &'a BTreeMap<String, String>,
}

/// What a command would do, and which files would be there afterwards.
#[derive(Debug, Default)]
pub struct Reading {
    /// Everything that it would do.
    pub steps: Vec<Step>,
    /// Files that it writes, with their text where it is known, or takes away.
    pub written: BTreeMap<String, Written>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is there, with this text.
    Text(Arc<str>),
    /// It is a link to this path.
    Link(String),
    /// It is gone.
    Gone,
}

/// What `command` would do on `machine`.
pub fn interpret(command: &Command<'_>, machine: &dyn Machine) -> Result<Reading, Unreadable> {
    if command.text.len() > COMMAND_BYTES_MAX {
        let steps = vec![Step::opaque("shell:too_long", true)];
        return Ok(Reading { steps, ..Reading::default() });
    }
    let mut walk = walk::Walk::new(machine);
    let mut scope = scope::Scope::new(command, machine);
    match command.dialect {
        Dialect::Bash => {
            walk.script(&mut scope, command.text, &call::Pipe::terminal())?;
        }
        Dialect::Powershell => {
            powershell::read(&mut walk, &mut scope, command.text, &call::Pipe::terminal())?;
        }
        Dialect::Cmd => {
            batch::read(&mut walk, &mut scope, command.text, &call::Pipe::terminal())?;
        }
    }
    Ok(walk.into_reading())
}

/// What reading the page at `url` would do.
pub fn page(url: &str, machine: &dyn Machine) -> Reading {
    let mut walk = walk::Walk::new(machine);
    walk.send("GET", url, Vec::new(), String::new());
    walk.into_reading()
}

#[cfg(test)]
mod project;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unmodelled;
