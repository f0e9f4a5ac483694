//! What is said to be kept is kept, and can be put back; of what cannot, nothing is said.

use std::time::Duration;

use e2e::{
    holdpoint::until,
    postgres::{Guarded, ROLE, kept},
    postgres_versions::{is_described, major},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TERMS: &str = "[hold]\nwait_seconds = 0\n";

/// Runs what has to come to nothing, and of which nothing is said to be kept.
fn stopped(guarded: &Guarded, text: &str) {
    let said = guarded.run(text);
    let alone = !said.err.contains("refused_before") && !said.err.contains("holdpoint undo");
    assert!(said.status != 0 && alone, "{text}: {}", said.err);
}

/// Whatever a text calls a table, the one that loses a column is kept with all of them.
#[test]
fn the_table_that_loses_a_column_is_kept_by_whatever_name() {
    let setup = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id int PRIMARY KEY, name text, email text, town text);
INSERT INTO app.users SELECT g, 'n' || g, 'e' || g, 't' || g FROM generate_series(1, 50) g;
CREATE TABLE public.users (id int PRIMARY KEY, email text);
INSERT INTO public.users VALUES (1, 'decoy');";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let (same, beside) = ("(SELECT id, name, email, town FROM app.users)", "");
    for (text, table, back) in [
        (
            "SET search_path = app; BEGIN; ALTER TABLE users DROP COLUMN email; COMMIT",
            "app.users",
            same,
        ),
        (
            "BEGIN; ALTER TABLE app.users RENAME TO people; \
             ALTER TABLE app.people DROP COLUMN name; COMMIT",
            "app.users",
            beside,
        ),
        (
            "ALTER TABLE app.people ALTER COLUMN town TYPE varchar(1) USING left(town, 1)",
            "app.people",
            beside,
        ),
    ] {
        let sum = guarded.server.checksum(table);
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        let json = undone.json();
        let place = json["undone"]["tables"][0]["beside"].as_str().unwrap_or_default();
        assert_eq!(place.is_empty(), back == same, "{text}: {json}");
        let place = if place.is_empty() { back } else { place };
        assert_eq!(guarded.server.checksum(place), sum, "{text}");
    }
    assert_eq!(guarded.server.app("SELECT email FROM public.users"), "decoy");
}

/// A table that stays, but with other rows: what was computed anew, or emptied and filled again, is
/// as it was. Where no key tells which row is which, the rows are put beside it.
#[test]
fn rows_that_were_computed_anew_are_as_they_were() {
    let setup = "\
CREATE TABLE notes (id int PRIMARY KEY, text text, size int);
INSERT INTO notes SELECT g, 'Note ' || g, g FROM generate_series(1, 50) g;
CREATE TABLE keyless (text text);
INSERT INTO keyless SELECT 'k' || g FROM generate_series(1, 50) g;";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let sum = guarded.server.checksum("notes");
    for text in [
        "ALTER TABLE notes ALTER COLUMN text TYPE text USING upper(text)",
        "ALTER TABLE notes ALTER text TYPE text USING '', ALTER size TYPE int USING -size",
        "BEGIN; TRUNCATE notes; INSERT INTO notes VALUES (1, 'other', 1), (77, 'new', 7); COMMIT",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE notes ALTER text TYPE text USING md5(text)'; END $$",
    ] {
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        assert_ne!(guarded.server.checksum("notes"), sum, "{text}");
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(guarded.server.checksum("notes"), sum, "{text}");
    }
    let sum = guarded.server.checksum("keyless");
    let said = guarded.run("ALTER TABLE keyless ALTER COLUMN text TYPE text USING left(text, 1)");
    let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    let json = undone.json();
    let beside = json["undone"]["tables"][0]["beside"].as_str().unwrap();
    assert_eq!(guarded.server.checksum(beside), sum);
    // A column that is new in the same transaction is not lost: the rest of its rows is.
    let said = guarded.run(
        "BEGIN; ALTER TABLE notes ADD COLUMN more int; DELETE FROM notes WHERE id < 25; COMMIT",
    );
    assert_eq!(said.status, 0, "{}", said.err);
    let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    assert_eq!(guarded.server.app("SELECT count(*), sum(size) FROM notes"), "50|1275");
}

