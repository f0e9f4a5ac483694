//! A column that an agent has dropped comes back into its table, with what stood on it; where it does
//! not fit any more, its rows are put beside, and an undo says what it did not make again.

use e2e::{
    holdpoint::Called,
    postgres::{Guarded, kept},
    postgres_versions::is_described,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TERMS: &str = "[hold]\nwait_seconds = 0\n";

/// How the server writes down all that stands on tables of the schema `public`.
const SHAPE: &str = "\
SELECT string_agg(text, E'\\n' ORDER BY text) FROM (
SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS text
 FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index
 JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT concat_ws(' ', adrelid::regclass, attname, attgenerated, pg_get_expr(adbin, adrelid))
 FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod),
 attcollation::regcollation, attnotnull, attidentity, attacl, col_description(attrelid, attnum))
 FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
 WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'v')
UNION ALL SELECT concat_ws(' ', c.oid::regclass, relispopulated, pg_get_viewdef(c.oid)) FROM pg_class c
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
UNION ALL SELECT concat_ws(' ', polname, pg_get_expr(polqual, polrelid)) FROM pg_policy
UNION ALL SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN'
UNION ALL SELECT concat_ws(' ', c.oid::regclass, 'of', refobjid::regclass, refobjsubid > 0)
 FROM pg_class c LEFT JOIN pg_depend d ON objid = c.oid AND d.deptype IN ('a', 'i')
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
UNION ALL SELECT concat_ws(' ', seqrelid::regclass, seqtypid, seqstart, seqincrement, seqmax, seqmin, seqcycle,
 seqcache, pg_sequence_last_value(seqrelid)) FROM pg_sequence
UNION ALL SELECT concat(pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext) all_of_it";

/// Everything that stands on tables, and what is in these.
fn all_of(guarded: &Guarded, tables: &[&str]) -> Vec<String> {
    let sums = tables.iter().map(|it| guarded.server.checksum(it));
    sums.chain([guarded.server.app(SHAPE)]).collect()
}

/// Runs what has to pass and to be kept; the name of what is kept.
fn lost(guarded: &Guarded, text: &str) -> String {
    let said = guarded.run(text);
    assert_eq!(said.status, 0, "{text}: {}", said.err);
    kept(&said.err)
}

/// Takes it back, which has to be done.
fn undone(guarded: &Guarded, id: &str) -> Called {
    let undone = guarded.holdpoint.call(&["undo", id, "--yes", "--json"]);
    assert_eq!(undone.status, 0, "{} {}", undone.stdout, undone.stderr);
    undone
}

/// Runs each text, and takes it back: its tables have to be as they were, with all that stands on
/// them.
fn back(guarded: &Guarded, cases: &[(&str, &[&str])]) {
    for (text, tables) in cases {
        let before = all_of(guarded, tables);
        let id = lost(guarded, text);
        assert_ne!(all_of(guarded, tables), before, "{text}");
        let called = undone(guarded, &id);
        assert_eq!(all_of(guarded, tables), before, "{text}: {}", called.stdout);
        let json = called.json();
        let found = json["undone"]["tables"].as_array().unwrap();
        assert!(found.iter().all(|it| it["columns"].is_array()), "{text}: {}", called.stdout);
    }
}

/// Runs a text, does something since, and takes the text back: the rows of the table are beside it,
/// with all their columns, for a reason that says `why`; what `not_run` lists was not made again.
fn beside(
    guarded: &Guarded,
    (text, since): (&str, &str),
    table: &str,
    why: &str,
    not_run: &[&str],
) {
    let sum = guarded.server.checksum(table);
    let id = lost(guarded, text);
    guarded.server.app(since);
    let before = all_of(guarded, &[]);
    let json = undone(guarded, &id).json();
    let found = &json["undone"]["tables"][0];
    assert_eq!(guarded.server.checksum(found["beside"].as_str().unwrap()), sum, "{text}");
    assert!(found["why_beside"].as_str().unwrap().contains(why), "{text}: {json}");
    let said = json["undone"]["not_run"].as_array().map(Vec::as_slice).unwrap_or_default();
    let missing: Vec<&&str> = not_run
        .iter()
        .filter(|text| !said.iter().any(|it| it.as_str().unwrap().contains(**text)))
        .collect();
    assert!(missing.is_empty(), "{text}: {missing:?} {json}");
    assert_eq!(said.is_empty(), not_run.is_empty(), "{text}: {json}");
    // Nothing else came of it.
    assert_eq!(all_of(guarded, &[]), before, "{text}");
}

