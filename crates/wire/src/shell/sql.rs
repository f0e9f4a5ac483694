//! A seam: what the words of SQL say, until statements are parsed. To be replaced as a whole.

use holdpoint_core::Effect;

/// One statement's effect and its name.
pub(super) struct Meaning {
    pub(super) name: String,
    pub(super) effect: Effect,
}

/// What each statement of a text does, by its first words.
pub(super) fn interpret(text: &str) -> Vec<Meaning> {
    bare(text).split(';').map(str::trim).filter(|it| !it.is_empty()).map(statement).collect()
}

/// A text without comments, and with its literals emptied.
fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, rest)| rest);
            out.push(' ');
        } else if letter == '\'' {
            let body = rest.get(1..).unwrap_or_default();
            rest = body.split_once('\'').map_or("", |(_, rest)| rest);
            out.push_str("''");
        } else {
            out.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

fn statement(text: &str) -> Meaning {
    let upper = text.to_ascii_uppercase();
    let words: Vec<&str> = upper
        .split(|it: char| !it.is_alphanumeric() && it != '_' && it != '\\' && it != '.')
        .filter(|it| !it.is_empty())
        .collect();
    let has = |word: &str| words.contains(&word);
    let first = words.first().copied().unwrap_or_default();
    let effect = match first {
        "DROP" | "TRUNCATE" | "FLUSHALL" | "FLUSHDB" => Effect::Destroy,
        "DELETE" => Effect::Destroy,
        "UPDATE" | "MERGE" | "REPLACE" => {
            if has("WHERE") {
                Effect::Modify
            } else {
                Effect::Destroy
            }
        }
        "ALTER" => {
            if has("DROP") {
                Effect::Destroy
            } else {
                Effect::Modify
            }
        }
        "INSERT" | "CREATE" | "COPY" if !has("PROGRAM") => Effect::Create,
        "GRANT" => Effect::GrantAccess,
        "REVOKE" | "COMMENT" | "SET" | "REINDEX" | "CLUSTER" | "VACUUM" | "ANALYZE" | "REFRESH"
        | "RENAME" => Effect::Modify,
        "EXPLAIN" | "WITH" if ["DELETE", "DROP", "TRUNCATE"].iter().any(|it| has(it)) => {
            Effect::Destroy
        }
        "WITH" if has("UPDATE") || has("INSERT") => Effect::Modify,
        "SELECT" | "SHOW" | "EXPLAIN" | "DESCRIBE" | "DESC" | "WITH" | "PRAGMA" | "VALUES"
        | "TABLE" | "BEGIN" | "COMMIT" | "ROLLBACK" | "USE" | "LIST" | "LISTEN" | "\\D"
        | "\\DT" | "\\L" | "\\DU" | "\\DN" | "\\DI" | "\\CONNINFO" | "\\C" | "\\TIMING" | "\\Q"
        | "\\X" | ".TABLES" | ".SCHEMA" | ".HEADERS" | ".MODE" | "\\DT+" => Effect::Observe,
        _ => Effect::Execute,
    };
    Meaning { name: format!("sql:{}", first.to_ascii_lowercase()), effect }
}
