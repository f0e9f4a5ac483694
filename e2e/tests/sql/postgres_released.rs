//! A release is for the rows that the human was told of and for what is written into them, and not
//! for as many others, or for something else.

use e2e::{postgres::Guarded, postgres_versions::major};
use holdpoint_store::HoldState;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TERMS: &str = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 1000\n";

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, state text, seen int DEFAULT 0);
INSERT INTO customers SELECT g, CASE WHEN g <= 20 THEN 'old' ELSE 'new' END FROM generate_series(1, 100) g;
CREATE TABLE orders (region text, number int, customer int REFERENCES customers ON DELETE CASCADE, \
 PRIMARY KEY (region, number));
INSERT INTO orders SELECT 'r' || g % 3, g, 1 + g % 40 FROM generate_series(1, 200) g;
CREATE TABLE log (at int, text text);
INSERT INTO log SELECT g, CASE WHEN g <= 20 THEN 'old' ELSE 'new' END FROM generate_series(1, 100) g;
CREATE TABLE notes (id serial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(), text text);
INSERT INTO notes (text) SELECT 'n' FROM generate_series(1, 5);
CREATE TABLE settings (key text PRIMARY KEY, value text);
INSERT INTO settings VALUES ('domain', 'example.com');
CREATE FUNCTION domain() RETURNS text LANGUAGE sql STABLE AS $$ SELECT value FROM settings $$;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN NEW.at := clock_timestamp(); NEW.email := lower(NEW.email); RETURN NEW; END $$;
CREATE TABLE mails (id int PRIMARY KEY, email text, part int DEFAULT 0, at timestamptz DEFAULT now());
INSERT INTO mails SELECT g, 'm' || g, g, '2020-01-01' FROM generate_series(1, 40) g;
CREATE TRIGGER stamp BEFORE UPDATE ON mails FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE VIEW chosen AS SELECT id, 'A' || id || '@' || domain() AS email FROM mails WHERE id <= 20;
CREATE TABLE sent (id serial PRIMARY KEY, mail int, token uuid DEFAULT gen_random_uuid(),
 rank float DEFAULT random(), day date DEFAULT current_date, at timestamp(0) DEFAULT now());
CREATE TABLE parts (sent int REFERENCES sent, text text);";
/// All tables of it.
const TABLES: [&str; 8] =
    ["customers", "orders", "log", "notes", "settings", "mails", "sent", "parts"];

/// What is held, what somebody does before it is released, and how the releases end.
fn check(cases: &[(&str, &str)], ends: HoldState) {
    let guarded = Guarded::start(BINARY, "production", TERMS, "SELECT 1");
    for (number, (text, meanwhile)) in cases.iter().enumerate() {
        // What was released a short while ago is answered, and not run again.
        let text = &format!("/* {number} */ {text}");
        let anew = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; ";
        guarded.server.app(&format!("SET client_min_messages = error; {anew}{SHOP}"));
        ends_as(&guarded, text, meanwhile, ends);
    }
}

fn ends_as(guarded: &Guarded, text: &str, meanwhile: &str, ends: HoldState) {
    let held = guarded.run(text);
    assert!(held.err.contains("holdpoint approve"), "{text}: {}", held.err);
    let hold = guarded.hold()["hold"].as_str().unwrap().to_owned();
    if !meanwhile.is_empty() {
        guarded.server.app(meanwhile);
    }
    let state = || TABLES.map(|it| guarded.server.checksum(it));
    let before = state();
    let ended = guarded.released(&hold);
    assert_eq!(ended, ends, "{text}; {meanwhile}: {}", guarded.gateway.said());
    assert_eq!(state() == before, ends != HoldState::Done, "{text}; {meanwhile}");
}

