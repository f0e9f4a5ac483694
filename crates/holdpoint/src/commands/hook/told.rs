//! What humans have said of hosts, resources and branches.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use holdpoint_catalog::hosts::{Host, Speaks};
use holdpoint_core::{Environment, ResourceId};
use holdpoint_sandbox::machine::Known;
use holdpoint_store::{
    Config, State, StoreError,
    config::GitTerms,
    hosts::{HostTable, ListedHost},
    inventory::InventoryTable,
};

/// What was said until now, in the configuration and in the store.
#[derive(Debug, Default)]
pub struct Told {
    hosts: HostTable,
    inventory: InventoryTable,
    git: GitTerms,
}

impl Told {
    /// What configuration and store say now.
    pub fn read(state: &State, config: &Config) -> Result<Self, StoreError> {
        Ok(Self {
            hosts: HostTable::merge(&config.hosts, &state.hosts().list()?),
            inventory: InventoryTable::merge(&config.inventory, &state.inventory().list()?),
            git: config.git.clone(),
        })
    }

    /// These hosts, and nothing else.
    pub fn listing(hosts: &[ListedHost]) -> Self {
        Self { hosts: HostTable::merge(hosts, &[]), ..Self::default() }
    }

    /// What the configuration says, where there is no store yet.
    fn configured(config: &Config) -> Self {
        Self {
            hosts: HostTable::merge(&config.hosts, &[]),
            inventory: InventoryTable::merge(&config.inventory, &[]),
            git: config.git.clone(),
        }
    }
}

impl Known for Told {
    fn host(&self, host: &str) -> Option<Host> {
        let listed = self.hosts.find(host, 443)?;
        let speaks: Speaks = listed.speaks.parse().ok()?;
        Some(Host { speaks, environment: Some(listed.environment), provider: speaks_for(host) })
    }

    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        self.inventory.find(resource)
    }

    fn protected(&self, branch: &str) -> Option<bool> {
        self.git.protects("", "", branch)
    }
}

/// The provider whose tables apply to a host, whatever it is listed as.
fn speaks_for(host: &str) -> Option<&'static str> {
    holdpoint_catalog::hosts::identity(host).map(|identity| identity.provider)
}

/// The same, read when it is first asked for: most commands ask nothing.
pub struct ToldWhenAsked {
    dir: PathBuf,
    config: Arc<Config>,
    told: OnceLock<Option<Told>>,
}

impl ToldWhenAsked {
    /// What is said in the state directory `dir`.
    pub fn new(dir: PathBuf, config: Arc<Config>) -> Self {
        Self { dir, config, told: OnceLock::new() }
    }

    fn told(&self) -> Option<&Told> {
        let read = || match self.dir.join("state.db").exists() {
            false => Some(Told::configured(&self.config)),
            true => {
                let state = State::open_with(&self.dir, &self.config.limits).ok()?;
                Told::read(&state, &self.config).ok()
            }
        };
        self.told.get_or_init(read).as_ref()
    }
}

impl Known for ToldWhenAsked {
    fn host(&self, host: &str) -> Option<Host> {
        self.told()?.host(host)
    }

    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        // Files and programs of this machine stand in no inventory.
        if matches!(resource.provider(), "file" | "machine") {
            return None;
        }
        // What cannot be read may have said anything.
        self.told().map_or(Some(Environment::Production), |told| told.inventory(resource))
    }

    fn protected(&self, branch: &str) -> Option<bool> {
        self.told().map_or(Some(true), |told| told.protected(branch))
    }
}
