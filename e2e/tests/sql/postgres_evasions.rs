//! Statements that lose data and try to look as if they did not, by every protocol, through a live
//! gateway in front of a real server: none commits a loss that was not held. Look-alikes pass.

use std::{collections::BTreeMap, process::Command};

use e2e::{holdpoint::until, postgres::Guarded, python::Python};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];

const SETUP: &str = include_str!("postgres_evasions/setup.sql");
const ORACLE: &str = include_str!("postgres_evasions/oracle.sql");
const CASES: &str = include_str!("postgres_evasions/cases.jsonl");
const SCRIPT: &str = include_str!("postgres_evasions/run.py");

/// Wide enough that nothing is refused for its number alone.
const TERMS: &str =
    "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 10000\nholds_open = 10000\n";

#[test]
fn no_loss_is_committed_unheld_and_look_alikes_pass() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SETUP);
    guarded.server.admin("shop", ORACLE);
    let python = Python::with(FOLDER, &PSYCOPG);
    let cases = guarded.holdpoint.state().join("cases.jsonl");
    std::fs::write(&cases, CASES).unwrap();
    let oracle = format!("postgres://postgres:postgres@127.0.0.1:{}/shop", guarded.server.port());
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", SCRIPT, &guarded.url(), &oracle])
        .arg(&cases)
        .arg(guarded.holdpoint.state().join("state.db"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}\n{}", guarded.gateway.said());
    let cases: Vec<Value> = CASES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len() * 5);
    let mut surprises = Vec::new();
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for answer in &answers {
        let case = &cases[usize::try_from(answer["case"].as_u64().unwrap()).unwrap()];
        *classes.entry(case["class"].as_str().unwrap().to_owned()).or_default() += 1;
        let (lost, codes) = (answer["lost"] == true, answer["codes"].as_array().unwrap());
        let fine = match case["expect"].as_str().unwrap() {
            "held" => !lost && !codes.is_empty(),
            _ => codes.is_empty(),
        };
        if !fine {
            surprises
                .push(format!("{} {}: lost={lost} {codes:?}", answer["way"], case["statements"]));
        }
    }
    assert!(
        surprises.is_empty(),
        "{} of {}\n{}",
        surprises.len(),
        answers.len(),
        surprises.join("\n")
    );
    // It was 42: a look-alike draws from it by each protocol, and nothing sets it.
    assert_eq!(guarded.server.admin("shop", "SELECT oracle.number()"), "47");
    until("the ledger is whole", || (guarded.holdpoint.verified() > 0).then_some(()));
    println!("{classes:?}");
}
