//! What a statement means by its text, read once and remembered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdpoint_core::{Effect, Operation};
use holdpoint_wire::{
    Unreadable,
    sql::{
        self, Target,
        shape::shape,
        statements::{Kind, Statement, statements},
    },
};

pub(super) use holdpoint_wire::sql::is_at_once;

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

/// One statement, read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Its text, as it was sent.
    pub(super) text: String,
    /// What it is to its transaction.
    pub(super) kind: Kind,
    /// What it would do by its text.
    pub(super) operations: Arc<Vec<Operation>>,
}

impl Reading {
    fn of(statement: Statement, target: &Target) -> Result<Self, Unreadable> {
        let operations = Arc::new(sql::interpret(&statement.text, target)?);
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

/// Whether a count says more about an operation than its text.
pub(super) fn is_counted(operation: &Operation) -> bool {
    operation.effect == Effect::Execute || COUNTED.binary_search(&operation.name.as_str()).is_ok()
}

/// Every statement of a text.
type Read = Arc<Vec<Arc<Reading>>>;

/// The texts that were read lately, and the shapes of single statements.
#[derive(Debug, Default)]
pub(super) struct Readings {
    texts: Mutex<HashMap<String, Read>>,
    shapes: Mutex<HashMap<String, Arc<Reading>>>,
}

impl Readings {
    /// Every statement of a text, read.
    pub(super) fn read(&self, text: &str, target: &Target) -> Result<Read, Unreadable> {
        let short = text.len() <= REMEMBERED_BYTES_MAX;
        let shape = if short { shape(text) } else { None };
        // A statement of this shape was read: this one means the same.
        if let Some(known) = shape.as_ref().and_then(|shape| lock(&self.shapes).get(shape).cloned())
        {
            if known.text == text {
                return Ok(Arc::new(vec![known]));
            }
            let (kind, operations) = (known.kind.clone(), Arc::clone(&known.operations));
            let reading = Reading { text: text.to_owned(), kind, operations };
            return Ok(Arc::new(vec![Arc::new(reading)]));
        }
        if shape.is_none()
            && let Some(known) = lock(&self.texts).get(text)
        {
            return Ok(Arc::clone(known));
        }
        let each = statements(text)?.into_iter();
        let each = each.map(|statement| Reading::of(statement, target).map(Arc::new));
        let read = Arc::new(each.collect::<Result<Vec<_>, _>>()?);
        match (shape, read.as_slice()) {
            (Some(shape), [one]) => remember(&self.shapes, shape, Arc::clone(one)),
            _ if short => remember(&self.texts, text.to_owned(), Arc::clone(&read)),
            _ => {}
        }
        Ok(read)
    }
}

fn remember<T>(known: &Mutex<HashMap<String, T>>, key: String, value: T) {
    let mut known = lock(known);
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    known.insert(key, value);
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use holdpoint_wire::sql::{Dialect, Target};
    use proptest::prelude::*;

    use super::{COUNTED, Readings, is_at_once};

    #[test]
    fn lists_are_sorted() {
        assert!(COUNTED.is_sorted());
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

    /// Statements whose numbers are left out: `{}`.
    const TEMPLATES: &[&str] = &[
        "SELECT abalance FROM accounts WHERE aid = {}",
        "select * from t where id in ({}, {}) limit {}",
        "UPDATE accounts SET balance = balance + {} WHERE aid = {}",
        "UPDATE t SET a = {} WHERE id > {}",
        "UPDATE t SET a = -{} WHERE id > -{}",
        "DELETE FROM t WHERE id >= {}",
        "DELETE FROM t WHERE id <> {}",
        "DELETE FROM t WHERE {} = {}",
        "DELETE FROM t WHERE id = {} OR id < {}",
        "DELETE FROM t WHERE id IN ({}, {}, 3, 4, 5, 6, 7, 8, 9, 10, {})",
        "INSERT INTO history VALUES ({}, {}, '{}', CURRENT_TIMESTAMP)",
        "SELECT setval('s', {})",
        "SELECT set_config('work_mem', '{}', false)",
        "SELECT set_config('standard_conforming_strings', '{}', false)",
        "SELECT f({}), $1, a{}, {}.{} FROM t{}",
        "SELECT pg_terminate_backend({})",
        "INSERT INTO t SELECT g FROM generate_series({}, {}) g ON CONFLICT (id) DO UPDATE SET a = {}",
        "SET statement_timeout = {}",
        "SELECT {}; DELETE FROM t WHERE id = {}",
        "SELECT {} -- {}",
    ];

    fn filled(template: &str, numbers: &[u64]) -> String {
        let mut numbers = numbers.iter().cycle();
        let parts: Vec<&str> = template.split("{}").collect();
        let (last, all) = parts.split_last().unwrap();
        let all = all.iter().map(|part| format!("{part}{}", numbers.next().unwrap()));
        all.collect::<String>() + last
    }

    proptest! {
        /// What is remembered of a statement is what reading it anew would give.
        #[test]
        fn what_is_remembered_is_what_would_be_read(
            template in prop::sample::select(TEMPLATES),
            first in prop::collection::vec(prop_oneof![0_u64..4, any::<u64>()], 1..5),
            second in prop::collection::vec(prop_oneof![0_u64..4, any::<u64>()], 1..5),
        ) {
            let target = Target::read("postgres:db.example.com/app", Dialect::Postgres).unwrap();
            let readings = Readings::default();
            let said = |readings: &Readings, text: &str| {
                readings.read(text, &target).map(|all| {
                    let each = all.iter().map(|it| (it.text.clone(), it.kind.clone(), (*it.operations).clone()));
                    each.collect::<Vec<_>>()
                })
            };
            for text in [filled(template, &first), filled(template, &second), filled(template, &first)] {
                prop_assert_eq!(said(&readings, &text), said(&Readings::default(), &text), "{}", text);
            }
        }
    }
}
