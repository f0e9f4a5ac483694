//! SQL statements: what is lost is stopped however it is spelled, and honest work passes.

use e2e::{
    episodes::{example, explain, read, surprises},
    holdpoint::Holdpoint,
};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

#[test]
fn statements_are_judged_as_they_say() {
    let path = example("episodes/sql.jsonl");
    let surprises = surprises(&Holdpoint::new(BINARY), &path);
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(read(&path).len() >= 100);
}

/// The environment of a database: a human's word, then its address; names make it stricter.
#[test]
fn where_a_database_is() {
    let rows = [
        (json!("postgres://u:p@localhost/app"), "local"),
        (json!("postgres://u:p@127.0.0.1:5433/app"), "local"),
        (json!("postgres://u:p@[::1]:5433/app"), "local"),
        (json!("postgres:///app?host=/var/run/postgresql"), "local"),
        (json!("postgres:///app?host=%2Fcloudsql%2Fp:r:i"), "unknown"),
        (json!("postgres:///app"), "unknown"),
        (json!("postgres://localhost/app?host=db.example.com"), "unknown"),
        (json!("postgres://localhost,db.example.com/app"), "unknown"),
        (json!("postgres://localhost/app?service=prod"), "unknown"),
        (json!("postgres://localhost/app_production"), "production"),
        (json!("postgres://localhost/app_staging"), "staging"),
        (json!("postgres://db.prod.example.com/app"), "production"),
        (json!("postgres://localhost@db.example.com/app"), "unknown"),
        (json!("postgres://localhost.example.com/app"), "unknown"),
        (json!("postgres://db.staging.example/app"), "staging"),
        (json!("postgres:db.listed.example/app"), "development"),
        (json!("postgres://x@db.listed.example:5432/app"), "development"),
        (json!("postgres://x@db.listed.example:6432/app"), "unknown"),
        (json!("postgres://x@localhost/tunnel"), "production"),
        (json!("postgres://x@shared.example/anything"), "staging"),
        (json!("app"), "unknown"),
        (json!("localhost"), "unknown"),
        (json!("app-local"), "unknown"),
        (json!("app-dev"), "unknown"),
        (json!("app-prod"), "production"),
        (json!("app-listed"), "staging"),
        (json!(null), "unknown"),
    ];
    let episode = |(target, _): &(serde_json::Value, &str)| {
        json!({
            "id": target,
            "operations": [{"kind": "sql", "target": target, "statement": "DELETE FROM users"}],
            "inventory": [
                {"resource": "postgres:db.listed.example/app", "environment": "development"},
                {"resource": "postgres:localhost/tunnel", "environment": "production"},
                {"resource": "app-listed", "environment": "staging"},
            ],
            "hosts": [
                {"host": "shared.example", "speaks": "service", "environment": "staging"},
                {"host": "db.staging.example", "speaks": "service", "environment": "development"},
            ],
        })
    };
    let mut episodes: Vec<_> = rows.iter().map(episode).collect();
    for (at, episode) in episodes.iter_mut().enumerate() {
        episode["id"] = json!(at.to_string());
    }
    let answers = explain(&Holdpoint::new(BINARY), &episodes);
    for ((target, expect), answer) in rows.iter().zip(&answers) {
        assert_eq!(answer["operations"][0]["environment"], *expect, "{target}: {answer}");
    }
}

/// What is in a database's URL beside its name is nobody's business.
#[test]
fn a_password_is_in_no_answer() {
    let episode = json!({
        "id": "password",
        "operations": [{"kind": "sql", "target": "postgres://u:s3cret@db.example.com/app",
                        "statement": "SELECT * FROM users"}],
    });
    let answers = explain(&Holdpoint::new(BINARY), &[episode]);
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    let meaning = &answer["operations"][0]["meanings"][0];
    assert_eq!(meaning["resource"], "postgres:db.example.com/app/public.users");
    assert!(!answer.to_string().contains("s3cret"));
}
