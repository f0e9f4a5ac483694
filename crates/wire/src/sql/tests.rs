//! Scripts of psql, and dialects without a grammar.

use holdpoint_core::Effect::{self, *};

use super::{Dialect, Target, interpret, plain, psql};

fn check(rows: &[(&str, Effect)], read: impl Fn(&str) -> Option<Effect>) {
    for (text, expect) in rows {
        assert_eq!(read(text), Some(*expect), "{text}");
    }
}

fn terminal(text: &str) -> Option<Effect> {
    let target = Target::read("postgres://localhost/app", Dialect::Postgres).unwrap();
    psql::interpret(text, &target).ok()?.iter().map(|operation| operation.effect).max()
}

#[test]
fn commands_of_psql() {
    check(
        &[
            ("\\d users", Observe),
            ("\\dt+ *.*\nSELECT 1;", Observe),
            ("SELECT 1 \\g\nSELECT 2 \\gx", Observe),
            ("\\timing on\n\\x\nSELECT 1;", Observe),
            ("\\copy users to 'x.csv' csv", Execute),
            ("\\copy users from 'x.csv' csv", Create),
            ("\\copy (delete from users returning *) to stdout", Destroy),
            ("\\copy users to program 'sh'", Execute),
            ("\\! rm -rf /", Execute),
            ("SELECT 1;\n\\!rm -rf /", Execute),
            ("\\i other.sql", Execute),
            ("SELECT 'drop table users' \\gexec", Execute),
            ("SELECT 1 \\g |sh", Execute),
            ("SELECT 1 \\g out.txt", Execute),
            ("\\o |sh\nSELECT 1;", Execute),
            ("\\set x `rm -rf /`", Execute),
            ("\\echo `rm -rf /`", Execute),
            ("\\x \\\\ DROP TABLE users", Destroy),
            ("\\x \\! sh", Execute),
            ("SELECT '\\! sh'", Observe),
            ("SELECT $$ \\! sh $$", Observe),
            ("SELECT \"\\! sh\" FROM t", Observe),
            ("-- \\! sh\nSELECT 1", Observe),
            ("/* \\! sh */ SELECT 1", Observe),
            ("SELECT E'\\' \\! sh'", Observe),
            ("DROP TABLE users\n\\g", Destroy),
            ("SELECT a::int, b[1:2] FROM t", Observe),
            ("COPY users FROM STDIN;\n1\tdrop table x;\n\\.\nSELECT 1;", Create),
            ("COPY users FROM STDIN;\n1\n\\.\nDROP TABLE users;", Destroy),
            ("\\nonsense", Execute),
        ],
        terminal,
    );
    assert_eq!(terminal("DROP TABLE :name"), None);
    assert_eq!(terminal("SELECT * FROM t WHERE a = :'value'"), None);
}

#[test]
fn a_database_that_is_connected_to_later_is_unknown() {
    let target = Target::read("postgres://localhost/app", Dialect::Postgres).unwrap();
    let operations = psql::interpret("\\c prod\nDROP TABLE users;", &target).unwrap();
    assert!(operations.iter().all(|operation| !target.contains(&operation.resource)));
}

#[test]
fn other_databases_are_read_by_their_words() {
    let sqlite = Target::unknown(Dialect::Sqlite);
    let read = |text: &str| interpret(text, &sqlite).ok()?.iter().map(|it| it.effect).max();
    check(
        &[
            ("SELECT count(*) FROM runs WHERE status = 'drop'", Observe),
            ("DELETE FROM runs WHERE status = 'cancelled';", Destroy),
            ("WITH a AS (SELECT 1) DELETE FROM runs", Destroy),
            ("EXPLAIN DELETE FROM runs", Observe),
            ("INSERT INTO t VALUES (1)", Create),
            ("REPLACE INTO t VALUES (1)", Destroy),
            ("UPDATE t SET a = 1", Destroy),
            ("UPDATE t SET a = 1 WHERE id = 1", Modify),
            ("DROP INDEX i", Remove),
            ("ALTER TABLE t DROP COLUMN a", Destroy),
            ("ALTER TABLE t ADD COLUMN a", Create),
            ("SELECT load_extension('x')", Execute),
            ("SELECT \"load_extension\"('x')", Execute),
            ("SELECT writefile('a', 'b')", Execute),
            ("FROBNICATE t", Execute),
            ("PRAGMA journal_mode = OFF", WeakenRecovery),
            ("PRAGMA user_version", Observe),
            ("BEGIN; SELECT 1; COMMIT", Observe),
        ],
        read,
    );
    assert!(plain::is_sorted());
}

#[test]
fn what_dialects_read_differently_is_refused() {
    let mysql = Target::unknown(Dialect::Mysql);
    for text in [
        "SELECT 1 /*! ; DROP TABLE t */",
        "SELECT 'a\\'; DROP TABLE t; -- '",
        "SELECT 1--1; DROP TABLE t",
        "SELECT /* a /* b */ 1 */ DROP TABLE t",
        "SELECT 'a",
    ] {
        assert!(interpret(text, &mysql).is_err(), "{text}");
    }
}
