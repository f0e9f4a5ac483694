//! What migrations do is judged by what it takes from others, and not by how many rows of the
//! catalogue it touches: where there is a way back, none of it waits, and the way leads back.

use std::process::Command;

use e2e::{
    postgres::{Guarded, Said, kept, program},
    postgres_versions::major,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TERMS: &str = "[hold]\nwait_seconds = 0\n[refusals]\nremember_minutes = 1\n";

const SETUP: &str = include_str!("postgres_migrations/setup.sql");
/// What only adds, and behind a line of `---` what changes or drops something.
const STEPS: &str = include_str!("postgres_migrations/steps.sql");

fn guarded(environment: &str) -> Guarded {
    let guarded = Guarded::start(BINARY, environment, TERMS, SETUP);
    guarded.server.admin("shop", "CREATE ROLE web");
    guarded
}

fn steps(part: usize) -> impl Iterator<Item = &'static str> {
    let steps = STEPS.split("---").nth(part).unwrap().split("\n\n").map(str::trim);
    // Before PostgreSQL 15, the schema is not its database's owner's.
    steps.filter(|it| !it.is_empty() && (major() >= 15 || !it.starts_with("DROP SCHEMA public")))
}

/// Statements that write the rows of a table anew, with which PostgreSQL 13 drops a type.
fn writes_anew(step: &str) -> bool {
    let values = ["random", "clock_timestamp", "serial", "GENERATED"];
    step.contains("ADD COLUMN") && values.iter().any(|it| step.contains(it))
}

/// All that would make the database again, its rows and where its sequences stand among it.
fn everything(guarded: &Guarded) -> String {
    let output = Command::new(program("pg_dump"))
        .args(["-h", "127.0.0.1", "-p", &guarded.server.port().to_string()])
        .args(["-U", "postgres", "-d", "shop"])
        .env("PGPASSWORD", "postgres")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // Rows lie elsewhere once they are back, and newer versions speak of a key of their own.
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('\\')).collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn surprise(step: &str, said: &Said) -> Option<String> {
    (said.status != 0).then(|| format!("{step}\n  {}", said.err.trim()))
}

#[test]
fn what_only_adds_passes_in_production() {
    let guarded = guarded("production");
    let steps = steps(0).filter(|step| major() > 13 || !writes_anew(step));
    let surprises: Vec<String> =
        steps.filter_map(|step| surprise(step, &guarded.run(step))).collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(guarded.holdpoint.verified() > 0);
}

