//! From operations to questions for policy, by what the gateway knows.

use std::{cell::OnceCell, collections::HashMap};

use holdpoint_catalog::hosts::{self, Bodies};
use holdpoint_core::{
    Environment, Operation, Refusal, ResourceId,
    identity::Principal,
    policy::{Credential, Request},
};
use holdpoint_enforce::{
    Point as _, Resolve,
    keep::Loss,
    resolve::{Destination, Surroundings, is_loopback, is_opening, loses_references, requests},
};
use holdpoint_wire::{
    Host,
    http::credentials::{self, CredentialUse, ToldBy},
    lookup::Whereabouts,
};
use secrecy::ExposeSecret as _;

use crate::{
    issued::Lookup,
    known::Known,
    learning,
    made::Maker,
    owner,
    point::{Arrived, HttpPoint, Origin},
};

impl Resolve for HttpPoint {
    async fn resolve(
        &self,
        principal: &Principal,
        arrived: &Arrived,
        operations: Vec<Operation>,
    ) -> Result<Vec<Request>, Refusal> {
        arrived.maker.get_or_init(|| Maker::of(principal, &operations));
        let known = self.known();
        let message = &arrived.message;
        let issued = Lookup::new(&self.issuing, &known, &principal.run, message);
        let linked = || issued.lists_host().then(Host::unnamed);
        let given = || self.is_service(&principal.run, message).then(Host::unnamed);
        let listed = known.host_of(&principal.run, &message.host, message.port);
        let listed = listed.or_else(linked).or_else(given);
        self.watch_learning(principal, &operations, listed.as_ref())?;
        let destination = Destination { name: &arrived.message.host, listed: listed.as_ref() };
        // A run that was stopped is refused, wherever its resources lie.
        let told = match principal.killed {
            true => HashMap::new(),
            false => self.lookups.find(&known, &operations).await,
        };
        let on_loopback = match is_loopback(&message.host) {
            true => owner::environment(message.port, &known).await?,
            false => Environment::Local,
        };
        let (issued, strays) = (&issued, OnceCell::new());
        let task = principal.task.environment;
        let live =
            Live { point: self, known: &known, arrived, issued, told, on_loopback, strays, task };
        Ok(requests(&live, principal, destination, operations))
    }
}

impl HttpPoint {
    /// Whether this run's aim was refused a short while ago.
    pub(crate) fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        let refusals = self.state.refusals(self.config().refusals.remember_minutes);
        refusals
            .refused_before(&principal.run, &operation.resource, operation.effect, self.now())
            .unwrap_or_else(|error| {
                // What cannot be remembered is taken as refused: a human will see it.
                tracing::error!(%error, "refusals cannot be looked up");
                true
            })
    }
}

/// The surroundings of one live message.
struct Live<'a> {
    point: &'a HttpPoint,
    known: &'a Known,
    arrived: &'a Arrived,
    /// What upstreams issued to the run.
    issued: &'a Lookup<'a>,
    /// What providers say of its resources.
    told: HashMap<ResourceId, Whereabouts>,
    /// Where what listens on this machine really is.
    on_loopback: Environment,
    /// Whether a phantom is on its way to a host that it is not bound to; looked for when needed,
    /// and once: the whole message is searched for every secret.
    strays: OnceCell<bool>,
    /// The environment that the task is about.
    task: Option<Environment>,
}

impl Live<'_> {
    /// What one credential is to `operation`.
    fn carried(
        &self,
        used: &CredentialUse,
        operation: &Operation,
        environment: Environment,
    ) -> Credential {
        let message = &self.arrived.message;
        match self.known.secret_of(self.arrived.run(), used.value.expose_secret()) {
            None if used.told_by == ToldBy::Nothing => Credential::None,
            None => self.issued.credential(used, operation, environment),
            Some(_) if !self.known.takes_secrets(message) => Credential::Leaving,
            Some(known) => known.grant.covers(&message.host, used.site(), operation, environment),
        }
    }

    /// What a key acts on that its provider marks for tests, as every phantom in the message is one:
    /// test data, of whatever environment the task is about.
    fn test_data(&self, resource: &ResourceId) -> Option<Whereabouts> {
        let run = self.arrived.run();
        let used = self.arrived.credentials.iter();
        let used = used.filter_map(|it| self.known.secret_of(run, it.value.expose_secret()));
        let marks: Vec<bool> = used.map(|known| known.is_test).collect();
        let environment = match self.task {
            Some(task @ (Environment::Staging | Environment::Development)) => task,
            _ => Environment::Development,
        };
        (!marks.is_empty() && marks.iter().all(|test| *test))
            .then(|| Whereabouts::new(vec![(resource.clone(), environment)]))
            .flatten()
    }

    /// Whether what is sent is text for a model, as far as a table knows.
    fn is_prompt(&self, operation: &Operation) -> bool {
        let identity = hosts::identity(&self.arrived.message.host);
        operation.known && identity.is_some_and(|identity| identity.bodies == Bodies::Prompts)
    }

    /// A phantom that stands where no credential goes is not replaced, but must not leave either.
    /// A prompt is the exception: an agent that has looked at its own environment has its phantoms
    /// in every prompt from then on.
    fn strays(&self, operation: &Operation) -> bool {
        let message = &self.arrived.message;
        let leaves = |phantom: &str| credentials::occurrences(message, phantom.as_bytes());
        !self.is_prompt(operation)
            && *self.strays.get_or_init(|| {
                let all = self.known.secrets_of(self.arrived.run());
                let bound = all.filter(|known| !known.grant.hosts.is_empty());
                let mut bound_elsewhere = bound.filter(|known| !known.grant.reaches(&message.host));
                bound_elsewhere.any(|known| known.phantoms().into_iter().any(leaves))
            })
    }
}

impl Surroundings for Live<'_> {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        self.known.environment(resource)
    }

    fn provider(&self, resource: &ResourceId) -> Option<Whereabouts> {
        self.told.get(resource).cloned().or_else(|| self.test_data(resource))
    }

    fn credential(&self, operation: &Operation, environment: Environment) -> Credential {
        let used = self.arrived.credentials.iter();
        let carried = used.map(|used| self.carried(used, operation, environment));
        let strays = self.strays(operation).then_some(Credential::Leaving);
        carried.chain(strays).max().unwrap_or(Credential::None)
    }

    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        self.point.refused_before(principal, operation)
    }

    fn made_by_run(&self, principal: &Principal, operation: &Operation) -> bool {
        self.point.is_made_by(&principal.run, self.arrived, operation)
    }

    fn on_loopback(&self) -> Environment {
        self.on_loopback
    }

    fn host_preset(&self) -> bool {
        let message = &self.arrived.message;
        !self.known.lists(self.arrived.run(), &message.host, message.port)
    }

    fn is_short_read(&self) -> bool {
        learning::is_short_read(&self.arrived.message) && self.arrived.is_whole()
    }

    fn enclosed(&self) -> bool {
        match self.arrived.origin {
            Origin::Agent { enclosed } | Origin::Upgrade { enclosed, .. } => enclosed,
            Origin::Release(_) => false,
        }
    }

    fn can_snapshot(&self, operation: &Operation, environment: Environment) -> bool {
        loses_references(operation)
            && Loss::may_stay_here(environment)
            && self.point.keeper().is_some()
            && self.arrived.is_whole()
    }

    fn can_delay(&self, operation: &Operation) -> bool {
        !is_opening(&operation.name)
    }
}
