//! From operations to questions for policy: which environment, whose credential, what was
//! refused before. Live traffic and `explain` come through here alike.

use holdpoint_catalog::hosts::Host;
use holdpoint_core::{
    Effect, Environment, Operation, ResourceId,
    identity::{Principal, Ring},
    policy::{Credential, Facts, Ground, Request},
};
use holdpoint_wire::{connect, http::websocket, lookup::Whereabouts};

/// What is known about the surroundings of a message: live from the store, or from fixtures.
pub trait Surroundings {
    /// The environment that the inventory gives to exactly this resource.
    fn inventory(&self, resource: &ResourceId) -> Option<Environment>;

    /// Where the provider itself says that this resource lies; `None` if it was not asked, or
    /// does not know.
    fn provider(&self, _resource: &ResourceId) -> Option<Whereabouts> {
        None
    }

    /// What the credentials of the message are to `operation` in `environment`; the worst, if
    /// there are several.
    fn credential(&self, operation: &Operation, environment: Environment) -> Credential;

    /// Whether this run's aim was refused a short while ago.
    fn refused_before(&self, principal: &Principal, operation: &Operation) -> bool;

    /// Whether this run made the operation's resource.
    fn made_by_run(&self, principal: &Principal, operation: &Operation) -> bool;

    /// The environment of what listens on this machine where a message to it goes: its own, unless
    /// that is a tunnel.
    fn on_loopback(&self) -> Environment {
        Environment::Local
    }

    /// Whether only a preset lists the host that the message goes to, and no human.
    fn host_preset(&self) -> bool {
        false
    }

    /// Whether the message reads so little, in so few words, that a run that learns may send it to
    /// a host that nobody has listed.
    fn is_short_read(&self) -> bool {
        false
    }

    /// Whether the agent runs inside `run`.
    fn enclosed(&self) -> bool;

    /// Whether somebody here can save what `operation` takes away in `environment`, before it does.
    fn can_snapshot(&self, _operation: &Operation, _environment: Environment) -> bool {
        false
    }

    /// Whether somebody here keeps the message of `operation` until its time, and sends it then.
    fn can_delay(&self, _operation: &Operation) -> bool {
        false
    }
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
            host_preset: surroundings.host_preset(),
            learned: is_learned(surroundings, principal, destination, &operation),
            made_by_run: surroundings.made_by_run(principal, &operation),
            enclosed: surroundings.enclosed(),
            // Until the shell and the sandbox are built, code is taken to reach everything.
            credentials_in_reach: true,
            refused_before: surroundings.refused_before(principal, &operation),
            tampers: false,
            ground: Ground::None,
            changes: None,
            can_snapshot: surroundings.can_snapshot(&operation, environment),
            can_delay: surroundings.can_delay(&operation),
        };
        Request { principal: principal.clone(), operation, facts }
    };
    operations.into_iter().map(ask).collect()
}

/// Whether a run that learns may do this at a host that nobody has listed.
fn is_learned(
    surroundings: &impl Surroundings,
    principal: &Principal,
    destination: Destination<'_>,
    operation: &Operation,
) -> bool {
    principal.task.learns
        && principal.task.ring != Ring::Untrusted
        && destination.listed.is_none()
        && operation.effect == Effect::Observe
        && surroundings.is_short_read()
}

/// The environment of an operation's resource. The inventory and the provider know best: where both
/// say something, the stricter holds, and what the inventory says of an environment corrects the
/// provider's name for it. What contains the resource is the message's own word: of several answers
/// the strictest holds, and for what takes something away they can only raise what a human said of
/// the host. (A deletion by id deletes that id, whatever environment is named beside it.)
fn environment(
    surroundings: &impl Surroundings,
    destination: Destination<'_>,
    operation: &Operation,
) -> Environment {
    let resource = &operation.resource;
    let takes_away = takes_away(operation.effect);
    let told = surroundings.provider(&resource.id).and_then(|whereabouts| {
        // What has an instance in several environments is changed in the one that is named.
        let named = if takes_away { &[][..] } else { &resource.within };
        whereabouts.narrowed(named).strictest(|id| surroundings.inventory(id))
    });
    if let Some(known) = surroundings.inventory(&resource.id).max(told) {
        return known;
    }
    let of_host = destination
        .listed
        .and_then(|host| host.environment)
        .or_else(|| is_loopback(destination.name).then(|| surroundings.on_loopback()))
        .unwrap_or(Environment::Unknown);
    let told = |container: &ResourceId| {
        let whereabouts = surroundings.provider(container)?;
        whereabouts.strictest(|id| surroundings.inventory(id))
    };
    let containers = resource.within.iter();
    let said = containers.filter_map(|id| surroundings.inventory(id).or_else(|| told(id))).max();
    match said {
        Some(said) if takes_away => said.max(of_host),
        Some(said) => said,
        None => of_host,
    }
}

/// Whether an operation opens a connection. Only the agent that asks for it could use that: nobody
/// else can open it later.
pub fn is_opening(operation: &str) -> bool {
    websocket::is_opening(operation) || operation == connect::OPEN
}

/// Whether an operation takes references off a git remote, whose objects can be fetched before.
pub fn loses_references(operation: &Operation) -> bool {
    matches!(operation.name.as_str(), "git:force_ref" | "git:delete_ref")
}

/// Whether something is less afterwards: then only what is known of the very resource counts.
pub fn takes_away(effect: Effect) -> bool {
    matches!(effect, Effect::Remove | Effect::WeakenRecovery | Effect::Destroy)
}

/// Whether a host name can only mean this machine: what is judged as local, and reached without a
/// proxy.
pub fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
