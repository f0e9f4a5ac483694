//! What a statement of PostgreSQL does that no transaction takes back.

use holdpoint_core::Operation;

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

/// Whether an operation is judged by its text, as it takes effect at once.
pub fn is_at_once(operation: &Operation) -> bool {
    let id = operation.resource.id.as_str();
    let system = id.rsplit(['/', '.']).next().unwrap_or_default();
    let called = operation.name == "postgres:call"
        && (system.starts_with("pg_") || system.starts_with("dblink") || id.contains("cron."));
    called || id == "postgres:unknown" || AT_ONCE.binary_search(&operation.name.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted() {
        assert!(super::AT_ONCE.is_sorted());
    }
}
