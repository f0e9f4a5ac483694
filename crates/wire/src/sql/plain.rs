//! Other databases than PostgreSQL, without a grammar: a statement is what its words say at the
//! least. What begins with a word that is not known is code that nobody can see.

use holdpoint_core::{
    Effect::{self, Create, Destroy, Execute, GrantAccess, Modify, Observe, Remove},
    Operation, Resource,
};

use super::{Dialect, OPERATIONS_MAX, Target, too_many};
use crate::Unreadable;

/// What a text is made of, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A bare word, in lower case.
    Word(String),
    /// A quoted name or a string.
    Quoted(String),
    /// A number.
    Number,
    /// Any other character.
    Mark(char),
}

/// Words that a query holds only when it also changes something, wherever they stand bare.
const CHANGING: &[&str] = &[
    "alter", "attach", "create", "delete", "drop", "grant", "insert", "into", "load", "truncate",
    "update",
];

/// Functions and keywords before a bracket that only compute. Sorted.
const HARMLESS: &[&str] = &[
    "abs",
    "all",
    "and",
    "any",
    "as",
    "avg",
    "by",
    "case",
    "cast",
    "char_length",
    "coalesce",
    "concat",
    "count",
    "current_date",
    "date",
    "date_format",
    "datetime",
    "day",
    "distinct",
    "else",
    "exists",
    "from",
    "glob",
    "group_concat",
    "hex",
    "hour",
    "if",
    "ifnull",
    "iif",
    "in",
    "instr",
    "is",
    "join",
    "json_extract",
    "julianday",
    "last_insert_rowid",
    "length",
    "like",
    "limit",
    "lower",
    "ltrim",
    "max",
    "min",
    "minute",
    "month",
    "not",
    "now",
    "nullif",
    "on",
    "or",
    "over",
    "partition",
    "pragma_table_info",
    "printf",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "second",
    "select",
    "strftime",
    "substr",
    "substring",
    "sum",
    "then",
    "time",
    "total",
    "trim",
    "typeof",
    "unicode",
    "union",
    "upper",
    "using",
    "values",
    "version",
    "when",
    "where",
    "with",
    "year",
];

/// Settings of SQLite that only tell. Sorted.
const TELLING: &[&str] = &[
    "collation_list",
    "compile_options",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// What `text` would do to `target`, never empty.
pub(super) fn interpret(
    text: &str,
    dialect: Dialect,
    target: &Target,
) -> Result<Vec<Operation>, Unreadable> {
    let tokens = tokens(text, dialect)?;
    let mut operations: Vec<Operation> = Vec::new();
    for statement in tokens.split(|token| *token == Token::Mark(';')) {
        let Some(operation) = meaning(statement, dialect, target) else { continue };
        if operations.last() != Some(&operation) {
            operations.push(operation);
        }
        if operations.len() > OPERATIONS_MAX {
            return Err(too_many());
        }
    }
    if operations.is_empty() {
        operations.push(known("nothing", Observe, target.resource(), dialect));
    }
    Ok(operations)
}

fn known(verb: &str, effect: Effect, resource: Resource, dialect: Dialect) -> Operation {
    let name = format!("{}:{verb}", dialect.provider());
    match effect {
        // What a text says in a language without a grammar here is never sure.
        Observe => Operation::known(name, effect, resource, holdpoint_core::Reversibility::Inverse),
        _ => Operation::guessed(name, effect, resource),
    }
}

/// What one statement would do; nothing, if it is empty.
fn meaning(statement: &[Token], dialect: Dialect, target: &Target) -> Option<Operation> {
    let mut words = statement.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.as_str()),
        _ => None,
    });
    statement.first()?;
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let (verb, effect) = match first {
        "select" | "values" | "with" | "table" | "explain" | "describe" | "desc" | "show" => {
            reading(statement, dialect)
        }
        "pragma" => pragma(statement, second),
        "begin" | "start" | "commit" | "end" | "rollback" | "savepoint" | "release" | "use" => {
            ("transaction", if statement.len() > 6 { Execute } else { Observe })
        }
        "insert" => inserting(statement, second),
        "replace" => ("replace", Destroy),
        "update" if has(statement, "where") => ("update", Modify),
        "update" => ("update", Destroy),
        "delete" => ("delete", Destroy),
        "truncate" => ("truncate", Destroy),
        "create" => creating(statement, second),
        "drop" => match second {
            "index" | "view" | "trigger" | "temporary" => ("drop_object", Remove),
            "table" => ("drop_table", Destroy),
            "database" | "schema" => ("drop_database", Destroy),
            _ => ("drop", Destroy),
        },
        "alter" if second == "table" => altering(statement),
        "rename" | "analyze" | "reindex" | "vacuum" | "optimize" => ("maintain", Modify),
        "grant" => ("grant", GrantAccess),
        "revoke" => ("revoke", Modify),
        _ => ("unknown", Execute),
    };
    let resource = name_after(statement, &["from", "into", "update", "table", "exists"])
        .filter(|_| effect != Execute)
        .map_or_else(|| target.resource(), |name| target.within(&name));
    Some(known(verb, effect, resource, dialect))
}

