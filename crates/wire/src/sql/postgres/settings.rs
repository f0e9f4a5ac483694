//! Settings: of the session, of a role or a database, of the server.

use holdpoint_core::Effect::{self, GrantAccess, Modify, Observe, WeakenRecovery};
use pg_query::protobuf::VariableSetKind as Kind;

use super::{Script, When, tree::Node};
use crate::Unreadable;

/// Settings that say how text is read: behind another value, this text would be another one.
const READING: [(&str, &[&str]); 5] = [
    ("backslash_quote", &["off", "safe_encoding"]),
    ("client_encoding", &["utf8", "utf-8", "unicode"]),
    ("escape_string_warning", &["on", "off", "true", "false"]),
    ("names", &["utf8", "utf-8", "unicode"]),
    ("standard_conforming_strings", &["on", "true", "1", "yes"]),
];

/// Settings by which the session becomes somebody else, or sees what it did not.
const IDENTITY: [&str; 3] = ["lo_compat_privileges", "role", "row_security"];

/// Settings that turn off what keeps data whole.
const PROTECTION: [&str; 5] = [
    "allow_system_table_mods",
    "ignore_checksum_failure",
    "ignore_system_indexes",
    "session_replication_role",
    "zero_damaged_pages",
];

/// Settings of the server that a way back depends on.
const RECOVERY: &[&str] = &[
    "archive_cleanup_command",
    "archive_mode",
    "archive_timeout",
    "autovacuum",
    "checkpoint_timeout",
    "data_sync_retry",
    "fsync",
    "full_page_writes",
    "hot_standby",
    "idle_replication_slot_timeout",
    "max_replication_slots",
    "max_slot_wal_keep_size",
    "max_wal_senders",
    "max_wal_size",
    "recovery_target_action",
    "summarize_wal",
    "synchronous_commit",
    "synchronous_standby_names",
    "track_commit_timestamp",
    "track_counts",
    "wal_keep_size",
    "wal_level",
    "wal_log_hints",
    "wal_summary_keep_time",
    "wal_sync_method",
];

/// Settings of the server that say who may do what, and what is written down about it.
const ACCESS: &[&str] = &[
    "hba_file",
    "ident_file",
    "krb_server_keyfile",
    "listen_addresses",
    "log_connections",
    "log_statement",
    "password_encryption",
    "ssl",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_crl_file",
    "ssl_key_file",
];

impl Script<'_> {
    /// `SET` and `RESET` in the session.
    pub(super) fn set(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let values: Vec<_> = node.list("args").filter_map(Node::constant).collect();
        let kind = Kind::try_from(node.number("kind"));
        let value = match kind {
            Ok(Kind::VarSetValue) => Some(values.join(",")),
            _ => None,
        };
        self.setting(node.text("name"), value.as_deref())?;
        self.walk(node.fields, When::Now)
    }

    /// A setting of the session; without a value it gets the one that it began with.
    pub(super) fn setting(&mut self, name: &str, value: Option<&str>) -> Result<(), Unreadable> {
        let name = name.to_ascii_lowercase();
        if name == "session_authorization" {
            return Err(Unreadable::new(
                "the session would go on as another user; connect as that user instead",
            ));
        }
        if name == "track_counts" {
            return Err(Unreadable::new(
                "what a transaction changes is counted by it; leave track_counts as it is",
            ));
        }
        if let Some((_, values)) = READING.iter().find(|(it, _)| *it == name) {
            let said = value.map(|it| it.to_ascii_lowercase());
            if said.is_some_and(|it| !values.contains(&it.as_str())) {
                return Err(Unreadable::new(format!(
                    "`{name}` changes how statements are read; leave it as it is"
                )));
            }
        }
        let database = self.target.resource();
        let dumps = name == "row_security";
        match name.as_str() {
            it if PROTECTION.contains(&it) => self.push("set", WeakenRecovery, database),
            it if IDENTITY.contains(&it) && !dumps => self.push("set", GrantAccess, database),
            it if is_code(it) => self.opaque("set", database),
            _ => self.push("set", Observe, database),
        }
        Ok(())
    }

    /// `ALTER SYSTEM`, `ALTER DATABASE … SET`, `ALTER ROLE … SET`: for sessions to come.
    pub(super) fn set_for_all(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let Some(set) = node.part("setstmt", "VariableSetStmt") else { return Ok(()) };
        let name = set.text("name").to_ascii_lowercase();
        let everything = set.number("kind") == Kind::VarResetAll as i32;
        let resource = match node.text("dbname") {
            "" => self.target.resource(),
            database => self.target.sibling(database),
        };
        let effect = if everything { WeakenRecovery } else { lasting(&name) };
        let verb = match node.name {
            "AlterSystemStmt" => "alter_system",
            "AlterDatabaseSetStmt" => "alter_database",
            _ => "alter_role",
        };
        self.push(verb, effect, resource.clone());
        if is_code(&name) {
            self.opaque(verb, resource);
        }
        self.walk(set.fields, When::Now)
    }
}

/// What a setting does that lasts.
fn lasting(name: &str) -> Effect {
    let protects = PROTECTION.contains(&name) || RECOVERY.contains(&name);
    let names = |list: &[&str]| list.contains(&name);
    if protects || name.starts_with("recovery_") || name.starts_with("archive_") {
        WeakenRecovery
    } else if names(ACCESS) || names(&IDENTITY) || name == "session_authorization" {
        GrantAccess
    } else {
        Modify
    }
}

/// Whether a setting names something that the server then runs.
fn is_code(name: &str) -> bool {
    name.ends_with("_command")
        || name.ends_with("_preload_libraries")
        || name.ends_with("_library")
        || matches!(name, "dynamic_library_path" | "extension_control_path" | "jit_provider")
}
