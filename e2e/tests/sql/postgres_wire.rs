//! Messages that no driver sends, and beginnings that would change how statements are read: none
//! commits a loss, and each is answered in PostgreSQL's own words.

use std::process::Command;

use e2e::{postgres::Guarded, python::Python};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const SETUP: &str = include_str!("postgres_evasions/setup.sql");
const ORACLE: &str = include_str!("postgres_evasions/oracle.sql");
const RAW: &str = include_str!("postgres_wire/raw.py");
const TERMS: &str = "[hold]\nwait_seconds = 0\n[refusals]\nremember_minutes = 1\n";

/// Each trick, and what the server's end has said to it: errors by their code.
const TRICKS: &[(&str, &[&str])] = &[
    ("prepared_long_before", &["HP001"]),
    ("row_limit", &["HP001"]),
    ("two_syncs", &["HP001"]),
    ("flush_without_sync", &["DELETE 60", "HP001"]),
    ("commit_in_a_pipeline", &["BEGIN", "DELETE 60", "HP001"]),
    ("several_in_one_parse", &["42501"]),
    ("a_name_of_ours", &["PREPARE", "26000", "26000"]),
    ("a_portal_of_ours", &["HP001"]),
    ("bound_before_another", &["SELECT 1", "HP001"]),
    ("nothing_is_run", &["SELECT 1"]),
    ("a_call", &["42501"]),
    ("a_call_in_a_transaction", &["BEGIN", "42501", "ROLLBACK"]),
    ("a_call_that_unlinks", &["BEGIN", "42501"]),
    ("a_call_that_looks", &["BEGIN", "COMMIT"]),
    ("a_call_outside", &["42501"]),
    ("an_unknown_message", &["08P01", "gone"]),
    ("a_login_later", &["08P01", "gone"]),
    ("a_length_that_lies", &["08P01", "gone"]),
    ("a_text_with_a_hidden_end", &["08P01", "gone"]),
    ("no_utf8", &["08P01", "gone"]),
    ("{\"replication\": \"true\"}", &["0A000"]),
    ("{\"replication\": \"database\"}", &["0A000"]),
    ("{\"options\": \"-c standard_conforming_strings=off\"}", &["0A000"]),
    ("{\"options\": \"-c default_transaction_read_only=off\"}", &["0A000"]),
    ("{\"standard_conforming_strings\": \"off\"}", &["0A000"]),
    ("{\"client_encoding\": \"SJIS\"}", &["0A000"]),
    ("{\"session_replication_role\": \"replica\"}", &["0A000"]),
    ("{\"default_transaction_read_only\": \"off\"}", &["0A000"]),
    ("{\"user\": \"postgres\"}", &["28000"]),
    ("{\"database\": \"postgres\"}", &["3D000"]),
    ("{\"role\": \"postgres\"}", &["0A000"]),
    ("{\"version\": 131072}", &["0A000"]),
    ("{\"version\": 196609}", &["0A000"]),
    (
        "{\"application_name\": \"x\", \"client_encoding\": \"UTF8\", \"search_path\": \"public\"}",
        &[],
    ),
    ("{\"version\": 196610}", &[]),
];

#[test]
fn no_message_commits_a_loss_unheld() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SETUP);
    guarded.server.admin("shop", ORACLE);
    let python = Python::with(FOLDER, &PSYCOPG);
    let oracle = format!("postgres://postgres:postgres@127.0.0.1:{}/shop", guarded.server.port());
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", RAW, &guarded.port().to_string(), &guarded.phantom, &oracle])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}\n{}", guarded.gateway.said());
    let said = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), TRICKS.len());
    for (answer, (trick, heard)) in answers.iter().zip(TRICKS) {
        assert_eq!(answer["trick"], *trick);
        assert_eq!(answer["lost"], false, "{answer}");
        assert_eq!(answer["heard"], serde_json::json!(heard), "{answer}");
    }
}

/// A client whose gateway stops hears so, as from a server that is shut down.
#[test]
fn a_session_that_is_ended_is_told_so() {
    let guarded = Guarded::start(BINARY, "local", TERMS, SETUP);
    let script = r#"
import os, signal, sys, psycopg
connection = psycopg.connect(sys.argv[1], autocommit=True)
connection.execute("SELECT 1")
os.kill(int(sys.argv[2]), signal.SIGTERM)
try:
    while True:
        connection.execute("SELECT pg_sleep(0.05)")
except psycopg.Error as error:
    print(error)
"#;
    let python = Python::with(FOLDER, &PSYCOPG);
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", script, &guarded.url(), &guarded.gateway.pid().to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("ended by Holdpoint: the gateway stops"), "{said}{errors}");
}

/// A trigger talks while rows are copied in, before the first of them and after each: they are
/// copied to their end all the same, and the client hears it.
#[test]
fn a_copy_goes_on_beside_what_a_trigger_says() {
    let setup = "\
CREATE TABLE chatty (id int PRIMARY KEY, text text);
CREATE FUNCTION talks() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN RAISE NOTICE 'here % %', TG_LEVEL, TG_WHEN; RETURN NEW; END $$;
CREATE TRIGGER once BEFORE INSERT ON chatty EXECUTE FUNCTION talks();
CREATE TRIGGER each BEFORE INSERT ON chatty FOR EACH ROW EXECUTE FUNCTION talks();";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    for (first, begin, end) in [(1, "", ""), (1001, "BEGIN", "COMMIT")] {
        let rows: String = (first..first + 500).map(|id| format!("{id}\ttext\n")).collect();
        let copy = format!("\\copy chatty from '{}'", guarded.server.file("rows", &rows));
        let said = guarded.psql(&["-c", begin, "-c", &copy, "-c", end]);
        assert_eq!(said.status, 0, "{}", said.err);
        assert!(said.err.contains("here STATEMENT BEFORE"), "{}", said.err);
        assert_eq!(said.err.matches("here ROW BEFORE").count(), 500, "{}", said.err);
    }
    assert_eq!(guarded.server.app("SELECT count(*) FROM chatty"), "1000");
}
