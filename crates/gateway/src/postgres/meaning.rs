//! What counted changes mean: numbers become operations.

use holdpoint_core::{Effect, Operation, Resource, ResourceId, Reversibility};
use holdpoint_wire::sql::Target;

use super::{
    reading::is_counted,
    script::{Bound, Measured, Table},
};

/// What was counted of one transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// Tables of the database's own.
    pub(super) own: Vec<Table>,
    /// Tables of the system's catalogue.
    pub(super) system: Vec<Table>,
    /// What is gone as a whole.
    pub(super) gone: Vec<Gone>,
    /// What loses a column, or what was in it.
    pub(super) columns: Vec<Gone>,
}

/// A relation that is dropped, or whose rows are gone all at once.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    pub(super) table: Table,
    /// `pg_class.relkind`.
    pub(super) kind: String,
    pub(super) dropped: bool,
}

/// Catalogues of who may do what, and of what keeps data whole. Sorted.
const ACCESS: &[&str] =
    &["pg_auth_members", "pg_authid", "pg_db_role_setting", "pg_default_acl", "pg_init_privs"];
const PROTECTION: &[&str] = &[
    "pg_constraint",
    "pg_event_trigger",
    "pg_policy",
    "pg_publication",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_subscription",
    "pg_trigger",
];
/// Catalogues whose rows are data.
const DATA: &[&str] = &["pg_largeobject", "pg_largeobject_metadata"];
/// Catalogues that say nothing about what is there.
const NOISE: &[&str] = &["pg_depend", "pg_shdepend", "pg_statistic", "pg_stat_progress"];

/// Statements that are about rows alone: what else they do, a trigger or a rule does.
const OF_ROWS: &[&str] =
    &["copy_from", "delete", "insert", "merge", "nextval", "notify", "setval", "update", "upsert"];

/// Statements that write a table's rows anew without losing one.
const REWRITES: &[&str] = &["add_column", "alter_table", "set_unlogged", "alter_expression"];

/// An operation that only looks.
pub(super) fn looking(target: &Target) -> Operation {
    let resource = Resource::from(target.id());
    Operation::known("postgres:look", Effect::Observe, resource, Reversibility::Inverse)
}

/// Code that is run while a transaction commits.
pub(super) fn deferred(target: &Target) -> Operation {
    let resource = Resource::from(target.id());
    Operation::guessed("postgres:deferred_code", Effect::Execute, resource)
}

