//! Scripts of `psql`, PostgreSQL's terminal: statements between commands of its own. Some of
//! these run programs, read other files, or send what a query answers.

use holdpoint_core::{Effect, Operation, Reversibility, operation::Place};

use super::{OPERATIONS_MAX, TEXT_BYTES_MAX, Target, postgres, too_many};
use crate::Unreadable;

/// Commands that only show something or change how it is shown. `d` stands for all of `\d…`.
const SHOWING: &[&str] = &[
    "?",
    "C",
    "H",
    "a",
    "conninfo",
    "copyright",
    "crosstabview",
    "echo",
    "encoding",
    "errverbose",
    "f",
    "g",
    "gdesc",
    "gx",
    "h",
    "help",
    "l",
    "l+",
    "list",
    "p",
    "print",
    "prompt",
    "pset",
    "q",
    "qecho",
    "quit",
    "r",
    "reset",
    "sf",
    "sf+",
    "sv",
    "sv+",
    "t",
    "timing",
    "unset",
    "warn",
    "watch",
    "x",
    "z",
];

/// A piece of a script.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// Statements.
    Statements(String),
    /// A command, and the rest of its line.
    Command(&'a str, &'a str),
}

/// What a script that `psql` is given would do, never empty.
pub fn interpret(script: &str, target: &Target) -> Result<Vec<Operation>, Unreadable> {
    if script.len() > TEXT_BYTES_MAX {
        return Err(Unreadable::over_limit(format!(
            "the script is longer than {TEXT_BYTES_MAX} bytes; run it in parts"
        )));
    }
    let mut operations = Vec::new();
    let mut elsewhere = false;
    for piece in pieces(script)? {
        let unknown = Target::unknown(target.dialect());
        let target = if elsewhere { &unknown } else { target };
        match piece {
            Piece::Statements(text) => operations.extend(postgres::interpret(&text, target)?),
            Piece::Command("c" | "connect", _) => elsewhere = true,
            Piece::Command(name, rest) => operations.extend(command(name, rest, target)?),
        }
        if operations.len() > OPERATIONS_MAX {
            return Err(too_many());
        }
    }
    if operations.is_empty() {
        operations = postgres::interpret("", target)?;
    }
    Ok(operations)
}

/// What one of psql's own commands does.
fn command(name: &str, rest: &str, target: &Target) -> Result<Vec<Operation>, Unreadable> {
    let known = name.starts_with('d') || SHOWING.contains(&name);
    let piped = rest.trim_start().starts_with('|') || rest.contains('`');
    let here = |verb: &str| {
        let operation = Operation::guessed(
            format!("psql:{verb}"),
            Effect::Execute,
            holdpoint_core::ResourceId::of("machine", "psql", verb),
        );
        Operation { place: Place::ThisMachine, reversibility: Reversibility::None, ..operation }
    };
    match name {
        _ if piped => Ok(vec![here("pipe")]),
        "copy" => copy(rest, target, here),
        "!" | "i" | "ir" | "include" | "include_relative" | "e" | "edit" | "ef" | "ev" => {
            Ok(vec![here(name)])
        }
        "g" | "gx" | "o" | "out" | "w" | "write" | "s" if !rest.trim().is_empty() => {
            Ok(vec![here("write_file")])
        }
        "o" | "out" => Ok(Vec::new()),
        "gexec" | "gset" | "password" | "set" | "setenv" | "if" | "elif" | "else" | "endif"
        | "lo_import" | "lo_unlink" | "bind" | "bind_named" | "parse" | "close_prepared" => {
            let resource = target.id();
            Ok(vec![Operation::guessed(format!("psql:{name}"), Effect::Execute, resource)])
        }
        _ if known => Ok(Vec::new()),
        _ => Ok(vec![here("unknown")]),
    }
}

/// `\copy`: `COPY` with a file or a program of this side.
fn copy(
    rest: &str,
    target: &Target,
    here: impl Fn(&str) -> Operation,
) -> Result<Vec<Operation>, Unreadable> {
    let words: Vec<String> = rest.split_whitespace().map(str::to_lowercase).collect();
    if words.iter().any(|word| word == "program") {
        return Ok(vec![here("copy_program")]);
    }
    // The file stands where `COPY` has the client: the statement is the same.
    let file = |at: usize| words.get(at).is_some_and(|it| it == "from" || it == "to");
    let at = (0..words.len()).rev().find(|at| file(*at));
    let Some(at) = at else { return Ok(vec![here("copy")]) };
    let head: Vec<&str> = rest.split_whitespace().take(at + 1).collect();
    let way = if words.get(at).is_some_and(|it| it == "to") { "STDOUT" } else { "STDIN" };
    let mut operations = postgres::interpret(&format!("COPY {} {way}", head.join(" ")), target)?;
    if way == "STDOUT" && words.get(at + 1).is_some_and(|it| it != "stdout" && it != "pstdout") {
        operations.push(here("write_file"));
    }
    Ok(operations)
}

/// Where the scanner is.
enum Within {
    Nothing,
    Quote(char, bool),
    Dollar(String),
    Line,
    Comment(usize),
}

