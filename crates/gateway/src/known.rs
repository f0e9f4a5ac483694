//! What the gateway knows at one moment: hosts, inventory and secrets, taken from the store when
//! it changes and read from memory while messages come.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_catalog::{
    hosts::{self, Host, Speaks},
    issuers,
};
use holdpoint_core::{Environment, ResourceId, identity::Grant};
use holdpoint_store::{
    Config, State, StoreError,
    config::ListedIssuer,
    hosts::{HostTable, ListedHost},
    inventory::InventoryTable,
    secrets::Secret,
};
use holdpoint_wire::{
    World, ask,
    http::{Message, Scheme, aws::sign::Keys},
    lookup::Directory,
};
use secrecy::ExposeSecret as _;

use crate::{
    forward::scrub::{Needles, NeedlesError},
    spelling::{self, Pair},
};

/// Hosts whose needles are remembered, at most: an agent picks the names below a wildcard.
const SCRUBBED_HOSTS_MAX: usize = 256;

/// The world as the gateway knows it, unchanging.
#[derive(Debug, Default)]
pub struct Known {
    hosts: HostTable,
    inventory: InventoryTable,
    secrets: HashMap<String, Arc<KnownSecret>>,
    /// AWS credentials, by the key ids and the session tokens of their phantoms.
    signers: HashMap<String, Arc<KnownSecret>>,
    /// Endpoints that a human named, whose answers are credentials.
    issuers: Vec<ListedIssuer>,
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
    /// What it signs with, if it is an AWS credential.
    keys: Option<Keys>,
}

impl KnownSecret {
    fn new(secret: Secret) -> Self {
        let grant = secret.bounds.grant();
        let keys = Keys::read(secret.value.expose_secret());
        Self { secret, grant, keys }
    }

    /// The parts of the phantom that an agent may use by themselves.
    pub fn phantoms(&self) -> Vec<&str> {
        match &self.keys {
            Some(_) => self.secret.phantom.splitn(3, ':').collect(),
            None => vec![&self.secret.phantom],
        }
    }

    /// The parts of the secret, each with its phantom.
    fn pairs(&self) -> Vec<spelling::Pair> {
        let value = self.secret.value.expose_secret();
        let parts: Vec<&str> = match &self.keys {
            Some(_) => value.splitn(3, ':').collect(),
            None => vec![value],
        };
        let pairs = parts.into_iter().zip(self.phantoms());
        pairs.flat_map(|(real, phantom)| spelling::pairs(real, phantom)).collect()
    }
}

impl Known {
    /// What configuration and store say now.
    pub fn read(state: &State, config: &Config) -> Result<Self, StoreError> {
        let secrets = state.secrets().reveal_all()?.into_iter();
        let secrets: HashMap<String, Arc<KnownSecret>> = secrets
            .map(|secret| (secret.phantom.clone(), Arc::new(KnownSecret::new(secret))))
            .collect();
        let signs = |known: &&Arc<KnownSecret>| known.keys.is_some();
        let signers = secrets.values().filter(signs).flat_map(|known| {
            // The secret key is never sent, and stands for nothing by itself.
            let sent = known.phantoms().into_iter().enumerate().filter(|(at, _)| *at != 1);
            sent.map(|(_, part)| (part.to_owned(), Arc::clone(known))).collect::<Vec<_>>()
        });
        let signers = signers.collect();
        Ok(Self {
            hosts: HostTable::merge(&config.hosts, &state.hosts().list()?),
            inventory: InventoryTable::merge(&config.inventory, &state.inventory().list()?),
            secrets,
            signers,
            issuers: config.issuers.clone(),
            scrubs: Mutex::default(),
        })
    }

    /// Whether a human listed `host`, or bound a secret to it.
    pub(crate) fn lists(&self, host: &str, port: u16) -> bool {
        self.hosts.find(host, port).is_some() || self.binds(host)
    }

    /// Whether a secret that agents may use is bound to `host`.
    fn binds(&self, host: &str) -> bool {
        let mut for_agents = self.secrets().filter(|known| known.secret.bounds.lookup().is_none());
        for_agents.any(|secret| secret.grant.reaches(host))
    }