fn has(statement: &[Token], word: &str) -> bool {
    statement.iter().any(|token| matches!(token, Token::Word(it) if it == word))
}

/// A statement that only reads, if nothing else stands in it.
fn reading(statement: &[Token], dialect: Dialect) -> (&'static str, Effect) {
    let mut changing = CHANGING.iter().filter(|word| has(statement, word)).peekable();
    // `SHOW CREATE TABLE` tells; `EXPLAIN DELETE` does too, but MySQL's `ANALYZE` does it.
    let tells = matches!(statement.first(), Some(Token::Word(it)) if it == "show" || it == "desc" || it == "describe");
    let explains = matches!(statement.first(), Some(Token::Word(it)) if it == "explain");
    if tells || (explains && dialect == Dialect::Sqlite) {
        return ("show", Observe);
    }
    if let Some(word) = changing.peek() {
        return match **word {
            "delete" | "drop" | "truncate" => ("delete", Destroy),
            _ => ("unknown", Execute),
        };
    }
    let calls = statement.windows(2).all(|pair| match pair {
        [Token::Word(name), Token::Mark('(')] => HARMLESS.binary_search(&name.as_str()).is_ok(),
        [Token::Quoted(_), Token::Mark('(')] => false,
        _ => true,
    });
    if calls { ("select", Observe) } else { ("call", Execute) }
}

fn inserting(statement: &[Token], second: &str) -> (&'static str, Effect) {
    if second == "or" || has(statement, "duplicate") || has(statement, "conflict") {
        let replaces = has(statement, "replace") || has(statement, "update");
        return ("upsert", if replaces { Modify } else { Create });
    }
    ("insert", Create)
}

fn creating(statement: &[Token], second: &str) -> (&'static str, Effect) {
    match second {
        "user" | "role" => ("create_user", Effect::MintCredential),
        "trigger" | "function" | "procedure" | "event" | "definer" | "aggregate" => {
            ("create_code", Execute)
        }
        "or" => ("create", if has(statement, "view") { Modify } else { Execute }),
        _ => ("create", Create),
    }
}

fn altering(statement: &[Token]) -> (&'static str, Effect) {
    let lossy =
        ["drop", "modify", "change", "truncate", "discard", "exchange", "convert", "coalesce"];
    if lossy.iter().any(|word| has(statement, word)) {
        return ("alter_table", Destroy);
    }
    let adds = has(statement, "add") && !has(statement, "rename");
    ("alter_table", if adds { Create } else { Modify })
}

/// `PRAGMA name`, `PRAGMA name(…)` and `PRAGMA name = …`.
fn pragma(statement: &[Token], name: &str) -> (&'static str, Effect) {
    let sets = statement.contains(&Token::Mark('='));
    let asks = statement.len() <= 2;
    let tells = TELLING.binary_search(&name).is_ok() && !sets;
    match () {
        () if tells
            || (asks && !matches!(name, "optimize" | "incremental_vacuum" | "wal_checkpoint")) =>
        {
            ("pragma", Observe)
        }
        () if matches!(
            name,
            "writable_schema" | "synchronous" | "journal_mode" | "secure_delete"
        ) =>
        {
            ("pragma", Effect::WeakenRecovery)
        }
        () => ("pragma", Modify),
    }
}

