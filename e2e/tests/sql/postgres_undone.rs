//! Whatever tables are made of, an undo puts their rows back as they were, and nothing beside.

use e2e::postgres::{Guarded, kept};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TERMS: &str = "[hold]\nwait_seconds = 0\n";

/// Runs each text, which passes in production, and takes it back: its tables have to be as they were.
fn back(guarded: &Guarded, cases: &[(&str, &[&str])]) {
    for (text, tables) in cases {
        let sums = || tables.iter().map(|it| guarded.server.checksum(it)).collect::<Vec<_>>();
        let before = sums();
        let said = guarded.run(text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        assert_ne!(sums(), before, "{text}");
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_eq!(undone.status, 0, "{text}: {} {}", undone.stdout, undone.stderr);
        assert_eq!(sums(), before, "{text}");
    }
}

/// Columns that are computed or given, keys that are equal and not the same, and keys that others
/// refer to.
#[test]
fn rows_come_back_whatever_their_columns_are() {
    let setup = "\
CREATE TABLE computed (id int PRIMARY KEY, a int,
 twice int NOT NULL GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE documents (body jsonb,
 id int GENERATED ALWAYS AS ((body->>'id')::int) STORED PRIMARY KEY);
CREATE TABLE given (code text PRIMARY KEY, n bigint GENERATED ALWAYS AS IDENTITY, name text);
CREATE TABLE numbers (id numeric PRIMARY KEY, name text);
CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE);
CREATE TABLE letters (id int PRIMARY KEY, person int REFERENCES people ON UPDATE CASCADE);
CREATE TABLE places (id int PRIMARY KEY, place int UNIQUE);
INSERT INTO computed SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO documents SELECT jsonb_build_object('id', g) FROM generate_series(1, 20) g;
INSERT INTO given (code, name) SELECT 'c' || g, 'n' FROM generate_series(1, 20) g;
INSERT INTO numbers SELECT (g || '.0')::numeric, 'n' FROM generate_series(1, 20) g;
INSERT INTO people SELECT g, 'e' || g FROM generate_series(1, 20) g;
INSERT INTO letters SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO places SELECT g, g FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    back(
        &guarded,
        &[
            ("UPDATE computed SET a = 100 WHERE id = 1", &["computed"]),
            ("DELETE FROM computed WHERE id = 2", &["computed"]),
            ("UPDATE documents SET body = body || '{\"a\": 1}' WHERE id = 1", &["documents"]),
            ("DELETE FROM documents WHERE id = 2", &["documents"]),
            ("UPDATE given SET name = 'x' WHERE code = 'c1'", &["given"]),
            ("UPDATE given SET n = DEFAULT WHERE code = 'c2'", &["given"]),
            ("UPDATE numbers SET id = 1.00 WHERE id = 1", &["numbers"]),
            ("UPDATE people SET id = 200 WHERE id = 1", &["people", "letters"]),
            (
                "BEGIN; INSERT INTO people VALUES (300, 'new'); \
                 UPDATE letters SET person = 300 WHERE person = 2; \
                 DELETE FROM people WHERE id = 2; COMMIT",
                &["people", "letters"],
            ),
            (
                "BEGIN; UPDATE places SET place = 99 WHERE id = 1; \
                 UPDATE places SET place = 1 WHERE id = 2; \
                 UPDATE places SET place = 2 WHERE id = 1; COMMIT",
                &["places"],
            ),
        ],
    );
}

