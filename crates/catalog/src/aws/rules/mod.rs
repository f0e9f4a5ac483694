//! What was written by hand: what the verb of an operation hides, and what it says too strictly.
//! Sources: the names and parameters in botocore; what each of them does, from common use and from
//! AWS's published API references.

mod access;
mod compute;
mod data;
mod recovery;

use holdpoint_core::{Effect, Reversibility};

use super::meaning::{Meaning, Parameters};

/// One row: operations of services, sometimes under a condition.
#[derive(Debug, Clone, Copy)]
struct Rule {
    services: &'static [&'static str],
    /// Names of operations; a star at the end is any rest.
    operations: &'static [&'static str],
    effect: Effect,
    reversibility: Reversibility,
    reveals_secrets: bool,
    when: When,
}

/// What else the message must say for a row to hold.
#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    /// The parameter is there, and always this.
    Is(&'static str, &'static str),
    /// One of the parameters of this name is this.
    Any(&'static str, &'static str),
    /// The parameter is there.
    Given(&'static str),
    /// The parameter is there, and a number below this.
    Below(&'static str, u64),
    /// The parameter, in days, is how long there is a way back; otherwise so many.
    Days(&'static str, u64),
}

const DAY: u64 = 86_400;

/// A row; what takes data away does so for good unless it says otherwise.
const fn rule(
    services: &'static [&'static str],
    operations: &'static [&'static str],
    effect: Effect,
) -> Rule {
    let reversibility = match effect {
        Effect::Destroy | Effect::Spend => Reversibility::None,
        _ => Reversibility::Unknown,
    };
    Rule { services, operations, effect, reversibility, reveals_secrets: false, when: When::Always }
}

impl Rule {
    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    const fn inverse(self) -> Self {
        Self { reversibility: Reversibility::Inverse, ..self }
    }

    const fn secret(self) -> Self {
        Self { reveals_secrets: true, ..self }
    }

    fn fits(&self, service: &str, operation: &str, parameters: &dyn Parameters) -> bool {
        let named = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(begin) => operation.starts_with(begin),
            None => *pattern == operation,
        };
        self.services.contains(&service)
            && self.operations.iter().any(named)
            && holds(self.when, parameters)
    }

    fn meaning(&self, parameters: &dyn Parameters) -> Meaning {
        let reversibility = match self.when {
            When::Days(name, otherwise) => {
                let said = parameters.values(name);
                let days = said.iter().map(|days| days.parse().unwrap_or(0)).min();
                Reversibility::Window(days.unwrap_or(otherwise).saturating_mul(DAY))
            }
            _ => self.reversibility,
        };
        let Self { effect, reveals_secrets, .. } = *self;
        Meaning { effect, reversibility, known: true, reveals_secrets }
    }
}

fn holds(when: When, parameters: &dyn Parameters) -> bool {
    match when {
        When::Always | When::Days(..) => true,
        When::Is(name, value) => {
            let values = parameters.values(name);
            !values.is_empty() && values.iter().all(|own| own.eq_ignore_ascii_case(value))
        }
        When::Any(name, value) => {
            parameters.values(name).iter().any(|own| own.eq_ignore_ascii_case(value))
        }
        When::Given(name) => !parameters.values(name).is_empty(),
        When::Below(name, bound) => {
            // What is no number may be read as none.
            parameters.values(name).iter().any(|own| own.parse().unwrap_or(0) < bound)
        }
    }
}

/// What was written by hand about an operation; the first row that holds counts.
pub(super) fn meaning(
    service: &str,
    operation: &str,
    parameters: &dyn Parameters,
) -> Option<Meaning> {
    let tables = [recovery::RULES, access::RULES, data::RULES, compute::RULES];
    let mut rules = tables.into_iter().flatten();
    let rule = rules.find(|rule| rule.fits(service, operation, parameters))?;
    Some(rule.meaning(parameters))
}

/// Every name in the tables: service and operation, a star at the end being any rest.
#[cfg(test)]
pub(super) fn names() -> Vec<(&'static str, &'static str)> {
    let tables = [recovery::RULES, access::RULES, data::RULES, compute::RULES];
    let rules = tables.into_iter().flatten();
    let pairs = |rule: &'static Rule| {
        rule.services
            .iter()
            .flat_map(|service| rule.operations.iter().map(|name| (*service, *name)))
    };
    rules.flat_map(pairs).collect()
}

/// The services of the rows in which this name stands.
#[cfg(test)]
pub(super) fn services_of(pattern: &str) -> Vec<&'static super::Service> {
    let own = names().into_iter().filter(|(_, name)| *name == pattern);
    own.filter_map(|(service, _)| super::service::service(service)).collect()
}
