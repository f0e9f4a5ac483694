//! A real PostgreSQL behind the gateway: what only looks passes, what changes is counted.

use e2e::{
    postgres::{Guarded, PASSWORD, ROLE, kept, psql},
    postgres_versions::{is_described, major},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, total numeric);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO orders SELECT g, 1 + g % 100, g * 1.5 FROM generate_series(1, 990) g;";

const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";

#[test]
fn the_phantom_opens_and_nothing_else_does() {
    let guarded = Guarded::start(BINARY, "local", NO_WAIT, SHOP);
    assert_eq!(guarded.well("SELECT count(*) FROM customers"), "100");
    assert_eq!(guarded.well("SELECT current_user"), ROLE);
    for (user, password, database) in [
        (ROLE, PASSWORD, "shop"),
        (ROLE, "guess", "shop"),
        ("postgres", guarded.phantom.as_str(), "shop"),
        (ROLE, guarded.phantom.as_str(), "postgres"),
    ] {
        let said = psql(guarded.port(), user, password, database, "disable", &["-c", "SELECT 1"]);
        assert_ne!(said.status, 0, "{user} {database}: {}", said.out);
        assert!(!said.err.contains(PASSWORD), "{}", said.err);
    }
    let encrypted =
        psql(guarded.port(), ROLE, &guarded.phantom, "shop", "require", &["-c", "SELECT 1"]);
    assert_eq!((encrypted.status, encrypted.out.trim()), (0, "1"), "{}", encrypted.err);
}

#[test]
fn changes_are_counted_and_errors_are_postgresqls_own() {
    let guarded = Guarded::start(BINARY, "local", NO_WAIT, SHOP);
    assert_eq!(guarded.well("UPDATE customers SET name = 'x' WHERE id = 1"), "UPDATE 1");
    assert_eq!(
        guarded.well("INSERT INTO customers VALUES (101, 'new') RETURNING id"),
        "101\nINSERT 0 1"
    );
    assert_eq!(
        guarded.well("CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT a FROM t"),
        "CREATE TABLE\nINSERT 0 1\n1"
    );
    assert_eq!(guarded.server.app("SELECT count(*) FROM t"), "1");
    for (text, expect) in [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "relation \"nowhere\" does not exist"),
        (
            "INSERT INTO customers VALUES (1, 'twice')",
            "duplicate key value violates unique constraint",
        ),
        ("SELECT 1/0", "division by zero"),
        ("COMMIT AND CHAIN", "AND CHAIN"),
        ("SET client_encoding = 'SJIS'", "client_encoding"),
        ("SET standard_conforming_strings = off", "standard_conforming_strings"),
        ("SET SESSION AUTHORIZATION postgres", "another user"),
        ("SET default_transaction_read_only = off", "decided statement by statement"),
        ("SELECT set_config('default_transaction_read_only', 'off', false)", "ended by Holdpoint"),
    ] {
        // One that is too old to say so has a read-only transaction around each look.
        if expect == "ended by Holdpoint" && major() < 14 {
            continue;
        }
        let said = guarded.run(text);
        assert_ne!(said.status, 0, "{text}");
        assert!(said.err.contains(expect), "{text}: {}", said.err);
    }
}

#[test]
fn the_clients_own_transactions_are_kept_honest() {
    let guarded = Guarded::start(BINARY, "local", NO_WAIT, SHOP);
    let check = |text: &str, out: &str, customers: &str| {
        let said = guarded.psql(&["-q", "-c", text]);
        assert_eq!(said.out.trim().replace('\n', " "), out, "{text}: {}", said.err);
        let left = guarded.server.app("SELECT count(*) FROM customers");
        assert_eq!(left, customers, "{text}");
    };
    check("BEGIN; DELETE FROM customers WHERE id = 100; ROLLBACK", "", "100");
    check("BEGIN; DELETE FROM customers WHERE id = 100; COMMIT", "", "99");
    check("BEGIN; SAVEPOINT a; DELETE FROM customers; ROLLBACK TO a; COMMIT; SELECT 1", "1", "99");
    check("DELETE FROM customers WHERE id = 99; SELECT 1/0", "", "99");
    check("DELETE FROM customers WHERE id = 99; COMMIT; SELECT 1/0", "", "98");
    check("BEGIN; SELECT 1/0; DELETE FROM customers; COMMIT", "", "98");
    check("BEGIN READ ONLY; DELETE FROM customers; COMMIT", "", "98");
}

#[test]
fn a_loss_in_production_is_held_run_as_released_and_counted_again() {
    let guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let before = guarded.server.checksum("orders");
    let said = guarded.run("DELETE FROM customers WHERE id < 11");
    assert_ne!(said.status, 0);
    assert!(said.err.contains("held by Holdpoint"), "{}", said.err);
    assert_eq!(guarded.server.checksum("orders"), before);
    let hold = guarded.hold();
    let reasons = hold["reasons"].to_string();
    assert!(reasons.contains("10 customers, 99 orders (cascade)"), "{reasons}");
    guarded.approve(hold["hold"].as_str().unwrap());
    assert_eq!(guarded.server.app("SELECT count(*) FROM customers"), "90");
    assert_eq!(guarded.server.app("SELECT count(*) FROM orders"), "891");
    // Whoever asks again hears what was done, and nothing is done twice.
    assert_eq!(guarded.well("DELETE FROM customers WHERE id < 11"), "DELETE 10");
}