/// What the counted changes of a transaction mean, in which `script` was run. A role that `escapes`
/// was judged by its texts before.
pub(super) fn measured(
    counted: &Counted,
    script: &[Bound],
    target: &Target,
    small_rows: u64,
    escapes: bool,
) -> Measured {
    let texts: Vec<&Operation> =
        script.iter().flat_map(|bound| bound.reading.operations.iter()).collect();
    let opaque = texts.iter().any(|it| it.effect == Effect::Execute);
    let mut changing = texts.iter().filter(|it| it.effect.changes()).peekable();
    let rewrites = !opaque && changing.peek().is_some() && changing.all(|it| names(it, REWRITES));
    let gone: Vec<&Gone> = counted.gone.iter().filter(|gone| gone.dropped || !rewrites).collect();
    // What a text says of structure and access stands; of rows, the count does.
    let mut operations: Vec<Operation> = vec![looking(target)];
    for operation in texts {
        let counts = is_counted(operation) && !(escapes && operation.effect == Effect::Execute);
        if operation.effect.changes() && !counts && !operations.contains(operation) {
            operations.push(operation.clone());
        }
    }
    let small = is_small(counted, &gone, small_rows);
    operations.extend(counted.own.iter().flat_map(|table| of_rows(table, target, small)));
    operations.extend(gone.iter().map(|gone| of_gone(gone, target)));
    for operation in counted.columns.iter().map(|gone| of_columns(gone, target)) {
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    let told = if opaque { Told::Nothing } else { Told::by(script) };
    operations.extend(of_catalogue(counted, target, told));
    let is_gone = |table: &Table| gone.iter().any(|gone| gone.table.oid == table.oid);
    let lost = counted.own.iter().filter(|it| it.updated > 0 || it.deleted > 0);
    let lost = lost.filter(|table| !is_gone(table));
    Measured {
        columns: counted.columns.clone(),
        operations,
        text: text(counted, &gone, script),
        lost: lost.cloned().collect(),
        gone: gone
            .iter()
            .filter(|it| it.dropped || it.kind != "m")
            .map(|it| (*it).clone())
            .collect(),
        ..Measured::default()
    }
}

/// Whether a transaction changes a few rows by key, and loses nothing else.
fn is_small(counted: &Counted, gone: &[&Gone], small_rows: u64) -> bool {
    let rows = counted
        .own
        .iter()
        .map(|it| it.inserted.saturating_add(it.updated).saturating_add(it.deleted));
    let keyed = |table: &Table| table.keyed || table.updated == 0 && table.deleted == 0;
    gone.is_empty()
        && rows.fold(0, u64::saturating_add) <= small_rows
        && counted.own.iter().all(keyed)
}

/// What the changed rows of one table mean.
fn of_rows(table: &Table, target: &Target, small: bool) -> Vec<Operation> {
    let resource = within(target, table);
    let operation = |name: &str, effect: Effect, reversibility: Reversibility| {
        Operation::known(format!("postgres:{name}"), effect, resource.clone(), reversibility)
    };
    let mut found = Vec::new();
    if table.inserted > 0 {
        found.push(operation("insert", Effect::Create, Reversibility::Unknown));
    }
    if table.updated > 0 {
        let way_back = if small { Reversibility::Inverse } else { Reversibility::Unknown };
        found.push(operation("update", Effect::Modify, way_back));
    }
    if table.deleted > 0 && small {
        found.push(operation("delete", Effect::Modify, Reversibility::Inverse));
    } else if table.deleted > 0 {
        found.push(operation("delete", Effect::Destroy, Reversibility::None));
    }
    found
}

fn of_gone(gone: &Gone, target: &Target) -> Operation {
    let resource = within(target, &gone.table);
    if !gone.dropped && gone.kind == "m" {
        // Made anew from what it shows, unless that is gone by now.
        let name = "postgres:refresh_materialized_view";
        return Operation::guessed(name, Effect::Modify, resource);
    }
    let (name, effect) = match (gone.dropped, gone.kind.as_str()) {
        (true, "i" | "I") => ("drop_index", Effect::Remove),
        (true, "v" | "c" | "f") => ("drop_view", Effect::Remove),
        (true, _) => ("drop_table", Effect::Destroy),
        (false, _) => ("truncate", Effect::Destroy),
    };
    Operation::known(format!("postgres:{name}"), effect, resource, Reversibility::None)
}

/// A column that goes, or what is in it that is converted: the same loss, whatever a text calls it.
fn of_columns(gone: &Gone, target: &Target) -> Operation {
    let resource = within(target, &gone.table);
    Operation::known("postgres:drop_column", Effect::Destroy, resource, Reversibility::None)
}

/// What texts tell of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// Nothing: they are about rows, or hide what they do.
    Nothing,
    /// That something is made.
    Made,
    /// That something is changed or taken away.
    Changed,
}

impl Told {
    fn by(script: &[Bound]) -> Self {
        let operations = script.iter().flat_map(|bound| bound.reading.operations.iter());
        let told = operations.map(|it| match it.effect {
            // What takes temporary tables away says that it only looks.
            _ if it.name == "postgres:discard" => Self::Changed,
            _ if !it.effect.changes() || names(it, OF_ROWS) => Self::Nothing,
            Effect::Create => Self::Made,
            _ => Self::Changed,
        });
        told.max().unwrap_or(Self::Nothing)
    }
}

/// What changes of the catalogue mean that no text explains: as much as they could.
fn of_catalogue(counted: &Counted, target: &Target, told: Told) -> Vec<Operation> {
    let mut found = Vec::new();
    let mut guess = |name: &str, effect: Effect| {
        let resource = Resource::from(target.id());
        let operation = Operation::guessed(format!("postgres:{name}"), effect, resource);
        if !found.contains(&operation) {
            found.push(operation);
        }
    };
    for table in &counted.system {
        let name = table.name.as_str();
        let takes = table.updated > 0 || table.deleted > 0;
        if DATA.contains(&name) && takes {
            guess("large_objects", Effect::Destroy);
        } else if NOISE.contains(&name)
            || DATA.contains(&name)
            || told == Told::Changed
            || told == Told::Made && table.deleted == 0
        {
            // Explained by the text, or nothing at all.
        } else if ACCESS.contains(&name) {
            guess("hidden_access", Effect::GrantAccess);
        } else if PROTECTION.contains(&name) && takes {
            guess("hidden_protection", Effect::WeakenRecovery);
        } else if table.deleted > 0 {
            guess("hidden_drop", Effect::Destroy);
        } else if table.updated > 0 {
            guess("hidden_alter", Effect::Execute);
        } else {
            guess("hidden_create", Effect::Create);
        }
    }
    found
}

