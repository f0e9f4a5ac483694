//! What calling a function does, by its name. A function that is on no list is code that nobody
//! can see.

use std::{collections::HashSet, sync::LazyLock};

use holdpoint_core::Effect::{self, Create, Destroy, Modify, Observe, WeakenRecovery};

use super::{Script, When, tree::Node};
use crate::Unreadable;

/// Functions that only compute or look: those that come with PostgreSQL (from its own catalogue,
/// those that it does not call volatile and that run no text), and some of its extensions.
static HARMLESS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("functions.txt").lines().collect());

/// Functions that come with PostgreSQL and do more than look. Sorted.
const EFFECTS: &[(&str, Effect)] = &[
    ("lo_creat", Create),
    ("lo_create", Create),
    ("lo_from_bytea", Create),
    ("lo_put", Modify),
    ("lo_truncate", Destroy),
    ("lo_truncate64", Destroy),
    ("lo_unlink", Destroy),
    ("lowrite", Modify),
    ("nextval", Modify),
    ("pg_drop_replication_slot", WeakenRecovery),
    ("pg_logical_slot_get_binary_changes", WeakenRecovery),
    ("pg_logical_slot_get_changes", WeakenRecovery),
    ("pg_notify", Create),
    ("pg_replication_slot_advance", WeakenRecovery),
    ("pg_stat_clear_snapshot", Observe),
    ("setval", Modify),
];

/// Functions that reach files and processes of the server's machine. Sorted.
const ON_SERVER: &[&str] = &[
    "lo_export",
    "lo_import",
    "pg_file_read",
    "pg_file_rename",
    "pg_file_unlink",
    "pg_file_write",
    "pg_ls_dir",
    "pg_read_binary_file",
    "pg_read_file",
    "pg_stat_file",
];

/// What `restrict_nonsystem_relation_kind` is set to by pg_dump; for any other setting it is no
/// value, or names nothing.
const NO_FOREIGN_CODE: &str = "view, foreign-table";

impl Script<'_> {
    /// A call.
    pub(super) fn call(&mut self, node: Node<'_>, when: When) -> Result<(), Unreadable> {
        let path = node.path("funcname");
        if path.last() == Some(&"set_config") && is_own(&path) {
            return self.set_config(node);
        }
        self.function(&path, when);
        Ok(())
    }

    /// A function by its name. One that is kept for later is only not known.
    pub(super) fn function(&mut self, path: &[&str], when: When) {
        let name = path.last().copied().unwrap_or_default();
        let database = self.target.resource();
        if name.starts_with("dblink") {
            return self.opaque("call", self.target.elsewhere());
        }
        if is_own(path) {
            if HARMLESS.contains(name) {
                return;
            }
            if ON_SERVER.binary_search(&name).is_ok() {
                return self.on_server(name);
            }
            let row = EFFECTS.binary_search_by_key(&name, |row| row.0).ok();
            if let Some((_, effect)) = row.and_then(|at| EFFECTS.get(at)) {
                // A default that draws from a sequence does so for each row that is made.
                if when == When::Now {
                    self.push(name, *effect, database);
                }
                return;
            }
        }
        let resource = self.target.within(&path.join("."));
        match when {
            When::Now => self.opaque("call", resource),
            When::Later => self.guess("refer", Create, resource),
        }
    }

    /// `set_config(name, value, local)`: as `SET`, where it can be read.
    fn set_config(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let mut words = node.list("args").map(Node::constant);
        match (words.next().flatten(), words.next()) {
            // How pg_dump keeps itself from other people's code, where the server knows the word.
            (None, Some(Some(value))) if value == NO_FOREIGN_CODE => {
                self.push("set", Observe, self.target.resource());
            }
            (Some(name), Some(value)) => {
                let unreadable = value.is_none();
                self.setting(&name, Some(value.as_deref().unwrap_or("?")))?;
                if unreadable && name.eq_ignore_ascii_case("role") {
                    self.opaque("set", self.target.resource());
                }
            }
            _ => self.opaque("set", self.target.resource()),
        }
        Ok(())
    }
}

/// Whether a name can only mean, or without a schema most likely means, PostgreSQL's own.
fn is_own(path: &[&str]) -> bool {
    match path {
        [_] => true,
        [schema, _] => *schema == "pg_catalog",
        _ => false,
    }
}

#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    EFFECTS.is_sorted_by_key(|row| row.0) && ON_SERVER.is_sorted()
}
