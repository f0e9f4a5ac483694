//! What only a provider can tell: in which environments a resource lies. Here is what it is asked
//! and how its answer is read; whoever is allowed to ask does it.
//!
//! - `railway`: Railway, by its GraphQL API

mod railway;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt};

use holdpoint_core::{Environment, Operation, ResourceId};
use secrecy::SecretString;
use thiserror::Error;

use crate::http::Message;

/// Where a resource lies, as its provider says: the environments by their ids, and what each is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts(Vec<(ResourceId, Environment)>);

impl Whereabouts {
    /// In these environments; `None` if there are none, which says nothing.
    pub fn new(environments: Vec<(ResourceId, Environment)>) -> Option<Self> {
        (!environments.is_empty()).then_some(Self(environments))
    }

    /// The strictest of them, where `corrected` has the last word about each.
    pub fn strictest(
        &self,
        corrected: impl Fn(&ResourceId) -> Option<Environment>,
    ) -> Option<Environment> {
        self.0.iter().map(|(id, told)| corrected(id).unwrap_or(*told)).max()
    }

    /// Only those among `named`; all, if none of them is.
    #[must_use]
    pub fn narrowed(&self, named: &[ResourceId]) -> Self {
        let among: Vec<_> = self.0.iter().filter(|(id, _)| named.contains(id)).cloned().collect();
        Self::new(among).unwrap_or_else(|| self.clone())
    }
}

/// What has to be asked of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    /// Which provider.
    pub provider: &'static str,
    /// About what; `None` is everything that it can list.
    pub subject: Option<ResourceId>,
}

/// One page of an answer.
#[derive(Debug, Default)]
pub struct Page {
    /// Where things lie, as far as this page says.
    pub found: HashMap<ResourceId, Whereabouts>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// An answer that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The provider said no.
    #[error("the provider answered with an error")]
    Refused,
    /// It is not of the shape that was asked for.
    #[error("the provider's answer lacks `{0}`")]
    Lacks(&'static str),
    /// It could not be read at all.
    #[error("the provider's answer cannot be read")]
    Unreadable,
}

/// How one provider is asked. Pure: the message is sent, and the answer brought back, by others.
pub trait Directory: fmt::Debug + Send + Sync {
    /// The provider's word.
    fn provider(&self) -> &'static str;

    /// The host that is asked.
    fn host(&self) -> &'static str;

    /// What has to be asked about `resource`; `None` if this provider cannot say where such a
    /// thing lies.
    fn need(&self, resource: &ResourceId) -> Option<Need>;

    /// The question, from `after` on, by whoever holds `credential`.
    fn question(&self, need: &Need, after: Option<&str>, credential: &SecretString) -> Message;

    /// What the body of an answer says. What it leaves open is in an unknown environment.
    fn read(&self, need: &Need, body: &[u8]) -> Result<Page, AnswerError>;
}

/// Every provider that can be asked.
pub const DIRECTORIES: [&dyn Directory; 1] = [&railway::Railway];

/// How `provider` is asked; `None` if nobody knows.
pub fn directory(provider: &str) -> Option<&'static dyn Directory> {
    DIRECTORIES.into_iter().find(|directory| directory.provider() == provider)
}

/// The resources whose whereabouts say something about `operation`: its own, and the environments
/// that the message names. Of other things that contain it, none says where it lies: a project and
/// a service are in several environments.
pub fn subjects(operation: &Operation) -> impl Iterator<Item = &ResourceId> {
    let named = operation.resource.within.iter().filter(|id| kind(id) == "environment");
    std::iter::once(&operation.resource.id).chain(named)
}

/// The type of a resource: what stands between provider and identifier.
fn kind(id: &ResourceId) -> &str {
    let rest = id.as_str().split_once(':').map_or("", |(_, rest)| rest);
    rest.split_once('/').map_or("", |(kind, _)| kind)
}

/// What stands after the type.
fn identifier(id: &ResourceId) -> &str {
    id.as_str().split_once('/').map_or("", |(_, identifier)| identifier)
}