/// What goes with a dropped table is made again with it; what is dropped beside it is not.
#[test]
fn what_is_dropped_beside_a_table_does_not_pass_as_part_of_it() {
    let setup = "\
CREATE TABLE junk (id serial PRIMARY KEY, at int DEFAULT 7) PARTITION BY RANGE (id);
CREATE TABLE junk_1 PARTITION OF junk FOR VALUES FROM (0) TO (1000);
CREATE INDEX ON junk (at);
CREATE STATISTICS both_of ON id, at FROM junk_1;
INSERT INTO junk SELECT g FROM generate_series(1, 20) g;
CREATE TABLE accounts (id int PRIMARY KEY, total int DEFAULT 5);
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON accounts USING (true);
CREATE AGGREGATE whole(int) (SFUNC = int4pl, STYPE = int);
CREATE TYPE span AS RANGE (subtype = int);
CREATE COLLATION plain (LOCALE = 'C');";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    if is_described() {
        let sum = guarded.server.checksum("junk");
        let said = guarded.run("DROP TABLE junk");
        assert_eq!(said.status, 0, "{}", said.err);
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
        assert_eq!(guarded.server.checksum("junk"), sum);
    }
    // Each with a table of its own: what was refused once is held for that alone.
    for (number, text) in ["DROP AGGREGATE whole(int)", "DROP TYPE span", "DROP COLLATION plain"]
        .into_iter()
        .enumerate()
    {
        guarded.server.app(&format!("CREATE TABLE junk{number} AS SELECT 1"));
        stopped(&guarded, &format!("BEGIN; DROP TABLE junk{number}; {text}; COMMIT"));
    }
}

/// Whoever has changed a row that is to be put back, but not committed yet, is waited for.
#[test]
fn an_undo_does_not_overwrite_what_is_committed_while_it_looks() {
    let setup = "CREATE TABLE notes (id int PRIMARY KEY, text text);
INSERT INTO notes SELECT g, 'as it was' FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    let said = guarded.run("UPDATE notes SET text = 'changed' WHERE id = 7");
    assert_eq!(said.status, 0, "{}", said.err);
    let asleep = || {
        let text = "SELECT count(*) FROM pg_locks WHERE relation = 'notes'::regclass \
                    AND mode = 'RowExclusiveLock' AND granted";
        guarded.server.admin("shop", text) != "0"
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            guarded.server.app(
                "BEGIN; UPDATE notes SET text = 'by another' WHERE id = 7; \
                 SELECT pg_sleep(4); COMMIT",
            )
        });
        until("another one has changed it", || asleep().then_some(()));
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 1, "{} {}", undone.stdout, undone.stderr);
        assert_eq!(undone.json()["undone"]["tables"][0]["changed_since"], 1);
    });
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(guarded.server.app("SELECT text FROM notes WHERE id = 7"), "by another");
}

/// A transaction may see more than the session that saves its rows: then they are not saved.
#[test]
fn rows_that_a_policy_hides_from_whoever_keeps_them_are_not_said_to_be_kept() {
    let guarded = Guarded::start(BINARY, "development", TERMS, "");
    guarded.server.admin(
        "shop",
        &format!(
            "CREATE ROLE boss; GRANT boss TO {ROLE}; ALTER ROLE {ROLE} NOINHERIT;
             CREATE TABLE tenants (id int PRIMARY KEY, name text);
             INSERT INTO tenants SELECT g, 'x' FROM generate_series(1, 60) g;
             ALTER TABLE tenants OWNER TO boss; GRANT ALL ON tenants TO {ROLE};
             ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
             CREATE POLICY late ON tenants USING (id > 50)"
        ),
    );
    stopped(&guarded, "SET ROLE boss; DELETE FROM tenants WHERE id < 10");
    assert_eq!(guarded.server.admin("shop", "SELECT count(*) FROM tenants"), "60");
}

/// Rows that were read for what is then held, or by a gateway that died, take no room.
#[test]
fn what_was_read_for_nothing_is_erased() {
    let setup = "CREATE TABLE big (id int PRIMARY KEY, text text);
INSERT INTO big SELECT g, repeat('x', 1000) FROM generate_series(1, 500) g;";
    let mut guarded = Guarded::start(BINARY, "production", TERMS, setup);
    let folder = guarded.holdpoint.state().join("payloads");
    let files = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    let sum = guarded.server.checksum("big");
    stopped(&guarded, "TRUNCATE big");
    assert_eq!(files(), 0);
    let id = guarded.hold()["hold"].as_str().unwrap().to_owned();
    guarded.approve(&id);
    assert_eq!((files(), guarded.server.app("SELECT count(*) FROM big")), (1, "0".to_owned()));
    std::fs::write(folder.join("p-left"), b"by a gateway that died").unwrap();
    guarded.restart();
    assert_eq!(files(), 1);
    let undone = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    assert_eq!(guarded.server.checksum("big"), sum);
}

/// Nobody can tell whether rows without a key are back already: they are put back once.
#[test]
fn rows_without_a_key_are_put_back_once() {
    let setup = "CREATE TABLE log (at int, text text); \
        INSERT INTO log SELECT g % 3, 'x' FROM generate_series(1, 30) g";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let before = guarded.server.checksum("log");
    let said = guarded.run("DELETE FROM log WHERE at > 0");
    let id = kept(&said.err);
    let undone = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    assert_eq!(guarded.server.checksum("log"), before);
    let again = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
    assert_ne!(again.status, 0, "{}", again.stdout);
    assert!(again.stderr.contains("put back before"), "{}", again.stderr);
    assert_eq!(guarded.server.checksum("log"), before);
}

