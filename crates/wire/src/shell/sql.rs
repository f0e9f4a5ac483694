//! What the words of SQL say, and the grammar where they say that it only looks.

use holdpoint_core::Effect;

use crate::sql::{self, Dialect, Target};

/// One statement's effect and its name.
pub(super) struct Meaning {
    pub(super) name: String,
    pub(super) effect: Effect,
}

/// What each statement of a text does, by its first words.
pub(super) fn interpret(text: &str) -> Vec<Meaning> {
    let statements = bare(text);
    let statements = statements.split(';').map(str::trim).filter(|it| !it.is_empty());
    let mut meanings: Vec<Meaning> = statements.map(statement).collect();
    if meanings.iter().all(|meaning| meaning.effect == Effect::Observe) {
        meanings.extend(hidden(text));
    }
    meanings
}

/// What a text does beyond its first words: a function that nobody knows can do anything. What the
/// grammar does not take (a client's own commands, another database's words) is left to the words.
fn hidden(text: &str) -> Vec<Meaning> {
    let operations = sql::interpret(text, &Target::unknown(Dialect::Postgres));
    let stronger = operations.into_iter().flatten().filter(|it| it.effect != Effect::Observe);
    stronger.map(|it| Meaning { name: it.name, effect: it.effect }).collect()
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

#[cfg(test)]
mod tests {
    use holdpoint_core::Effect;

    use super::interpret;

    #[test]
    fn what_only_looks_by_its_words_is_read_by_the_grammar() {
        for (text, looks) in [
            ("SELECT count(*), max(id), now() FROM users WHERE lower(name) = 'a'", true),
            ("\\dt", true),
            ("SELECT purge_all()", false),
            ("SELECT 1; SELECT lo_unlink(5)", false),
        ] {
            let all = interpret(text).iter().all(|it| it.effect == Effect::Observe);
            assert_eq!(all, looks, "{text}");
        }
    }
}
