//! What a statement means by its text, read once and remembered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_core::{Effect, Operation};
use holdpoint_wire::{
    Unreadable,
    sql::{
        self, Target,
        statements::{Kind, Statement, statements},
    },
};

/// Texts that are remembered, and bytes of one of them.
const REMEMBERED_MAX: usize = 4096;
const REMEMBERED_BYTES_MAX: usize = 16 << 10;

/// Operations that a count of rows tells better than a text does.
const COUNTED: &[&str] = &[
    "postgres:call",
    "postgres:copy_from",
    "postgres:delete",
    "postgres:do",
    "postgres:drop_table",
    "postgres:dynamic",
    "postgres:execute",
    "postgres:insert",
    "postgres:merge",
    "postgres:nextval",
    "postgres:truncate",
    "postgres:update",
    "postgres:upsert",
];

/// Operations that take effect whatever becomes of the transaction, or change the session: these
/// are judged by their text, before. Sorted.
const AT_ONCE: &[&str] = &[
    "postgres:copy_program",
    "postgres:copy_to_file",
    "postgres:link_server",
    "postgres:lo_export",
    "postgres:lo_import",
    "postgres:load",
    "postgres:pg_drop_replication_slot",
    "postgres:pg_file_read",
    "postgres:pg_file_rename",
    "postgres:pg_file_unlink",
    "postgres:pg_file_write",
    "postgres:pg_logical_slot_get_binary_changes",
    "postgres:pg_logical_slot_get_changes",
    "postgres:pg_ls_dir",
    "postgres:pg_read_binary_file",
    "postgres:pg_read_file",
    "postgres:pg_replication_slot_advance",
    "postgres:pg_stat_file",
    "postgres:prepared_transaction",
    "postgres:set",
    "postgres:setval",
];

/// One statement, read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Its text, as it was sent.
    pub(super) text: String,
    /// What it is to its transaction.
    pub(super) kind: Kind,
    /// What it would do by its text.
    pub(super) operations: Vec<Operation>,
}

impl Reading {
    fn of(statement: Statement, target: &Target) -> Result<Self, Unreadable> {
        let operations = sql::interpret(&statement.text, target)?;
        Ok(Self { text: statement.text, kind: statement.kind, operations })
    }

    /// A statement of which only its name is known: it was prepared in SQL, or long ago.
    pub(super) fn of_name(name: &str, target: &Target) -> Result<Self, Unreadable> {
        let text = format!("EXECUTE {}", super::own::quoted(name));
        Self::of(Statement { text, kind: Kind::Execute(name.to_owned()) }, target)
    }

    /// Whether it may be tried where nothing can be written: by its text it only looks. Code that
    /// nobody can see is not tried: it might catch that it failed, and go on without.
    pub(super) fn may_only_read(&self) -> bool {
        let reads = |it: &Operation| it.effect == Effect::Observe;
        matches!(self.kind, Kind::Plain | Kind::Prepare(_) | Kind::Deallocate(_))
            && self.operations.iter().all(reads)
    }
}

/// Whether an operation is judged by its text, as it takes effect at once.
pub(super) fn is_at_once(operation: &Operation) -> bool {
    let id = operation.resource.id.as_str();
    let system = id.rsplit(['/', '.']).next().unwrap_or_default();
    let called = operation.name == "postgres:call"
        && (system.starts_with("pg_") || system.starts_with("dblink") || id.contains("cron."));
    called || id == "postgres:unknown" || AT_ONCE.binary_search(&operation.name.as_str()).is_ok()
}

/// Whether a count says more about an operation than its text.
pub(super) fn is_counted(operation: &Operation) -> bool {
    operation.effect == Effect::Execute || COUNTED.binary_search(&operation.name.as_str()).is_ok()
}

/// The texts that were read lately.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<HashMap<String, Arc<Vec<Arc<Reading>>>>>);

impl Readings {
    /// Every statement of a text, read.
    pub(super) fn read(
        &self,
        text: &str,
        target: &Target,
    ) -> Result<Arc<Vec<Arc<Reading>>>, Unreadable> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(text) {
            return Ok(Arc::clone(known));
        }
        let each = statements(text)?.into_iter();
        let each = each.map(|statement| Reading::of(statement, target).map(Arc::new));
        let read = Arc::new(each.collect::<Result<Vec<_>, _>>()?);
        if text.len() <= REMEMBERED_BYTES_MAX {
            let mut known = lock();
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(text.to_owned(), Arc::clone(&read));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_wire::sql::{Dialect, Target};

    use super::{AT_ONCE, COUNTED, Readings, is_at_once};

    #[test]
    fn lists_are_sorted() {
        assert!(AT_ONCE.is_sorted() && COUNTED.is_sorted());
    }

    #[test]
    fn what_takes_effect_at_once_is_told_by_its_text() {
        let target = Target::read("postgres:db.example.com/app", Dialect::Postgres).unwrap();
        let readings = Readings::default();
        for (text, at_once, may_only_read) in [
            ("select * from t", false, true),
            ("select purge()", false, false),
            ("set search_path = x", true, true),
            ("set role admin", true, false),
            ("delete from t", false, false),
            ("select pg_terminate_backend(1)", true, false),
            ("select dblink_exec('x', 'y')", true, false),
            ("select setval('s', 1)", true, false),
            ("copy t to program 'x'", true, false),
            ("select cron.schedule('x', 'y')", true, false),
            ("create table x (a int)", false, false),
            ("insert into t values (nextval('s'))", false, false),
            ("set transaction read write", true, false),
            ("explain analyze delete from t", false, false),
        ] {
            let read = readings.read(text, &target).unwrap();
            let [reading] = read.as_slice() else { panic!("{text}") };
            let found = reading.operations.iter().any(is_at_once);
            assert_eq!((found, reading.may_only_read()), (at_once, may_only_read), "{text}");
        }
    }
}
