//! Per provider, what each GraphQL root field does, and where its arguments say to what.

use std::collections::HashMap;

use holdpoint_core::{Effect, Reversibility};

use crate::{change_set::ChangeSet, github, railway};

/// The table of a provider; `None` if there is none, and then every mutation is a guess.
pub fn table(provider: &str) -> Option<&'static Table> {
    match provider {
        "github" => Some(github::table()),
        "railway" => Some(railway::table()),
        _ => None,
    }
}

/// What a provider's root fields do.
#[derive(Debug)]
pub struct Table {
    /// The provider, as the names of operations and resources begin.
    pub provider: &'static str,
    /// Arguments that name what a resource lies in, nearest first. They are looked for among the
    /// field's arguments and in its `input`, unless that `input` is an opened change set: what
    /// the schema does not declare could be written there to look like another place.
    pub containers: &'static [Container],
    /// Fields whose value is a secret wherever they are selected.
    pub secret_fields: &'static [&'static str],
    /// Arguments that make any field show secrets, unless they are `false`.
    pub secret_arguments: &'static [&'static str],
    pub(crate) mutations: HashMap<&'static str, &'static Entry>,
    pub(crate) queries: HashMap<&'static str, &'static Entry>,
}

/// An argument that names what a resource lies in.
#[derive(Debug)]
pub struct Container {
    /// The type of what it names.
    pub kind: &'static str,
    /// The argument, or key of `input`.
    pub argument: &'static str,
}

impl Table {
    /// A table of `provider` that knows nothing yet but these root fields.
    pub(crate) fn new(
        provider: &'static str,
        mutations: impl Iterator<Item = &'static Entry>,
        queries: impl Iterator<Item = &'static Entry>,
    ) -> Self {
        Self {
            provider,
            containers: &[],
            secret_fields: &[],
            secret_arguments: &[],
            mutations: mutations.map(|entry| (entry.name, entry)).collect(),
            queries: queries.map(|entry| (entry.name, entry)).collect(),
        }
    }

    /// What the mutation `name` does.
    pub fn mutation(&self, name: &str) -> Option<&'static Entry> {
        self.mutations.get(name).copied()
    }

    /// What the query (or subscription) `name` shows.
    pub fn query(&self, name: &str) -> Option<&'static Entry> {
        self.queries.get(name).copied()
    }

    /// The names of all mutations, in no order.
    pub fn mutation_names(&self) -> impl Iterator<Item = &'static str> {
        self.mutations.keys().copied()
    }

    /// The names of all queries, in no order.
    pub fn query_names(&self) -> impl Iterator<Item = &'static str> {
        self.queries.keys().copied()
    }
}

/// What one root field does.
#[derive(Debug)]
pub struct Entry {
    /// The field's name.
    pub name: &'static str,
    /// What it does, before anything is [opened](Opening).
    pub effect: Effect,
    /// Whether that can be taken back.
    pub reversibility: Reversibility,
    /// The type of its resource: the provider's own type with a small first letter.
    pub kind: &'static str,
    /// Which resource.
    pub id: Id,
    /// Its answer is made of secrets.
    pub reveals_secrets: bool,
    /// Arguments that say more than the name does.
    pub openings: &'static [Opening],
}

/// Which resource a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// The value at this path of the arguments (`input.projectId`).
    At(&'static str),
    /// The one that makes itself understood: `new` for what is made, `me` for who asks, `all`.
    Fixed(&'static str),
}

/// An argument that says more than the name of its field does.
#[derive(Debug)]
pub enum Opening {
    /// If the value at `argument` is one of `values` (any but null, if there are none), the
    /// field does at least this.
    Raise {
        /// A path in the arguments.
        argument: &'static str,
        /// As they are written in GraphQL, without quotes.
        values: &'static [&'static str],
        /// What it does then.
        effect: Effect,
        /// Whether that can be taken back.
        reversibility: Reversibility,
    },
    /// Every resource named at `argument` meets this effect in addition.
    Each {
        /// A path in the arguments, to one id or a list.
        argument: &'static str,
        /// The type of what is named.
        kind: &'static str,
        /// What is done to it.
        effect: Effect,
        /// Whether that can be taken back.
        reversibility: Reversibility,
    },
    /// A JSON change set at `argument`, read by these rules. The entry's own effect stands
    /// unless the change set is wholly understood.
    ChangeSet {
        /// A path in the arguments.
        argument: &'static str,
        /// How it is read.
        rules: &'static ChangeSet,
    },
}

impl Entry {
    /// A field that does `effect` to the `kind` whose id is at `path`: a path in the arguments,
    /// or `=word` for [`Id::Fixed`].
    pub(crate) const fn new(
        name: &'static str,
        effect: Effect,
        reversibility: Reversibility,
        kind: &'static str,
        path: &'static str,
    ) -> Self {
        let id = match path.as_bytes() {
            [b'=', ..] => Id::Fixed(path.split_at(1).1),
            _ => Id::At(path),
        };
        Self { name, effect, reversibility, kind, id, reveals_secrets: false, openings: &[] }
    }

    /// A field that only reads.
    pub(crate) const fn observe(
        name: &'static str,
        kind: &'static str,
        path: &'static str,
    ) -> Self {
        Self::new(name, Effect::Observe, Reversibility::Inverse, kind, path)
    }

    /// The same, whose answer is made of secrets.
    pub(crate) const fn secret(self) -> Self {
        Self { reveals_secrets: true, ..self }
    }

    /// The same, with arguments that say more.
    pub(crate) const fn opens(self, openings: &'static [Opening]) -> Self {
        Self { openings, ..self }
    }
}

#[cfg(test)]
mod tests;
