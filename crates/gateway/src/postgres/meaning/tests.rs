//! Counts and texts, and what they come to.

use std::sync::Arc;

use holdpoint_wire::sql::{Dialect, Target};

use super::{Counted, Gone, Rights, measured};
use crate::postgres::{
    reading::Readings,
    script::{Bound, Table, Values},
};

const ACCESS: Rights = Rights { access: true, rules: false };
const RULES: Rights = Rights { access: false, rules: true };

fn table(name: &str, inserted: u64, updated: u64, deleted: u64) -> Table {
    let name = name.to_owned();
    Table {
        schema: "public".into(),
        name,
        inserted,
        updated,
        deleted,
        keyed: true,
        ..Table::default()
    }
}

fn system(name: &str, updated: u64, deleted: u64) -> Table {
    Table { schema: "pg_catalog".into(), ..table(name, 1, updated, deleted) }
}

/// What a text and a count come to: operations that change something, and the words for it.
fn told(text: &str, counted: &Counted, escapes: bool) -> (String, String) {
    let target = Target::read("postgres://app@db.example.com/shop", Dialect::Postgres).unwrap();
    let read = Readings::default().read(text, &target).unwrap();
    let bound =
        |reading: &Arc<_>| Bound { reading: Arc::clone(reading), values: Values::default() };
    let script: Vec<Bound> = read.iter().map(bound).collect();
    let measured = measured(counted, &script, &target, 10, escapes);
    let changes = measured.operations.iter().filter(|it| it.effect.changes());
    let each = changes.map(|it| {
        let name = it.name.trim_start_matches("postgres:");
        format!("{name}:{}:{}", it.effect, it.reversibility)
    });
    (each.collect::<Vec<_>>().join(" "), measured.text)
}

#[test]
fn the_count_says_what_a_text_promises() {
    let counted = |own: Vec<Table>| Counted { own, ..Counted::default() };
    let cascade = Table { follows: vec![7], ..table("orders", 0, 0, 99) };
    let customers = Table { oid: 7, ..table("customers", 0, 0, 10) };
    let keyless = Table { keyed: false, ..table("notes", 0, 0, 1) };
    for (text, counted, operations, words) in [
        ("SELECT f()", counted(vec![]), "", ""),
        (
            "UPDATE t SET a = 1",
            counted(vec![table("t", 0, 3, 0)]),
            "update:modify:inverse",
            "update 3 t",
        ),
        (
            "UPDATE t SET a = 1",
            counted(vec![table("t", 0, 11, 0)]),
            "update:modify:unknown",
            "update 11 t",
        ),
        (
            "DELETE FROM t WHERE id = 1",
            counted(vec![table("t", 0, 0, 1)]),
            "delete:modify:inverse",
            "delete 1 t",
        ),
        ("DELETE FROM notes", counted(vec![keyless]), "delete:destroy:none", "delete 1 notes"),
        (
            "DELETE FROM customers WHERE id < 11",
            counted(vec![customers, cascade]),
            "delete:destroy:none delete:destroy:none",
            "delete 10 customers, 99 orders (cascade)",
        ),
        (
            "CREATE TABLE t (a int)",
            counted(vec![Table { made: (3, 1), ..table("t", 5, 0, 0) }]),
            "create_table:create:unknown insert:create:unknown update:create:unknown \
             delete:create:unknown",
            "insert 5 t",
        ),
        (
            "SELECT f()",
            counted(vec![table("t", 0, 0, 60)]),
            "delete:destroy:none",
            "delete 60 t (by a trigger, a rule or a function)",
        ),
    ] {
        let (found, said) = told(text, &counted, false);
        assert_eq!((found.as_str(), said.as_str()), (operations, words), "{text}");
    }
}

#[test]
fn what_no_text_explains_is_as_strict_as_it_could_be() {
    let counted = |system: Table| Counted { system: vec![system], ..Counted::default() };
    for (text, counted, operations) in [
        (
            "CREATE TABLE t (a int)",
            counted(system("pg_class", 1, 0)),
            "create_table:create:unknown",
        ),
        ("SELECT f()", counted(system("pg_class", 0, 1)), "hidden_drop:destroy:unknown"),
        ("SELECT f()", counted(system("pg_authid", 0, 0)), "hidden_access:grant_access:unknown"),
        (
            "SELECT f()",
            counted(system("pg_trigger", 1, 0)),
            "hidden_protection:weaken_recovery:unknown",
        ),
        ("SELECT 1", counted(system("pg_largeobject", 0, 1)), "large_objects:destroy:unknown"),
        ("SELECT 1", counted(system("pg_depend", 0, 9)), ""),
        (
            "INSERT INTO t VALUES (1)",
            counted(system("pg_attribute", 1, 0)),
            "hidden_alter:execute:unknown",
        ),
        (
            "CREATE TABLE t (a int)",
            counted(system("pg_trigger", 0, 1)),
            "create_table:create:unknown hidden_protection:weaken_recovery:unknown",
        ),
        (
            "DISCARD TEMP",
            Counted { spends: true, ..counted(system("pg_class", 0, 1)) },
            "temporary:create:inverse",
        ),
        // It had nothing to take away: something else did.
        ("DISCARD TEMP", counted(system("pg_class", 0, 1)), "hidden_drop:destroy:unknown"),
        (
            "CREATE TABLE t (a int)",
            counted(system("pg_default_acl", 0, 0)),
            "create_table:create:unknown hidden_access:grant_access:unknown",
        ),
    ] {
        let (found, _) = told(text, &counted, false);
        assert_eq!(found, operations, "{text}");
    }
}

