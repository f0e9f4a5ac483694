//! What the gateway knows at one moment: hosts, inventory and secrets, taken from the store when
//! it changes and read from memory while messages come.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use holdpoint_catalog::{
    credentials,
    hosts::{self, Host, Speaks},
    issuers,
};
use holdpoint_core::{Environment, ResourceId, identity::Grant};
use holdpoint_store::{
    Config, State, StoreError,
    config::ListedIssuer,
    hosts::{HostTable, ListedHost},
    inventory::InventoryTable,
    secrets::{Lent, Secret},
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
    /// What was found, by the runs that it is lent to and the phantoms by which these see it.
    lent: HashMap<String, HashMap<String, Arc<KnownSecret>>>,
    /// Endpoints that a human named, whose answers are credentials.
    issuers: Vec<ListedIssuer>,
    /// What must not come back from a host, once somebody has asked.
    scrubs: Mutex<Scrubs>,
}

/// What must not come back, by run (none, for those that are lent nothing) and host.
type Scrubs = HashMap<(String, String), Option<Arc<Needles>>>;

/// A secret with what it may be used for.
#[derive(Debug)]
pub struct KnownSecret {
    /// The secret.
    pub secret: Secret,
    /// What it may be used for.
    pub grant: Grant,
    /// What it signs with, if it is an AWS credential.
    keys: Option<Keys>,
    /// Its provider marks it as a key to what is there for tests.
    pub(crate) is_test: bool,
}

impl KnownSecret {
    fn new(secret: Secret) -> Self {
        let grant = secret.bounds.grant();
        let keys = Keys::read(secret.value.expose_secret());
        let is_test = credentials::is_test(secret.value.expose_secret());
        Self { secret, grant, keys, is_test }
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
            .filter(|secret| !secret.found)
            .map(|secret| (secret.phantom.clone(), Arc::new(KnownSecret::new(secret))))
            .collect();
        let signs = |known: &&Arc<KnownSecret>| known.keys.is_some();
        let signers = secrets.values().filter(signs).flat_map(|known| {
            // The secret key is never sent, and stands for nothing by itself.
            let sent = known.phantoms().into_iter().enumerate().filter(|(at, _)| *at != 1);
            sent.map(|(_, part)| (part.to_owned(), Arc::clone(known))).collect::<Vec<_>>()
        });
        let signers = signers.collect();
        let mut lent: HashMap<String, HashMap<String, Arc<KnownSecret>>> = HashMap::new();
        for Lent { run, secret } in state.secrets().lent()? {
            let phantom = secret.phantom.clone();
            lent.entry(run).or_default().insert(phantom, Arc::new(KnownSecret::new(secret)));
        }
        Ok(Self {
            lent,
            hosts: HostTable::merge(&config.hosts, &state.hosts().list()?),
            inventory: InventoryTable::merge(&config.inventory, &state.inventory().list()?),
            secrets,
            signers,
            issuers: config.issuers.clone(),
            scrubs: Mutex::default(),
        })
    }

    /// Whether a human listed `host`, or a secret of `run` is bound to it.
    pub(crate) fn lists(&self, run: &str, host: &str, port: u16) -> bool {
        self.hosts.find(host, port).is_some() || self.binds(run, host)
    }

    /// Whether a secret that `run` may use is bound to `host`.
    fn binds(&self, run: &str, host: &str) -> bool {
        let mut for_agents =
            self.secrets_of(run).filter(|known| known.secret.bounds.lookup().is_none());
        for_agents.any(|secret| secret.grant.reaches(host))
    }

    /// The secret that a phantom of `run` stands for; never one for look-ups, which no agent was
    /// given.
    pub fn secret_of(&self, run: &str, phantom: &[u8]) -> Option<&KnownSecret> {
        let phantom = std::str::from_utf8(phantom).ok()?;
        let given = self.secrets.get(phantom).or_else(|| self.signers.get(phantom));
        let lent = || self.lent.get(run)?.get(phantom);
        let known = given.or_else(lent)?;
        known.secret.bounds.lookup().is_none().then_some(known)
    }

    /// A host that is listed for `run`: by a human, by a preset, or by a secret that is bound to it.
    pub(crate) fn host_of(&self, run: &str, host: &str, port: u16) -> Option<Host> {
        let bound = || self.binds(run, host).then(|| bound_host(host));
        self.unbound_host(host, port).or_else(bound)
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
        let mut all = self.secrets().chain(self.lent());
        all.find(|known| known.secret.name == name)
    }

    /// Where access tokens may be sent that the answer to `message` gives out, if a human or the
    /// catalogue names its endpoint: such answers are captured.
    pub(crate) fn issuer(&self, message: &Message) -> Option<Vec<String>> {
        let (host, port) = (message.host.as_str(), message.port);
        // However the path is spelled: its server reads all of them.
        let plain = message.plain_path();
        let at = |issuer: &&ListedIssuer| {
            [message.raw_path(), &plain].iter().any(|path| issuer.is_at(host, port, path))
        };
        let of_catalogue = || {
            let issuer = issuers::issuer(&message.method, host, &plain)?;
            Some(issuer.resources.iter().map(|&host| host.to_owned()).collect())
        };
        let listed = self.issuers.iter().find(at);
        listed.map(|issuer| issuer.hosts.clone()).or_else(of_catalogue)
    }

