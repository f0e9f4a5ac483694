//! PostgreSQL's own regression scripts through the gateway, with the database itself as oracle:
//! what its write-ahead log holds of a statement is what the gateway has put on record of it, or
//! less. The scripts come with a crate of the registry, pinned by its checksum.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{
    postgres::{Guarded, PASSWORD, ROLE, Server},
    postgres_versions::major,
    python::Python,
};
use holdpoint_core::{
    Effect,
    ledger::{Meaning, RecordKind},
};
use holdpoint_store::ledger::Reader;
use holdpoint_wire::sql::{self, Dialect, Target};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const REPLAY: &str = include_str!("postgres_corpus/replay.py");
/// What carries the scripts, and the SHA-256 of it.
const CRATE: &str = "pg_raw_parse-0.1.0";
const CHECKSUM: &str = "76e05f01e8900f8a6cb753db2e58e7fa5dfd0dd5ed16cecd6b769f3860966b2b";
/// Little is held in an environment that is local, and a refusal is soon forgotten: what is compared
/// is what was counted, not what policies make of it.
const TERMS: &str = "[hold]\nwait_seconds = 0\n[refusals]\nremember_minutes = 1\n\
    [limits]\nholds_open_each = 100000\nholds_open = 100000\nrefusals = 100000\n";
/// The scripts of every run; all of them under `HOLDPOINT_SOAK`, or those that `HOLDPOINT_CORPUS`
/// names, or those of one part of them: `HOLDPOINT_CORPUS=2/4`.
const SLICE: [&str; 4] = ["truncate", "delete", "insert_conflict", "matview"];
/// Scripts that make what others use, in their order.
const FIRST: [&str; 8] = [
    "create_type",
    "create_function_sql",
    "create_table",
    "create_misc",
    "create_operator",
    "create_procedure",
    "create_index",
    "create_view",
];
/// Scripts that would take the server or the gateway's login away, or wait for somebody else.
const LEFT_OUT: [&str; 3] = ["infinite_recurse", "tablespace", "psql_pipeline"];
/// Rows for the tables whose own came in files.
const DATA: &str = "\
INSERT INTO onek SELECT g, 999 - g, g % 2, g % 4, g % 10, g % 20, g % 100, g % 200, g % 200, g % 500, g, g % 2, 1 + g % 2,
 'A' || g, 'B' || g, 'AAAA' FROM generate_series(0, 999) g;
INSERT INTO tenk1 SELECT g, 1999 - g, g % 2, g % 4, g % 10, g % 20, g % 100, g % 1000, g % 2000, g % 5000, g, g % 2,
 1 + g % 2, 'A' || g, 'B' || g, 'AAAA' FROM generate_series(0, 1999) g;
INSERT INTO int4_tbl VALUES (7);
";

/// The folder with all scripts, fetched once; most are in a folder of their own there.
const REGRESS: &str = "postgres_regress";

/// The folder with the scripts, fetched once.
fn scripts() -> PathBuf {
    let tools = Path::new(FOLDER).join("../tools");
    let folder = tools.join(CRATE);
    let scripts = folder.join("libpg_query/test/sql");
    let regress = scripts.join(REGRESS);
    if !regress.exists() {
        std::fs::create_dir_all(&tools).unwrap();
        let made = tempfile::tempdir_in(&tools).unwrap();
        let url = format!("https://static.crates.io/crates/pg_raw_parse/{CRATE}.crate");
        let fetch = format!(
            "curl -sSfL -o fetched '{url}' && echo '{CHECKSUM}  fetched' | sha256sum -c --quiet && \
             tar xzf fetched '{CRATE}/libpg_query/test/sql'"
        );
        let fetched = Command::new("sh").args(["-c", &fetch]).current_dir(made.path()).output();
        let fetched = fetched.unwrap();
        assert!(fetched.status.success(), "{fetched:?}");
        // Where another test was first, ours is thrown away.
        if std::fs::rename(made.path().join(CRATE), &folder).is_err() {
            assert!(regress.exists());
        }
    }
    scripts
}

/// What became of the statements, counted.
#[derive(Debug, Default)]
struct Figures {
    counts: BTreeMap<&'static str, usize>,
    /// Milliseconds of each script.
    took: BTreeMap<String, u64>,
    wrong: Vec<String>,
}

