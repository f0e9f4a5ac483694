//! From the steps of a command, a file operation or a call of a tool to the questions for policy,
//! live and from fixtures alike.

use holdpoint_catalog::hosts::{self, Host};
use holdpoint_core::{
    Effect, Environment, Message, identity::Principal, policy::Pdp, policy::Request,
};
use holdpoint_wire::shell::{At, Step};

use crate::resolve::{self, Destination, Surroundings};

/// What surrounds the steps of one message.
#[derive(Clone, Copy)]
pub struct Around<'a, S> {
    /// Hosts, inventory and refusals.
    pub surroundings: &'a S,
    /// Whether what a step starts could reach a credential for anything beyond this machine.
    pub in_reach: &'a dyn Fn(&Step) -> bool,
    /// What is known of a host; every host counts as listed, as nothing is forwarded from here.
    pub listed: &'a dyn Fn(&str) -> Host,
    /// Whether what a step takes away is saved, or can be, before it goes; and where that lies.
    pub saves: &'a dyn Fn(&Step, Environment) -> bool,
}

impl<S: Surroundings> Around<'_, S> {
    /// Judges everything that `message` was read to do.
    pub fn judge<M: Message>(
        &self,
        pdp: &Pdp,
        principal: &Principal,
        message: M,
        steps: &[Step],
    ) -> holdpoint_core::Judged<M> {
        let requests = self.requests(principal, steps);
        pdp.judge(message, requests)
    }

    /// The questions about `steps`; about something that only reads, if there is none.
    pub fn requests(&self, principal: &Principal, steps: &[Step]) -> Vec<Request> {
        if steps.is_empty() {
            return self.requests_of(principal, &Step::reads());
        }
        steps.iter().flat_map(|step| self.requests_of(principal, step)).collect()
    }

    /// The questions about one step: those of any operation, and what only a command's have.
    fn requests_of(&self, principal: &Principal, step: &Step) -> Vec<Request> {
        let of = |environment| Host { environment: Some(environment), ..Host::unnamed() };
        let (name, host) = match &step.at {
            At::Here => ("localhost", of(Environment::Local)),
            At::Host(host) => (host.as_str(), (self.listed)(host)),
            At::Service => ("service", of(Environment::None)),
            At::Somewhere => ("unknown", of(Environment::Unknown)),
        };
        let host = match host.environment {
            None if is_here(name) => Host { environment: Some(Environment::Local), ..host },
            _ => host,
        };
        let destination = Destination { name, listed: Some(&host) };
        let executes = step.operation.effect == Effect::Execute;
        let in_reach = executes && (self.in_reach)(step);
        let operations = vec![step.operation.clone()];
        let mut requests = resolve::requests(self.surroundings, principal, destination, operations);
        for request in &mut requests {
            request.facts.tampers = step.tampers;
            request.facts.ground = step.ground;
            request.facts.credentials_in_reach = in_reach;
            request.facts.can_snapshot = (self.saves)(step, request.facts.environment);
        }
        requests
    }
}

/// A host of which `known` is said, or nothing: as nothing is forwarded by steps, every host counts as
/// listed, with what a preset or its name says of it.
pub fn listed(known: Option<Host>, name: &str) -> Host {
    let identity = hosts::identity(name).map(|identity| Host {
        speaks: identity.speaks,
        environment: None,
        provider: Some(identity.provider),
    });
    known.or_else(|| hosts::preset(name)).or(identity).unwrap_or_else(Host::unnamed)
}

/// Names that mean this machine in a container's network as well.
pub(crate) fn is_here(host: &str) -> bool {
    resolve::is_loopback(host) || matches!(host, "0.0.0.0" | "host.docker.internal")
}
