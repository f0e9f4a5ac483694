//! Who gives credentials out: the hosts that they are for, the variables in which they are looked
//! for, and where they are made anew.
//!
//! From the providers' public documents and from common use; not compared with the providers.

mod clouds;
mod code;
mod models;
mod services;

use crate::{hosts, issuers};

/// Who gives credentials out.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, as operations have it (`railway`); a word of it in a variable's name is a hint.
    pub name: &'static str,
    /// Where its credentials are for, where neither an issuer nor a host of the catalogue says.
    hosts: &'static [&'static str],
    /// Variables that hold its credentials, those that its own tools read first.
    variables: &'static [&'static str],
    /// How many of them are given the phantom of a secret that is bound to it.
    lent: usize,
    /// How a credential of it is made anew.
    pub rotation: Rotation,
}

/// How a credential is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The credential itself may ask for its successor: method, path at the first host, and the
    /// field of the answer in which it stands. The old one ends with that.
    Api {
        /// `POST` or `PUT`.
        method: &'static str,
        /// Path and query.
        path: &'static str,
        /// The header that carries the credential.
        header: &'static str,
        /// The field of the JSON answer.
        field: &'static str,
    },
    /// A human makes a new one there.
    Page(&'static str),
    /// Nothing is known.
    Unknown,
}

impl Provider {
    /// Variables in which its tools look for a credential.
    pub fn variables(&self) -> &'static [&'static str] {
        self.variables.get(..self.lent).unwrap_or(self.variables)
    }

    const fn lent(self, lent: usize) -> Self {
        Self { lent, ..self }
    }

    /// Where its credentials may be sent.
    pub fn hosts(&self) -> Vec<&'static str> {
        if !self.hosts.is_empty() {
            return self.hosts.to_vec();
        }
        match issuers::named(self.name) {
            Some(issuer) => issuer.resources.to_vec(),
            None => hosts::names(self.name),
        }
    }
}

/// The provider of this name.
pub fn provider(name: &str) -> Option<&'static Provider> {
    all().find(|provider| provider.name == name)
}

/// Every provider.
pub fn providers() -> impl Iterator<Item = &'static Provider> {
    all()
}

/// The provider in whose variable `name` a credential is looked for, whatever stands before it
/// (`PROD_RAILWAY_TOKEN`); of several, the one that says most of it.
pub(super) fn of_variable(name: &str) -> Option<&'static Provider> {
    let fits = |variable: &&&str| {
        let (name, variable) = (name.as_bytes(), variable.as_bytes());
        let rest = name.len().checked_sub(variable.len());
        rest.and_then(|at| name.split_at_checked(at)).is_some_and(|(before, own)| {
            own.eq_ignore_ascii_case(variable) && before.last().is_none_or(|byte| *byte == b'_')
        })
    };
    let longest = |provider: &&Provider| {
        provider.variables.iter().filter(fits).map(|variable| variable.len()).max()
    };
    all().filter(|provider| longest(provider).is_some()).max_by_key(longest)
}

/// The provider that words of a name say; of several, the one that says most of it.
pub(super) fn of_words(words: &[String]) -> Option<&'static Provider> {
    let said = |provider: &&Provider| {
        let parts: Vec<&str> = provider.name.split('_').collect();
        words.windows(parts.len()).any(|window| window.iter().eq(parts.iter()))
    };
    all().filter(said).max_by_key(|provider| provider.name.len())
}

/// Providers after whom people name a key and nothing else: a service or a model. What is called after
/// a code host or a registry is a version or a digest as often.
pub(super) fn namesakes() -> impl Iterator<Item = &'static Provider> {
    let all = [models::MODELS, services::SERVICES].into_iter().flatten();
    all.filter(|provider| !provider.name.contains('_'))
}

const fn page(
    name: &'static str,
    hosts: &'static [&'static str],
    variables: &'static [&'static str],
    page: &'static str,
) -> Provider {
    Provider { name, hosts, variables, lent: 0, rotation: Rotation::Page(page) }
}

fn all() -> impl Iterator<Item = &'static Provider> {
    [models::MODELS, code::CODE, clouds::CLOUDS, services::SERVICES].into_iter().flatten()
}
