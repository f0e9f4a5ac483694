//! SQL statements of an episode.

use holdpoint_catalog::hosts::Host;
use holdpoint_core::{Environment, Operation, Resource, identity::Principal, policy::Pdp};
use holdpoint_wire::{
    Unreadable,
    sql::{
        self, Dialect, Target,
        statements::{Kind, Statement, statements},
    },
};

use super::{answer::Judged, episode::SqlAttempt, fixtures::Fixtures, unreadable};
use crate::resolve::{self, Destination, Surroundings};

/// Judges a text of statements.
pub(super) fn judge(
    pdp: &Pdp,
    fixtures: &Fixtures<'_>,
    principal: &Principal,
    index: usize,
    attempt: &SqlAttempt,
) -> Judged {
    let read = read(attempt).and_then(|target| {
        sql::interpret(&attempt.statement, &target).map(|operations| (target, operations))
    });
    match read {
        Err(error) => unreadable(index, error.into()),
        Ok((target, operations)) => {
            let surroundings = fixtures.without_credential();
            let ask = |operation: Operation| {
                let environment = environment(fixtures, &target, &operation.resource);
                let host = Host { environment: Some(environment), ..Host::unnamed() };
                let destination = Destination { name: "", listed: Some(&host) };
                resolve::requests(&surroundings, principal, destination, vec![operation])
            };
            let rehearsed = is_rehearsed(attempt, &target);
            let requests = operations.into_iter().flat_map(ask).map(|mut request| {
                let Operation { name, resource, .. } = &request.operation;
                let system = resource.id.as_str().contains("/pg_catalog.");
                let saved = SAVED.contains(&name.as_str()) && !system;
                request.facts.can_snapshot = rehearsed && saved;
                request
            });
            let requests = requests.collect();
            Judged::new(index, &pdp.judge(attempt, requests))
        }
    }
}

/// The database that an attempt is about.
fn read(attempt: &SqlAttempt) -> Result<Target, Unreadable> {
    let dialect = Dialect::named(attempt.dialect.as_deref());
    match &attempt.target {
        Some(target) => Target::read(target, dialect),
        None => Ok(Target::unknown(dialect)),
    }
}

/// What the gateway of a database keeps as it was: rows, columns, and whole tables. Of what else a
/// statement takes away, only the count tells.
const SAVED: &[&str] = &[
    "postgres:delete",
    "postgres:drop_column",
    "postgres:drop_table",
    "postgres:merge",
    "postgres:truncate",
    "postgres:update",
];

/// Whether the gateway of the database would run it in a transaction of its own: of PostgreSQL alone,
/// and of nothing that runs in no transaction.
fn is_rehearsed(attempt: &SqlAttempt, target: &Target) -> bool {
    let alone = |it: &Statement| matches!(it.kind, Kind::Alone);
    target.dialect() == Dialect::Postgres
        && statements(&attempt.statement).is_ok_and(|all| !all.iter().any(alone))
}

/// Where a resource of `target` lives: what a human listed; else what its address can only be, or
/// what is listed of its host, raised by the names of host and database.
fn environment(fixtures: &Fixtures<'_>, target: &Target, resource: &Resource) -> Environment {
    let surroundings = fixtures.without_credential();
    let own = target.contains(resource);
    let listed = target.listed().filter_map(|id| surroundings.inventory(&id)).max();
    if let Some(listed) = listed.filter(|_| own) {
        return listed;
    }
    // Each of several hosts may answer: the strictest counts, and one that nobody listed.
    let of_host = |host: &String| {
        let local = sql::target::is_local(host).then_some(Environment::Local);
        fixtures.listed(host).environment.or(local).unwrap_or(Environment::Unknown)
    };
    let address = target.hosts().iter().map(of_host).max();
    let on_server =
        own || !target.hosts().is_empty() && !resource.id.as_str().ends_with(":unknown");
    let address = address.filter(|_| on_server).unwrap_or(Environment::Unknown);
    target.spoken(resource).map_or(address, |spoken| address.max(spoken))
}
