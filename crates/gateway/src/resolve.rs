//! From operations to questions for policy, by what the gateway knows.

use std::cell::OnceCell;

use holdpoint_core::{
    Environment, Operation, Refusal, ResourceId,
    identity::Principal,
    policy::{Credential, Request},
};
use holdpoint_enforce::{
    Point as _, Resolve,
    resolve::{Destination, Surroundings, requests},
};
use holdpoint_wire::{
    World as _,
    http::credentials::{self, CredentialUse, ToldBy},
};
use secrecy::ExposeSecret as _;

use crate::{
    known::Known,
    point::{Arrived, HttpPoint},
};

impl Resolve for HttpPoint {
    async fn resolve(
        &self,
        principal: &Principal,
        arrived: &Arrived,
        operations: Vec<Operation>,
    ) -> Result<Vec<Request>, Refusal> {
        let known = self.known();
        let listed = known.host(&arrived.message.host, arrived.message.port);
        let destination = Destination { name: &arrived.message.host, listed: listed.as_ref() };
        let strays = OnceCell::new();
        let live = Live { point: self, known: &known, arrived, strays };
        Ok(requests(&live, principal, destination, operations))
    }
}

/// The catalogue's name for what model APIs do.
const MODEL: &str = "model";

/// The surroundings of one live message.
struct Live<'a> {
    point: &'a HttpPoint,
    known: &'a Known,
    arrived: &'a Arrived,
    /// Whether a phantom is on its way to a host that it is not bound to; looked for when needed,
    /// and once: the whole message is searched for every secret.
    strays: OnceCell<bool>,
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
        match self.known.secret_of(used.value.expose_secret()) {
            None if used.told_by == ToldBy::Nothing => Credential::None,
            None => Credential::Foreign,
            Some(_) if !self.known.takes_secrets(message) => Credential::Leaving,
            Some(known) => known.grant.covers(&message.host, used.site(), operation, environment),
        }
    }

    /// A phantom that stands where no credential goes is not replaced, but must not leave either.
    /// A prompt is the exception: an agent that has looked at its own environment has its phantoms
    /// in every prompt from then on.
    fn strays(&self, operation: &Operation) -> bool {
        let message = &self.arrived.message;
        let leaves = |phantom: &str| credentials::occurrences(message, phantom.as_bytes());
        operation.provider() != MODEL
            && *self.strays.get_or_init(|| {
                let bound = self.known.secrets().filter(|known| !known.grant.hosts.is_empty());
                let mut bound_elsewhere = bound.filter(|known| !known.grant.reaches(&message.host));
                bound_elsewhere.any(|known| known.phantoms().into_iter().any(leaves))
            })
    }
}

impl Surroundings for Live<'_> {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        self.known.environment(resource)
    }

    fn credential(&self, operation: &Operation, environment: Environment) -> Credential {
        let used = self.arrived.credentials.iter();
        let carried = used.map(|used| self.carried(used, operation, environment));
        let strays = self.strays(operation).then_some(Credential::Leaving);
        carried.chain(strays).max().unwrap_or(Credential::None)
    }

    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        let refusals = self.point.state.refusals(self.point.config().refusals.remember_minutes);
        let now = self.point.now();
        refusals
            .refused_before(&principal.run, &operation.resource, operation.effect, now)
            .unwrap_or_else(|error| {
                // What cannot be remembered is taken as refused: a human will see it.
                tracing::error!(%error, "refusals cannot be looked up");
                true
            })
    }

    fn made_by_run(&self, _principal: &Principal, _operation: &Operation) -> bool {
        // Nothing that an upstream made is followed yet.
        false
    }

    fn enclosed(&self) -> bool {
        false
    }
}