/// In words for a human: "10 customers, 99 orders (cascade)".
fn text(counted: &Counted, gone: &[&Gone], script: &[Bound]) -> String {
    let list = |verb: &str, rows: fn(&Table) -> u64| {
        let found = counted.own.iter().filter(|table| rows(table) > 0);
        let mut found: Vec<(bool, String)> = found
            .map(|table| {
                let said = is_said(table, script);
                let cascades = counted.own.iter().any(|it| table.follows.contains(&it.oid));
                let how = match (said, cascades) {
                    (true, _) => "",
                    (false, true) => " (cascade)",
                    (false, false) => " (by a trigger, a rule or a function)",
                };
                (!said, format!("{} {}{how}", rows(table), shown(table)))
            })
            .collect();
        // What a statement names comes first.
        found.sort_by_key(|(follows, _)| *follows);
        let found: Vec<String> = found.into_iter().map(|(_, text)| text).collect();
        (!found.is_empty()).then(|| format!("{verb} {}", found.join(", ")))
    };
    let whole = |verb: &str, dropped: bool| {
        let found = gone.iter().filter(|gone| gone.dropped == dropped && gone.kind != "i");
        let found: Vec<String> = found.map(|gone| shown(&gone.table)).collect();
        (!found.is_empty()).then(|| format!("{verb} {}", found.join(", ")))
    };
    let columns: Vec<String> = counted.columns.iter().map(|gone| shown(&gone.table)).collect();
    let columns =
        (!columns.is_empty()).then(|| format!("change columns of {}", columns.join(", ")));
    let parts = [
        list("delete", |table| table.deleted),
        list("update", |table| table.updated),
        list("insert", |table| table.inserted),
        whole("drop", true),
        whole("empty", false),
        columns,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Whether a statement's own text is about a table.
fn is_said(table: &Table, script: &[Bound]) -> bool {
    let end = format!(".{}", table.name);
    let operations = script.iter().flat_map(|bound| bound.reading.operations.iter());
    operations.filter(|it| it.effect.changes()).any(|it| it.resource.id.as_str().ends_with(&end))
}

fn shown(table: &Table) -> String {
    match table.schema.as_str() {
        "public" => table.name.clone(),
        schema => format!("{schema}.{}", table.name),
    }
}

fn within(target: &Target, table: &Table) -> Resource {
    let database = target.id();
    let id = ResourceId::new(format!("{database}/{}.{}", table.schema, table.name));
    Resource { id, within: vec![database] }
}

fn names(operation: &Operation, list: &[&str]) -> bool {
    let name = operation.name.strip_prefix("postgres:").unwrap_or_default();
    list.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use holdpoint_wire::sql::{Dialect, Target};

    use super::{Counted, Gone, measured};
    use crate::postgres::{
        reading::Readings,
        script::{Bound, Table, Values},
    };

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
            (
                "SELECT f()",
                counted(system("pg_authid", 0, 0)),
                "hidden_access:grant_access:unknown",
            ),
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
            ("DISCARD TEMP", counted(system("pg_class", 0, 1)), ""),
        ] {
            let (found, _) = told(text, &counted, false);
            assert_eq!(found, operations, "{text}");
        }
    }

    #[test]
    fn what_is_gone_as_a_whole_is_destroyed_unless_it_was_only_rewritten() {
        let gone = |kind: &str, dropped: bool| Counted {
            gone: vec![Gone { table: table("t", 0, 0, 0), kind: kind.into(), dropped }],
            ..Counted::default()
        };
        for (text, counted, expect) in [
            ("TRUNCATE t", gone("r", false), "truncate:destroy:none"),
            ("DROP TABLE t", gone("r", true), "drop_table:destroy:none"),
            ("SELECT f()", gone("r", true), "drop_table:destroy:none"),
            (
                "ALTER TABLE t ADD COLUMN b int DEFAULT 1",
                gone("r", false),
                "add_column:create:unknown",
            ),
            (
                "ALTER TABLE t ADD COLUMN b int DEFAULT 1; SELECT f()",
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
}
