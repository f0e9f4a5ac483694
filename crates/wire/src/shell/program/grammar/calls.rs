//! What a call of a name does. A name is `a.b` for whatever ends with it, `*.b` for `b` of
//! anything, and `b` for nothing but itself. What is called on a text, a list or a path is called
//! `text.b`, `list.b`, `path.b`, on something that nobody knows `?.b`.

use super::super::Language;
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
    /// Takes a file of variables in.
    TakesIn,
    /// Calls or names what a text says.
    Names,
    /// Names a module.
    Imports,
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
    /// Answers something that is known.
    Gives(Gives),
}

/// What a call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Gives {
    /// What it is handed, or called on.
    Same,
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