impl Figures {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// What a statement did that no operation on record explains.
fn unexplained(changes: &Value, on_record: &[Meaning]) -> Vec<String> {
    let list = |name: &str| changes[name].as_array().cloned().unwrap_or_default();
    let word = |row: &Value, at: usize| row[at].as_str().unwrap().to_owned();
    let is = |meaning: &Meaning, row: &Value| {
        let end = format!("/{}.{}", word(row, 0), word(row, 1));
        meaning.resource.as_str().ends_with(&end)
    };
    let changing: Vec<&Meaning> = on_record.iter().filter(|it| it.effect.changes()).collect();
    let named = |meaning: &Meaning, names: &[&str]| {
        names.contains(&meaning.operation.trim_start_matches("postgres:"))
    };
    let whole = ["drop_table", "truncate", "refresh_materialized_view"];
    let mut found = Vec::new();
    for row in list("rows") {
        let kind = word(&row, 2);
        let names = [&whole[..], &[kind.as_str()]].concat();
        if !changing.iter().any(|it| is(it, &row) && named(it, &names)) {
            found.push(format!("{kind} {}", word(&row, 1)));
        }
    }
    for row in list("rewritten") {
        let all = |it: &Meaning| !it.resource.as_str().contains("/shop/");
        if !changing.iter().any(|it| is(it, &row) || all(it)) {
            found.push(format!("rewritten {}", word(&row, 1)));
        }
    }
    for row in list("gone") {
        let table = ["r", "p", "m"].contains(&word(&row, 2).as_str());
        let explained = changing.iter().any(|it| match table {
            true => is(it, &row) && named(it, &["drop_table"]),
            false => it.effect >= Effect::Remove,
        });
        if !explained {
            found.push(format!("gone {}", word(&row, 1)));
        }
    }
    for name in ["catalogue", "server"] {
        if changing.is_empty() && !list(name).is_empty() {
            found.push(format!("{name} {}", changes[name]));
        }
    }
    // A sequence goes on whatever becomes of the transaction: that something is changed is what its
    // rehearsal says.
    let looks = |it: &Meaning| ["postgres:look", "postgres:select"].contains(&&*it.operation);
    if on_record.iter().all(looks) && !list("sequences").is_empty() {
        found.push(format!("sequences {}", changes["sequences"]));
    }
    found
}

/// How much of it the text alone has told.
fn by_text(text: &str, changes: &Value, target: &Target) -> &'static str {
    let Ok(operations) = sql::interpret(text, target) else { return "changed, unreadable text" };
    if operations.iter().any(|it| !it.known || it.effect == Effect::Execute) {
        return "changed, declared incomplete by its text, counted";
    }
    let told: Vec<Meaning> =
        operations.iter().map(|it| Meaning::of(it, holdpoint_core::Environment::Local)).collect();
    match unexplained(changes, &told).is_empty() {
        true => "changed, told by its text",
        false => "changed more than its text tells, counted",
    }
}

/// Replays scripts as a role, and compares.
fn replay(role: &str, names: &[String]) -> Figures {
    let folder = scripts();
    let server = Server::start("SELECT 1");
    server.admin("shop", "CREATE EXTENSION pg_walinspect SCHEMA pg_catalog");
    if role != ROLE {
        let text = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{PASSWORD}'");
        server.admin("postgres", &text);
    }
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().join("data.sql");
    std::fs::write(&data, DATA).unwrap();
    let guarded = Guarded::before(server, BINARY, role, "environment = \"local\"", TERMS);
    let python = Python::with(FOLDER, &PSYCOPG);
    let oracle = format!("postgres://postgres:postgres@127.0.0.1:{}/shop", guarded.server.port());
    let url = guarded.url().replace(&format!("//{ROLE}:"), &format!("//{role}:"));
    // It may take an hour: how far it is can be read there meanwhile.
    let asked = std::env::var("HOLDPOINT_CORPUS").unwrap_or_default().replace(['/', ' '], "-");
    let log = Path::new(FOLDER).join(format!("corpus-{role}-{asked}.jsonl"));
    let output = Command::new("python3")
        .stdout(std::fs::File::create(&log).unwrap())
        .env("PYTHONPATH", python.packages())
        .args(["-c", REPLAY, &url, &oracle])
        .arg(folder.join(REGRESS).join("test_setup.sql"))
        .arg(&data)
        .args(names.iter().map(|name| folder.join(format!("{name}.sql"))))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}\n{}", guarded.gateway.said());
    let said = std::fs::read_to_string(&log).unwrap();
    let (state, port) = (guarded.holdpoint.state().to_owned(), guarded.server.port());
    assert_eq!(guarded.gateway.stop(), 0);
    let target =
        Target::read(&format!("postgres://{role}@127.0.0.1:{port}/shop"), Dialect::Postgres);
    compare(&said, &on_record(&state), &target.unwrap())
}

/// Everything that was let through, by its time.
fn on_record(state: &Path) -> Vec<(u64, Vec<Meaning>)> {
    let reader = Reader::open(&state.join("ledger")).unwrap();
    let records = reader.records(0).map(|record| record.unwrap().1);
    let decided = records.filter_map(|record| match record.kind {
        RecordKind::Decision(decided) if decided.forwarded => {
            Some((record.at.0, decided.operations))
        }
        _ => None,
    });
    decided.collect()
}

