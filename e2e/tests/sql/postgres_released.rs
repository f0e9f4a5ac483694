//! A release is for the rows that the human was told of, and not for as many others.

use e2e::postgres::Guarded;
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
INSERT INTO notes (text) SELECT 'n' FROM generate_series(1, 5);";

/// What is held, what somebody does before it is released, and how the release ends.
fn check(text: &str, meanwhile: &str, ends: HoldState) {
    let guarded = Guarded::start(BINARY, "production", TERMS, SHOP);
    let held = guarded.run(text);
    assert!(held.err.contains("holdpoint approve"), "{text}: {}", held.err);
    let hold = guarded.hold()["hold"].as_str().unwrap().to_owned();
    if !meanwhile.is_empty() {
        guarded.server.app(meanwhile);
    }
    let state = || ["customers", "orders", "log", "notes"].map(|it| guarded.server.checksum(it));
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
    for (text, meanwhile) in [
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
    ] {
        check(text, meanwhile, HoldState::Void);
    }
}

/// The same rows, wherever they lie by now and whatever else is in them, are released; and what is
/// made anew has another number each time.
#[test]
fn the_same_rows_are_released() {
    for (text, meanwhile) in [
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
    ] {
        check(text, meanwhile, HoldState::Done);
    }
}