const SETUP: &str = "\
CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL, w int);
INSERT INTO posts SELECT g, 'p' || g, g % 7 FROM generate_series(1, 20) g;
INSERT INTO posts VALUES (21, 'none', NULL);
";

/// What stands on a column comes back with it.
#[test]
fn a_column_comes_back_with_what_stood_on_it() {
    let setup = "\
CREATE FUNCTION sevens(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 % 7';
CREATE TABLE towns (id int PRIMARY KEY, code text NOT NULL UNIQUE);
INSERT INTO towns SELECT g, 't' || g FROM generate_series(1, 20) g;
CREATE TABLE a_default (id int PRIMARY KEY, w text COLLATE \"C\" DEFAULT 'x');
INSERT INTO a_default SELECT g, 'w' || g FROM generate_series(1, 20) g;
CREATE TABLE an_index (id int PRIMARY KEY, x int, w int);
CREATE INDEX ON an_index (w); CREATE INDEX ON an_index (sevens(x + w)) WHERE w > 3;
CREATE STATISTICS both_of ON x, w FROM an_index;
INSERT INTO an_index SELECT g, g, g FROM generate_series(1, 20) g;
CREATE TABLE a_reference (id int PRIMARY KEY, w int REFERENCES towns ON DELETE CASCADE);
INSERT INTO a_reference SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE by_code (id int PRIMARY KEY, town text REFERENCES towns (code));
INSERT INTO by_code SELECT g, 't' || g FROM generate_series(1, 20) g;
CREATE TABLE a_unique (id int PRIMARY KEY, w numeric(8, 2) CONSTRAINT only_one UNIQUE);
INSERT INTO a_unique SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE a_check (id int PRIMARY KEY, x int, w int NOT NULL, CHECK (w > 0 AND x < w), CHECK (w < 99));
INSERT INTO a_check SELECT g, g - 1, g FROM generate_series(1, 20) g;
COMMENT ON COLUMN a_check.w IS 'it''s so'; GRANT SELECT (w) ON a_check TO PUBLIC;
CREATE TABLE computed (id int PRIMARY KEY, x int, w int,
 twice int NOT NULL GENERATED ALWAYS AS (w * 2) STORED, CHECK (twice > 0));
CREATE INDEX ON computed (twice);
INSERT INTO computed SELECT g, g, g FROM generate_series(1, 20) g;
CREATE TABLE stamped (id int PRIMARY KEY, changed timestamptz DEFAULT '2020-01-01', w int);
INSERT INTO stamped (id, w) SELECT g, g FROM generate_series(1, 20) g;
CREATE FUNCTION stamps() RETURNS trigger LANGUAGE plpgsql AS
 $$ BEGIN NEW.changed = clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER stamps BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamps();
CREATE TRIGGER at_w BEFORE UPDATE OF w ON stamped FOR EACH ROW EXECUTE FUNCTION stamps();";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    back(
        &guarded,
        &[
            ("ALTER TABLE a_default DROP COLUMN w", &["a_default"]),
            ("ALTER TABLE an_index DROP COLUMN w", &["an_index"]),
            ("ALTER TABLE a_reference DROP COLUMN w", &["a_reference", "towns"]),
            ("ALTER TABLE towns DROP COLUMN code CASCADE", &["towns", "by_code"]),
            ("ALTER TABLE a_unique DROP COLUMN w", &["a_unique"]),
            ("ALTER TABLE a_check DROP COLUMN w", &["a_check"]),
            ("ALTER TABLE computed DROP COLUMN twice", &["computed"]),
            ("ALTER TABLE computed DROP COLUMN w CASCADE", &["computed"]),
            ("ALTER TABLE stamped DROP COLUMN w CASCADE", &["stamped"]),
            (
                "BEGIN; ALTER TABLE a_reference DROP COLUMN w; \
                 ALTER TABLE a_default DROP COLUMN w; COMMIT",
                &["a_reference", "a_default"],
            ),
        ],
    );
}

