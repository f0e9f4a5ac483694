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
    /// Others may do other things with what is there already.
    pub(super) rights: bool,
}

/// A relation that is dropped, or whose rows are gone all at once.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    pub(super) table: Table,
    /// `pg_class.relkind`.
    pub(super) kind: String,
    pub(super) dropped: bool,
    /// Its rows lie in another file by now, and are as many.
    pub(super) rewritten: bool,
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

/// Statements that write a table's rows anew without changing one, and those that run no code.
const REWRITES: &[&str] = &["add_column", "alter_expression", "alter_table", "set_unlogged"];
const QUIET: &[&str] = &["lock", "set", "show", "transaction"];

/// Statements that change who may do what, and give nobody anything.
const OF_ACCESS: &[&str] = &["alter_database", "alter_role", "create_role", "revoke"];

/// Statements that are about rows alone: what else they do, a trigger or a rule does.
const OF_ROWS: &[&str] =
    &["copy_from", "delete", "insert", "merge", "nextval", "notify", "setval", "update", "upsert"];

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
    let rewrites = only_rewrites(&texts);
    let lost = |gone: &&Gone| !(rewrites && gone.rewritten && is_said(&gone.table, script));
    let gone: Vec<&Gone> = counted.gone.iter().filter(lost).collect();
    // What a text says of structure and access stands; of rows, the count does.
    let mut operations: Vec<Operation> = vec![looking(target)];
    for &operation in &texts {
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
    let tells = !opaque && texts.iter().any(|it| tells_of_access(it));
    operations.extend(of_catalogue(counted, target, told, tells));
    let is_gone = |table: &Table| gone.iter().any(|gone| gone.table.oid == table.oid);
    let lost = counted.own.iter().filter(|it| it.updated > 0 || it.deleted > 0);
    let lost = lost.filter(|table| !is_gone(table));
    // What a materialized view shows is made anew from other tables.
    let shows = |table: &Table| gone.iter().any(|it| it.kind == "m" && it.table.oid == table.oid);
    let written = counted.own.iter().filter(|it| it.inserted > 0 || it.updated > 0);
    let written = written.filter(|table| !table.hidden && !shows(table));
    Measured {
        written: written.cloned().collect(),
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

/// Whether nothing but statements was run that write the rows of their own table anew: beside them,
/// anything could hide what does the same, or empties another one.
fn only_rewrites(texts: &[&Operation]) -> bool {
    texts.iter().any(|it| names(it, REWRITES))
        && texts.iter().all(|it| names(it, REWRITES) || names(it, QUIET))
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

/// Whether a text speaks of who may do what: only that explains that it becomes another thing.
fn tells_of_access(operation: &Operation) -> bool {
    use Effect::{Destroy, GrantAccess, MintCredential, Remove, WeakenRecovery};
    matches!(operation.effect, GrantAccess | MintCredential | WeakenRecovery | Remove | Destroy)
        || names(operation, OF_ACCESS)
}

/// What changes of the catalogue mean that no text explains: as much as they could.
fn of_catalogue(counted: &Counted, target: &Target, told: Told, tells: bool) -> Vec<Operation> {
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
        } else if ACCESS.contains(&name) && !tells {
            guess("hidden_access", Effect::GrantAccess);
        } else if name == "pg_policy" && !tells {
            guess("hidden_protection", Effect::WeakenRecovery);
        } else if NOISE.contains(&name)
            || DATA.contains(&name)
            || told == Told::Changed
            || told == Told::Made && table.deleted == 0
        {
            // Explained by the text, or nothing at all.
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
    if counted.rights && !tells {
        guess("hidden_access", Effect::GrantAccess);
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
mod tests;
