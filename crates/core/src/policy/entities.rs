//! Cedar's entities: the resource of a request, with its attributes and what it lies in.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
    sync::Arc,
};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

use super::cache::Cache;
use crate::operation::{Effect, Environment, Operation, Resource};

/// At most so many resources are kept.
const MAX_RESOURCES: usize = 4096;

/// Cedar's names for agents, effects and resources.
#[derive(Debug)]
pub(super) struct Names {
    agent: EntityTypeName,
    resource: EntityTypeName,
    actions: Vec<(Effect, EntityUid)>,
}

impl Names {
    /// The names that the schema uses; nothing if Cedar does not take them.
    pub(super) fn new() -> Option<Self> {
        let name = |name: &str| EntityTypeName::from_str(name).ok();
        let action = name("Action")?;
        let actions = Effect::ALL.map(|effect| (effect, uid(&action, effect.as_str())));
        Some(Self { agent: name("Agent")?, resource: name("Resource")?, actions: actions.into() })
    }

    /// The agent called `agent`.
    pub(super) fn agent(&self, agent: &str) -> EntityUid {
        uid(&self.agent, agent)
    }

    /// The action of `effect`.
    pub(super) fn action(&self, effect: Effect) -> Option<&EntityUid> {
        self.actions.iter().find(|(one, _)| *one == effect).map(|(_, action)| action)
    }

    /// The effect that `action` is, unless it is a group.
    pub(super) fn effect(&self, action: &EntityUid) -> Option<Effect> {
        self.actions.iter().find(|(_, one)| one == action).map(|(effect, _)| *effect)
    }
}

fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

/// A resource as Cedar sees it.
#[derive(Debug)]
pub(super) struct Located {
    /// Its name.
    pub(super) uid: EntityUid,
    /// What it lies in, nearest first.
    pub(super) within: Vec<EntityUid>,
    /// The entity itself, with its attributes.
    pub(super) entities: Entities,
}

/// The resources that were asked about lately.
#[derive(Debug)]
pub(super) struct Resources {
    cache: Cache<Key, Option<Arc<Located>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    resource: Resource,
    environment: Environment,
    provider: String,
}

impl Resources {
    pub(super) fn new() -> Self {
        Self { cache: Cache::new(MAX_RESOURCES) }
    }

    /// The operation's resource, which lies in `environment`.
    pub(super) fn located(
        &self,
        names: &Names,
        operation: &Operation,
        environment: Environment,
    ) -> Option<Arc<Located>> {
        let resource = operation.resource.clone();
        let key = Key { resource, environment, provider: operation.provider().to_owned() };
        self.cache.get_or_make(&key, || locate(names, &key).map(Arc::new))
    }
}

/// What contains the resource is named as its ancestor and has no attributes of its own: nobody
/// has resolved them, and a policy that looked at them would be refused at load.
fn locate(names: &Names, key: &Key) -> Option<Located> {
    let named = uid(&names.resource, key.resource.id.as_str());
    let within = key.resource.within.iter().map(|id| uid(&names.resource, id.as_str()));
    // A resource that is said to lie in itself does so anyway; Cedar would refuse the circle.
    let within: Vec<EntityUid> = within.filter(|parent| *parent != named).collect();
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let attributes = HashMap::from([
        ("environment".to_owned(), text(key.environment.as_str())),
        ("provider".to_owned(), text(&key.provider)),
    ]);
    let parents: HashSet<EntityUid> = within.iter().cloned().collect();
    let entity = Entity::new(named.clone(), attributes, parents).ok()?;
    let entities = Entities::from_entities([entity], None).ok()?;
    Some(Located { uid: named, within, entities })
}
