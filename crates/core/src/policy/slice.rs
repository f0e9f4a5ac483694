//! Slices: the policies whose scope fits a request. Cedar looks at every policy that it is
//! given, and the scope is a conjunct of each, so leaving the others out changes nothing.

use std::{collections::HashSet, sync::Arc};

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use super::{cache::Cache, entities::Names, lattice::Touches, load::Rule};
use crate::operation::Effect;

/// At most so many slices are kept.
const MAX_SLICES: usize = 1024;

/// Every policy by its scope, and the slices that were cut so far.
#[derive(Debug)]
pub(super) struct Slices {
    rules: Vec<(Scope, Arc<Rule>)>,
    /// The principals and resources that some scope names. All others are alike.
    named: HashSet<EntityUid>,
    cache: Cache<Key, Arc<Slice>>,
}

/// The policies whose scope fits a request.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) rules: Vec<Arc<Rule>>,
    /// What its permits look at.
    pub(super) permits_touch: Touches,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    effect: Effect,
    principal: Option<EntityUid>,
    resource: Option<EntityUid>,
    within: Vec<EntityUid>,
}

/// What a policy's scope excludes, as far as we understand it; what we do not is never excluded.
#[derive(Debug)]
struct Scope {
    effects: Option<Vec<Effect>>,
    principal: Option<EntityUid>,
    resource: Option<EntityUid>,
    within: Option<EntityUid>,
}

impl Slices {
    pub(super) fn of(rules: Vec<Rule>, names: &Names) -> Self {
        let rules: Vec<_> = rules
            .into_iter()
            .map(|rule| (Scope::of(&rule.policy, names), Arc::new(rule)))
            .collect();
        let scopes = rules.iter().map(|(scope, _)| scope);
        let uids = scopes.flat_map(|scope| [&scope.principal, &scope.resource, &scope.within]);
        let named = uids.flatten().cloned().collect();
        Self { rules, named, cache: Cache::new(MAX_SLICES) }
    }

    /// The slice for a request; `within` is what the resource lies in.
    pub(super) fn slice(
        &self,
        effect: Effect,
        principal: &EntityUid,
        resource: &EntityUid,
        within: &[EntityUid],
    ) -> Arc<Slice> {
        let named = |uid: &EntityUid| self.named.contains(uid).then(|| uid.clone());
        let key = Key {
            effect,
            principal: named(principal),
            resource: named(resource),
            within: within.iter().filter_map(named).collect(),
        };
        self.cache.get_or_make(&key, || Arc::new(self.cut(&key)))
    }

    fn cut(&self, key: &Key) -> Slice {
        let rules: Vec<Arc<Rule>> = self
            .rules
            .iter()
            .filter(|(scope, _)| scope.fits(key))
            .map(|(_, rule)| Arc::clone(rule))
            .collect();
        let permits = rules.iter().filter(|rule| !rule.forbids);
        let permits_touch =
            permits.fold(Touches::default(), |touches, rule| touches.or(rule.touches));
        Slice { rules, permits_touch }
    }
}

impl Scope {
    fn of(policy: &Policy, names: &Names) -> Self {
        let effects = match policy.action_constraint() {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(action) => names.effect(&action).map(|effect| vec![effect]),
            // A group of actions is none of the ten: then every action may be meant.
            ActionConstraint::In(actions) => {
                actions.iter().map(|action| names.effect(action)).collect()
            }
        };
        // An agent lies in nothing, so that `in` is `==` for it.
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
            PrincipalConstraint::Eq(uid)
            | PrincipalConstraint::In(uid)
            | PrincipalConstraint::IsIn(_, uid) => Some(uid),
        };
        let (resource, within) = match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => (None, None),
            ResourceConstraint::Eq(uid) => (Some(uid), None),
            ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => (None, Some(uid)),
        };
        Self { effects, principal, resource, within }
    }

    fn fits(&self, key: &Key) -> bool {
        let is = |wanted: &Option<EntityUid>, actual: &Option<EntityUid>| {
            wanted.is_none() || wanted == actual
        };
        self.effects.as_ref().is_none_or(|effects| effects.contains(&key.effect))
            && is(&self.principal, &key.principal)
            && is(&self.resource, &key.resource)
            && self.within.as_ref().is_none_or(|wanted| {
                key.resource.as_ref() == Some(wanted) || key.within.contains(wanted)
            })
    }
}
