//! What `explain` says of statements is what their gateway does: the same verdict, and a snapshot or
//! a delay only where somebody can give it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use e2e::postgres::Guarded;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
/// A table for each statement, so that none of them takes another's rows.
const SETUP: &str = "\
CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT g, g FROM generate_series(1, 99) g;
CREATE TABLE b (LIKE a INCLUDING ALL); INSERT INTO b SELECT * FROM a;
CREATE TABLE c (LIKE a INCLUDING ALL); INSERT INTO c SELECT * FROM a;
CREATE TABLE d (LIKE a INCLUDING ALL); INSERT INTO d SELECT * FROM a;
CREATE TABLE e (LIKE a INCLUDING ALL); INSERT INTO e SELECT * FROM a;
CREATE SEQUENCE s;";

/// What an agent may send, the same that the gateway has to record.
const STATEMENTS: &[&str] = &[
    "SELECT count(*) FROM a",
    "SELECT setval('s', 7)",
    "VACUUM b",
    "INSERT INTO a VALUES (1000, 1)",
    "CREATE TABLE f (x int)",
    "DELETE FROM a WHERE v > 3",
    "UPDATE b SET v = 0",
    "TRUNCATE c",
    "DROP TABLE d",
    "ALTER TABLE e DROP COLUMN v",
    "SELECT pg_terminate_backend(1)",
];

/// The strictest verdict of some records, and the nets that they name.
fn recorded(records: &[Value]) -> (&'static str, Vec<String>) {
    let decided: Vec<&Value> =
        records.iter().map(|it| &it["record"]).filter(|it| it["kind"] == "decision").collect();
    let any = |verdict: &str| decided.iter().any(|it| it["verdict"] == verdict);
    let verdict = match () {
        () if any("deny") => "deny",
        () if any("hold") => "hold",
        () => "allow",
    };
    let named = decided.iter().filter(|it| it["verdict"] == verdict);
    let named = named.flat_map(|it| it["obligations"].as_array().cloned().unwrap_or_default());
    (verdict, nets(&named.collect::<Vec<_>>()))
}

/// Of obligations, what saves or waits.
fn nets(obligations: &[Value]) -> Vec<String> {
    let named = obligations.iter().filter_map(Value::as_str).map(str::to_owned);
    let mut nets: Vec<String> =
        named.filter(|it| it == "snapshot" || it.starts_with("delay")).collect();
    nets.sort();
    nets.dedup();
    nets
}

#[test]
fn a_gateway_of_a_database_does_what_explain_says() {
    let mut differ = Vec::new();
    for environment in ["development", "production"] {
        let guarded = Guarded::start(BINARY, environment, NO_WAIT, SETUP);
        let target = format!("postgres://app@127.0.0.1:{}/shop", guarded.server.port());
        for statement in STATEMENTS {
            let from = guarded.holdpoint.records_from(0).len() as u64;
            let said = guarded.run(statement);
            let live = recorded(&guarded.holdpoint.records_from(from));
            let episode = json!({
                "id": "e",
                "operations": [{"kind": "sql", "dialect": "postgres", "target": target,
                    "statement": statement}],
                "inventory": [{"resource": format!("postgres:127.0.0.1:{}/shop", guarded.server.port()),
                    "environment": environment}],
            });
            let asked = format!("{episode}\n");
            let told = guarded.holdpoint.call_with(&["explain", "--batch", "-"], &asked).json();
            let operation = &told["operations"][0];
            let obligations = operation["obligations"].as_array().cloned().unwrap_or_default();
            let told = (operation["verdict"].as_str().unwrap(), nets(&obligations));
            // Counted, a change may ask for less than its text: never for what was not told.
            let all_told = live.1.iter().all(|net| told.1.contains(net));
            if told.0 != live.0 || !all_told {
                differ.push(format!(
                    "{environment}: {statement}: {told:?}, live {live:?} {operation} {said:?}"
                ));
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
