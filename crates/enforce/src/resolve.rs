//! From operations to questions for policy: which environment, whose credential, what was
//! refused before. Live traffic and `explain` come through here alike.

use holdpoint_catalog::hosts::Host;
use holdpoint_core::{
    Environment, Operation,
    identity::Principal,
    policy::{Credential, Facts, Request},
};

/// What is known about the surroundings of a message: live from the store, or from fixtures.
pub trait Surroundings {
    /// The environment that the inventory gives to exactly this resource.
    fn inventory(&self, resource: &holdpoint_core::ResourceId) -> Option<Environment>;

    /// What the credentials of the message are to `operation` in `environment`; the worst, if
    /// there are several.
    fn credential(&self, operation: &Operation, environment: Environment) -> Credential;

    /// Whether this run's aim was refused a short while ago.
    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool;

    /// Whether this run made the operation's resource.
    fn made_by_run(&self, principal: &Principal, operation: &Operation) -> bool;

    /// Whether the agent runs inside `run`.
    fn enclosed(&self) -> bool;
}

/// The host that a message goes to, as far as it matters to policy.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The host's name, lower case.
    pub name: &'a str,
    /// What is known about it; `None` if it is on no list.
    pub listed: Option<&'a Host>,
}

/// The questions that policy is asked about a message.
pub fn requests(
    surroundings: &impl Surroundings,
    principal: &Principal,
    destination: Destination<'_>,
    operations: Vec<Operation>,
) -> Vec<Request> {
    let ask = |operation: Operation| {
        let environment = environment(surroundings, destination, &operation);
        let facts = Facts {
            environment,
            credential: surroundings.credential(&operation, environment),
            host_listed: destination.listed.is_some(),
            made_by_run: surroundings.made_by_run(principal, &operation),
            enclosed: surroundings.enclosed(),
            // Until the shell and the sandbox are built, code is taken to reach everything.
            credentials_in_reach: true,
            refused_before: surroundings.refused_before(principal, &operation),
            tampers: false,
            // No fulfiller in this build keeps a pre-image, and nothing is scheduled yet.
            can_snapshot: false,
            can_delay: false,
        };
        Request { principal: principal.clone(), operation, facts }
    };
    operations.into_iter().map(ask).collect()
}

/// The environment of an operation's resource. The inventory knows best, for the resource or
/// for what contains it; of several answers the strictest holds. Then what a human said of the
/// host; then nobody knows.
fn environment(
    surroundings: &impl Surroundings,
    destination: Destination<'_>,
    operation: &Operation,
) -> Environment {
    let resource = &operation.resource;
    surroundings
        .inventory(&resource.id)
        .or_else(|| {
            let containers = resource.within.iter();
            containers.filter_map(|container| surroundings.inventory(container)).max()
        })
        .or_else(|| destination.listed.and_then(|host| host.environment))
        .or_else(|| is_loopback(destination.name).then_some(Environment::Local))
        .unwrap_or(Environment::Unknown)
}

/// Whether a host name can only mean this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
}
