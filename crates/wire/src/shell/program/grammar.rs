//! What a node of a language's grammar is, and what a call of a name does: one table for each
//! language, and one for all of them.

mod calls;
mod javascript;
mod perl;
mod php;
mod python;
mod reach;
mod ruby;

use super::{Language, UNKNOWN, Value, value::Argument};

pub(super) use calls::{Does, Gives, does, indirect, is_changing, is_reach};
pub(super) use reach::{is_unlisted, written_by};

/// What a node is, whatever its language calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A comment, a type: nothing that runs.
    Nothing,
    /// A text in quotes.
    Text,
    /// A number, a symbol or a bare word: its own text.
    Plain,
    Regex,
    /// Where a here-document is meant.
    Heredoc,
    HeredocBody,
    /// A list of words in one pair of quotes.
    Words,
    /// A text in quotes that runs.
    Shell,
    /// A pattern in quotes that stands for files.
    Glob,
    Name,
    /// Something that is got out of something by its name.
    Member,
    /// The same, in brackets.
    Index,
    Call,
    /// Two values with a sign between them, or texts side by side.
    Join,
    /// One value or another.
    Otherwise,
    List,
    Table,
    Assign,
    /// A function, or a method.
    Function,
    /// A function that stands where a value does.
    Lambda,
    Class,
    Loop,
    Comprehension,
    /// A sign before a value, which nobody reckons with.
    Sign,
    /// What may not happen.
    Branch,
    Return,
    Import,
    /// What a module gives to whoever takes it in.
    Export,
    /// It comes to what the first of its parts does.
    First,
    /// It comes to what the last of its parts does.
    Last,
}

/// How a language is read.
#[derive(Debug)]
pub(super) struct Grammar {
    /// The grammars of this text, the likeliest first.
    pub(super) tongues: fn(&str) -> Vec<tree_sitter::Language>,
    /// What a kind of node is.
    pub(super) role: fn(&str) -> Role,
    /// What calls do that this language alone has.
    pub(super) calls: &'static [(Does, &'static str)],
}

impl Grammar {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Python => &python::GRAMMAR,
            Language::JavaScript => &javascript::GRAMMAR,
            Language::Ruby => &ruby::GRAMMAR,
            Language::Perl => &perl::GRAMMAR,
            Language::Php => &php::GRAMMAR,
        }
    }
}

/// Fields that hold what something is got out of.
pub(super) const OBJECTS: &[&str] = &["object", "receiver", "invocant", "scope"];
/// Parts that hold what a class is made of.
pub(super) const BASES: &[&str] = &["superclasses", "superclass", "class_heritage", "base_clause"];
/// Fields that hold what is got.
pub(super) const PROPERTIES: &[&str] = &["property", "attribute", "method", "name"];

/// Whether a node is the text of a literal, and not one of its parts.
pub(super) fn is_content(kind: &str) -> bool {
    matches!(
        kind,
        "string_content"
            | "string_fragment"
            | "heredoc_content"
            | "nowdoc_string"
            | "bare_string"
            | "bare_symbol"
    )
}

/// Whether a node only marks where a literal begins or ends.
pub(super) fn is_delimiter(kind: &str) -> bool {
    matches!(
        kind,
        "string_start"
            | "string_end"
            | "heredoc_start"
            | "heredoc_end"
            | "type_conversion"
            | "format_specifier"
    )
}

/// Whether a node goes round as often as something holds.
pub(super) fn is_loop(kind: &str) -> bool {
    ["while", "until", "loop_statement", "do_statement", "for_statement"]
        .iter()
        .any(|it| kind.contains(it))
}

/// Whether a node says that a name is not a function's own.
pub(super) fn is_shared(kind: &str) -> bool {
    matches!(
        kind,
        "global_statement"
            | "nonlocal_statement"
            | "global_declaration"
            | "by_ref"
            | "instance_variable"
            | "class_variable"
            | "global_variable"
    )
}

/// Whether a node is a name with its value.
pub(super) fn is_pair(kind: &str) -> bool {
    matches!(kind, "pair" | "array_element_initializer" | "keyword_argument")
}

/// A name with dots between its parts, whatever its language puts there.
pub(super) fn dotted(name: &str) -> String {
    let name = match name {
        "$" => name,
        name => name.trim_start_matches(['\\', '$', ':']).trim_start_matches("node:"),
    };
    name.replace("::", ".").replace("->", ".").replace(['\\', '/'], ".").replace("?.", ".")
}

/// Whether a name is that of the environment.
pub(super) fn is_environment(name: &str) -> bool {
    matches!(name, "os.environ" | "environ" | "process.env" | "ENV" | "_ENV" | "_SERVER")
        || name.ends_with(".process.env")
        || matches!(name, "Bun.env" | "Deno.env" | "import.meta.env")
}

/// Whether a text names a file that is a database.
pub(super) fn is_database_file(text: &str) -> bool {
    text == ":memory:"
        || !text.contains(' ')
            && [".db", ".sqlite", ".sqlite3"].iter().any(|end| text.ends_with(end))
}

/// A text with what it leaves room for put in: `%s`, `{}`, `{0}`, `{name}`.
pub(super) fn formatted(format: &str, values: &[Argument<'_>]) -> String {
    let unnamed: Vec<&Value<'_>> =
        values.iter().filter(|(name, _)| name.is_none()).map(|(_, value)| value).collect();
    let unknown = || UNKNOWN.to_string();
    let text = |value: Option<&&Value<'_>>| value.map_or_else(unknown, |it| it.text());
    let mut next = unnamed.iter();
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek().copied()) {
            ('%', Some('%')) | ('{', Some('{')) | ('}', Some('}')) => {
                out.push(letter);
                letters.next();
            }
            ('%', Some(_)) => {
                let mut how = String::new();
                while let Some(sign) = letters.next_if(|it| !it.is_ascii_alphabetic()) {
                    how.push(sign);
                }
                letters.next();
                // What is cut, or named by its place, is not what stands next.
                let plain = !how.contains(['.', '$', '(', '*', '<', '{']);
                let value = text(next.next());
                out.push_str(&if plain { value } else { unknown() });
            }
            ('{', Some(_)) => {
                let field: String = letters.by_ref().take_while(|it| *it != '}').collect();
                let named = |(name, _): &&Argument<'_>| name.as_deref() == Some(field.as_str());
                out.push_str(&match field.parse::<usize>() {
                    Ok(place) => text(unnamed.get(place)),
                    Err(_) if field.is_empty() => text(next.next()),
                    Err(_) => values.iter().find(named).map_or_else(unknown, |(_, it)| it.text()),
                });
            }
            _ => out.push(letter),
        }
    }
    out
}