/// As many rows, but others: the release is void, and nothing is changed.
#[test]
fn as_many_other_rows_are_not_released() {
    let other =
        "UPDATE customers SET state = CASE WHEN id BETWEEN 21 AND 40 THEN 'old' ELSE 'new' END";
    let one = "UPDATE customers SET state = CASE id WHEN 20 THEN 'new' ELSE 'old' END WHERE id IN (20, 21)";
    let cases = [
        ("DELETE FROM customers WHERE state = 'old'", one),
        ("UPDATE customers SET seen = 1 WHERE state = 'old'", other),
        (
            "BEGIN; DELETE FROM log WHERE at > 90; UPDATE customers SET seen = 1 WHERE state = 'old'; COMMIT",
            one,
        ),
        // The same customers, and as many orders.
        (
            "DELETE FROM customers WHERE state = 'old'",
            "UPDATE orders SET customer = CASE customer WHEN 1 THEN 41 ELSE 1 END WHERE customer IN (1, 21); \
             UPDATE orders SET customer = 21 WHERE customer = 41",
        ),
        (
            "DELETE FROM log WHERE text = 'old'",
            "UPDATE log SET text = CASE at WHEN 1 THEN 'new' ELSE 'old' END WHERE at IN (1, 21)",
        ),
    ];
    check(&cases, HoldState::Void);
}

/// The same rows, wherever they lie by now and whatever else is in them, are released; and what is
/// made anew has another number each time.
#[test]
fn the_same_rows_are_released() {
    let cases = [
        ("DELETE FROM customers WHERE state = 'old'", ""),
        ("DELETE FROM customers WHERE state = 'old'", "UPDATE customers SET seen = seen + 1"),
        ("UPDATE orders SET number = number + 1000", "UPDATE orders SET customer = 1"),
        ("DELETE FROM log WHERE text = 'old'", "UPDATE log SET at = at WHERE at % 2 = 0"),
        (
            "BEGIN; INSERT INTO notes (text) SELECT 'm' FROM generate_series(1, 30); \
             DELETE FROM notes WHERE id <= 3; UPDATE customers SET seen = 2 WHERE state = 'old'; COMMIT",
            "INSERT INTO notes (text) VALUES ('another')",
        ),
        (
            "BEGIN; UPDATE customers SET seen = 2 WHERE id < 15; DELETE FROM customers WHERE id < 5; \
             SAVEPOINT a; DELETE FROM customers; ROLLBACK TO a; COMMIT",
            "",
        ),
    ];
    check(&cases, HoldState::Done);
}

/// The same rows, and other values: the release is void, and nothing is changed.
#[test]
fn other_values_are_not_released() {
    let settings = "UPDATE settings SET value = 'evil.example'";
    let view = "CREATE OR REPLACE VIEW chosen AS SELECT id, 'evil@' || domain() AS email FROM mails WHERE id <= 20";
    let function = "CREATE OR REPLACE FUNCTION domain() RETURNS text LANGUAGE sql AS $$ SELECT 'evil.example'::text $$";
    let trigger = "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN NEW.email := 'evil'; RETURN NEW; END $$";
    let aside = "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN NEW.email := lower(NEW.email); NEW.part := NEW.part + 1; RETURN NEW; END $$";
    let update = "UPDATE mails SET email = 'X' || id || '@' || domain() WHERE id <= 20";
    let cases = [
        (update, settings),
        (update, function),
        (update, trigger),
        // A column that is left as it was.
        (update, aside),
        ("UPDATE mails SET email = c.email FROM chosen c WHERE c.id = mails.id", view),
        // Each other's values.
        (
            "UPDATE customers SET state = (SELECT email FROM mails WHERE mails.id = customers.id) WHERE id <= 20",
            "UPDATE mails SET email = CASE id WHEN 1 THEN 'm2' ELSE 'm1' END WHERE id <= 2",
        ),
        ("UPDATE mails SET part = 9; INSERT INTO log SELECT id, email FROM chosen", settings),
        (
            "INSERT INTO settings SELECT key, 'b' FROM settings ON CONFLICT (key) DO UPDATE SET value = domain() || 'x'; \
             UPDATE customers SET seen = 3",
            settings,
        ),
        ("TRUNCATE log; INSERT INTO log SELECT id, email FROM chosen", settings),
        ("TRUNCATE log; CREATE TABLE made AS SELECT * FROM chosen", settings),
        // Only what is by chance is left out.
        (
            "INSERT INTO sent (mail) SELECT part FROM mails; UPDATE customers SET seen = 3",
            "UPDATE mails SET part = 7 WHERE id = 8",
        ),
    ];
    check(&cases, HoldState::Void);
    if major() >= 15 {
        let merge = "MERGE INTO mails m USING chosen c ON m.id = c.id WHEN MATCHED THEN UPDATE SET email = c.email \
            WHEN NOT MATCHED THEN INSERT (id, email) VALUES (c.id, c.email)";
        check(&[(merge, settings)], HoldState::Void);
    }
}