    /// The secret that a phantom stands for; never one for look-ups, which no agent was given.
    pub fn secret_of(&self, phantom: &[u8]) -> Option<&KnownSecret> {
        let phantom = std::str::from_utf8(phantom).ok()?;
        let known = self.secrets.get(phantom).or_else(|| self.signers.get(phantom))?;
        known.secret.bounds.lookup().is_none().then_some(known)
    }

    /// The credential that the phantom of an access key id stands for, and what it signs with.
    pub(crate) fn keys_of(&self, key_id: &str) -> Option<(&KnownSecret, &Keys)> {
        let known = self.signers.get(key_id).filter(|it| it.secret.bounds.lookup().is_none())?;
        Some((known.as_ref(), known.keys.as_ref()?))
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

    /// The secret of this name.
    pub(crate) fn secret_named(&self, name: &str) -> Option<&KnownSecret> {
        self.secrets().find(|known| known.secret.name == name)
    }

    /// Where access tokens may be sent that the answer to `message` gives out, if a human or the
    /// catalogue names its endpoint: such answers are captured.
    pub(crate) fn issuer(&self, message: &Message) -> Option<Vec<String>> {
        let (host, path) = (message.host.as_str(), message.raw_path());
        let listed = self.issuers.iter().find(|issuer| issuer.is_at(host, message.port, path));
        let of_catalogue = || {
            let issuer = issuers::issuer(&message.method, host, path)?;
            Some(issuer.resources.iter().map(|&host| host.to_owned()).collect())
        };
        listed.map(|issuer| issuer.hosts.clone()).or_else(of_catalogue)
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
        let pairs = self.bound_to(host);
        let scrub = match pairs.is_empty() {
            true => None,
            false => Some(Arc::new(Needles::new(pairs)?)),
        };
        let mut scrubs = scrubs();
        if scrubs.len() >= SCRUBBED_HOSTS_MAX {
            scrubs.clear();
        }
        scrubs.insert(host.to_owned(), scrub.clone());
        Ok(scrub)
    }

    /// The same, with `more` that this run's messages may have brought there.
    pub(crate) fn scrub_with(
        &self,
        host: &str,
        more: Vec<Pair>,
    ) -> Result<Option<Arc<Needles>>, NeedlesError> {
        if more.is_empty() {
            return self.scrub(host);
        }
        let pairs = self.bound_to(host).into_iter().chain(more);
        Ok(Some(Arc::new(Needles::new(pairs)?)))
    }

    /// The secrets that are bound to `host`, in every spelling, with what stands for them.
    fn bound_to(&self, host: &str) -> Vec<Pair> {
        let bound = self.secrets().filter(|known| known.grant.reaches(host));
        bound.flat_map(KnownSecret::pairs).collect()
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

    /// Whether a name is one of a host that agents may speak to, at some port.
    pub(crate) fn names(&self, host: &str) -> bool {
        self.hosts.names(host) || self.host(host, Scheme::Https.default_port()).is_some()
    }

    /// Every host that a human listed.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &ListedHost> {
        self.hosts.iter()
    }

    /// The environment of the far end of a tunnel (`host:port`), where a human said it.
    pub(crate) fn far_end(&self, end: &str) -> Option<Environment> {
        let (host, port) = end.rsplit_once(':')?;
        let listed = self.hosts.find(host, port.parse().ok()?).map(|listed| listed.environment);
        self.environment(&ResourceId::new(format!("tcp:{end}"))).max(listed)
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
        if host == ask::HOST {
            return Some(Host { environment: Some(Environment::None), ..Host::unnamed() });
        }
        let preset = hosts::preset(host);
        let identity = hosts::identity(host);
        let provider = identity.map(|identity| identity.provider);
        if let Some(listed) = self.hosts.find(host, port) {
            let environment = Some(listed.environment).filter(|it| *it != Environment::Unknown);
            // A word for what nobody can read yet is read as plain REST.
            let speaks = listed.speaks.parse().unwrap_or(Speaks::Rest);
            return Some(Host { speaks, environment, provider });
        }
        preset.or_else(|| {
            self.binds(host).then(|| Host {
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
