//! Steps: what a command would do, one operation each, and where it takes effect.

use holdpoint_core::{
    Effect, Operation, ResourceId, Reversibility,
    operation::{Place, Resource},
    policy::Ground,
};
use serde::{Deserialize, Serialize};

use super::volumes::Volumes;

/// Where a step takes effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// On this machine.
    Here,
    /// At the host of this name.
    Host(String),
    /// At a service that has no environment: a code host, a package registry.
    Service,
    /// Beyond this machine, and nobody said where.
    Somewhere,
}

/// One operation of a command. What is only for whoever saves or runs it stays in the process that
/// read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it does.
    pub operation: Operation,
    /// Where.
    pub at: At,
    /// Which part of this machine's files it changes.
    pub ground: Ground,
    /// It changes the guard, or the agent's own permissions.
    pub tampers: bool,
    /// Whether what it starts could reach credentials whatever else is known.
    pub unseen: bool,
    /// The address of the database that it goes to, where one was told. It may hold a password: it
    /// is for whoever saves that database first, and never recorded.
    #[serde(skip)]
    pub address: Option<String>,
    /// The directory from which that address names a file; none where nobody knows it.
    #[serde(skip)]
    pub directory: Option<String>,
    /// Volumes of a container engine that go with it, where they can be told.
    #[serde(skip)]
    pub volumes: Option<Volumes>,
    /// Variables that it was started with, where it is code: they are within its reach.
    #[serde(skip)]
    pub variables: Vec<String>,
}

impl Step {
    /// An operation that has nothing to do with files.
    pub fn new(operation: Operation, at: At) -> Self {
        Self {
            operation,
            at,
            ground: Ground::None,
            tampers: false,
            unseen: false,
            address: None,
            directory: None,
            volumes: None,
            variables: Vec::new(),
        }
    }

    /// `effect` of the operation `name` on `resource`.
    pub(super) fn known(
        name: impl Into<String>,
        effect: Effect,
        resource: impl Into<Resource>,
        at: At,
    ) -> Self {
        Self::new(Operation::known(name, effect, resource, Reversibility::None), at)
    }

    /// As [`Step::known`], where the meaning is told by a word only.
    pub(super) fn guessed(
        name: impl Into<String>,
        effect: Effect,
        resource: impl Into<Resource>,
        at: At,
    ) -> Self {
        Self::new(Operation::guessed(name, effect, resource), at)
    }

    /// Nothing that changes anything.
    pub fn reads() -> Self {
        let resource = ResourceId::of("machine", "shell", "reads");
        Self::known("shell:read", Effect::Observe, resource, At::Here)
    }

    /// Code on this machine that nobody can see through. Code that is `unseen` may be anything;
    /// other code is a program that somebody named.
    pub fn opaque(name: impl Into<String>, unseen: bool) -> Self {
        let name = name.into();
        let resource = ResourceId::of("machine", "program", name.rsplit(':').next().unwrap_or(""));
        let mut operation = Operation::guessed(name, Effect::Execute, resource);
        operation.place = Place::ThisMachine;
        Self { unseen, ..Self::new(operation, At::Here) }
    }

    /// Something that only reads, and whose answer is made of secrets.
    pub(super) fn reveals(name: impl Into<String>, resource: ResourceId, at: At) -> Self {
        let mut step = Self::known(name, Effect::Observe, resource, at);
        step.operation.reveals_secrets = true;
        step
    }
}