/// A script in pieces. Variables (`:name`) stand for text that is not here.
fn pieces(script: &str) -> Result<Vec<Piece<'_>>, Unreadable> {
    let mut pieces = Vec::new();
    let mut statements = String::new();
    let mut within = Within::Nothing;
    let mut rest = script;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match &mut within {
            Within::Nothing => {
                if first == '\\' {
                    if !statements.trim().is_empty() {
                        pieces.push(Piece::Statements(std::mem::take(&mut statements)));
                    }
                    statements.clear();
                    let line = rest.get(1..).unwrap_or_default();
                    let (line, after) = line.split_once('\n').unwrap_or((line, ""));
                    pieces.extend(commands(line));
                    rest = after;
                    continue;
                }
                if first == ':' && is_variable(before, rest) {
                    return Err(Unreadable::new(
                        "a psql variable stands for text that cannot be seen; write the text",
                    ));
                }
                (within, taken) = opening(first, before, rest);
            }
            Within::Quote(quote, escapes) => {
                if *escapes && first == '\\' {
                    taken +=
                        rest.get(1..).and_then(|it| it.chars().next()).map_or(0, char::len_utf8);
                } else if first == *quote {
                    within = Within::Nothing;
                }
            }
            Within::Dollar(tag) => {
                if rest.starts_with(tag.as_str()) {
                    taken = tag.len();
                    within = Within::Nothing;
                }
            }
            Within::Line if first == '\n' => within = Within::Nothing,
            Within::Line => {}
            Within::Comment(depth) => {
                if rest.starts_with("*/") {
                    (taken, *depth) = (2, *depth - 1);
                } else if rest.starts_with("/*") {
                    (taken, *depth) = (2, *depth + 1);
                }
                if *depth == 0 {
                    within = Within::Nothing;
                }
            }
        }
        let (text, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        statements.push_str(text);
        before = text.chars().next_back().unwrap_or(' ');
        rest = after;
        if before == ';' && matches!(within, Within::Nothing) && copies(&statements) {
            rest = past_rows(rest);
        }
    }
    if !statements.trim().is_empty() {
        pieces.push(Piece::Statements(statements));
    }
    Ok(pieces)
}

/// What a character outside of everything begins, and how many bytes that takes.
fn opening(first: char, before: char, rest: &str) -> (Within, usize) {
    match first {
        '\'' => (Within::Quote('\'', matches!(before, 'e' | 'E')), 1),
        '"' => (Within::Quote('"', false), 1),
        '-' if rest.starts_with("--") => (Within::Line, 2),
        '/' if rest.starts_with("/*") => (Within::Comment(1), 2),
        '$' if !before.is_alphanumeric() && before != '_' => {
            let body = rest.get(1..).unwrap_or_default();
            let end = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
            let numbered = body.starts_with(|c: char| c.is_ascii_digit());
            match body.get(end..) {
                Some(it) if it.starts_with('$') && !numbered => {
                    let tag = rest.get(..end + 2).unwrap_or_default().to_owned();
                    (Within::Dollar(tag), end + 2)
                }
                _ => (Within::Nothing, 1),
            }
        }
        other => (Within::Nothing, other.len_utf8()),
    }
}

/// Whether a colon begins a variable, and not a cast or a slice.
fn is_variable(before: char, rest: &str) -> bool {
    let next = rest.get(1..).and_then(|it| it.chars().next()).unwrap_or(' ');
    before != ':' && (next.is_alphabetic() || matches!(next, '_' | '\'' | '"' | '{'))
}

/// The commands of one line: `\\` ends one, and so does the next backslash.
fn commands(line: &str) -> Vec<Piece<'_>> {
    let end = line.find(|c: char| c.is_whitespace() || c == '\\' || c == '|');
    let end = if line.starts_with(['!', '?']) { 1 } else { end.unwrap_or(line.len()) };
    let (name, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    if matches!(name, "!" | "copy") {
        return vec![Piece::Command(name, rest)];
    }
    let (own, after) = rest.split_once('\\').unwrap_or((rest, ""));
    let mut pieces = vec![Piece::Command(name, own)];
    match after.strip_prefix('\\') {
        Some(text) if !text.trim().is_empty() => pieces.push(Piece::Statements(text.to_owned())),
        None if !after.is_empty() => pieces.extend(commands(after)),
        _ => {}
    }
    pieces
}

/// Whether the last statement so far takes rows from the script.
fn copies(statements: &str) -> bool {
    let last = statements.trim_end_matches(';').rsplit(';').next().unwrap_or_default();
    let words: Vec<String> = last.split_whitespace().map(str::to_lowercase).collect();
    words.first().is_some_and(|it| it == "copy")
        && words
            .windows(2)
            .any(|it| matches!(it, [from, what] if from == "from" && what.starts_with("stdin")))
}

/// What comes behind the rows of a `COPY`.
fn past_rows(rest: &str) -> &str {
    rest.split_once("\n\\.").map_or("", |(_, after)| after)
}