/// The name behind the first of these words.
fn name_after(statement: &[Token], words: &[&str]) -> Option<String> {
    let mut tokens = statement.iter().peekable();
    while let Some(token) = tokens.next() {
        if matches!(token, Token::Word(it) if words.contains(&it.as_str())) {
            match tokens.peek() {
                Some(Token::Word(name)) if !matches!(name.as_str(), "if" | "table" | "from") => {
                    return Some(name.clone());
                }
                Some(Token::Quoted(name)) => return Some(name.clone()),
                _ => {}
            }
        }
    }
    None
}

/// The tokens of a text. What dialects read in different ways is refused.
fn tokens(text: &str, dialect: Dialect) -> Result<Vec<Token>, Unreadable> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            it if it.is_whitespace() => rest.trim_start(),
            '-' if rest.starts_with("--") => comment_line(rest, dialect)?,
            '#' if dialect != Dialect::Sqlite => line_end(rest),
            '/' if rest.starts_with("/*") => comment_block(rest, dialect)?,
            '\'' | '"' | '`' => quoted(rest, first, dialect, &mut tokens)?,
            '[' if dialect != Dialect::Mysql => bracketed(rest, &mut tokens)?,
            '$' if dialect == Dialect::Other => {
                return Err(Unreadable::new(
                    "a `$` can begin a text in some dialects; name the dialect",
                ));
            }
            it if it.is_alphabetic() || it == '_' => {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                tokens.push(Token::Word(word.to_lowercase()));
                after
            }
            it if it.is_ascii_digit() => {
                tokens.push(Token::Number);
                rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_')
            }
            other => {
                tokens.push(Token::Mark(other));
                rest.get(other.len_utf8()..).unwrap_or_default()
            }
        };
    }
    Ok(tokens)
}

fn line_end(rest: &str) -> &str {
    rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default()
}

/// `--`, which MySQL takes for a comment only before a space.
fn comment_line(rest: &str, dialect: Dialect) -> Result<&str, Unreadable> {
    let spaced =
        rest.get(2..).is_none_or(|it| it.is_empty() || it.starts_with(char::is_whitespace));
    if dialect != Dialect::Sqlite && !spaced {
        return Err(Unreadable::new("`--` without a space is not a comment everywhere; put one"));
    }
    Ok(line_end(rest))
}

/// `/* … */`; MySQL runs what stands in `/*! … */`.
fn comment_block(rest: &str, dialect: Dialect) -> Result<&str, Unreadable> {
    let marked = ["/*!", "/*M!", "/*+"].iter().any(|it| rest.starts_with(it));
    if dialect != Dialect::Sqlite && marked {
        return Err(Unreadable::new("a comment holds code for the server; send it without"));
    }
    let body = rest.get(2..).unwrap_or_default();
    if body.split("*/").next().is_some_and(|it| it.contains("/*")) {
        return Err(Unreadable::new("a comment within a comment is read in two ways; take it out"));
    }
    match body.split_once("*/") {
        Some((_, after)) => Ok(after),
        None => Err(Unreadable::new("a comment has no end; close it with `*/`")),
    }
}

/// A string or a quoted name; its quote is doubled within.
fn quoted<'a>(
    rest: &'a str,
    quote: char,
    dialect: Dialect,
    tokens: &mut Vec<Token>,
) -> Result<&'a str, Unreadable> {
    let mut text = String::new();
    let mut after = rest.get(1..).unwrap_or_default();
    loop {
        let Some((before, behind)) = after.split_once(quote) else {
            return Err(Unreadable::new("a quote has no end; close it"));
        };
        // MySQL takes a backslash before a quote for a quote, unless it was told not to.
        if dialect != Dialect::Sqlite && before.ends_with('\\') {
            return Err(Unreadable::new(
                "a backslash before a quote is read in two ways; double the quote instead",
            ));
        }
        text.push_str(before);
        match behind.strip_prefix(quote) {
            Some(more) => {
                text.push(quote);
                after = more;
            }
            None => {
                tokens.push(Token::Quoted(text));
                return Ok(behind);
            }
        }
    }
}

fn bracketed<'a>(rest: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, Unreadable> {
    let (name, after) = rest
        .get(1..)
        .and_then(|body| body.split_once(']'))
        .ok_or_else(|| Unreadable::new("a bracket has no end; close it"))?;
    tokens.push(Token::Quoted(name.to_owned()));
    Ok(after)
}

#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    HARMLESS.is_sorted() && TELLING.is_sorted()
}