/// Where somebody has changed what a release would do since a human saw it, it does nothing, and
/// what it would do by now is held anew.
#[test]
fn a_release_is_for_what_was_counted_and_for_nothing_else() {
    let guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    for (text, change, first, second) in [
        (
            "DELETE FROM customers WHERE id < 11",
            "INSERT INTO orders VALUES (5000, 3, 1)",
            "10 customers, 99 orders (cascade)",
            "10 customers, 100 orders (cascade)",
        ),
        (
            "UPDATE orders SET total = 0 WHERE id BETWEEN 20 AND 39",
            "DELETE FROM orders WHERE id = 25",
            "update 20 orders",
            "update 19 orders",
        ),
    ] {
        assert_ne!(guarded.run(text).status, 0);
        let hold = guarded.hold();
        assert!(hold["reasons"].to_string().contains(first), "{hold}");
        guarded.server.app(change);
        let sums = || ["customers", "orders"].map(|table| guarded.server.checksum(table));
        let before = sums();
        let state = guarded.released(hold["hold"].as_str().unwrap());
        assert_eq!(state, holdpoint_store::HoldState::Void, "{text}");
        assert_eq!(sums(), before, "{text}");
        assert_ne!(guarded.run(text).status, 0);
        let again = guarded.hold();
        assert!(again["reasons"].to_string().contains(second), "{again}");
        guarded.approve(again["hold"].as_str().unwrap());
        assert_ne!(sums(), before, "{text}");
    }
}

#[test]
fn a_few_rows_by_key_pass_in_production_and_can_be_put_back() {
    let guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let sums = || ["customers", "orders"].map(|table| guarded.server.checksum(table));
    let before = sums();
    for text in [
        "UPDATE customers SET name = 'renamed' WHERE id = 7",
        "DELETE FROM orders WHERE id IN (1, 2, 3)",
        "BEGIN; UPDATE orders SET total = 0 WHERE id = 5; DELETE FROM orders WHERE id = 6; COMMIT",
        "WITH gone AS (DELETE FROM orders WHERE id < 4 RETURNING *) SELECT count(*) FROM gone",
        "BEGIN; SAVEPOINT a; UPDATE orders SET total = 1 WHERE id = 5; RELEASE a; COMMIT",
    ] {
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        assert_ne!(sums(), before, "{text}");
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(sums(), before, "{text}");
    }
    // What somebody changed since is not overwritten.
    let said = guarded.run("DELETE FROM orders WHERE id = 1");
    guarded.server.app("INSERT INTO orders VALUES (1, 1, 77)");
    let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
    assert_eq!(undone.status, 1, "{} {}", undone.stdout, undone.stderr);
    assert_eq!(undone.json()["undone"]["tables"][0]["taken_since"], 1);
    assert_eq!(guarded.server.app("SELECT total FROM orders WHERE id = 1"), "77");
}

#[test]
fn a_released_loss_can_be_put_back_with_what_it_took_along() {
    let guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let sums = || ["customers", "orders"].map(|table| guarded.server.checksum(table));
    let before = sums();
    assert_ne!(guarded.run("DELETE FROM customers WHERE id < 11").status, 0);
    let id = guarded.hold()["hold"].as_str().unwrap().to_owned();
    guarded.approve(&id);
    assert_ne!(sums(), before);
    let undone = guarded.holdpoint.call(&["undo", &id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    assert_eq!(sums(), before);
}

#[test]
fn what_was_dropped_or_emptied_is_made_again() {
    let guarded = Guarded::start(BINARY, "production", NO_WAIT, SHOP);
    let sums = || ["customers", "orders"].map(|table| guarded.server.checksum(table));
    let before = sums();
    for (text, says) in [
        ("TRUNCATE orders", "empty orders"),
        ("DROP TABLE orders", "drop orders"),
        ("BEGIN; DELETE FROM customers WHERE id > 95; DROP TABLE orders; COMMIT", "drop orders"),
    ] {
        if says.starts_with("drop") && !is_described() {
            continue;
        }
        let said = guarded.run(text);
        assert_ne!(said.status, 0, "{text}");
        assert_eq!(sums(), before, "{text}");
        let hold = guarded.hold();
        assert!(hold["reasons"].to_string().contains(says), "{hold} {}", said.err);
        let id = hold["hold"].as_str().unwrap();
        guarded.approve(id);
        let undone = guarded.holdpoint.call(&["undo", id, "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(sums(), before, "{text}");
    }
    // A table that is there again has what belonged to it.
    assert!(
        guarded
            .server
            .app("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'")
            .contains("ON DELETE CASCADE")
    );
}

#[test]
fn in_development_a_loss_passes_once_it_is_saved() {
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, SHOP);
    let before = guarded.server.checksum("orders");
    for text in ["TRUNCATE orders", "DELETE FROM orders", "DROP TABLE orders"] {
        if text.starts_with("DROP") && !is_described() {
            continue;
        }
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(guarded.server.checksum("orders"), before, "{text}");
    }
}

/// What is dropped beside tables is made again.
#[test]
fn what_is_dropped_beside_tables_is_made_again() {
    let setup = format!(
        "{SHOP}
CREATE INDEX orders_by_total ON orders (total);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE TYPE mood AS ENUM ('fine');
CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER says BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION says();"
    );
    let guarded = Guarded::start(BINARY, "development", NO_WAIT, &setup);
    let definitions = || {
        guarded.server.admin(
            "shop",
            "SELECT string_agg(d, '|' ORDER BY d) FROM (
             SELECT pg_get_indexdef(indexrelid) d FROM pg_index WHERE indrelid = 'orders'::regclass
             UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'orders'::regclass
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
             UNION ALL SELECT proname FROM pg_proc WHERE proname IN ('twice', 'says')) t",
        )
    };
    let before = definitions();
    for text in [
        "DROP INDEX orders_by_total",
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
        "DROP FUNCTION twice(int)",
        "DROP TRIGGER says ON orders",
        "DROP FUNCTION says() CASCADE",
    ] {
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        assert_ne!(definitions(), before, "{text}");
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(definitions(), before, "{text}");
    }
}
