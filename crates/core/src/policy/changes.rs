//! What a transaction changed, as its database counted it: facts, where a text only promises.

use serde::{Deserialize, Serialize};

/// What a transaction changed before anybody else could see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Changes {
    /// Rows that are there now and were not.
    pub rows_inserted: u64,
    /// Rows that are other ones now.
    pub rows_updated: u64,
    /// Rows that are there no more.
    pub rows_deleted: u64,
    /// The tables that it changed, as `schema.name`, sorted.
    pub tables: Vec<String>,
    /// Everything that was counted, table by table, for whoever compares two counts.
    pub detail: Vec<String>,
}

impl Changes {
    /// Whether nothing is other than before.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