#[test]
fn a_text_explains_what_it_speaks_of_and_no_more() {
    let counted = |system: Table| Counted { system: vec![system], ..Counted::default() };
    for (text, counted, operations) in [
        (
            "CREATE TABLE t (a int)",
            Counted { rights: ACCESS, ..counted(system("pg_class", 1, 0)) },
            "create_table:create:unknown hidden_access:grant_access:unknown",
        ),
        (
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            Counted { rights: RULES, ..counted(system("pg_class", 1, 0)) },
            "enable_row_security:modify:unknown",
        ),
        // It says that policies hold, and not who may use what.
        (
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            Counted { rights: ACCESS, ..counted(system("pg_class", 1, 0)) },
            "enable_row_security:modify:unknown hidden_access:grant_access:unknown",
        ),
        (
            "CREATE TABLE t (a int)",
            Counted { rights: RULES, ..counted(system("pg_class", 1, 0)) },
            "create_table:create:unknown hidden_access:grant_access:unknown",
        ),
        ("DROP VIEW IF EXISTS v", Counted::default(), ""),
        // What drops nothing explains nothing.
        (
            "DROP VIEW IF EXISTS v",
            counted(system("pg_policy", 1, 0)),
            "hidden_protection:weaken_recovery:unknown",
        ),
        ("DROP VIEW v", counted(system("pg_rewrite", 0, 1)), "drop_view:remove:unknown"),
        ("ANALYZE t", counted(system("pg_statistic", 9, 0)), "analyze:create:unknown"),
        (
            "ANALYZE t",
            counted(system("pg_attribute", 1, 0)),
            "analyze:create:unknown hidden_alter:execute:unknown",
        ),
    ] {
        let (found, _) = told(text, &counted, false);
        assert_eq!(found, operations, "{text}");
    }
}

#[test]
fn what_is_gone_as_a_whole_is_destroyed_unless_it_was_only_rewritten() {
    let gone = |kind: &str, dropped: bool| Counted {
        gone: vec![Gone {
            table: table("t", 0, 0, 0),
            kind: kind.into(),
            dropped,
            rewritten: !dropped,
            empty: false,
        }],
        ..Counted::default()
    };
    for (text, counted, expect) in [
        ("TRUNCATE t", gone("r", false), "truncate:destroy:none"),
        ("DROP TABLE t", gone("r", true), "drop_table:destroy:none"),
        ("SELECT f()", gone("r", true), "drop_table:destroy:none"),
        ("ALTER TABLE t ADD COLUMN b int DEFAULT 1", gone("r", false), "add_column:create:unknown"),
        (
            "ALTER TABLE u ADD COLUMN b int DEFAULT 1",
            gone("r", false),
            "add_column:create:unknown truncate:destroy:none",
        ),
        (
            "ALTER TABLE t ADD COLUMN b int DEFAULT 1; SELECT * FROM v",
            gone("r", false),
            "add_column:create:unknown truncate:destroy:none",
        ),
        (
            "REFRESH MATERIALIZED VIEW t",
            gone("m", false),
            "refresh_materialized_view:modify:unknown",
        ),
    ] {
        let (found, _) = told(text, &counted, false);
        assert!(found.contains(expect), "{text}: {found}");
    }
}

#[test]
fn code_of_a_role_that_could_escape_counts_by_its_text_too() {
    let (found, _) = told("SELECT f()", &Counted::default(), true);
    assert_eq!(found, "call:execute:none");
}

#[test]
fn what_had_no_rows_loses_none() {
    let empty = Gone {
        table: table("t", 0, 0, 0),
        kind: "r".into(),
        dropped: false,
        rewritten: false,
        empty: true,
    };
    let counted = Counted { gone: vec![empty], ..Counted::default() };
    for (text, expect) in [
        ("TRUNCATE t", "truncate:create:inverse"),
        ("ALTER TABLE t ADD COLUMN b serial", "add_column:create:unknown truncate:create:inverse"),
        ("SELECT f()", "truncate:create:inverse"),
    ] {
        assert_eq!(told(text, &counted, false), (expect.to_owned(), String::new()), "{text}");
    }
}