    /// Every secret that a human gave.
    fn secrets(&self) -> impl Iterator<Item = &KnownSecret> {
        self.secrets.values().map(Arc::as_ref)
    }

    /// Every secret that was found, once for each run that it is lent to.
    fn lent(&self) -> impl Iterator<Item = &KnownSecret> {
        self.lent.values().flat_map(HashMap::values).map(Arc::as_ref)
    }

    /// What is lent to `run`.
    pub(crate) fn lent_to(&self, run: &str) -> impl Iterator<Item = &KnownSecret> {
        self.lent.get(run).into_iter().flat_map(HashMap::values).map(Arc::as_ref)
    }

    /// Every secret that `run` may use.
    pub(crate) fn secrets_of(&self, run: &str) -> impl Iterator<Item = &KnownSecret> {
        self.secrets().chain(self.lent_to(run))
    }

    /// What must not come back from `host` to `run`: every secret that is bound to it, in any
    /// spelling, whether this message carried it or an earlier one, over whatever port, and `more`
    /// that its messages may have brought there. A host to which none is bound never had any.
    pub(crate) fn scrub(
        &self,
        run: &str,
        host: &str,
        more: Vec<Pair>,
    ) -> Result<Option<Arc<Needles>>, NeedlesError> {
        if !more.is_empty() {
            let pairs = more.into_iter().chain(self.bound_to(run, host));
            return Ok(Some(Arc::new(Needles::new(pairs)?)));
        }
        // Most runs are lent nothing, and share what is looked for.
        let own = if self.lent.contains_key(run) { run } else { "" };
        let key = (own.to_owned(), host.to_owned());
        let scrubs = || self.scrubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scrub) = scrubs().get(&key) {
            return Ok(scrub.clone());
        }
        let pairs = self.bound_to(run, host);
        let scrub = match pairs.is_empty() {
            true => None,
            false => Some(Arc::new(Needles::new(pairs)?)),
        };
        let mut scrubs = scrubs();
        if scrubs.len() >= SCRUBBED_HOSTS_MAX {
            scrubs.clear();
        }
        scrubs.insert(key, scrub.clone());
        Ok(scrub)
    }

    /// The secrets that are bound to `host`, in every spelling, with what stands for them: where
    /// `run` has a phantom of its own, that one.
    fn bound_to(&self, run: &str, host: &str) -> Vec<Pair> {
        let own: HashSet<&str> =
            self.lent_to(run).map(|known| known.secret.name.as_str()).collect();
        let others = self.lent().filter(|known| !own.contains(known.secret.name.as_str()));
        let all = self.secrets_of(run).chain(others);
        let mut seen = HashSet::new();
        all.filter(|known| known.grant.reaches(host) && seen.insert(known.secret.name.as_str()))
            .flat_map(KnownSecret::pairs)
            .collect()
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

/// A host that is listed because a secret is bound to it.
fn bound_host(host: &str) -> Host {
    let identity = hosts::identity(host);
    Host {
        speaks: identity.map_or(Speaks::Rest, |identity| identity.speaks),
        environment: None,
        provider: identity.map(|identity| identity.provider),
    }
}

impl Known {
    /// A host that a human or a preset lists.
    fn unbound_host(&self, host: &str, port: u16) -> Option<Host> {
        if host == ask::HOST {
            return Some(Host { environment: Some(Environment::None), ..Host::unnamed() });
        }
        let Some(listed) = self.hosts.find(host, port) else { return hosts::preset(host) };
        let environment = Some(listed.environment).filter(|it| *it != Environment::Unknown);
        // A word for what nobody can read yet is read as plain REST.
        let speaks = listed.speaks.parse().unwrap_or(Speaks::Rest);
        let provider = hosts::identity(host).map(|identity| identity.provider);
        Some(Host { speaks, environment, provider })
    }
}

impl World for Known {
    /// How a host is read, whoever speaks to it: it is listed by a human, by a preset, or by a
    /// secret that is bound to it.
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        let bound = || {
            let mut all = self.secrets().chain(self.lent());
            let binds = |known: &KnownSecret| {
                known.secret.bounds.lookup().is_none() && known.grant.reaches(host)
            };
            all.any(binds).then(|| bound_host(host))
        };
        self.unbound_host(host, port).or_else(bound)
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        // Persisted documents come with the configuration of a later issue; unknown is refused.
        None
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use holdpoint_wire::http::Body;

    use super::*;

    #[test]
    fn an_endpoint_that_gives_out_tokens_is_known_in_every_spelling() {
        let known = Known::default();
        let check = |host: &str, target: &str, expect: bool| {
            let message = Message {
                method: "POST".to_owned(),
                scheme: Scheme::Https,
                host: host.to_owned(),
                port: 443,
                target: target.to_owned(),
                headers: Vec::new(),
                body: Body::Whole(Bytes::new()),
                coded: None,
            };
            assert_eq!(known.issuer(&message).is_some(), expect, "{host}{target}");
        };
        for target in [
            "/login/oauth/access_token",
            "/login/oauth/access_token?x=1",
            "/login/oauth/access_token/",
            "/login/oauth/%61ccess_token",
            "/Login/OAuth/Access_Token",
            "/login%2Foauth/access_token.json",
        ] {
            check("github.com", target, true);
        }
        check("github.com", "/login/oauth/access_tokens", false);
    }
}
