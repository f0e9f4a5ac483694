//! What the gateway knows at one moment: hosts, inventory and secrets, taken from the store when
//! it changes and read from memory while messages come.

use std::{collections::HashMap, sync::Arc};

use holdpoint_catalog::hosts::{self, Host};
use holdpoint_core::{Environment, ResourceId};
use holdpoint_store::{
    Config, State, StoreError,
    hosts::HostTable,
    inventory::InventoryTable,
    secrets::Secret,
};
use holdpoint_wire::World;

/// The world as the gateway knows it, unchanging.
#[derive(Debug, Default)]
pub struct Known {
    hosts: HostTable,
    inventory: InventoryTable,
    secrets: HashMap<String, Arc<Secret>>,
}

impl Known {
    /// What configuration and store say now.
    pub fn read(state: &State, config: &Config) -> Result<Self, StoreError> {
        let secrets = state.secrets().reveal_all()?.into_iter();
        Ok(Self {
            hosts: HostTable::merge(&config.hosts, &state.hosts().list()?),
            inventory: InventoryTable::merge(&config.inventory, &state.inventory().list()?),
            secrets: secrets.map(|secret| (secret.phantom.clone(), Arc::new(secret))).collect(),
        })
    }

    /// The secret that a phantom stands for.
    pub fn secret_of(&self, phantom: &str) -> Option<&Arc<Secret>> {
        self.secrets.get(phantom)
    }

    /// Every secret.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.secrets.values()
    }

    /// The environment that the inventory gives to a resource.
    pub fn environment(&self, resource: &ResourceId) -> Option<Environment> {
        self.inventory.find(resource)
    }

    /// Whether a human listed a host by its name, so that it may lie inside.
    pub fn listed_by_human(&self, host: &str, port: u16) -> bool {
        self.hosts.find(host, port).is_some()
    }
}

impl World for Known {
    /// A host is listed by a human, by a secret that is bound to it, or by a preset.
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        let preset = hosts::preset(host);
        let identity = hosts::identity(host);
        let provider = identity.map(|identity| identity.provider);
        if let Some(listed) = self.hosts.find(host, port) {
            let environment = Some(listed.environment).filter(|it| *it != Environment::Unknown);
            return Some(Host { speaks: listed.speaks, environment, provider });
        }
        let bound = self.secrets().any(|secret| secret.grant.reaches(host));
        preset.or_else(|| {
            bound.then(|| Host {
                speaks: identity.map_or(hosts::Speaks::Rest, |identity| identity.speaks),
                environment: None,
                provider,
            })
        })
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        // Persisted documents come with the configuration of a later issue; unknown is refused.
        None
    }
}