/// What is another value each time, and what is now, is released whatever it is then; and so is
/// what an UPDATE leaves as it is, whatever that has become.
#[test]
fn what_is_another_value_each_time_is_released() {
    let cases = [
        ("UPDATE mails SET email = 'X' || id WHERE id <= 20", "SELECT pg_sleep(1.1)"),
        (
            "UPDATE mails SET email = 'X' || id WHERE id <= 20",
            "ALTER TABLE mails DISABLE TRIGGER stamp; UPDATE mails SET part = part + 1; ALTER TABLE mails ENABLE TRIGGER stamp",
        ),
        (
            "INSERT INTO sent (mail) SELECT id FROM mails; UPDATE customers SET seen = 3",
            "INSERT INTO sent (mail) VALUES (1); SELECT pg_sleep(1.1)",
        ),
        (
            "WITH made AS (INSERT INTO sent (mail) SELECT id FROM mails RETURNING id) \
             INSERT INTO parts SELECT id, 'p' FROM made; UPDATE customers SET seen = seen + 1, \
             state = md5(random()::text) WHERE id <= 20",
            "",
        ),
        ("PREPARE twice AS UPDATE mails SET part = 5; EXECUTE twice", ""),
        ("BEGIN; PREPARE twice(int) AS UPDATE mails SET part = $1; EXECUTE twice(5); COMMIT", ""),
        ("TRUNCATE log; INSERT INTO log SELECT id, email FROM chosen", ""),
        (
            "BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE mails SET at = now() - interval '3 hours'; COMMIT",
            "",
        ),
    ];
    check(&cases, HoldState::Done);
}

/// The agent itself may change a little: not what another statement writes once it is released.
#[test]
fn an_agent_changes_nothing_that_was_released() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let held = guarded.run("UPDATE mails SET email = 'X' || id || '@' || domain() WHERE id <= 20");
    assert!(held.err.contains("holdpoint approve"), "{}", held.err);
    let shown = guarded.hold();
    let hold = shown["hold"].as_str().unwrap().to_owned();
    assert!(!shown.to_string().contains("not compared"), "{shown}");
    guarded.well("UPDATE settings SET value = 'evil.example' WHERE key = 'domain'");
    let before = guarded.server.checksum("mails");
    assert_eq!(guarded.released(&hold), HoldState::Void, "{}", guarded.gateway.said());
    assert_eq!(guarded.server.checksum("mails"), before);
}

/// What a trigger writes down where the role may not look is only counted.
#[test]
fn what_the_role_may_not_read_is_counted() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let audit = "CREATE SCHEMA audit; CREATE TABLE audit.log (email text); \
        CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
         $$ BEGIN INSERT INTO audit.log VALUES (NEW.email); RETURN NULL; END $$; \
        CREATE TRIGGER audit AFTER UPDATE ON mails FOR EACH ROW EXECUTE FUNCTION audit.note()";
    guarded.server.admin("shop", audit);
    ends_as(&guarded, "UPDATE mails SET part = part + 1", "", HoldState::Done);
    assert_eq!(guarded.server.admin("shop", "SELECT count(*) FROM audit.log"), "40");
}

/// Whoever releases it is told what is not compared.
#[test]
fn what_is_not_compared_is_said() {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let held =
        guarded.run("INSERT INTO sent (mail) SELECT id FROM mails; UPDATE mails SET part = 1");
    assert!(held.err.contains("holdpoint approve"), "{}", held.err);
    let shown = guarded.hold().to_string();
    let told = "Another value each time, and not compared: sent.id, sent.token, sent.rank.";
    assert!(shown.contains(told), "{shown}");
}