/// Names that are changed in the same transaction do not lead whoever keeps its rows to others.
#[test]
fn rows_are_kept_of_the_table_that_loses_them_whatever_it_is_called_by_then() {
    let setup = "\
CREATE SCHEMA old; CREATE SCHEMA new;
CREATE TABLE old.users (id int PRIMARY KEY, name text);
CREATE TABLE new.users (id int PRIMARY KEY, name text);
INSERT INTO old.users SELECT g, 'old ' || g FROM generate_series(1, 50) g;
INSERT INTO new.users SELECT g, 'new ' || g FROM generate_series(1, 50) g;
CREATE TABLE here (id int PRIMARY KEY, name text);
CREATE TABLE there (id int PRIMARY KEY, name text);
INSERT INTO here SELECT g, 'here ' || g FROM generate_series(1, 50) g;
INSERT INTO there SELECT g, 'there ' || g FROM generate_series(1, 50) g;
CREATE TABLE people (id int PRIMARY KEY, name text);
INSERT INTO people SELECT g, 'n' || g FROM generate_series(1, 50) g;";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    for (text, before, after) in [
        (
            "ALTER SCHEMA old RENAME TO x; ALTER SCHEMA new RENAME TO old; \
             ALTER SCHEMA x RENAME TO new; DELETE FROM new.users WHERE id < 40",
            "old.users",
            "new.users",
        ),
        (
            "ALTER TABLE here RENAME TO x; ALTER TABLE there RENAME TO here; \
             ALTER TABLE x RENAME TO there; DELETE FROM there WHERE id < 40",
            "here",
            "there",
        ),
        ("ALTER TABLE people RENAME TO users; DELETE FROM users WHERE id > 3", "people", "users"),
        ("ALTER TABLE users SET SCHEMA old; DELETE FROM old.users WHERE id > 3", "users", "x"),
    ] {
        if after == "x" {
            guarded.server.app("DROP TABLE old.users");
        }
        let after = if after == "x" { "old.users" } else { after };
        let sum = guarded.server.checksum(before);
        let said = guarded.run(&format!("BEGIN; {text}; COMMIT"));
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        assert_ne!(guarded.server.checksum(after), sum, "{text}");
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(guarded.server.checksum(after), sum, "{text}");
    }
}

/// What hides in a new column and writes another table anew, which the same texts name as well, does
/// not pass as that; whose rows are all there is told of no loss.
#[test]
fn what_is_written_anew_beside_a_new_column_is_kept() {
    let setup = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;
CREATE TABLE notes (id int PRIMARY KEY);
INSERT INTO notes SELECT generate_series(1, 50);
CREATE FUNCTION spoils(int) RETURNS boolean LANGUAGE plpgsql AS
 $$ BEGIN ALTER TABLE users ALTER name TYPE text USING 'spoilt'; RETURN true; END $$;
CREATE DOMAIN spoiling AS int CHECK (spoils(VALUE));";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let rows = "SELECT string_agg(name, ',' ORDER BY id) FROM users";
    let before = guarded.server.app(rows);
    let said = guarded.run(
        "BEGIN; ALTER TABLE notes ADD COLUMN a spoiling DEFAULT 1; \
         ALTER TABLE users ADD COLUMN b int; COMMIT",
    );
    assert_eq!(said.status, 0, "{}", said.err);
    assert_ne!(guarded.server.app(rows), before);
    let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    assert_eq!(guarded.server.app(rows), before);
    let said = guarded.run("ALTER TABLE users ADD COLUMN c uuid DEFAULT gen_random_uuid()");
    // PostgreSQL 13 drops a type of its own with the old rows.
    let kept = major() == 13;
    assert!(said.status == 0 && said.err.contains("kept") == kept, "{}", said.err);
    assert_eq!(guarded.server.app(rows), before);
}

/// Migrations that lose nothing pass: a table that is written anew keeps its rows, and what is in a
/// new one was nobody else's.
#[test]
fn what_a_migration_makes_and_fills_is_no_loss() {
    let setup = "CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    // PostgreSQL 13 drops a type of its own with the old rows, which nobody tells from another's.
    if major() > 13 {
        guarded.well("ALTER TABLE users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()");
        guarded.well("ALTER TABLE users ADD COLUMN seen timestamptz DEFAULT clock_timestamp()");
    }
    guarded.well(
        "BEGIN; CREATE TABLE roles (id serial PRIMARY KEY, name text); \
         INSERT INTO roles (name) SELECT 'r' || g FROM generate_series(1, 50) g; \
         UPDATE roles SET name = upper(name); DELETE FROM roles WHERE id > 30; COMMIT",
    );
    stopped(&guarded, "UPDATE roles SET name = ''");
}
