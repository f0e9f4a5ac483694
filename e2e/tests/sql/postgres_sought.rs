//! Rows that were changed are looked for where the statements look for them: of a large table no
//! other row is read for it, and whatever the statements say, all that was changed is found.

use std::process::{Command, Output};

use e2e::{holdpoint::until, postgres::Guarded, postgres_versions::major, python::Python};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const PSYCOPG: [&str; 1] = ["psycopg[binary]==3.3.9"];
const TERMS: &str = "[hold]\nwait_seconds = 0\n";
/// Rows of a table that nobody wants to read for one of them.
const ROWS: u64 = 20_000;

/// Tables whose rows hang together in every way that takes rows with others.
const SHOP: &str = "\
CREATE TABLE customers (id bigint PRIMARY KEY, email text UNIQUE, number uuid UNIQUE, open bool, seen int);
CREATE TABLE orders (id int PRIMARY KEY, customer bigint REFERENCES customers ON DELETE CASCADE, total int);
CREATE INDEX ON orders (customer);
CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE, line int, text text,
 PRIMARY KEY (order_id, line));
CREATE TABLE visits (id int PRIMARY KEY, customer bigint REFERENCES customers ON DELETE SET NULL);
CREATE INDEX ON visits (customer);
CREATE TABLE days (day date, number int, text text, PRIMARY KEY (day, number)) PARTITION BY RANGE (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');
CREATE VIEW people AS SELECT id, email AS address, seen FROM customers;
INSERT INTO customers SELECT g, 'c' || g || '@example.com', md5(g::text)::uuid, g % 2 = 0, g
 FROM generate_series(1, 20000) g;
INSERT INTO orders SELECT g, g, g FROM generate_series(1, 20000) g;
INSERT INTO lines SELECT g, n, 'line' FROM generate_series(1, 20000) g, generate_series(1, 2) n;
INSERT INTO visits SELECT g, g FROM generate_series(1, 20000) g;
INSERT INTO days SELECT '2020-01-01'::date + g % 60, g, 'day' FROM generate_series(1, 20000) g;
CREATE FUNCTION renames(which bigint) RETURNS void LANGUAGE sql AS
 $$ UPDATE customers SET seen = 0 WHERE customers.id = which + 1 $$;
ANALYZE;";

const TABLES: [&str; 6] = ["customers", "orders", "lines", "visits", "days_1", "days_2"];

/// Runs statements with their values by psycopg, one after another, each in a transaction of its
/// own; what the server gave notice of.
const RUN: &str = r#"
import sys, json, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    notices = []
    connection.add_notice_handler(lambda it: notices.append(f"{it.message_primary} {it.message_hint}"))
    for text, values, binary in json.loads(sys.argv[2]):
        if values is None:
            connection.execute(text)
        else:
            connection.cursor(binary=binary).execute(text, values)
    print("\n".join(notices))
"#;

fn run(guarded: &Guarded, statements: &serde_json::Value) -> String {
    let python = Python::with(FOLDER, &PSYCOPG);
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python.packages());
    command.args(["-c", RUN, &guarded.url(), &statements.to_string()]);
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{statements}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).into_owned()
}

/// Rows that were read by going through a whole table, in all of its sessions that are over.
fn read_through(guarded: &mut Guarded) -> u64 {
    guarded.restart();
    // A session counts for all when it ends.
    until("the sessions end", || {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'";
        (guarded.server.admin("shop", open) == "0").then_some(())
    });
    let read = "SELECT sum(seq_tup_read) FROM pg_stat_user_tables";
    guarded.server.admin("shop", read).parse().unwrap()
}