/// What is dropped in development is not held, and comes back as it was.
#[test]
fn what_changes_or_drops_passes_in_development_and_can_be_undone() {
    let guarded = guarded("development");
    // Where the machine's own tool is older than the server, it describes nothing.
    let describes = major() <= 15;
    let mut surprises: Vec<String> =
        steps(0).filter_map(|step| surprise(step, &guarded.run(step))).collect();
    let mut undone = 0;
    for step in steps(1).filter(|step| describes || !step.starts_with("DROP")) {
        let was = describes.then(|| everything(&guarded));
        let said = guarded.run(step);
        surprises.extend(surprise(step, &said));
        // Rows that have lost a column are put beside their table.
        let Some(was) = was.filter(|_| said.err.contains("holdpoint undo")) else { continue };
        if step.contains("COLUMN") {
            continue;
        }
        let called = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes"]);
        let is = everything(&guarded);
        // It says what it makes again, where no rows are lost.
        let said = called.stdout.contains("again: ") || called.stdout.contains(" back, ");
        if called.status != 0 || is != was || !said {
            let (out, err) = (&called.stdout, &called.stderr);
            surprises.push(format!("{step}\n  {out}{err}{}", difference(&was, &is)));
        }
        undone += 1;
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(undone >= 15 || !describes, "{undone}");
    assert!(guarded.holdpoint.verified() > 0);
}

/// A table that is emptied loses nothing if it was empty already, for everybody and as a whole.
#[test]
fn only_what_is_surely_empty_is_emptied_in_production() {
    let setup = "CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE bare (id int);
CREATE TABLE numbered (id serial);
SELECT setval('numbered_id_seq', 20);
CREATE TABLE full_one (id int PRIMARY KEY);
INSERT INTO full_one SELECT generate_series(1, 20);
CREATE TABLE parent (id int);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT generate_series(1, 20);
CREATE TABLE hidden (id int);
INSERT INTO hidden SELECT generate_series(1, 20);
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON hidden USING (false);
CREATE TABLE parts (id int) PARTITION BY LIST (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
INSERT INTO part_1 SELECT 1 FROM generate_series(1, 20);
CREATE FUNCTION empties() RETURNS int LANGUAGE plpgsql AS $$ BEGIN TRUNCATE full_one; RETURN 1; END $$;
CREATE FUNCTION moves() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
 ALTER TABLE full_one RENAME TO x; ALTER TABLE empty RENAME TO full_one; ALTER TABLE x RENAME TO empty;
 TRUNCATE empty; RETURN 1; END $$;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    for text in [
        "TRUNCATE empty",
        "TRUNCATE bare RESTART IDENTITY",
        "ALTER TABLE empty ADD COLUMN n serial",
        "BEGIN; CREATE TABLE fresh (id serial); TRUNCATE fresh RESTART IDENTITY; COMMIT",
    ] {
        guarded.well(text);
    }
    // There is nothing in it; but its next number would be one that was given before.
    let said = guarded.run("TRUNCATE numbered RESTART IDENTITY");
    assert!(said.err.contains("postgres:restart_sequence"), "{}", said.err);
    assert_eq!(guarded.server.admin("shop", "SELECT last_value FROM numbered_id_seq"), "20");
    guarded.well("TRUNCATE numbered");
    for (text, table) in [
        ("TRUNCATE full_one", "full_one"),
        ("TRUNCATE empty, full_one", "full_one"),
        ("TRUNCATE parent", "child"),
        ("TRUNCATE hidden", "hidden"),
        ("TRUNCATE parts", "parts"),
        ("TRUNCATE empty; SELECT empties()", "full_one"),
        ("SELECT moves()", "full_one"),
    ] {
        let said = guarded.run(text);
        assert!(said.status != 0 && said.err.contains("Holdpoint"), "{text}: {}", said.err);
        let count = guarded.server.admin("shop", &format!("SELECT count(*) FROM {table}"));
        assert_eq!(count, "20", "{text}");
    }
}

/// What somebody made in its place since stays as it is, and nothing is changed.
#[test]
fn what_is_there_again_is_not_overwritten() {
    let setup = "CREATE TYPE mood AS ENUM ('sad');
CREATE TABLE numbered (id serial PRIMARY KEY, text text);
INSERT INTO numbered (text) SELECT 'old' FROM generate_series(1, 20);";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    for (text, since, there, expect) in [
        (
            "DROP TYPE mood",
            "CREATE TYPE mood AS ENUM ('new')",
            "SELECT enum_range(NULL::mood)",
            "{new}",
        ),
        (
            "TRUNCATE numbered RESTART IDENTITY",
            "INSERT INTO numbered (text) VALUES ('new')",
            "SELECT string_agg(text, ',') || max(id) FROM numbered",
            "new1",
        ),
    ] {
        let said = guarded.run(text);
        guarded.server.app(since);
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes"]);
        assert_ne!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(guarded.server.app(there), expect, "{text}");
    }
}

fn difference(was: &str, is: &str) -> String {
    let only = |one: &str, other: &str, sign: &str| -> String {
        let missing = one.lines().filter(|line| !other.lines().any(|it| it == *line));
        missing.map(|line| format!("  {sign} {line}\n")).collect()
    };
    only(was, is, "-") + &only(is, was, "+")
}
