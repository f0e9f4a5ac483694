//! Railway: its mutations, its queries, and its change sets.
//!
//! The names of fields, arguments and types are facts of the schema in the package `railwayapp`
//! 5.71.0 (crates.io, MIT licence). What each of them does, and whether it can be taken back, is
//! our own review of the schema's descriptions, of what its official client sends, and of
//! Railway's documentation. A resource's type is the schema's with a small first letter.

mod change_set;
mod mutations;
mod queries;

use std::sync::LazyLock;

use crate::graphql::{Container, Table};

/// Railway's table.
pub(crate) fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
        containers: &[
            Container { kind: "service", argument: "serviceId" },
            Container { kind: "environment", argument: "environmentId" },
            Container { kind: "project", argument: "projectId" },
            Container { kind: "workspace", argument: "workspaceId" },
        ],
        secret_fields: &["secretAccessKey", "recoveryCodes"],
        secret_arguments: &["decryptVariables"],
        ..Table::new("railway", mutations::ALL.iter().copied().flatten(), queries::all())
    });
    &TABLE
}

#[cfg(test)]
pub(crate) fn mutation_groups() -> &'static [&'static [crate::graphql::Entry]] {
    mutations::ALL
}