fn compare(said: &str, on_record: &[(u64, Vec<Meaning>)], target: &Target) -> Figures {
    let mut figures = Figures::default();
    for line in said.lines() {
        let one: Value = serde_json::from_str(line).unwrap();
        let (began, ended) = (one["began"].as_u64().unwrap(), one["ended"].as_u64().unwrap());
        let text = one["text"].as_str().unwrap();
        figures.count("statements");
        let state = one["state"].as_str().unwrap();
        match state {
            "ok" => figures.count("went well"),
            "HP001" => figures.count("refused by the gateway"),
            state if state.starts_with("gone") => figures.count("ended the connection"),
            _ => figures.count("failed"),
        }
        let took = ended.saturating_sub(began);
        *figures.took.entry(one["file"].as_str().unwrap().to_owned()).or_default() += took;
        let changes = &one["changes"];
        if changes.is_null() {
            figures.count("changed nothing");
            continue;
        }
        let first = on_record.partition_point(|(at, _)| *at < began);
        let during = on_record[first..].iter().take_while(|(at, _)| *at <= ended);
        let meanings: Vec<Meaning> = during.flat_map(|(_, all)| all.clone()).collect();
        let left = unexplained(changes, &meanings);
        if left.is_empty() {
            figures.count(by_text(text, changes, target));
        } else {
            figures.count("wrong");
            let names = meanings.iter().map(|it| format!("{}:{}", it.operation, it.effect));
            let names: Vec<String> = names.collect();
            let file = &one["file"];
            figures.wrong.push(format!("{file} {text:.300}\n  {state} {left:?}\n  {names:?}"));
        }
    }
    figures
}

fn check(role: &str, names: &[String], least: usize) {
    // The oracle reads the log in the way of the machine's own version.
    if major() != 15 {
        return;
    }
    let figures = replay(role, names);
    let mut slow: Vec<(&String, &u64)> = figures.took.iter().collect();
    slow.sort_by_key(|(_, took)| std::cmp::Reverse(**took));
    slow.truncate(5);
    println!("{role}: {} scripts, {:#?}, the slowest {slow:?}", names.len(), figures.counts);
    let changed = figures.counts.iter().filter(|(what, _)| what.starts_with("changed,"));
    let changed: usize = changed.map(|(_, count)| count).sum();
    assert!(figures.wrong.is_empty(), "{}", figures.wrong.join("\n"));
    assert!(changed >= least, "{changed} statements changed something");
}

/// The name of a script of the regression tests, within the folder of all.
fn regress(name: &str) -> String {
    format!("{REGRESS}/{name}")
}

fn slice(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| regress(name)).collect()
}

/// All scripts below `folder`, without what they end in.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "sql"));
    let mut all: Vec<PathBuf> = files.map(|path| path.with_extension("")).collect();
    all.extend(folders.iter().flat_map(|folder| below(folder)));
    all
}

fn all() -> Vec<String> {
    let asked = std::env::var("HOLDPOINT_CORPUS").unwrap_or_default();
    let part = asked
        .split_once('/')
        .and_then(|(part, of)| Some((part.parse::<usize>().ok()?, of.parse::<usize>().ok()?)));
    if !asked.is_empty() && part.is_none() {
        return slice(&asked.split_whitespace().collect::<Vec<_>>());
    }
    let folder = scripts();
    let all = below(&folder);
    let names = all.iter().map(|path| path.strip_prefix(&folder).unwrap().display().to_string());
    let own = |name: &String| {
        let is = |other: &str| *name == regress(other);
        !LEFT_OUT.iter().chain(&FIRST).any(|other| is(other)) && !is("test_setup")
    };
    let mut names: Vec<String> = names.filter(own).collect();
    names.sort();
    let (part, of) = part.unwrap_or((1, 1));
    let turn = names.into_iter().enumerate().filter(|(at, _)| at % of == part - 1);
    slice(&FIRST).into_iter().chain(turn.map(|(_, name)| name)).collect()
}

#[test]
fn what_the_server_wrote_is_on_record() {
    match std::env::var_os("HOLDPOINT_SOAK") {
        None => check(ROLE, &slice(&SLICE), 200),
        Some(_) => check(ROLE, &all(), 300),
    }
}

/// A master of the server can do more of what the scripts do.
#[test]
fn what_the_server_wrote_for_its_master_is_on_record() {
    match std::env::var_os("HOLDPOINT_SOAK") {
        None => check("master", &slice(&["truncate", "privileges"]), 100),
        Some(_) => check("master", &all(), 300),
    }
}