/// Sequences that belong to a column, and views that show it, go with it and come back with it.
#[test]
fn sequences_and_views_come_back_with_a_column() {
    if !is_described() {
        return;
    }
    let setup = "\
CREATE TABLE counted (code text PRIMARY KEY, n serial UNIQUE);
INSERT INTO counted SELECT 'c' || g FROM generate_series(1, 20) g;
CREATE TABLE given (code text PRIMARY KEY, n bigint GENERATED ALWAYS AS IDENTITY (START 100 MAXVALUE 500 CYCLE));
INSERT INTO given SELECT 'c' || g FROM generate_series(1, 20) g;
CREATE TABLE shown (id int PRIMARY KEY, x int, w int);
INSERT INTO shown SELECT g, g, g FROM generate_series(1, 20) g;
CREATE VIEW one AS SELECT id, w FROM shown;
CREATE VIEW another AS SELECT w + 1 AS more FROM one;
CREATE VIEW apart AS SELECT id, x FROM shown;
CREATE MATERIALIZED VIEW summed AS SELECT sum(more) AS n FROM another;
CREATE UNIQUE INDEX ON summed (n);
CREATE POLICY of_many ON shown USING (w > 3);
CREATE RULE loud AS ON UPDATE TO shown WHERE old.w > 5 DO ALSO DELETE FROM given WHERE code = 'none';";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    back(
        &guarded,
        &[
            ("ALTER TABLE counted DROP COLUMN n", &["counted"]),
            ("ALTER TABLE given DROP COLUMN n", &["given"]),
            ("ALTER TABLE shown DROP COLUMN w CASCADE", &["shown", "apart"]),
        ],
    );
    assert_eq!(guarded.server.app("SELECT count(*), sum(more) FROM another"), "20|230");
    assert_eq!(guarded.server.app("SELECT n FROM summed"), "230");
    // They go on where they were.
    let next = "INSERT INTO counted VALUES ('new') RETURNING n";
    assert_eq!(guarded.server.app(next).lines().next(), Some("21"));
    let next = "INSERT INTO given VALUES ('new') RETURNING n";
    assert_eq!(guarded.server.app(next).lines().next(), Some("120"));
}

