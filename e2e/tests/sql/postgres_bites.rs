//! Guards that stand alone: each case here comes out otherwise as soon as its guard is taken away.

use std::process::{Command, Output};

use e2e::{
    postgres::{Guarded, PASSWORD, ROLE},
    postgres_versions::major,
    python::Python,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const TERMS: &str = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 1000\n";

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE notes (id int PRIMARY KEY, text text);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO notes SELECT g, repeat('note', 2000) FROM generate_series(1, 20) g;";

/// Runs a script with psycopg: the gateway's URL, the server's own, the folder of the state, and
/// words of the test's.
fn python(guarded: &Guarded, script: &str, words: &str) -> String {
    let python = Python::with(FOLDER, &PSYCOPG);
    let direct = format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/shop", guarded.server.port());
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", python.packages())
        .args(["-c", script, &guarded.url(), &direct])
        .arg(guarded.holdpoint.state())
        .arg(words);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}{errors}{}", guarded.gateway.said());
    said.trim().to_owned()
}

fn rows(guarded: &Guarded, table: &str) -> String {
    guarded.server.admin("shop", &format!("SELECT count(*) FROM {table}"))
}

/// The rows of a cursor that outlives its transaction are computed while that commits: after every
/// count.
#[test]
fn a_cursor_that_outlives_its_transaction_is_refused() {
    let setup = format!(
        "{SHOP}
CREATE FUNCTION empties() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM notes; RETURN 1; END $$;
CREATE VIEW innocent AS SELECT empties() AS n;
CREATE FUNCTION declares() RETURNS int LANGUAGE plpgsql AS
 $$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT n FROM innocent'; RETURN 1; END $$;
CREATE VIEW as_innocent AS SELECT declares() AS n;"
    );
    for environment in ["production", "local"] {
        let guarded = Guarded::start(BINARY, environment, TERMS, &setup);
        for text in [
            "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT n FROM innocent; COMMIT",
            "SELECT n FROM as_innocent",
            "BEGIN; SELECT n FROM as_innocent; COMMIT",
            "BEGIN; INSERT INTO customers VALUES (101); SELECT n FROM as_innocent; COMMIT",
        ] {
            let said = guarded.run(text);
            // Before PostgreSQL 14, a look has a reading transaction of its own, whose end fails.
            let looks = major() < 14 && text.starts_with("SELECT");
            let says = if looks { "read-only transaction" } else { "WITH HOLD" };
            assert!(said.status != 0 && said.err.contains(says), "{text}: {}", said.err);
            assert_eq!(rows(&guarded, "notes"), "20", "{text}");
        }
        guarded.well("BEGIN; DECLARE c CURSOR FOR SELECT id FROM notes; FETCH 1 FROM c; COMMIT");
    }
}

/// Code that nobody sees may let the session write without a transaction that says so: then the
/// session ends, before anything is run in it.
#[test]
fn a_session_that_could_write_by_itself_ends() {
    let setup = format!(
        "{SHOP}
CREATE FUNCTION loosens() RETURNS int LANGUAGE plpgsql AS
 $$ BEGIN PERFORM set_config('default_transaction_' || 'read_only', 'off', false); RETURN 1; END $$;
CREATE VIEW opens AS SELECT loosens() AS n;
CREATE FUNCTION empties() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM notes; RETURN 1; END $$;
CREATE VIEW innocent AS SELECT empties() AS n;"
    );
    let guarded = Guarded::start(BINARY, "production", TERMS, &setup);
    let script = r#"
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    try:
        connection.execute("SELECT n FROM opens")
        connection.execute("SELECT n FROM innocent")
        print("committed")
    except psycopg.Error as error:
        print(error.sqlstate, str(error).split("\n")[0], connection.broken)
"#;
    let said = python(&guarded, script, "");
    // Before PostgreSQL 14, nobody is told: there, each look has a transaction in which nothing can
    // be written, and what writes is held.
    let (state, ends) = if major() >= 14 { ("42501", "True") } else { ("HP001", "False") };
    assert!(said.starts_with(state) && said.ends_with(ends), "{said}");
    assert_eq!(said.contains("decided statement by statement"), major() >= 14, "{said}");
    assert_eq!(rows(&guarded, "notes"), "20");
}

