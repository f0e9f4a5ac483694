//! Compiled languages, and others that are not parsed: calls that say plainly, by literals, what
//! they take away, start, write or send. The same calls with anything else make it code that nobody
//! sees.
//!
//! - `lexer`: words, texts and signs; comments are none
//! - `code`: which brackets belong together, what is made what, where something is called
//! - `import`: what is imported, by which names
//! - `value`: what an expression is, as far as literals say so; `makes`: what functions make of it
//! - `table`: what calls do, for each language
//! - `effect`: what they do with what they are handed
//! - `run`: which commands run what this run has written
//! - `markup`: files of builds that are no code

mod code;
mod effect;
mod import;
mod lexer;
mod makes;
pub(super) mod markup;
pub(super) mod run;
mod table;
mod value;

use std::cell::Cell;

use super::{call::Pipe, scope::Scope, walk::Walk};
use crate::Unreadable;
use code::Code;
use effect::Reader;
use value::Values;

/// How a line begins that `go generate` runs.
const GENERATES: &str = "//go:generate ";

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Go,
    Rust,
    Java,
    Kotlin,
    Groovy,
    Scala,
    /// And C++.
    C,
    CSharp,
    Swift,
    Zig,
    Dart,
    Lua,
    R,
    Julia,
    Elixir,
}

impl Language {
    /// The language of a file, by how its name ends.
    pub(super) fn of(file: &str) -> Option<Self> {
        let (_, ending) = file.rsplit_once('.')?;
        Some(match ending {
            "go" => Self::Go,
            "rs" => Self::Rust,
            "java" | "jsh" => Self::Java,
            "kt" | "kts" => Self::Kotlin,
            "groovy" | "gradle" => Self::Groovy,
            "scala" | "sc" | "sbt" => Self::Scala,
            "c" | "h" | "cc" | "cpp" | "cxx" | "c++" | "hpp" | "hh" | "hxx" | "m" | "mm" => Self::C,
            "cs" | "csx" => Self::CSharp,
            "swift" => Self::Swift,
            "zig" => Self::Zig,
            "dart" => Self::Dart,
            "lua" => Self::Lua,
            "r" | "R" => Self::R,
            "jl" => Self::Julia,
            "ex" | "exs" => Self::Elixir,
            _ => return None,
        })
    }

    /// How a comment begins that ends with its line.
    fn comment(self) -> &'static str {
        match self {
            Self::Lua => "--",
            Self::R | Self::Julia | Self::Elixir => "#",
            _ => "//",
        }
    }

    fn nests_comments(self) -> bool {
        matches!(self, Self::Rust | Self::Kotlin | Self::Swift | Self::Scala | Self::Dart)
    }

    fn holes(self) -> lexer::Holes {
        match self {
            Self::Kotlin | Self::Groovy | Self::Scala | Self::Dart | Self::Julia => {
                lexer::Holes::Dollar
            }
            Self::Elixir => lexer::Holes::Hash,
            Self::Swift => lexer::Holes::Slash,
            _ => lexer::Holes::None,
        }
    }
}

/// A file of a compiled language.
pub(super) struct Source<'s> {
    pub(super) language: Language,
    pub(super) text: &'s str,
    /// Where it lies, if it lies anywhere.
    pub(super) file: &'s str,
    /// Words that are asked for of it: tasks of Gradle.
    pub(super) asked: &'s [String],
}

impl Walk<'_> {
    /// The commands in the comments of a file of Go.
    pub(super) fn generates(&mut self, scope: &mut Scope, text: &str) -> Result<(), Unreadable> {
        for command in text.lines().filter_map(|it| it.strip_prefix(GENERATES)) {
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            self.call(scope, &words, &Pipe::captured(None))?;
        }
        Ok(())
    }

    /// Reads a file of a compiled language; whether all of it says what it does.
    pub(super) fn compiled(
        &mut self,
        scope: &Scope,
        source: &Source<'_>,
    ) -> Result<bool, Unreadable> {
        let mut tables = table::calls(source.language);
        if effect::is_of_gradle(source.file) {
            tables.push(table::GRADLE);
        }
        // Most files name nothing of all this, and need no reading. Whoever runs themselves is read
        // once.
        let again = !source.file.is_empty() && self.being_read.iter().any(|it| it == source.file);
        if again || !tables.iter().any(|it| it.iter().any(|it| may_be(source.text, it))) {
            return Ok(true);
        }
        let code = Code::read(source.language, source.text);
        let values = Values { code: &code, scope };
        self.being_read.push(source.file.to_owned());
        let clear =
            Reader { walk: self, scope, code: &code, values, tables, source, way: Cell::default() }
                .all();
        self.being_read.pop();
        clear
    }
}

/// Whether a text may hold calls of one line of a table.
fn may_be(text: &str, (owners, names, _): &(&str, &str, table::Does)) -> bool {
    let owned = owners.split(' ').any(|owner| match owner {
        "" | "*" | "/" | "\"" => true,
        owner => text.contains(owner.trim_start_matches('?')),
    });
    owned && names.split(' ').any(|name| text.contains(name))
}

#[cfg(test)]
mod tests;
