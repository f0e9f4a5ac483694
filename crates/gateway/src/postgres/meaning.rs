//! What counted changes mean: numbers become operations.

use holdpoint_core::{Effect, Operation, Resource, ResourceId, Reversibility};
use holdpoint_wire::sql::Target;

use super::{
    reading::is_counted,
    rights::Rights,
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
    /// Sequences that begin anew.
    pub(super) restarted: Vec<Table>,
    /// What is there already has become another thing to somebody.
    pub(super) rights: Rights,
    /// Something is dropped that was nobody else's, and nothing but that and what is gone.
    pub(super) spends: bool,
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
    /// It was looked at before, and no row was in it.
    pub(super) empty: bool,
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
/// Catalogues in which what is made or dropped changes rows of what it belongs to: that a table has
/// an index by now, or is referred to.
const OF_OTHERS: &[&str] = &[
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_index",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_sequence",
    "pg_trigger",
];
/// Catalogues that say nothing about what is there.
const NOISE: &[&str] =
    &["pg_depend", "pg_shdepend", "pg_statistic", "pg_statistic_ext_data", "pg_stat_progress"];

/// Statements that write a table's rows anew without changing one, and those that run no code.
const REWRITES: &[&str] = &["add_column", "alter_expression", "alter_table", "set_unlogged"];
const QUIET: &[&str] = &["lock", "set", "show", "transaction"];

/// Statements that drop something, which changes the catalogue if it was there.
const DROPS: &[&str] = &[
    "drop_constraint",
    "drop_event_trigger",
    "drop_extension",
    "drop_foreign_table",
    "drop_function",
    "drop_index",
    "drop_materialized_view",
    "drop_object",
    "drop_policy",
    "drop_publication",
    "drop_rule",
    "drop_schema",
    "drop_sequence",
    "drop_trigger",
    "drop_type",
    "drop_view",
];

/// Statements that say that rules of a table hold from now on.
const OF_RULES: &[&str] = &["enable_row_security", "enable_trigger"];

/// Statements that change who may do what, and give nobody anything.
const OF_ACCESS: &[&str] = &["alter_database", "alter_role", "create_role", "revoke"];

/// Statements that are about rows alone: what else they do, a trigger or a rule does.
const OF_ROWS: &[&str] = &[
    "analyze",
    "copy_from",
    "delete",
    "insert",
    "merge",
    "nextval",
    "notify",
    "setval",
    "update",
    "upsert",
];

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
    let texts = script.iter().flat_map(|bound| bound.reading.operations.iter());
    let drops_nothing = counted.system.iter().all(|table| table.deleted == 0);
    let texts: Vec<&Operation> = texts.filter(|it| !(drops_nothing && names(it, DROPS))).collect();
    let rewrites = only_rewrites(&texts) && rewrites_one(counted, &texts);
    let lost = |gone: &&Gone| {
        let same = rewrites && gone.rewritten && is_resource(&gone.table, target, &texts);
        !same && !gone.empty
    };
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
    let empty = counted.gone.iter().filter(|gone| gone.empty);
    operations.extend(gone.iter().copied().chain(empty).map(|gone| of_gone(gone, target)));
    operations.extend(counted.restarted.iter().map(|table| {
        Operation::guessed("postgres:restart_sequence", Effect::Modify, within(target, table))
    }));
    for operation in counted.columns.iter().map(|gone| of_columns(gone, target)) {
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    let told = Tells::of(counted, &texts, &gone);
    operations.extend(of_catalogue(counted, target, told));
    let is_gone = |table: &Table| gone.iter().any(|gone| gone.table.oid == table.oid);
    let lost = counted
        .own
        .iter()
        .filter(|it| it.updated > 0 || it.deleted > 0 || takes_from_another_part(it, &counted.own));
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

/// Whether rows may have come into a part of a table from another part of it, and have to go back there.
fn takes_from_another_part(table: &Table, own: &[Table]) -> bool {
    let loses = |it: &&Table| it.deleted > 0 && it.root == table.root;
    table.inserted > 0 && table.root.is_some() && own.iter().any(|it| loses(&it))
}

/// Whether nothing but statements was run that write the rows of their own table anew: beside them,
/// anything could hide what does the same, or empties another one.
fn only_rewrites(texts: &[&Operation]) -> bool {
    texts.iter().any(|it| names(it, REWRITES))
        && texts.iter().all(|it| names(it, REWRITES) || names(it, QUIET))
}

/// Whether no more than one table was written anew, no row was changed beside it, and all texts that
/// write tables anew are about one: its own server keeps that one from whatever hides in them.
fn rewrites_one(counted: &Counted, texts: &[&Operation]) -> bool {
    let mut about = texts.iter().filter(|it| names(it, REWRITES)).map(|it| &it.resource.id);
    let first = about.next();
    let rewritten = counted.gone.iter().filter(|gone| gone.rewritten).count();
    counted.own.is_empty() && rewritten <= 1 && about.all(|id| Some(id) == first)
}

/// Whether a text that writes tables anew names this one, in full.
fn is_resource(table: &Table, target: &Target, texts: &[&Operation]) -> bool {
    let resource = within(target, table);
    texts.iter().any(|it| names(it, REWRITES) && it.resource.id == resource.id)
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
    // What it has made itself was nobody else's: it goes on making it.
    let made = [("update", table.made.0), ("delete", table.made.1)];
    for (name, _) in made.into_iter().filter(|(_, rows)| *rows > 0) {
        found.push(operation(name, Effect::Create, Reversibility::Unknown));
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
    if gone.empty {
        let (name, effect) = ("postgres:truncate", Effect::Create);
        return Operation::known(name, effect, resource, Reversibility::Inverse);
    }
    let (name, effect) = match (gone.dropped, gone.kind.as_str()) {
        (true, "i" | "I") => ("drop_index", Effect::Remove),
        (true, "c") => ("drop_type", Effect::Remove),
        (true, "v" | "f") => ("drop_view", Effect::Remove),
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
    fn by(texts: &[&Operation]) -> Self {
        let told = texts.iter().map(|it| match it.effect {
            _ if !it.effect.changes() || names(it, OF_ROWS) => Self::Nothing,
            Effect::Create => Self::Made,
            _ => Self::Changed,
        });
        told.max().unwrap_or(Self::Nothing)
    }
}

/// What the texts of a transaction explain.
#[derive(Debug, Clone, Copy)]
struct Tells {
    told: Told,
    /// Who may do what.
    access: bool,
    /// That rules of a table hold from now on.
    rules: bool,
    /// Something is emptied, and it was nobody else's.
    empties: bool,
    /// Something is dropped, and it was nobody else's.
    spends: bool,
}

impl Tells {
    /// What `texts` explain of what was counted, with what is gone as a whole.
    fn of(counted: &Counted, texts: &[&Operation], gone: &[&Gone]) -> Self {
        let opaque = texts.iter().any(|it| it.effect == Effect::Execute);
        // What nobody judges explains nothing: whether a text drops or empties something is counted.
        let judged = |it: &&Operation| {
            !is_counted(it) || !gone.is_empty() && names(it, &["drop_table", "truncate"])
        };
        let judged: Vec<&Operation> = texts.iter().copied().filter(judged).collect();
        let told = if opaque { Told::Nothing } else { Told::by(&judged) };
        let access = !opaque && judged.iter().any(|it| tells_of_access(it));
        let rules = access || !opaque && judged.iter().any(|it| names(it, OF_RULES));
        let empties = !opaque && texts.iter().any(|it| names(it, &["truncate"]));
        let spends = counted.spends && gone.is_empty();
        Self { told, access, rules, empties, spends }
    }

    /// Whether changed rows of a catalogue are explained, or nothing at all.
    fn explains(self, table: &Table) -> bool {
        let spends = self.spends;
        let name = table.name.as_str();
        let related = table.updated == 0 || OF_OTHERS.contains(&name);
        NOISE.contains(&name)
            || DATA.contains(&name)
            || match self.told {
                Told::Changed => true,
                _ if table.deleted > 0 => spends && related,
                Told::Made => related,
                Told::Nothing => {
                    table.inserted == 0 && (spends && related || self.empties && name == "pg_class")
                }
            }
    }
}

/// Whether a text speaks of who may do what: only that explains that it becomes another thing.
fn tells_of_access(operation: &Operation) -> bool {
    use Effect::{Destroy, GrantAccess, MintCredential, Remove, WeakenRecovery};
    matches!(operation.effect, GrantAccess | MintCredential | WeakenRecovery | Remove | Destroy)
        || names(operation, OF_ACCESS)
}

/// What changes of the catalogue mean that no text explains: as much as they could.
fn of_catalogue(counted: &Counted, target: &Target, told: Tells) -> Vec<Operation> {
    let tells = told.access;
    let (mut found, mut passing) = (Vec::new(), false);
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
        let comes_or_goes = table.inserted > 0 || table.deleted > 0;
        if DATA.contains(&name) && takes {
            guess("large_objects", Effect::Destroy);
        } else if ACCESS.contains(&name) && !tells {
            guess("hidden_access", Effect::GrantAccess);
        } else if name == "pg_policy" && comes_or_goes && !tells {
            guess("hidden_protection", Effect::WeakenRecovery);
        } else if told.explains(table) {
            passing |=
                told.told == Told::Nothing && !NOISE.contains(&name) && !DATA.contains(&name);
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
    if counted.rights.access && !tells || counted.rights.rules && !told.rules {
        guess("hidden_access", Effect::GrantAccess);
    }
    if passing {
        // It was nobody else's, and no text says that it was there: on record it is.
        let (name, resource) = ("postgres:temporary", Resource::from(target.id()));
        found.push(Operation::known(name, Effect::Create, resource, Reversibility::Inverse));
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