/// Deferred code that does the same, or fails, while a transaction ends whose rows are kept already:
/// nothing is committed, and nothing stays in the store.
#[test]
fn what_was_kept_for_a_transaction_that_came_to_nothing_is_erased() {
    let setup = format!(
        "{SHOP}
CREATE TABLE late (id int PRIMARY KEY);
CREATE FUNCTION loosens() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN PERFORM set_config('default_transaction_' || 'read_only', 'off', false); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
 FOR EACH ROW EXECUTE FUNCTION loosens();
CREATE TABLE fails (id int PRIMARY KEY);
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'at the very end'; END $$;
CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON fails DEFERRABLE INITIALLY DEFERRED
 FOR EACH ROW EXECUTE FUNCTION fails();
CREATE TABLE later (id int PRIMARY KEY);
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO fails VALUES (1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED
 FOR EACH ROW EXECUTE FUNCTION again();"
    );
    let guarded = Guarded::start(BINARY, "local", TERMS, &setup);
    let script = r#"
import os, sqlite3, sys, psycopg
url, _, state = sys.argv[1:4]
def kept():
    rows = sqlite3.connect(state + "/state.db", timeout=20).execute("SELECT id FROM payloads WHERE key IS NOT NULL").fetchall()
    folder = state + "/payloads"
    return len(rows), len(os.listdir(folder)) if os.path.isdir(folder) else 0
for table in sys.argv[4].split():
    # A few rows are held with what is said about them, many lie in a file of their own.
    for lost in ("customers", "notes"):
        with psycopg.connect(url, autocommit=True) as connection:
            before = kept()
            connection.execute("BEGIN")
            connection.execute(f"DELETE FROM {lost}")
            connection.execute(f"INSERT INTO {table} VALUES (1)")
            try:
                connection.execute("COMMIT")
                print(table, "committed")
            except psycopg.Error as error:
                said = "the end" if "at the very end" in str(error) else "a setting" if "a setting" in str(error) else str(error)
                print(table, lost, said, *before, *kept())
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute("DELETE FROM notes")
    print(*kept())
"#;
    // Before PostgreSQL 14 nobody is told of the setting, and nothing stands on it.
    let ends = [("late", "a setting"), ("later", "the end")];
    let ends = if major() >= 14 { &ends[..] } else { &ends[1..] };
    let tables: Vec<&str> = ends.iter().map(|(table, _)| *table).collect();
    let said = python(&guarded, script, &tables.join(" "));
    let lost = |(table, says): &(&str, &str)| {
        ["customers", "notes"].map(|it| format!("{table} {it} {says} 0 0 0 0"))
    };
    let expected: Vec<String> = ends.iter().flat_map(lost).chain(["2 1".to_owned()]).collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", guarded.gateway.said());
    assert_eq!((rows(&guarded, "customers"), rows(&guarded, "notes")), ("100".into(), "0".into()));
}

/// What the server cannot write down how it is made is not said to be saved, alone or beside
/// something else; nor is anything read, or run twice, for it.
#[test]
fn what_cannot_be_made_again_is_not_said_to_be_saved() {
    let setup = format!(
        "{SHOP}
CREATE SEQUENCE turns;
CREATE TYPE span AS RANGE (subtype = int);
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
CREATE COLLATION plain (LOCALE = 'C');
CREATE TABLE junk (id int PRIMARY KEY);"
    );
    let guarded = Guarded::start(BINARY, "development", TERMS, &setup);
    let there = "SELECT (SELECT count(*) FROM pg_type WHERE typname = 'span') || ' ' || \
        (SELECT count(*) FROM pg_proc WHERE proname = 'total') || ' ' || \
        (SELECT count(*) FROM pg_collation WHERE collname = 'plain') || ' ' || \
        (SELECT count(*) FROM pg_class WHERE relname = 'junk')";
    for text in [
        "DROP TYPE span",
        "DROP AGGREGATE total(int)",
        "DROP COLLATION plain",
        "BEGIN; SELECT nextval('turns'); DROP TABLE junk; DROP COLLATION plain; COMMIT",
    ] {
        let said = guarded.run(text);
        assert!(said.status != 0 && !said.err.contains("holdpoint undo"), "{text}: {}", said.err);
        assert_eq!(guarded.server.admin("shop", there), "1 1 1 1", "{text}");
    }
    assert_eq!(guarded.server.admin("shop", "SELECT last_value FROM turns"), "1");
}

/// Rows that a policy of the database's own hides wait for a human, who can release them; where it
/// hides them only by then, the release is refused.
#[test]
fn rows_that_a_policy_hides_wait_for_a_human() {
    let setup = format!(
        "{SHOP}
CREATE TABLE tenants (id int PRIMARY KEY, tenant text);
INSERT INTO tenants SELECT g, 't' || g % 2 FROM generate_series(1, 60) g;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (tenant = current_setting('app.tenant', true));"
    );
    let guarded = Guarded::start(BINARY, "production", TERMS, &setup);
    let said = guarded.run("SET app.tenant = 't1'; DELETE FROM tenants WHERE id = 1");
    assert!(said.err.contains("holdpoint approve"), "{}", said.err);
    guarded.approve(guarded.hold()["hold"].as_str().unwrap());
    assert_eq!(rows(&guarded, "tenants"), "59");
    let guarded = Guarded::start(BINARY, "local", TERMS, &setup);
    // Of what is in a table afterwards, an undo has to know all.
    let said = guarded.run(
        "BEGIN; TRUNCATE notes; INSERT INTO notes VALUES (1, 'x'), (21, 'y'); \
         ALTER TABLE notes ENABLE ROW LEVEL SECURITY; \
         ALTER TABLE notes FORCE ROW LEVEL SECURITY; COMMIT",
    );
    assert!(said.err.contains("a policy hides rows"), "{}", said.err);
    assert_eq!(rows(&guarded, "notes"), "20");
}

/// Rows that somebody else has brought in meanwhile are not taken for rows that are lost. Where
/// they cannot be told apart, the client hears it in the code by which clients try again.
#[test]
fn rows_of_somebody_else_are_not_kept_as_lost() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let script = r#"
import sys, psycopg
url, direct, _ = sys.argv[1:4]
connect = lambda url: psycopg.connect(url, autocommit=True)
with connect(url) as connection, connect(direct) as other, connect(direct) as third:
    def brings_in(id):
        other.execute(f"INSERT INTO customers VALUES ({id}, 'new')")
        other.execute("BEGIN")
        other.execute(f"SELECT * FROM customers WHERE id = {id} FOR UPDATE")
        other.execute("COMMIT")

    for id in ("1", "abs(-2)"):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute(f"DELETE FROM customers WHERE id = {id}")
        brings_in(1000 + len(id))
        connection.execute("COMMIT")
    # A mark that two share is nobody's.
    third.execute("BEGIN")
    third.execute("SELECT * FROM customers WHERE id = 3 FOR KEY SHARE")
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    connection.execute("UPDATE customers SET name = 'x' WHERE id = 3")
    brings_in(2000)
    connection.execute("COMMIT")
    third.execute("COMMIT")
    third.execute("BEGIN")
    third.execute("SELECT * FROM customers WHERE id = 4 FOR KEY SHARE")
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    connection.execute("UPDATE customers SET name = 'x' WHERE id = abs(-4)")
    brings_in(3000)
    try:
        connection.execute("COMMIT")
        print("committed")
    except psycopg.errors.SerializationFailure as error:
        print(error)
    connection.execute("ROLLBACK")
    third.execute("COMMIT")
    connection.execute("UPDATE customers SET name = 'x' WHERE id = abs(-4)")
"#;
    let said = python(&guarded, script, "");
    assert!(said.contains("while it was looked at"), "{said}");
    assert_eq!(rows(&guarded, "customers"), "102");
    let kept = guarded.payloads();
    assert_eq!(kept.len(), 4, "{kept:?}");
    for id in kept {
        let undone = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
        let tables = undone.json()["undone"]["tables"].clone();
        let put_back = |it: &serde_json::Value| it["inserted"] == 1 || it["updated"] == 1;
        assert!(tables.as_array().unwrap().iter().all(put_back), "{tables}");
    }
    assert_eq!(rows(&guarded, "customers"), "104");
    assert_eq!(rows(&guarded, "customers WHERE name = 'x'"), "0");
}

/// Code that nobody can see is not tried where nothing can be written: it might catch that it
/// failed, and the client would be told that all is well.
#[test]
fn code_that_catches_its_failure_is_no_look() {
    let setup = format!(
        "{SHOP}
CREATE FUNCTION careful(first int) RETURNS int LANGUAGE plpgsql AS
 $$ BEGIN DELETE FROM customers WHERE id >= first AND id < first + 20; RETURN 1;
    EXCEPTION WHEN OTHERS THEN RETURN 0; END $$;"
    );
    let guarded = Guarded::start(BINARY, "development", TERMS, &setup);
    let said = guarded.run("SELECT careful(1)");
    assert!(said.status == 0 && said.err.contains("kept the rows"), "{}", said.err);
    assert_eq!((said.out.trim(), rows(&guarded, "customers").as_str()), ("1", "80"));
    let script = r#"
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    with connection.pipeline():
        first = connection.execute("SELECT count(*) FROM customers", ())
        second = connection.execute("SELECT careful(%s)", (21,))
    print(first.fetchone()[0], second.fetchone()[0])
"#;
    assert_eq!(python(&guarded, script, ""), "80 1");
    assert_eq!(rows(&guarded, "customers"), "60");
}
