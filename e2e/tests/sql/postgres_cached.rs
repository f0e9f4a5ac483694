//! What is remembered of a statement, or of a role, is what would be found anew: whatever is made
//! or replaced between two runs of the same text, the second is judged by what is there then.

use std::process::Command;

use e2e::{postgres::Guarded, python::Python};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const TERMS: &str = "[hold]\nwait_seconds = 0\n[refusals]\nremember_minutes = 1\n\
    [limits]\nholds_open_each = 10000\nholds_open = 10000\n";

const SETUP: &str = "\
CREATE TABLE victims (id int PRIMARY KEY);
CREATE TABLE work (id int PRIMARY KEY, a int);
INSERT INTO victims SELECT generate_series(1, 60);
INSERT INTO work SELECT g, g FROM generate_series(1, 20) g;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION stays() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW v AS SELECT 1 AS n;
CREATE FUNCTION purge(int) RETURNS int LANGUAGE sql AS 'DELETE FROM victims; SELECT $1';
CREATE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM victims; RETURN NEW; END $$;
CREATE SCHEMA evil;
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'DELETE FROM public.victims; SELECT $1';
CREATE DOMAIN d AS int;
CREATE SEQUENCE s;
CREATE FUNCTION unlink() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN lo_unlink(4242); END $$;
CREATE VIEW unlinking AS SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) THEN unlink() END AS n;
CREATE TABLE path (id int PRIMARY KEY);
INSERT INTO path SELECT generate_series(1, 60);
CREATE TABLE evil.path (id int PRIMARY KEY);
INSERT INTO evil.path VALUES (1);";

/// Each case: the text that is run twice in one session, by both protocols; what is done between,
/// past the gateway (`!`) or in the session itself; and whether the second run loses something.
const SCRIPT: &str = r#"
import json, sqlite3, sys, time, psycopg
url, direct, super_, store = sys.argv[1:5]
store = sqlite3.connect(store, isolation_level=None, timeout=20)
owner = psycopg.connect(direct, autocommit=True)
admin = psycopg.connect(super_, autocommit=True)

def state():
    rows = "SELECT (SELECT count(*) FROM victims), (SELECT count(*) FROM path), " \
           "(SELECT count(*) FROM pg_largeobject_metadata)"
    return admin.execute(rows).fetchone()

CASES = [
    ("SELECT f()", "!CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT purge(1)'", True),
    ("SELECT stays()", "!CREATE OR REPLACE FUNCTION stays() RETURNS int LANGUAGE sql AS 'SELECT 2'", False),
    ("SELECT n FROM v", "!CREATE OR REPLACE VIEW v AS SELECT purge(1) AS n", True),
    ("INSERT INTO work VALUES (100, 1) ON CONFLICT DO NOTHING",
     "!DELETE FROM work WHERE id = 100; CREATE TRIGGER t AFTER INSERT ON work FOR EACH ROW EXECUTE FUNCTION on_insert()", True),
    ("UPDATE work SET a = 1 WHERE id = 1", "!CREATE RULE r AS ON UPDATE TO work DO ALSO DELETE FROM victims", True),
    ("SELECT lower('X')", "!CREATE OR REPLACE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'", False),
    ("SELECT lower('X'::text)", "SET search_path = evil, pg_catalog, public", True),
    ("DELETE FROM path WHERE id > 1", "SET search_path = public", True),
    ("SELECT 1::d", "!ALTER DOMAIN d ADD CHECK (purge(VALUE) > 0)", True),
    ("SELECT n FROM unlinking", "!SELECT lo_from_bytea(4242, 'large')", True),
    ("SELECT count(*) FROM work", "!ALTER TABLE work RENAME TO w2; CREATE VIEW work AS SELECT purge(1) AS id, 2 AS a", True),
    ("SELECT count(*) FROM pg_class", "SET search_path = evil", False),
]

def reset():
    # Each case by itself: what was refused before makes the same aim wait.
    store.execute("DELETE FROM refusals")
    owner.execute("""
        INSERT INTO victims SELECT generate_series(1, 60) ON CONFLICT DO NOTHING;
        INSERT INTO path SELECT generate_series(1, 60) ON CONFLICT DO NOTHING;
        CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE OR REPLACE VIEW v AS SELECT 1 AS n;
        DROP RULE IF EXISTS r ON work; DROP TRIGGER IF EXISTS t ON work; DROP FUNCTION IF EXISTS public.lower(text);
        DELETE FROM work WHERE id = 100;
        SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
        DROP DOMAIN d; CREATE DOMAIN d AS int""")

def by(connection, extended, text):
    try:
        if extended:
            connection.execute(text.encode(), (), prepare=True)
        else:
            connection.cursor().execute(text.encode())
        return None
    except psycopg.Error as error:
        return error.sqlstate or str(error)

for text, change, loses in CASES:
    for extended in (False, True):
        for waits in (1.2, 0):
            # What others do past the gateway is known after a second; what it does itself, at once.
            if not change.startswith("!") and waits:
                continue
            reset()
            with psycopg.connect(url, autocommit=True) as connection:
                if text.startswith("DELETE"):
                    connection.execute("SET search_path = evil")
                first = by(connection, extended, text)
                if not change.startswith("!"):
                    connection.execute(change)
                elif waits:
                    owner.execute(change[1:])
                    time.sleep(waits)
                else:
                    with psycopg.connect(url, autocommit=True) as other:
                        if by(other, False, change[1:]):
                            print(json.dumps({"skipped": change})); reset(); continue
                store.execute("DELETE FROM refusals")
                before = state()
                second = by(connection, extended, text)
            print(json.dumps({"text": text, "extended": extended, "waits": waits, "loses": loses, "first": first,
                              "second": second, "lost": before != state()}), flush=True)
            if "w2" in change:
                owner.execute("DROP VIEW work; ALTER TABLE w2 RENAME TO work")
"#;

#[test]
fn what_is_remembered_is_what_would_be_found_anew() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SETUP);
    let python = Python::with(FOLDER, &PSYCOPG);
    let port = guarded.server.port();
    let output = Command::new("python3")
        .env("PYTHONPATH", python.packages())
        .args(["-c", SCRIPT, &guarded.url()])
        .arg(format!(
            "postgres://{}:{}@127.0.0.1:{port}/shop",
            e2e::postgres::ROLE,
            e2e::postgres::PASSWORD
        ))
        .arg(format!("postgres://postgres:postgres@127.0.0.1:{port}/shop"))
        .arg(guarded.holdpoint.state().join("state.db"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{errors}\n{}", guarded.gateway.said());
    let mut judged = 0;
    for line in said.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        if answer["skipped"].is_string() {
            continue;
        }
        judged += 1;
        let held = !answer["second"].is_null();
        assert!(answer["first"].is_null(), "{answer}");
        assert!(answer["lost"] == false && held == answer["loses"], "{answer}");
    }
    assert!(judged >= 24, "{said}");
}
