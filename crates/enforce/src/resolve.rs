//! From operations to questions for policy: which environment, whose credential, what was
//! refused before. Live traffic and `explain` come through here alike.

use holdpoint_catalog::hosts::Host;
use holdpoint_core::{
    Effect, Environment, Operation,
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

/// The environment of an operation's resource. The inventory knows best. What contains the
/// resource is the message's own word: of several answers the strictest holds, and for what takes
/// something away they can only raise what a human said of the host. (A deletion by id deletes
/// that id, whatever environment is named beside it.)
fn environment(
    surroundings: &impl Surroundings,
    destination: Destination<'_>,
    operation: &Operation,
) -> Environment {
    let resource = &operation.resource;
    if let Some(placed) = surroundings.inventory(&resource.id) {
        return placed;
    }
    let of_host = destination
        .listed
        .and_then(|host| host.environment)
        .or_else(|| is_loopback(destination.name).then_some(Environment::Local))
        .unwrap_or(Environment::Unknown);
    let containers = resource.within.iter();
    let said = containers.filter_map(|container| surroundings.inventory(container)).max();
    let takes_away =
        matches!(operation.effect, Effect::Remove | Effect::WeakenRecovery | Effect::Destroy);
    match said {
        Some(said) if takes_away => said.max(of_host),
        Some(said) => said,
        None => of_host,
    }
}

/// Whether a host name can only mean this machine: what is judged as local, and reached without a
/// proxy.
pub fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Resource, ResourceId, Reversibility};

    use super::*;

    /// Production and staging lie where their names say; nothing else is placed.
    struct Inventory;

    impl Surroundings for Inventory {
        fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
            resource.short_name().parse().ok()
        }

        fn credential(&self, _: &Operation, _: Environment) -> Credential {
            Credential::None
        }

        fn refused_before(&self, _: &Principal, _: &Operation) -> bool {
            false
        }

        fn made_by_run(&self, _: &Principal, _: &Operation) -> bool {
            false
        }

        fn enclosed(&self) -> bool {
            false
        }
    }

    #[test]
    fn what_a_message_says_of_a_place_lowers_nothing_that_takes_away() {
        use Effect::{Destroy, Modify, Remove};
        use Environment::{Production, Staging, Unknown};
        let check = |effect, id: &str, within: &[&str], of_host, expect| {
            let named = |kind: &str, id: &str| ResourceId::of("x", kind, id);
            let resource = Resource {
                id: named("service", id),
                within: within.iter().map(|id| named("environment", id)).collect(),
            };
            let operation = Operation::known("x:y", effect, resource, Reversibility::None);
            let host = Host { environment: of_host, ..Host::unnamed() };
            let destination = Destination { name: "x.example", listed: Some(&host) };
            let found = environment(&Inventory, destination, &operation);
            assert_eq!(found, expect, "{effect} {id} {within:?} {of_host:?}");
        };
        check(Modify, "1", &["staging"], None, Staging);
        check(Destroy, "1", &["staging"], None, Unknown);
        check(Remove, "1", &["staging"], Some(Production), Production);
        check(Destroy, "1", &["staging"], Some(Staging), Staging);
        check(Destroy, "1", &["production"], Some(Staging), Production);
        check(Modify, "1", &["staging", "production"], None, Production);
        check(Destroy, "staging", &["production"], None, Staging);
        check(Modify, "1", &[], None, Unknown);
    }
}