/// A trigger that sets a time, or keeps rows from going, does not run while rows are put back; after
/// that it does.
#[test]
fn rows_come_back_whatever_their_triggers_do() {
    let setup = "\
CREATE TABLE notes (id int PRIMARY KEY, text text, changed timestamptz);
INSERT INTO notes SELECT g, 'n', '2020-01-01' FROM generate_series(1, 20) g;
CREATE FUNCTION stamps() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN NEW.changed = clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER stamps BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION stamps();
CREATE TABLE kept (id int PRIMARY KEY, text text);
INSERT INTO kept SELECT g, 'n' FROM generate_series(1, 20) g;
CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keeps BEFORE DELETE ON kept FOR EACH ROW EXECUTE FUNCTION keeps();
ALTER TABLE kept ENABLE ALWAYS TRIGGER keeps;
CREATE TABLE counts (id int PRIMARY KEY, n int);
INSERT INTO counts VALUES (1, 20);
CREATE TABLE items (id int PRIMARY KEY);
INSERT INTO items SELECT generate_series(1, 20);
CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN UPDATE counts SET n = n + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END; RETURN NULL; END $$;
CREATE TRIGGER counts AFTER INSERT OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION counts();";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    let fires = "SELECT string_agg(tgname || tgenabled::text, ',' ORDER BY tgname) FROM pg_trigger";
    let before = guarded.server.app(fires);
    back(
        &guarded,
        &[
            ("UPDATE notes SET text = 'x' WHERE id = 1", &["notes"]),
            ("DELETE FROM notes WHERE id = 2", &["notes"]),
            ("UPDATE kept SET id = 100 WHERE id = 1", &["kept"]),
            ("DELETE FROM items WHERE id = 7", &["items", "counts"]),
        ],
    );
    assert_eq!(guarded.server.app(fires), before);
}

/// Rows of a table that inherits are its own, even where their keys are the same.
#[test]
fn rows_that_inherit_are_left_alone() {
    let setup = "\
CREATE TABLE animals (id int PRIMARY KEY, name text);
CREATE TABLE birds () INHERITS (animals);
INSERT INTO animals SELECT g, 'animal ' || g FROM generate_series(1, 5) g;
INSERT INTO birds SELECT g, 'bird ' || g FROM generate_series(1, 5) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    back(
        &guarded,
        &[
            ("UPDATE ONLY animals SET name = 'x' WHERE id = 1", &["ONLY animals", "birds"]),
            ("DELETE FROM ONLY animals WHERE id = 2", &["ONLY animals", "birds"]),
            ("UPDATE ONLY animals SET id = 50 WHERE id = 3", &["ONLY animals", "birds"]),
        ],
    );
}

/// What others have hung on a new row since does not go with it when that is taken away.
#[test]
fn what_others_have_hung_on_a_new_row_is_left() {
    let setup = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE);
CREATE TABLE visits (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE SET NULL);
INSERT INTO customers SELECT g, 'n' FROM generate_series(1, 20) g;
INSERT INTO visits SELECT g, g FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    for (new, text, hung) in [
        (500, "UPDATE visits SET customer = 4 WHERE id = 4", "INSERT INTO orders VALUES (1, 500)"),
        (600, "UPDATE visits SET customer = 6 WHERE id = 5", "INSERT INTO visits VALUES (99, 600)"),
    ] {
        let text = format!(
            "BEGIN; {text}; UPDATE customers SET name = 'x' WHERE id = 1; \
             INSERT INTO customers VALUES ({new}, 'new'); COMMIT"
        );
        let said = guarded.run(&text);
        assert_eq!(said.status, 0, "{text}: {}", said.err);
        guarded.server.app(hung);
        let sums = || ["customers", "orders", "visits"].map(|it| guarded.server.checksum(it));
        let before = sums();
        let undone = guarded.holdpoint.call(&["undo", &kept(&said.err), "--yes", "--json"]);
        assert_ne!(undone.status, 0, "{text}: {}", undone.stdout);
        assert_eq!(sums(), before, "{text}");
    }
}

/// A row that an update has brought into another part of its table goes back, and what refers to it.
#[test]
fn a_row_that_went_to_another_part_goes_back() {
    let setup = "\
CREATE TABLE people (id int, region text, name text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE people_a PARTITION OF people FOR VALUES IN ('a');
CREATE TABLE people_b PARTITION OF people FOR VALUES IN ('b');
CREATE TABLE letters (id int PRIMARY KEY, person int, region text,
 FOREIGN KEY (person, region) REFERENCES people ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO people SELECT g, 'a', 'n' || g FROM generate_series(1, 20) g;
INSERT INTO letters SELECT g, g, 'a' FROM generate_series(2, 20) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    let tables: &[&str] = &["people", "people_a", "people_b", "letters"];
    back(
        &guarded,
        &[
            ("UPDATE people SET region = 'b' WHERE id = 1", tables),
            ("UPDATE people SET region = 'b', name = 'x' WHERE id = 2", tables),
            ("UPDATE people SET region = 'b' WHERE id IN (3, 4)", tables),
            ("DELETE FROM people WHERE id = 5", tables),
        ],
    );
}
