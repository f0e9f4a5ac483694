//! What the gateway knows at one moment: hosts, inventory and secrets, taken from the store when
//! it changes and read from memory while messages come.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_catalog::hosts::{self, Host, Speaks};
use holdpoint_core::{Environment, ResourceId, identity::Grant};
use holdpoint_store::{
    Config, State, StoreError, hosts::HostTable, inventory::InventoryTable, secrets::Secret,
};
use holdpoint_wire::{
    World,
    http::{Message, Scheme},
    lookup::Directory,
};
use secrecy::ExposeSecret as _;

use crate::{
    forward::scrub::{Needles, NeedlesError},
    spelling,
};

/// Hosts whose needles are remembered, at most: an agent picks the names below a wildcard.
const SCRUBBED_HOSTS_MAX: usize = 256;

/// The world as the gateway knows it, unchanging.
#[derive(Debug, Default)]
pub struct Known {
    hosts: HostTable,
    inventory: InventoryTable,
    secrets: HashMap<String, Arc<KnownSecret>>,
    /// What must not come back from a host, once somebody has asked.
    scrubs: Mutex<HashMap<String, Option<Arc<Needles>>>>,
}

/// A secret with what it may be used for.
#[derive(Debug)]
pub struct KnownSecret {
    /// The secret.
    pub secret: Secret,
    /// What it may be used for.
    pub grant: Grant,
}

impl Known {
    /// What configuration and store say now.
    pub fn read(state: &State, config: &Config) -> Result<Self, StoreError> {
        let secrets = state.secrets().reveal_all()?.into_iter();
        Ok(Self {
            hosts: HostTable::merge(&config.hosts, &state.hosts().list()?),
            inventory: InventoryTable::merge(&config.inventory, &state.inventory().list()?),
            secrets: secrets
                .map(|secret| {
                    let grant = secret.bounds.grant();
                    (secret.phantom.clone(), Arc::new(KnownSecret { secret, grant }))
                })
                .collect(),
            scrubs: Mutex::default(),
        })
    }

    /// The secret that a phantom stands for; never one for look-ups, which no agent was given.
    pub fn secret_of(&self, phantom: &[u8]) -> Option<&KnownSecret> {
        let phantom = std::str::from_utf8(phantom).ok()?;
        let known = self.secrets.get(phantom).map(Arc::as_ref)?;
        known.secret.bounds.lookup().is_none().then_some(known)
    }

    /// The secret with which `directory` is asked; of several, the first by name.
    pub(crate) fn for_lookups(&self, directory: &dyn Directory) -> Option<Arc<KnownSecret>> {
        let fits = |known: &&Arc<KnownSecret>| {
            known.secret.bounds.lookup() == Some(directory.provider())
                && known.grant.reaches(directory.host())
        };
        let fitting = self.secrets.values().filter(fits);
        fitting.min_by(|one, other| one.secret.name.cmp(&other.secret.name)).cloned()
    }

    /// Every secret.
    pub fn secrets(&self) -> impl Iterator<Item = &KnownSecret> {
        self.secrets.values().map(Arc::as_ref)
    }

    /// What must not come back from `host`: every secret that is bound to it, in any spelling,
    /// whether this message carried it or an earlier one, over whatever port. A host to which
    /// none is bound never had any.
    pub(crate) fn scrub(&self, host: &str) -> Result<Option<Arc<Needles>>, NeedlesError> {
        let scrubs = || self.scrubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scrub) = scrubs().get(host) {
            return Ok(scrub.clone());
        }
        let bound = self.secrets().filter(|known| known.grant.reaches(host));
        let mut pairs = bound
            .flat_map(|KnownSecret { secret, .. }| {
                spelling::pairs(secret.value.expose_secret(), &secret.phantom)
            })
            .peekable();
        let any = pairs.peek().is_some();
        let scrub = any.then(|| Needles::new(pairs)).transpose()?.map(Arc::new);
        let mut scrubs = scrubs();
        if scrubs.len() >= SCRUBBED_HOSTS_MAX {
            scrubs.clear();
        }
        scrubs.insert(host.to_owned(), scrub.clone());
        Ok(scrub)
    }

    /// Whether a secret may go where `message` goes, if it is bound to the host: over TLS to the
    /// usual port, or to a port that a human listed by its number. A grant names hosts only, and
    /// the agent picks the rest: a port where it listens itself, or a road without TLS.
    pub fn takes_secrets(&self, message: &Message) -> bool {
        let listed = || self.hosts.find(&message.host, message.port);
        match (message.scheme, message.port) {
            (Scheme::Https, 443) => true,
            (Scheme::Http, 443) => false,
            _ => listed().is_some_and(|listed| listed.port.is_some()),
        }
    }

    /// The environment that the inventory gives to a resource.
    pub fn environment(&self, resource: &ResourceId) -> Option<Environment> {
        self.inventory.find(resource)
    }

    /// Whether a human listed exactly this host, so that it may lie inside: on this machine or in
    /// a private network. A wildcard says nothing about where its hosts are.
    pub fn may_lie_inside(&self, host: &str, port: u16) -> bool {
        self.hosts.find(host, port).is_some_and(|listed| !listed.host.is_wildcard())
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
            // A word for what nobody can read yet is read as plain REST.
            let speaks = listed.speaks.parse().unwrap_or(Speaks::Rest);
            return Some(Host { speaks, environment, provider });
        }
        let mut for_agents = self.secrets().filter(|known| known.secret.bounds.lookup().is_none());
        let bound = for_agents.any(|secret| secret.grant.reaches(host));
        preset.or_else(|| {
            bound.then(|| Host {
                speaks: identity.map_or(Speaks::Rest, |identity| identity.speaks),
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
