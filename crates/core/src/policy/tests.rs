//! The policy decision point as a whole.

mod errors;
mod hard;
mod loading;
mod monotone;
mod obligations;
mod remembered;
mod rings;
mod schema;
mod slicing;
mod table;

use super::{Changes, Credential, Decision, Facts, Ground, Pdp, PolicySource, Request, Verdict};
use crate::{
    identity::{Principal, Task},
    operation::{Effect, Environment, Operation, Resource, ResourceId, Reversibility},
    reason::Code,
};

/// A known operation on a volume, with a listed host and a granted credential, by an agent in
/// `run` with no limits.
pub(super) fn request(effect: Effect, environment: Environment) -> Request {
    let resource = Resource {
        id: ResourceId::of("railway", "volume", "v1"),
        within: vec![ResourceId::of("railway", "project", "p1")],
    };
    Request {
        principal: Principal {
            agent: "fixer".to_owned(),
            run: "run-1".to_owned(),
            task: Task::default(),
            killed: false,
            did: None,
        },
        operation: Operation::known("railway:thing", effect, resource, Reversibility::None),
        facts: Facts {
            environment,
            credential: Credential::Granted,
            host_listed: true,
            host_preset: false,
            learned: false,
            made_by_run: false,
            enclosed: true,
            credentials_in_reach: false,
            refused_before: false,
            tampers: false,
            ground: Ground::None,
            changes: None,
            can_snapshot: true,
            can_delay: true,
        },
    }
}

fn starter() -> Pdp {
    with("")
}

/// The starter policies and `more`.
fn with(more: &str) -> Pdp {
    let sources = [PolicySource::starter(), PolicySource::new("more.cedar", more)];
    Pdp::load(&sources).unwrap_or_else(|error| panic!("{error}"))
}

/// Only `policies`.
fn only(policies: &str) -> Pdp {
    Pdp::load(&[PolicySource::new("only.cedar", policies)])
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A decision in one line: the verdict, its obligations, and the code that is told first.
fn told(decision: &Decision) -> String {
    let obligations = decision.obligations();
    let verdict = match decision.verdict() {
        Verdict::Allow => "allow",
        Verdict::Hold => "hold",
        Verdict::Deny => "deny",
    };
    let obligations = obligations.iter().map(|obligation| obligation.to_string());
    let code = decision.reasons().first().map(|reason| reason.code.as_str().to_owned());
    std::iter::once(verdict.to_owned()).chain(obligations).chain(code).collect::<Vec<_>>().join(" ")
}

fn codes(decision: &Decision) -> Vec<Code> {
    decision.reasons().iter().map(|reason| reason.code).collect()
}
