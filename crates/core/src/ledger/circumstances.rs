//! What was known about an operation when it was judged, beyond what it means. With both, and with
//! who asked, policy can be asked again: by other policies, or to see that it says the same.

use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::record::Meaning;
use crate::{
    authorized::Judgement,
    identity::Principal,
    operation::{Operation, Place, Resource, ResourceId},
    policy::{Facts, Request},
};

/// What was known about one operation of a judged message, beyond its [`Meaning`]: facts, names of
/// resources, and nothing of the message itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// What contains its resource, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<ResourceId>,
    /// A catalogue table names it.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub known: bool,
    /// Its answer is made of secrets.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub reveals_secrets: bool,
    /// Where it takes effect.
    pub place: Place,
    /// What was found out about it.
    pub facts: Facts,
}

impl Circumstances {
    /// Those of an operation that was judged.
    pub fn of(judgement: &Judgement) -> Self {
        let Judgement { operation, facts, .. } = judgement;
        Self {
            within: operation.resource.within.clone(),
            known: operation.known,
            reveals_secrets: operation.reveals_secrets,
            place: operation.place,
            facts: facts.clone(),
        }
    }

    /// The question that policy was asked when `principal` wanted what `meaning` says.
    pub fn request(&self, meaning: &Meaning, principal: &Principal) -> Request {
        let resource = Resource { id: meaning.resource.clone(), within: self.within.clone() };
        let operation = Operation {
            name: meaning.operation.clone(),
            effect: meaning.effect,
            resource,
            reversibility: meaning.reversibility,
            known: self.known,
            reveals_secrets: self.reveals_secrets,
            place: self.place,
        };
        Request { principal: principal.clone(), operation, facts: self.facts.clone() }
    }
}