#[test]
fn a_row_of_a_large_table_is_found_by_its_key() {
    use serde_json::json;
    let mut guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let text = |text: &str| json!([[text, null, false]]);
    let with =
        |text: &str, values: serde_json::Value, binary: bool| json!([[text, values, binary]]);
    let number = guarded.server.admin("shop", "SELECT number FROM customers WHERE id = 70");
    let cases = [
        text("UPDATE customers SET seen = seen + 1 WHERE id = 7"),
        text(
            "UPDATE customers c SET open = true WHERE c.email = 'c9@example.com' AND lower(c.email) <> ''",
        ),
        text("DELETE FROM orders WHERE id IN (11, 12)"),
        text("DELETE FROM lines WHERE order_id = 5 AND line BETWEEN 1 AND 2"),
        text("DELETE FROM customers WHERE id = 20"),
        text(
            "BEGIN; UPDATE customers SET seen = 1 WHERE id = 30; DELETE FROM lines WHERE order_id = 31; COMMIT",
        ),
        text("BEGIN; SAVEPOINT a; UPDATE customers SET seen = 1 WHERE id = 32; RELEASE a; COMMIT"),
        text("UPDATE customers SET email = 'other' WHERE email = 'c33@example.com'"),
        text("UPDATE people SET seen = 3 WHERE id = 40"),
        text("UPDATE days SET text = 'x' WHERE day = '2020-01-04' AND number = 3"),
        text(
            "INSERT INTO customers (id, email, seen) VALUES (50, 'x', 1) ON CONFLICT (id) DO UPDATE SET seen = 9",
        ),
        with("UPDATE customers SET seen = 2 WHERE id = %s", json!([60]), false),
        with("UPDATE customers SET seen = 2 WHERE id = %s", json!([61]), true),
        with("UPDATE customers SET seen = 2 WHERE email = %s", json!(["c62@example.com"]), true),
        with("DELETE FROM visits WHERE id = %s OR id = %s", json!([63, 64]), true),
        with("UPDATE customers SET seen = 2 WHERE number = %s::text::uuid", json!([number]), false),
    ];
    let sums = |guarded: &Guarded| TABLES.map(|table| guarded.server.checksum(table));
    let before = sums(&guarded);
    for case in &cases {
        let at_first = read_through(&mut guarded);
        let said = run(&guarded, case);
        let read = read_through(&mut guarded) - at_first;
        assert!(read < ROWS / 2, "{case}: {read} rows");
        assert_ne!(sums(&guarded), before, "{case}");
        undo(&guarded, &said, case);
        assert_eq!(sums(&guarded), before, "{case}");
    }
}

fn undo(guarded: &Guarded, said: &str, case: &serde_json::Value) {
    let id = said.split("holdpoint undo ").nth(1).unwrap_or_else(|| panic!("{case}: {said}"));
    let id: String = id.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '-').collect();
    let undone = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{case}: {} {}", undone.stdout, undone.stderr);
}

/// What a statement says is no more than where to begin: rows that are changed elsewhere, too, or
/// that it says nothing of, are found all the same.
#[test]
fn what_a_statement_does_not_say_is_found_as_well() {
    use serde_json::json;
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let text = |text: &str| json!([[text, null, false]]);
    let cases = [
        // Other rows than those that it names.
        text("BEGIN; UPDATE customers SET seen = 1 WHERE id = 7; SELECT renames(7); COMMIT"),
        text("WITH x AS (SELECT renames(10)) UPDATE customers SET seen = 1 FROM x WHERE id = 10"),
        // What is looked for is what is changed, and not there any more.
        text("UPDATE lines SET line = 3 WHERE order_id = 15 AND line = 1"),
        text("UPDATE visits SET id = 30001 WHERE id = 8 RETURNING id"),
        // The same row twice.
        text(
            "BEGIN; UPDATE customers SET seen = 1 WHERE id = 9; UPDATE customers SET seen = 2 WHERE id = 9; COMMIT",
        ),
        // One row that is only locked, and one that is changed out of sight.
        text(
            "BEGIN; SELECT * FROM customers WHERE id = 11 FOR UPDATE; SELECT renames(11); UPDATE customers SET seen = 1 WHERE id = 11 AND seen < 0; COMMIT",
        ),
        // Of another type than its column.
        text("UPDATE customers SET seen = 1 WHERE id = 12.0"),
        text("UPDATE customers SET seen = 1 WHERE seen = 13.5 OR id = 13"),
        json!([["UPDATE customers SET seen = 2 WHERE id = %s::text::int", ["14"], true]]),
        json!([["UPDATE customers SET seen = 2 WHERE id = %s", [16.0], true]]),
    ];
    let sums = || TABLES.map(|table| guarded.server.checksum(table));
    let before = sums();
    for case in &cases {
        let said = run(&guarded, case);
        assert_ne!(sums(), before, "{case}");
        undo(&guarded, &said, case);
        assert_eq!(sums(), before, "{case}");
    }
}

/// A key of a type that PostgreSQL itself cannot compare does not take the transaction along.
#[test]
fn a_key_that_cannot_be_compared_is_not_looked_for() {
    use serde_json::json;
    // A type of Debian's `postgresql`, which the packages of other versions leave out.
    if major() != 15 {
        return;
    }
    let setup = "CREATE EXTENSION ltree;
CREATE TABLE paths (path ltree PRIMARY KEY, number int UNIQUE);
INSERT INTO paths SELECT ('a.b' || g)::ltree, g FROM generate_series(1, 100) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    let before = guarded.server.checksum("paths");
    let case = json!([["UPDATE paths SET number = 1003 WHERE number = 3", null, false]]);
    let said = run(&guarded, &case);
    assert_ne!(guarded.server.checksum("paths"), before);
    undo(&guarded, &said, &case);
    assert_eq!(guarded.server.checksum("paths"), before);
}
