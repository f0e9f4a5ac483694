//! The inventory: which resource a human placed in which environment.

use std::collections::HashMap;

use holdpoint_core::{Environment, ResourceId};
use rusqlite::Row;
use serde::Serialize;

use crate::{
    database::{count, rows, word},
    error::{Result, StoreError},
    state::State,
    watch::Topic,
};

/// A resource and its environment, as a human said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// Which resource; compared exactly.
    pub resource: ResourceId,
    /// Where it lives.
    pub environment: Environment,
}

/// Checks that a resource is written as `provider:type/identifier`.
pub fn check_resource(resource: &ResourceId) -> Result<()> {
    let text = resource.as_str();
    let shaped = text.split_once(':').is_some_and(|(provider, rest)| {
        !provider.is_empty()
            && rest.split_once('/').is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty())
    });
    if shaped && text.len() <= 1024 && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let value = text.chars().take(80).collect::<String>().escape_debug().to_string();
    let expected = "provider:type/identifier, for example railway:volume/3d2c42fb";
    Err(StoreError::Malformed { what: "resource", value, expected })
}

/// The whole inventory, to look up in; rebuilt when [`Topic::Inventory`] or [`Topic::Config`]
/// is heard.
#[derive(Debug, Clone, Default)]
pub struct InventoryTable(HashMap<ResourceId, Environment>);

impl InventoryTable {
    /// The entries of the configuration and of the store. What is listed twice is in the
    /// stricter environment.
    pub fn merge(config: &[Placed], store: &[Placed]) -> Self {
        let mut merged: HashMap<ResourceId, Environment> = HashMap::new();
        for Placed { resource, environment } in config.iter().chain(store) {
            let strictest = merged.entry(resource.clone()).or_insert(*environment);
            *strictest = (*strictest).max(*environment);
        }
        Self(merged)
    }

    /// Where a resource lives; none if nobody said.
    pub fn find(&self, resource: &ResourceId) -> Option<Environment> {
        self.0.get(resource).copied()
    }
}

/// The inventory that is kept in the store.
#[derive(Debug, Clone)]
pub struct Inventory(pub(crate) State);

impl Inventory {
    /// Places a resource. A second environment for it does not replace the first: the stricter
    /// holds until both are removed.
    pub fn add(&self, placed: &Placed) -> Result<()> {
        check_resource(&placed.resource)?;
        let max = self.0.0.limits.inventory;
        self.0.0.database.write(|transaction| {
            transaction.execute(
                "INSERT OR IGNORE INTO inventory (resource, environment) VALUES (?1, ?2)",
                [placed.resource.as_str(), placed.environment.as_str()],
            )?;
            match count(transaction, "SELECT count(*) FROM inventory", [])? {
                resources if resources > max => Err(StoreError::Full { what: "inventory", max }),
                _ => Ok(()),
            }
        })?;
        self.0.announce(Topic::Inventory);
        Ok(())
    }

    /// Forgets all that was said about a resource.
    pub fn remove(&self, resource: &ResourceId) -> Result<()> {
        let removed = self.0.0.database.write(|transaction| -> Result<usize> {
            let sql = "DELETE FROM inventory WHERE resource = ?1";
            Ok(transaction.execute(sql, [resource.as_str()])?)
        })?;
        if removed == 0 {
            return Err(StoreError::Missing { what: "resource", name: resource.to_string() });
        }
        self.0.announce(Topic::Inventory);
        Ok(())
    }

    /// Every entry, by resource.
    pub fn list(&self) -> Result<Vec<Placed>> {
        let sql = "SELECT resource, environment FROM inventory ORDER BY resource, environment";
        self.0.0.database.read(|connection| rows(connection, sql, [], placed))
    }
}

fn placed(row: &Row<'_>) -> Result<Placed> {
    let resource: String = row.get("resource")?;
    Ok(Placed { resource: ResourceId::new(resource), environment: word(row, "environment")? })
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Environment, ResourceId};

    use super::{InventoryTable, Placed, check_resource};
    use crate::{error::StoreError, state::State};

    fn placed(resource: &str, environment: Environment) -> Placed {
        Placed { resource: ResourceId::new(resource), environment }
    }

    #[test]
    fn listed_twice_is_the_stricter() {
        use Environment::{Development, Production, Staging};
        for (config, store, expect) in [
            (vec![Staging], vec![], Some(Staging)),
            (vec![Staging], vec![Production], Some(Production)),
            (vec![Production], vec![Development], Some(Production)),
            (vec![], vec![Development, Staging], Some(Staging)),
            (vec![], vec![], None),
        ] {
            let entries = |environments: &[Environment]| -> Vec<Placed> {
                environments.iter().map(|e| placed("railway:volume/a", *e)).collect()
            };
            let inventory = State::in_memory().unwrap().inventory();
            for entry in entries(&store) {
                inventory.add(&entry).unwrap();
            }
            let table = InventoryTable::merge(&entries(&config), &inventory.list().unwrap());
            let found = table.find(&ResourceId::new("railway:volume/a"));
            assert_eq!(found, expect, "{config:?} {store:?}");
            assert_eq!(table.find(&ResourceId::new("railway:volume/b")), None);
        }
    }

    #[test]
    fn removing_takes_all_entries() {
        let inventory = State::in_memory().unwrap().inventory();
        inventory.add(&placed("a:b/c", Environment::Staging)).unwrap();
        inventory.add(&placed("a:b/c", Environment::Local)).unwrap();
        inventory.remove(&ResourceId::new("a:b/c")).unwrap();
        assert_eq!(inventory.list().unwrap(), []);
        let again = inventory.remove(&ResourceId::new("a:b/c"));
        assert!(matches!(again, Err(StoreError::Missing { .. })));
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        for (text, expect) in [
            ("railway:volume/3d2c", true),
            ("postgres:db.example.com/app", true),
            ("", false),
            ("volume/3d2c", false),
            ("railway:volume", false),
            ("railway:/x", false),
            ("a:b/c\n", false),
        ] {
            assert_eq!(check_resource(&ResourceId::new(text)).is_ok(), expect, "{text:?}");
        }
    }
}
