//! What a JSON change set in an argument does, by the catalogue's rules.

use holdpoint_catalog::change_set::{ChangeSet, Changes, Collection};
use holdpoint_core::Effect;

use crate::http::json::{Json, same_folded};

/// What a change set does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// What it does as a whole, apart from what it takes away.
    pub(super) effect: Effect,
    /// What it takes away.
    pub(super) removals: Vec<Removal>,
}

/// One thing that a change set takes away.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Removal {
    /// The thing's type.
    pub(super) kind: String,
    /// Its id, or its name where the change set goes by names; `None` if it has none.
    pub(super) id: Option<String>,
    /// What taking it away does.
    pub(super) effect: Effect,
}

/// Reads `json` by `rules`; `None` if it is no change set.
pub(super) fn open(rules: &ChangeSet, json: &Json) -> Option<Opened> {
    let Json::Object(fields) = json else { return None };
    let mut walk = Walk {
        rules,
        path: Vec::new(),
        opened: Opened { effect: Effect::Modify, removals: Vec::new() },
    };
    let list = &rules.changes.list;
    match json.get(list) {
        Some(Json::Array(changes)) => {
            changes.iter().for_each(|change| walk.change(rules.changes, change));
            let beside = |key: &str| key == *list || rules.changes.beside.contains(&key);
            for (key, value) in fields.iter().filter(|(key, _)| !beside(key)) {
                walk.below(key, value);
            }
        }
        _ => walk.value(json),
    }
    Some(walk.opened)
}

/// A walk through a change set, from its root to every value.
struct Walk<'a> {
    rules: &'a ChangeSet,
    /// The keys on the way; empty for a place in a list.
    path: Vec<&'a str>,
    opened: Opened,
}

impl<'a> Walk<'a> {
    fn below(&mut self, key: &'a str, value: &'a Json) {
        self.path.push(key);
        self.value(value);
        self.path.pop();
    }

    fn value(&mut self, value: &'a Json) {
        match value {
            Json::Object(fields) if !fields.is_empty() => {
                let deletion = |key: &str| same_folded(key, self.rules.deletion);
                if fields.iter().any(|(key, value)| deletion(key) && is_said(value)) {
                    self.remove();
                }
                fields.iter().for_each(|(key, value)| self.below(key, value));
            }
            Json::Array(values) if !values.is_empty() => {
                values.iter().for_each(|value| self.below("", value));
            }
            Json::Object(_) if self.leads_to_a_rule() => {}
            Json::Null if self.collection().is_some() => self.remove(),
            leaf => self.leaf(leaf),
        }
    }

    fn leaf(&mut self, leaf: &Json) {
        let rule = self.rules.rules.iter().find(|rule| {
            rule.path.len() <= self.path.len()
                && rule.path.iter().zip(&self.path).all(|(want, key)| *want == "*" || want == key)
        });
        let effect = match rule {
            Some(rule) if leaf.is_null() => rule.unset,
            Some(rule) => rule.set,
            None => Effect::Execute,
        };
        self.opened.effect = self.opened.effect.max(effect);
    }

    /// Whether an empty object here adds nothing to what is there.
    fn leads_to_a_rule(&self) -> bool {
        self.rules.rules.iter().any(|rule| {
            self.path.len() <= rule.path.len()
                && self.path.iter().zip(rule.path).all(|(key, want)| *want == "*" || want == key)
        })
    }

    /// The collection whose member the walk is at, and the member's id.
    fn collection(&self) -> Option<(&'a Collection, &'a str)> {
        let mut keys = self.path.iter().rev();
        let (id, key) = (keys.next()?, keys.next()?);
        self.rules.collections.iter().find(|it| it.key == *key).map(|it| (it, *id))
    }

    /// What the walk is at is taken away.
    fn remove(&mut self) {
        let removal = match self.collection() {
            Some((collection, id)) => Removal {
                kind: collection.kind.to_owned(),
                id: (!id.is_empty()).then(|| id.to_owned()),
                effect: collection.removal,
            },
            // Of an unknown kind: the worst is meant.
            None => Removal {
                kind: "unknown".to_owned(),
                id: self.path.iter().rev().find(|key| !key.is_empty()).map(|id| (*id).to_owned()),
                effect: Effect::Destroy,
            },
        };
        self.opened.removals.push(removal);
    }

    /// One entry of a list of changes.
    fn change(&mut self, changes: &Changes, change: &Json) {
        let text = |key: &str| change.get(key).and_then(Json::as_str);
        let kind = text(changes.kind).unwrap_or_default();
        let known = changes.kinds.iter().find(|(name, _)| *name == kind);
        let property = text(changes.property);
        let plain = property.is_none_or(|name| changes.plain.contains(&name));
        match known.map(|(_, effect)| *effect) {
            Some(Effect::Destroy) => {
                let address = text(changes.address).unwrap_or_default();
                let (kind, id) = address.split_once('.').unwrap_or(("unknown", address));
                self.opened.removals.push(Removal {
                    kind: kind.to_owned(),
                    id: (!id.is_empty()).then(|| id.to_owned()),
                    effect: Effect::Destroy,
                });
            }
            Some(effect) if plain => self.opened.effect = self.opened.effect.max(effect),
            _ => self.opened.effect = self.opened.effect.max(Effect::Execute),
        }
    }
}

/// Whether a flag is set: what is neither false nor null could count as true.
fn is_said(flag: &Json) -> bool {
    !matches!(flag, Json::Null | Json::Bool(false))
}
