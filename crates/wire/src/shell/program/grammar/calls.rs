//! What a call of a name does. A name is `a.b` for whatever ends with it, `*.b` for `b` of
//! anything, and `b` for nothing but itself. What is called on a text, a list or a path is called
//! `text.b`, `list.b`, `path.b`, on something that nobody knows `?.b`.

use super::super::{Language, value::Argument};
use super::Grammar;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Does {
    /// Takes away what its arguments name, else what it is called on.
    Deletes,
    /// Writes a text into a file.
    Writes,
    Appends,
    /// Empties a file.
    Truncates,
    Copies,
    Moves,
    /// What a command of the shell does with the same operands: `ln -s {0} {1}`, and `{1*}` for
    /// all from the second.
    Like(&'static str),
    /// Unpacks an archive.
    Unpacks,
    /// Opens a file, as the mode says.
    Opens,
    Reads,
    /// Starts a program.
    Starts,
    /// Starts what its text says, as a shell would.
    Script,
    /// Sends a statement to a database.
    Asks,
    /// Takes away the rows or the tables of a database.
    Wipes,
    /// Takes a schema away, if it is told to begin anew.
    Syncs,
    /// Runs one of Laravel's own commands.
    Artisan,
    /// Runs a text as a program of the same language.
    Evaluates,
    /// Builds what its text says: code may be in it.
    Loads,
    /// Runs the code that stands between the marks of a template.
    Template,
    /// Takes a file of variables in.
    TakesIn,
    /// Calls or names what a text says.
    Names,
    /// Names a module.
    Imports,
    /// Goes to another directory.
    Goes,
    /// Shows what it is handed.
    Prints,
    /// Takes the next argument of a function.
    Shifts,
    /// Says how something is sent.
    Sets,
    /// Calls a function for each item of a list.
    Each,
    /// Makes a task of a block that is run when somebody asks for it.
    Defines,
    /// Makes a function of a function and what it is handed first.
    Binds,
    /// Answers something that is known.
    Gives(Gives),
}

impl Does {
    /// Whether it changes something by itself, whoever calls it.
    pub(in super::super) fn changes(self) -> bool {
        matches!(
            self,
            Self::Deletes
                | Self::Writes
                | Self::Appends
                | Self::Truncates
                | Self::Copies
                | Self::Moves
                | Self::Like(_)
                | Self::Unpacks
                | Self::Starts
                | Self::Script
                | Self::Asks
                | Self::Wipes
                | Self::Syncs
                | Self::Artisan
        )
    }

    /// Whether what it does is what a text says.
    pub(in super::super) fn reads_text(self) -> bool {
        matches!(self, Self::Evaluates | Self::Template | Self::Loads | Self::Names | Self::Imports)
    }
}

/// What a call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Gives {
    /// What it is handed, or called on.
    Same,
    /// The same without what is around it.
    Trimmed,
    /// The same in small letters.
    Lower,
    /// The same out of a code, or in one.
    Decoded,
    /// The same as one word of a shell.
    Quoted,
    /// An address; that of a file is a path.
    Address,
    /// One of what a list or a table holds.
    One,
    /// A path as an object.
    Path,
    /// A path made of parts.
    PathJoin,
    Home,
    /// The working directory.
    Here,
    /// A variable of the environment.
    Variable,
    Split,
    Format,
    JoinText,
    /// Paths that match a pattern.
    Files,
    /// Names of what is in a directory.
    Names,
    /// Directories below one, each with what is in it.
    Walk,
    /// A path of its own for what is temporary.
    Temporary,
    Json,
    Base64,
}

/// What every language's libraries call alike.
const COMMON: &[(Does, &str)] = &[
    (
        Does::Deletes,
        "*.rmtree *.removedirs *.rmSync *.unlinkSync *.rmdirSync *.rm_rf *.rm_r *.rm_f *.remove_dir_all *.removeSync *.emptyDirSync *.rimraf *.rimrafSync *.remove_tree *.emptyDir *.remove_entry_secure *.remove_entry *.remove_dir *.remove_file *.deleteDirectory *.cleanDirectory ?.unlink ?.rmdir",
    ),
    (
        Does::Wipes,
        "*.drop_all *.deleteMany *.delete_all *.destroy_all *.dropDatabase *.drop_database *.dropTable *.drop_table *.dropAllTables *.dropIfExists *.drop_collection *.truncate_all *.bulk_delete *.dropSchema *.flushall *.flushdb *.flushAll *.flushDb",
    ),
];

/// What a call of this name does, if anybody knows.
pub(in super::super) fn does(language: Language, name: &str) -> Option<Does> {
    let own = Grammar::of(language).calls;
    let rows = own.iter().chain(COMMON);
    rows.flat_map(|(does, names)| names.split(' ').map(move |it| (does, it)))
        .find(|(_, pattern)| is_meant(pattern, name))
        .map(|(does, _)| *does)
}

fn is_meant(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(last) => {
            let (own, of) = name.rsplit_once('.').map_or((name, ""), |(of, own)| (own, of));
            own == last && !matches!(of, "text" | "list" | "table" | "regex")
        }
        None => {
            name == pattern
                || pattern.contains('.')
                    && name.strip_suffix(pattern).is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// Whether this is all that a program can do to files, processes or itself: who has it has that.
pub(in super::super) fn is_reach(name: &str) -> bool {
    const ALL: &str = "os fs shutil subprocess child_process fs.promises fs-extra globalThis global
        builtins __builtins__ importlib FileUtils Kernel Open3 pathlib";
    ALL.split_whitespace().any(|it| it == name)
}

/// What a call hands to the function that it is a call of: `call`, `apply`, `__call__`.
pub(in super::super) fn indirect<'t>(
    language: Language,
    verb: &str,
    arguments: &[Argument<'t>],
) -> Option<Vec<Argument<'t>>> {
    let behind = || arguments.get(1..).unwrap_or_default();
    Some(match (language, verb) {
        (Language::JavaScript, "call" | "bind") => behind().to_vec(),
        (Language::JavaScript, "apply") => {
            let spread = behind().iter().flat_map(|(_, value)| value.rounds());
            spread.map(|value| (None, value)).collect()
        }
        (Language::JavaScript, _) => return None,
        (_, "call" | "__call__" | "()" | "===" | "yield" | "curry" | "to_proc") => {
            arguments.to_vec()
        }
        _ => return None,
    })
}

/// Whether what a list or a table holds is not the same behind a call of this name.
pub(in super::super) fn is_changing(verb: &str) -> bool {
    const ALL: &str = "insert prepend update merge! replace splice fill setdefault assign store
        fill copyWithin set __setitem__ concat << clear concat! map! collect! push unshift append add extend";
    ALL.split_whitespace().any(|it| it == verb)
}
