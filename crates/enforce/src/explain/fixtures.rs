//! The surroundings that an episode describes.

use std::sync::Arc;

use holdpoint_catalog::hosts::{self, Host};
use holdpoint_core::{
    Environment, Operation, ResourceId, glob,
    identity::{Grant, Principal, RefusedAim, Site},
    policy::Credential,
};
use holdpoint_wire::{
    World,
    http::{
        Message,
        credentials::{self, CredentialUse},
    },
};

use super::episode::Episode;
use crate::{
    keep::Loss,
    resolve::{self, Surroundings},
};

/// An episode as the world around its operations.
pub(super) struct Fixtures<'a> {
    episode: &'a Episode,
    refused: &'a [RefusedAim],
}

impl<'a> Fixtures<'a> {
    /// The world of `episode` after `refused` was refused.
    pub(super) fn new(episode: &'a Episode, refused: &'a [RefusedAim]) -> Self {
        Self { episode, refused }
    }

    /// These fixtures for what carries no credential of its own.
    pub(super) fn without_credential(&self) -> Carrying<'_> {
        Carrying { fixtures: self, carried: None, kept: false }
    }

    /// These fixtures for a message that carries `credential`.
    pub(super) fn with_credential<'b>(
        &'b self,
        credential: Option<&'b str>,
        message: &'b Message,
    ) -> Carrying<'b> {
        let carried = credential.map(|word| {
            let found = credentials::find(message).into_iter();
            let uses = found.filter(|used| used.is(word.as_bytes())).collect();
            Carried { word, host: &message.host, uses }
        });
        Carrying { fixtures: self, carried, kept: true }
    }

    /// What the fixtures, or else a preset, say of a host. Every host counts as listed.
    pub(super) fn listed(&self, name: &str) -> Host {
        let identity = hosts::identity(name).map(|identity| Host {
            speaks: identity.speaks,
            environment: None,
            provider: Some(identity.provider),
        });
        let preset = hosts::preset(name).or(identity).unwrap_or_else(Host::unnamed);
        let said: Vec<_> = self
            .episode
            .hosts
            .iter()
            .filter(|fixture| glob::host_matches(&fixture.host, name))
            .collect();
        let environment = said.iter().filter_map(|fixture| fixture.environment).max();
        Host {
            speaks: said.first().map_or(preset.speaks, |fixture| fixture.speaks),
            environment: environment.or(preset.environment),
            ..preset
        }
    }
}

impl World for Fixtures<'_> {
    fn host(&self, host: &str, _port: u16) -> Option<Host> {
        Some(self.listed(host))
    }

    fn persisted(&self, sha256: &str) -> Option<Arc<str>> {
        self.episode.persisted.get(sha256).map(|text| Arc::from(text.as_str()))
    }
}

/// Fixtures for one message.
pub(super) struct Carrying<'a> {
    fixtures: &'a Fixtures<'a>,
    carried: Option<Carried<'a>>,
    /// Whether it comes to a gateway, which can keep it until its time.
    kept: bool,
}

/// The credential of one message.
struct Carried<'a> {
    /// `phantom:NAME` or `foreign`.
    word: &'a str,
    host: &'a str,
    /// Where the message says that word.
    uses: Vec<CredentialUse>,
}

impl Carried<'_> {
    /// What `grant` makes of it, wherever it stands; in a header, if the message does not say.
    fn under(&self, grant: &Grant, operation: &Operation, environment: Environment) -> Credential {
        let at = |site: Site<'_>| grant.covers(self.host, site, operation, environment);
        let strictest = self.uses.iter().map(|used| at(used.site())).max();
        strictest.unwrap_or_else(|| at(Site::Header))
    }
}

impl Surroundings for Carrying<'_> {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        let entries = self.fixtures.episode.inventory.iter();
        entries.filter(|entry| entry.resource == *resource).map(|entry| entry.environment).max()
    }

    fn credential(&self, operation: &Operation, environment: Environment) -> Credential {
        let Some(carried) = &self.carried else { return Credential::Granted };
        if carried.word == "issued" {
            return Credential::Issued;
        }
        let name = carried.word.strip_prefix("phantom:");
        let secrets = &self.fixtures.episode.secrets;
        let secret = name.and_then(|name| secrets.iter().find(|secret| secret.name == name));
        secret.map_or(Credential::Foreign, |secret| {
            let grant = Grant {
                hosts: secret.hosts.clone(),
                purpose: secret.purpose.clone(),
                environment: secret.environment,
                places: secret.places.clone(),
            };
            carried.under(&grant, operation, environment)
        })
    }

    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        let mut refused = self.fixtures.refused.iter();
        refused.any(|aim| aim.recurs_in(&principal.run, &operation.resource, operation.effect))
    }

    fn made_by_run(&self, _principal: &Principal, _operation: &Operation) -> bool {
        false
    }

    fn enclosed(&self) -> bool {
        // Until the sandbox is built, nothing that an episode says of it can be relied upon.
        false
    }

    fn can_snapshot(&self, operation: &Operation, environment: Environment) -> bool {
        self.kept && resolve::loses_references(operation) && Loss::may_stay_here(environment)
    }

    fn can_delay(&self, operation: &Operation) -> bool {
        self.kept && !resolve::is_opening(&operation.name)
    }
}
