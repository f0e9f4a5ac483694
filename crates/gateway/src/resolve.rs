//! From operations to questions for policy, by what the gateway knows.

use holdpoint_core::{
    Environment, Operation, Refusal, ResourceId,
    identity::Principal,
    policy::{Credential, Request},
};
use holdpoint_enforce::{
    Point as _, Resolve,
    resolve::{Destination, Surroundings, requests},
};
use holdpoint_store::refusals::RefusalMemory as _;
use holdpoint_wire::{World as _, http::credentials};
use secrecy::ExposeSecret as _;

use crate::{
    known::{Known, KnownSecret},
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
        let live = Live { point: self, known: &known, arrived };
        Ok(requests(&live, principal, destination, operations))
    }
}

/// The surroundings of one live message.
struct Live<'a> {
    point: &'a HttpPoint,
    known: &'a Known,
    arrived: &'a Arrived,
}

impl Surroundings for Live<'_> {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        self.known.environment(resource)
    }

    fn credential(&self, operation: &Operation, environment: Environment) -> Credential {
        let message = &self.arrived.message;
        let judge = |known: &KnownSecret| known.grant.covers(&message.host, operation, environment);
        let carried = self.arrived.credentials.iter().map(|it| {
            let known = self.known.secret_of(it.value.expose_secret());
            known.map_or(Credential::Foreign, judge)
        });
        // A phantom that stands anywhere else is not replaced, but must not leave either.
        let astray = self.known.secrets().filter(|known| {
            !known.grant.reaches(&message.host)
                && credentials::occurrences(message, known.secret.phantom.as_bytes())
        });
        carried.chain(astray.map(judge)).max().unwrap_or(Credential::None)
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
