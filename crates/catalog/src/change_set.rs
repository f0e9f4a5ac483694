//! JSON change sets: what the parts of a desired configuration do when it is applied.

use holdpoint_core::Effect;

/// How the change sets of one provider are read.
#[derive(Debug)]
pub struct ChangeSet {
    /// A key that, unless its value is `false`, takes away the thing that it stands in.
    pub deletion: &'static str,
    /// Maps from ids to things. A thing that is null is taken away, too.
    pub collections: &'static [Collection],
    /// What setting a value does, by its path; the first that matches counts. What no rule
    /// matches is not understood.
    pub rules: &'static [Rule],
    /// A list of single changes, where the change set is written as one.
    pub changes: &'static Changes,
}

/// A map from ids to things, wherever it stands.
#[derive(Debug)]
pub struct Collection {
    /// Its key (`volumes`).
    pub key: &'static str,
    /// The type of the things in it (`volume`).
    pub kind: &'static str,
    /// What taking one away does.
    pub removal: Effect,
}

/// What setting, or with `null` unsetting, the values below a path does.
#[derive(Debug)]
pub struct Rule {
    /// Keys; `*` stands for any one. Everything below is meant, too.
    pub path: &'static [&'static str],
    /// What setting does.
    pub set: Effect,
    /// What unsetting does.
    pub unset: Effect,
}

/// A change set that is a list of changes, each with a kind and an address.
#[derive(Debug)]
pub struct Changes {
    /// The key of the list.
    pub list: &'static str,
    /// The key of a change's kind.
    pub kind: &'static str,
    /// The key of what is changed: `type.name`.
    pub address: &'static str,
    /// The key that names a changed property.
    pub property: &'static str,
    /// Kinds, and what they do. Others are not understood.
    pub kinds: &'static [(&'static str, Effect)],
    /// Keys beside the list that change nothing.
    pub beside: &'static [&'static str],
    /// Properties whose change is plain configuration; others are not understood.
    pub plain: &'static [&'static str],
}
