//! PostgreSQL's own regression tests, walked: every statement has an answer, and no part of the
//! grammar is unknown. They lie where `HOLDPOINT_SQL_CORPUS` says (`libpg_query/test/sql` of the
//! crate `pg_raw_parse`).
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use holdpoint_core::Effect;
use holdpoint_wire::sql::{self, Dialect, Target};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "sql"));
    own.chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
}

#[test]
fn no_part_of_the_grammar_is_unknown() {
    let Some(folder) = std::env::var_os("HOLDPOINT_SQL_CORPUS") else {
        println!("there is no corpus here: HOLDPOINT_SQL_CORPUS names a directory");
        return;
    };
    let target = Target::unknown(Dialect::Postgres);
    let (mut unknown, mut effects) = (Vec::new(), BTreeMap::<String, usize>::new());
    for path in files(Path::new(&folder)) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('\\'));
        let text = lines.collect::<Vec<_>>().join("\n");
        for statement in pg_query::split_with_scanner(&text).unwrap_or_default() {
            let Ok(operations) = sql::interpret(statement, &target) else {
                *effects.entry("refused".into()).or_default() += 1;
                continue;
            };
            let named = |name: &str| operations.iter().any(|it| it.name == name);
            if named("postgres:unknown") {
                unknown.push(statement.to_owned());
            }
            let strictest = operations.iter().map(|it| it.effect).max().unwrap_or(Effect::Observe);
            *effects.entry(strictest.to_string()).or_default() += 1;
        }
    }
    println!("{effects:#?}");
    let total: usize = effects.values().sum();
    let refused = effects.get("refused").copied().unwrap_or_default();
    assert!(total > 10_000 && refused * 10 < total, "{total} statements, {refused} refused");
    assert!(
        unknown.is_empty(),
        "{} unknown: {:#?}",
        unknown.len(),
        unknown.get(..unknown.len().min(20))
    );
}
