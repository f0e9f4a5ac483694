//! What a message would do, in our words: a name, an effect, a resource, and whether it can be
//! taken back.

mod effect;
mod environment;
mod resource;
mod reversibility;

use serde::{Deserialize, Serialize};

pub use effect::Effect;
pub use environment::Environment;
pub use resource::{Resource, ResourceId};
pub use reversibility::Reversibility;

/// One thing that a message would do to one resource. A message that touches several resources,
/// or does several things, is several operations; its verdict is that of the strictest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Operation {
    /// `provider:name`, as the provider spells it (`railway:volumeDelete`, `rest:DELETE`).
    pub name: String,
    /// What it does to the resource.
    pub effect: Effect,
    /// What it does it to.
    pub resource: Resource,
    /// Whether and how it can be taken back.
    pub reversibility: Reversibility,
    /// A catalogue table names this operation. What is only guessed from a method, a verb or a
    /// shape is never known.
    pub known: bool,
    /// The answer to this operation is made of secrets (a platform's variables, a secret store).
    pub reveals_secrets: bool,
    /// Where it takes effect.
    pub place: Place,
}

/// Whether code runs on the machine of the agent or somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The machine that the agent runs on.
    ThisMachine,
    /// Anywhere that is reached over a network.
    Elsewhere,
}

impl Operation {
    /// An operation that a catalogue table names.
    pub fn known(
        name: impl Into<String>,
        effect: Effect,
        resource: impl Into<Resource>,
        reversibility: Reversibility,
    ) -> Self {
        Self {
            name: name.into(),
            effect,
            resource: resource.into(),
            reversibility,
            known: true,
            reveals_secrets: false,
            place: Place::Elsewhere,
        }
    }

    /// An operation whose meaning is guessed, on the strict side; whether it can be taken back
    /// is unknown.
    pub fn guessed(name: impl Into<String>, effect: Effect, resource: impl Into<Resource>) -> Self {
        Self { known: false, ..Self::known(name, effect, resource, Reversibility::Unknown) }
    }

    /// The part of the name before the colon: who would carry it out.
    pub fn provider(&self) -> &str {
        self.name.split_once(':').map_or(self.name.as_str(), |(provider, _)| provider)
    }
}
