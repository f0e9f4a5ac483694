//! From operations to questions for policy: where the database lies, and what of a text is only a
//! rehearsal.

use holdpoint_core::{
    Effect, Environment, Operation, Refusal, Resource,
    identity::{Principal, Site},
    policy::{Credential, Facts, Ground, Request},
};
use holdpoint_enforce::{Point as _, Resolve};
use holdpoint_wire::World as _;

use super::{
    point::{SessionPoint, rehearsed},
    reading::is_at_once,
    script::{Measured, Script, Step},
};
use crate::known::Known;

impl Resolve for SessionPoint {
    async fn resolve(
        &self,
        principal: &Principal,
        script: &Script,
        operations: Vec<Operation>,
    ) -> Result<Vec<Request>, Refusal> {
        let known = self.served.http.known();
        let ask = |mut operation: Operation| {
            // The server itself keeps the passwords in it from all but its masters.
            if operation.resource.id.as_str().ends_with(".pg_subscription") && !self.role().escapes
            {
                operation.reveals_secrets = false;
            }
            let environment = self.environment(&known, &operation.resource);
            let facts = self.facts(&known, script, &operation, environment);
            let request = Request { principal: principal.clone(), operation, facts };
            match script.step {
                Step::Rehearse => self.rehearsal(request),
                Step::Run | Step::Commit(_) => self.remembering(request),
            }
        };
        Ok(operations.into_iter().map(ask).collect())
    }
}

impl SessionPoint {
    /// What is only rehearsed looks, until its end is judged by what it changed. What policy would
    /// never let pass is not even rehearsed; nor is what takes effect at once.
    fn rehearsal(&self, request: Request) -> Request {
        let operation = &request.operation;
        let opaque = operation.effect == Effect::Execute && self.role().escapes;
        if opaque || is_at_once(operation) {
            return self.remembering(request);
        }
        // What looks is decided as it is; asked twice, policy would say the same.
        if operation.effect != Effect::Observe && self.is_denied(&request) {
            return self.remembering(request);
        }
        Request { operation: rehearsed(request.operation), ..request }
    }

    /// The same with what is remembered of refusals, where that is for the decision.
    fn remembering(&self, mut request: Request) -> Request {
        request.facts.refused_before = self.refused_before(&request.principal, &request.operation);
        request
    }

    fn facts(
        &self,
        known: &Known,
        script: &Script,
        operation: &Operation,
        environment: Environment,
    ) -> Facts {
        let secret = known.secret_named(&self.served.database.secret);
        let host = &self.served.database.host;
        let credential = secret.map_or(Credential::Unbound, |secret| {
            secret.grant.covers(host, Site::Header, operation, environment)
        });
        let measured = script.measured();
        Facts {
            environment,
            credential,
            // Whoever wrote the database into the configuration has listed its host.
            host_listed: true,
            host_preset: false,
            // What was learned is of hosts that nobody listed.
            learned: false,
            made_by_run: false,
            enclosed: self.enclosed,
            credentials_in_reach: true,
            refused_before: false,
            tampers: false,
            ground: Ground::None,
            changes: measured.map(|measured| measured.changes.clone()),
            // Before anything is counted, it is taken for something that could be saved.
            can_snapshot: measured.is_none_or(Measured::is_savable)
                && !matches!(script.step, Step::Run),
            can_delay: false,
        }
    }

    /// Nobody is told "you were refused before" for looking, so that it is not even looked up.
    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool {
        let http = &self.served.http;
        let refusals = http.state.refusals(http.config().refusals.remember_minutes);
        let (resource, effect) = (&operation.resource, operation.effect);
        effect.changes()
            && refusals.refused_before(&principal.run, resource, effect, self.now()).unwrap_or_else(
                |error| {
                    // What cannot be remembered is taken as refused: a human will see it.
                    tracing::error!(%error, "refusals cannot be looked up");
                    true
                },
            )
    }

    /// Where a resource lies: what a human said of the database; else what is known of its host,
    /// raised by what names and a comment on the database speak of.
    fn environment(&self, known: &Known, resource: &Resource) -> Environment {
        let (target, role) = (&self.served.target, self.role());
        let raised = |environment: Environment| {
            let spoken = target.spoken(resource);
            environment.max(role.marked.unwrap_or(environment)).max(spoken.unwrap_or(environment))
        };
        if !target.contains(resource) {
            return raised(Environment::Unknown);
        }
        let listed = target.listed().filter_map(|id| known.environment(&id)).max();
        if let Some(said) = listed.max(self.served.database.environment) {
            return said;
        }
        let host = known.host(&self.served.database.host, self.served.database.port);
        let of_host = host.and_then(|host| host.environment).or(role.local);
        raised(of_host.unwrap_or(Environment::Unknown))
    }
}