/// A column that has another type, or whose table has no key, is put beside; what the server made
/// anew with another type is left as it is.
#[test]
fn a_column_that_has_no_place_is_put_beside() {
    let setup = "\
CREATE TABLE retyped (id int PRIMARY KEY, w text DEFAULT 'x');
CREATE INDEX ON retyped (w);
INSERT INTO retyped SELECT g, 'w' || g FROM generate_series(1, 20) g;
CREATE TABLE in_serial (id serial PRIMARY KEY, w text UNIQUE);
INSERT INTO in_serial (w) SELECT 'w' || g FROM generate_series(1, 20) g;
CREATE TABLE refers (id int REFERENCES in_serial, x int);
CREATE TABLE both_of (id int PRIMARY KEY, x int CONSTRAINT small CHECK (x < 99), w int UNIQUE);
INSERT INTO both_of SELECT g, g, g FROM generate_series(1, 20) g;
CREATE TABLE by_key (id serial PRIMARY KEY, w text);
INSERT INTO by_key (w) SELECT 'w' || g FROM generate_series(1, 20) g;
CREATE TABLE by_identity (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, w text);
INSERT INTO by_identity (w) SELECT 'w' || g FROM generate_series(1, 20) g;
CREATE TABLE keyless (x int, w int DEFAULT 4 CHECK (w > 0));
CREATE INDEX called_so ON keyless (w);
INSERT INTO keyless SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE in_parts (id int PRIMARY KEY, w int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF in_parts FOR VALUES FROM (0) TO (1000);
CREATE INDEX of_parts ON in_parts (w);
INSERT INTO in_parts SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE emptied (id int PRIMARY KEY, w int);
INSERT INTO emptied SELECT g, g FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let case = |text: &str, table: &str, why: &str, not_run: &[&str]| {
        beside(&guarded, (text, "SELECT"), table, why, not_run);
    };
    let type_of = |column: &str| format!("`{column}` is there and has another type");
    let text = "ALTER TABLE retyped ALTER COLUMN w TYPE varchar(9)";
    case(text, "retyped", &type_of("w"), &[]);
    let text = "ALTER TABLE in_serial ALTER COLUMN id TYPE bigint";
    case(text, "in_serial", &type_of("id"), &[]);
    let text = "ALTER TABLE both_of DROP CONSTRAINT small, ALTER x TYPE bigint, DROP COLUMN w";
    case(text, "both_of", &type_of("x"), &["ADD COLUMN", "CONSTRAINT small", "UNIQUE (w)"]);
    let of_keyless = ["ADD COLUMN \"w\" integer", "SET DEFAULT 4", "CHECK ((w > 0))", "called_so"];
    case("ALTER TABLE keyless DROP COLUMN w", "keyless", "no primary key", &of_keyless);
    let of_parts = ["ADD COLUMN \"w\" integer", "INDEX of_parts ON ONLY public.in_parts"];
    case("ALTER TABLE in_parts DROP COLUMN w", "part", "a part of another table", &of_parts);
    let text = "BEGIN; TRUNCATE emptied; ALTER TABLE emptied DROP COLUMN w; COMMIT";
    case(text, "emptied", "its rows were taken away", &["ADD COLUMN \"w\" integer"]);
    if is_described() {
        let gone = "its primary key went with them";
        let of_key = ["ADD COLUMN \"id\"", "CREATE SEQUENCE", "nextval", "PRIMARY KEY (id)"];
        case("ALTER TABLE by_key DROP COLUMN id", "by_key", gone, &of_key);
        let of_key = ["ADD COLUMN \"id\"", "GENERATED ALWAYS AS IDENTITY", "PRIMARY KEY (id)"];
        case("ALTER TABLE by_identity DROP COLUMN id", "by_identity", gone, &of_key);
    }
}

/// Where something since has taken a column's place, the undo is done all the same, and says what is
/// missing.
#[test]
fn a_column_whose_place_is_taken_is_put_beside() {
    let setup = "\
CREATE TABLE others (id int PRIMARY KEY, key int);
CREATE TABLE named (id int PRIMARY KEY, w int);
INSERT INTO named SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE anew (id int PRIMARY KEY, w int);
INSERT INTO anew SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE must (id int PRIMARY KEY, w int NOT NULL);
INSERT INTO must SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE moved (id int PRIMARY KEY, w int);
INSERT INTO moved SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE keyed (id int PRIMARY KEY, w int);
INSERT INTO keyed SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE uniquely (id int PRIMARY KEY, x int, w int, UNIQUE (x, w), UNIQUE (w));
INSERT INTO uniquely SELECT g, g, g FROM generate_series(1, 20) g;
CREATE TABLE ruled (id int PRIMARY KEY, w int);
INSERT INTO ruled SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE logged (id int PRIMARY KEY, w int);
INSERT INTO logged SELECT g, g FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let case = |table: &str, since: &str, why: &str, not_run: &[&str]| {
        let text = format!("ALTER TABLE {table} DROP COLUMN w");
        beside(&guarded, (&text, since), table, why, not_run);
    };
    let add = ["ADD COLUMN \"w\" integer"];
    let must = ["ADD COLUMN \"w\" integer", "ALTER COLUMN \"w\" SET NOT NULL"];
    let since = "ALTER TABLE named ADD COLUMN w text DEFAULT 'other'";
    case("named", since, "another column `w` is there", &add);
    let text = "BEGIN; ALTER TABLE anew ADD more text; UPDATE anew SET more = w; \
                ALTER TABLE anew DROP COLUMN w; ALTER TABLE anew RENAME more TO w; COMMIT";
    beside(&guarded, (text, "SELECT"), "anew", "another column `w` is there", &add);
    case("must", "INSERT INTO must VALUES (77)", "1 rows came since, and `w` must have", &must);
    case("moved", "ALTER TABLE moved RENAME TO another", "not there any more", &add);
    let since = "ALTER TABLE keyed DROP CONSTRAINT keyed_pkey";
    case("keyed", since, "its primary key is another one", &add);
    let since = "CREATE UNIQUE INDEX uniquely_w_key ON others (key)";
    let not_run = ["ADD COLUMN", "UNIQUE (x, w)", "UNIQUE (w)"];
    case("uniquely", since, "uniquely_w_key", &not_run);
    let since = "CREATE RULE no AS ON UPDATE TO ruled DO INSTEAD NOTHING";
    case("ruled", since, "a trigger or a rule", &add);
    let since = "CREATE RULE log AS ON UPDATE TO logged DO ALSO INSERT INTO others VALUES (new.id)";
    case("logged", since, "other rows would change", &add);
}

/// Rows that came since are left empty, and those that are gone since are not made again; it is said
/// before anything is done.
#[test]
fn rows_that_came_and_went_since_are_left_alone() {
    let guarded = Guarded::start(BINARY, "development", TERMS, SETUP);
    let id = lost(&guarded, "ALTER TABLE posts DROP COLUMN w");
    guarded
        .server
        .app("INSERT INTO posts VALUES (99, 'new'); DELETE FROM posts WHERE id IN (3, 4)");
    guarded.server.app("UPDATE posts SET title = 'other' WHERE id = 5");
    let before = all_of(&guarded, &["posts"]);
    let shown = guarded.holdpoint.call(&["undo", &id]);
    let text = "public.posts: w goes back, with what was in it, in 19 rows; empty in 1 newer ones; 2 are gone";
    assert!(shown.stdout.contains(text) && shown.status == 1, "{} {}", shown.stdout, shown.stderr);
    assert_eq!(all_of(&guarded, &["posts"]), before);
    undone(&guarded, &id);
    let rows = guarded
        .server
        .app("SELECT id, title, w FROM posts WHERE id IN (2, 3, 5, 21, 99) ORDER BY id");
    assert_eq!(rows, "2|p2|2\n5|other|5\n21|none|\n99|new|");
    assert_eq!(guarded.server.app("SELECT count(*), sum(w) FROM posts"), "20|56");
    // Once more, the column is there: what an undo put back is not overwritten.
    guarded.server.app("UPDATE posts SET w = 1000 WHERE id = 1");
    let json = undone(&guarded, &id).json();
    assert!(json["undone"]["tables"][0]["beside"].is_string(), "{json}");
    assert_eq!(guarded.server.app("SELECT w FROM posts WHERE id = 1"), "1000");
}

/// One of two tables takes its column back, the other does not: what stood on both is not made again.
#[test]
fn each_table_takes_its_columns_back_by_itself() {
    let setup = "\
CREATE TABLE one (id int PRIMARY KEY, w int UNIQUE);
INSERT INTO one SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE two (id int PRIMARY KEY, w int REFERENCES one (w));
INSERT INTO two SELECT g, g FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    let text = "BEGIN; ALTER TABLE two DROP COLUMN w; ALTER TABLE one DROP COLUMN w; COMMIT";
    back(&guarded, &[(text, &["one", "two"])]);
    let id = lost(&guarded, text);
    guarded.server.app("ALTER TABLE two ADD COLUMN w text");
    let shown = guarded.holdpoint.call(&["undo", &id]).stdout;
    for text in [
        "public.one: w goes back, with what was in it, in 20 rows\n",
        "what it lost does not go back: another column `w` is there by now\n",
        "not made again with them; run what of it fits:\n  ALTER TABLE \"public\".\"two\" ADD COLUMN",
        ";\n  ALTER TABLE public.two ADD CONSTRAINT two_w_fkey FOREIGN KEY (w) REFERENCES public.one(w);\n",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let json = undone(&guarded, &id).json();
    let not_run = json["undone"]["not_run"].to_string();
    assert!(not_run.contains("FOREIGN KEY") && !not_run.contains("UNIQUE"), "{not_run}");
    let shape = guarded.server.app(SHAPE);
    assert!(shape.contains("UNIQUE (w)") && !shape.contains("FOREIGN KEY"), "{shape}");
    assert_eq!(guarded.server.app("SELECT sum(w) FROM one"), "210");
}

/// A table that is dropped with the column that it refers to, or that refers to it, comes back with it.
#[test]
fn a_dropped_table_comes_back_with_a_column_of_another() {
    if !is_described() {
        return;
    }
    let setup = "\
CREATE TABLE posts (id int PRIMARY KEY, title text, w int UNIQUE);
INSERT INTO posts SELECT g, 'p' || g, g FROM generate_series(1, 20) g;
CREATE TABLE hung (id int PRIMARY KEY, post int REFERENCES posts (w));
INSERT INTO hung SELECT g, g FROM generate_series(1, 20) g;
CREATE TABLE kinds (id int PRIMARY KEY, name text);
INSERT INTO kinds SELECT g, 'k' || g FROM generate_series(1, 20) g;
CREATE TABLE notes (id int PRIMARY KEY, text text, kind int REFERENCES kinds);
INSERT INTO notes SELECT g, 'n' || g, g FROM generate_series(1, 20) g;
CREATE VIEW named AS SELECT n.id, k.name FROM notes n JOIN kinds k ON k.id = n.kind;";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    for text in [
        "BEGIN; DROP TABLE hung; ALTER TABLE posts DROP COLUMN w; COMMIT",
        "BEGIN; DROP TABLE kinds CASCADE; ALTER TABLE notes DROP COLUMN kind; COMMIT",
        "BEGIN; ALTER TABLE notes DROP COLUMN kind CASCADE; DROP TABLE kinds; COMMIT",
    ] {
        let tables = ["posts", "hung", "kinds", "notes", "named"];
        let before = all_of(&guarded, &tables);
        let id = lost(&guarded, text);
        undone(&guarded, &id);
        assert_eq!(all_of(&guarded, &tables), before, "{text}");
    }
}

/// Rows that the same transaction changes or takes away come back as well, with the column.
#[test]
fn rows_that_go_with_a_column_come_back_with_it() {
    let guarded = Guarded::start(BINARY, "development", TERMS, SETUP);
    for text in [
        "BEGIN; UPDATE posts SET title = concat(title, w); ALTER TABLE posts DROP COLUMN w; COMMIT",
        "BEGIN; DELETE FROM posts WHERE id < 5; ALTER TABLE posts DROP COLUMN w; COMMIT",
    ] {
        let before = all_of(&guarded, &["posts"]);
        let id = lost(&guarded, text);
        undone(&guarded, &id);
        assert_eq!(all_of(&guarded, &["posts"]), before, "{text}");
    }
}

/// A default that is taken away or changed is set back.
#[test]
fn a_default_is_set_back() {
    let setup = "\
CREATE TABLE posts (id int PRIMARY KEY, w int DEFAULT 7, x text DEFAULT 'a');
INSERT INTO posts SELECT generate_series(1, 20);";
    let guarded = Guarded::start(BINARY, "development", TERMS, setup);
    for text in ["w DROP DEFAULT", "w SET DEFAULT 8, ALTER COLUMN x DROP DEFAULT"] {
        let before = all_of(&guarded, &["posts"]);
        let text = format!(
            "BEGIN; ALTER TABLE posts ALTER COLUMN {text}; DELETE FROM posts WHERE id < 18; COMMIT"
        );
        let id = lost(&guarded, &text);
        assert_ne!(guarded.server.app(SHAPE), before[1], "{text}");
        undone(&guarded, &id);
        assert_eq!(all_of(&guarded, &["posts"]), before, "{text}");
    }
}

/// In production a column waits for a human; what they released can be taken back.
#[test]
fn a_released_column_comes_back() {
    let setup = "\
CREATE TABLE posts (id int PRIMARY KEY, title text, w int DEFAULT 3 NOT NULL UNIQUE);
INSERT INTO posts SELECT g, 'p' || g, g FROM generate_series(1, 20) g;";
    let guarded = Guarded::start(BINARY, "production", TERMS, setup);
    let before = all_of(&guarded, &["posts"]);
    let said = guarded.run("ALTER TABLE posts DROP COLUMN w");
    assert_ne!(said.status, 0, "{}", said.err);
    assert_eq!(all_of(&guarded, &["posts"]), before);
    let hold = guarded.hold()["hold"].as_str().unwrap().to_owned();
    guarded.approve(&hold);
    assert_ne!(all_of(&guarded, &["posts"]), before);
    undone(&guarded, &hold);
    assert_eq!(all_of(&guarded, &["posts"]), before);
}
