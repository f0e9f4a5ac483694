//! Cedar's context: the circumstances of one request, and the obligations that are not met yet.

use std::sync::{Arc, OnceLock};

use cedar_policy::{Context, RestrictedExpression};

use super::{
    cache::Cache,
    lattice::Lattice,
    request::{Credential, Ground, Request},
};
use crate::{
    identity::Ring,
    obligation::Obligations,
    operation::{Environment, Place, Reversibility},
};

/// At most so many different circumstances are kept.
const MAX_CIRCUMSTANCES: usize = 4096;

/// A true-or-false circumstance by its name in the schema.
type Flag = (&'static str, fn(&Request) -> bool);

const FLAGS: [Flag; 12] = [
    ("known", |request| request.operation.known),
    ("reveals_secrets", |request| request.operation.reveals_secrets),
    ("on_this_machine", |request| request.operation.place == Place::ThisMachine),
    ("host_listed", |request| request.facts.host_listed),
    ("host_preset", |request| request.facts.host_preset),
    ("learned", |request| request.facts.learned),
    ("made_by_run", |request| request.facts.made_by_run),
    ("enclosed", |request| request.facts.enclosed),
    ("credentials_in_reach", |request| request.facts.credentials_in_reach),
    ("refused_before", |request| request.facts.refused_before),
    ("tampers", |request| request.facts.tampers),
    ("killed", |request| request.principal.killed),
];

/// All that the context says of a request before obligations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Circumstances {
    operation: String,
    reversibility: &'static str,
    task_environment: Option<Environment>,
    ring: Ring,
    credential: Credential,
    ground: Ground,
    flags: [bool; FLAGS.len()],
}

/// The contexts of one request, one for each candidate set of obligations.
#[derive(Debug)]
pub(super) struct Contexts {
    circumstances: Circumstances,
    /// Made when they are asked for: most requests pass with the first.
    by_candidate: Vec<OnceLock<Option<Context>>>,
}

/// The contexts that were asked about lately.
#[derive(Debug)]
pub(super) struct ContextCache {
    cache: Cache<Circumstances, Arc<Contexts>>,
    candidates: usize,
}

impl ContextCache {
    pub(super) fn new(lattice: &Lattice) -> Self {
        let candidates = lattice.candidates().len();
        Self { cache: Cache::new(MAX_CIRCUMSTANCES), candidates }
    }

    pub(super) fn contexts(&self, request: &Request) -> Arc<Contexts> {
        let circumstances = Circumstances::of(request);
        let make = || {
            let by_candidate = (0..self.candidates).map(|_| OnceLock::new()).collect();
            let circumstances = circumstances.clone();
            Arc::new(Contexts { circumstances, by_candidate })
        };
        self.cache.get_or_make(&circumstances, make)
    }
}

impl Contexts {
    /// The context in which `obligations`, the candidate with this index, are met.
    pub(super) fn with(&self, index: usize, obligations: Obligations) -> Option<Context> {
        let context = self.by_candidate.get(index)?;
        context.get_or_init(|| self.circumstances.context(obligations)).clone()
    }
}

impl Circumstances {
    fn of(request: &Request) -> Self {
        Self {
            operation: request.operation.name.clone(),
            reversibility: match request.operation.reversibility {
                Reversibility::Inverse => "inverse",
                Reversibility::Window(_) => "window",
                Reversibility::None => "none",
                Reversibility::Unknown => "unknown",
            },
            task_environment: request.principal.task.environment,
            ring: request.principal.task.ring,
            credential: request.facts.credential,
            ground: request.facts.ground,
            flags: FLAGS.map(|(_, flag)| flag(request)),
        }
    }

    fn context(&self, obligations: Obligations) -> Option<Context> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let long =
            |number: u64| RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX));
        let task_environment = self.task_environment.map_or("any", Environment::as_str);
        let mut pairs = vec![
            ("operation", text(&self.operation)),
            ("reversibility", text(self.reversibility)),
            ("task_environment", text(task_environment)),
            ("ring", long(self.ring.number().into())),
            ("credential", text(self.credential.as_str())),
            ("ground", text(self.ground.as_str())),
            ("approvals", long(obligations.approvals.into())),
            ("assurance", long(0)),
            ("snapshot", RestrictedExpression::new_bool(obligations.snapshot)),
            ("delay_seconds", long(obligations.delay_seconds)),
        ];
        let flags = FLAGS.iter().zip(self.flags);
        pairs.extend(flags.map(|((name, _), flag)| (*name, RestrictedExpression::new_bool(flag))));
        Context::from_pairs(pairs.into_iter().map(|(name, value)| (name.to_owned(), value))).ok()
    }
}
