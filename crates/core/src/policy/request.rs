//! The question to Cedar: who would do what to which resource, and what is known about it.

use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use crate::{
    identity::Principal,
    operation::{Environment, Operation},
};

/// One question: a principal, an operation, and the facts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// What it would do.
    pub operation: Operation,
    /// What was found out about it.
    pub facts: Facts,
}

/// What was found out about one operation before it is decided. Nothing in it comes from the
/// agent's own word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// The environment of the operation's resource.
    pub environment: Environment,
    /// Where the operation's credential comes from.
    #[serde(default, skip_serializing_if = "Credential::is_none")]
    pub credential: Credential,
    /// A human listed the host that it goes to, or a preset does.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub host_listed: bool,
    /// It is a preset that lists the host, and no human.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub host_preset: bool,
    /// Nobody listed the host, and a run that learns reads from it in few words.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub learned: bool,
    /// This run made the resource.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub made_by_run: bool,
    /// The agent runs inside `run`, with no way out but ours.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub enclosed: bool,
    /// A real credential for something beyond this machine can be reached by code that the agent
    /// starts.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub credentials_in_reach: bool,
    /// The same aim was refused a short while ago.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub refused_before: bool,
    /// It would change the guard itself.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub tampers: bool,
    /// What part of this machine's files it changes.
    #[serde(default, skip_serializing_if = "Ground::is_none")]
    pub ground: Ground,
    /// What the whole transaction changed, where its database counted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// Somebody here can save what this operation would take away.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub can_snapshot: bool,
    /// Somebody here can let this operation wait and be cancelled.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub can_delay: bool,
}

/// Where the credential of an operation comes from.
///
/// The order is that of strictness: of several credentials in one message, the greatest counts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// There is none.
    #[default]
    None,
    /// A phantom whose secret is bound to this host, purpose and environment.
    Granted,
    /// An upstream gave it to this run, it goes back to its issuer's site, and the secrets that
    /// it was obtained with allow the operation.
    Issued,
    /// A phantom whose secret belongs to another environment.
    WrongEnvironment,
    /// A phantom whose secret was not made for this operation.
    OutsidePurpose,
    /// A phantom whose secret nobody has bound yet.
    Unbound,
    /// A phantom on its way to a host, or in a place, that its secret is not bound to.
    Leaving,
    /// Holdpoint did not give it out, and no upstream issued it to this run for this place.
    Foreign,
}

impl Credential {
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The word in Cedar's context.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Granted => "granted",
            Self::Issued => "issued",
            Self::Foreign => "foreign",
            Self::Unbound => "unbound",
            Self::Leaving => "leaving",
            Self::OutsidePurpose => "outside_purpose",
            Self::WrongEnvironment => "wrong_environment",
        }
    }
}

/// What part of this machine's files an operation is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// No file of this machine, or one that this run made for a while.
    #[default]
    None,
    /// In the workspace, and can be built again.
    Rebuildable,
    /// In the workspace.
    Workspace,
    /// The workspace as a whole, or its history.
    Root,
    /// Outside the workspace.
    Outside,
    /// The system's own: its directories, devices, other homes.
    System,
}

impl Ground {
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The word in Cedar's context.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Rebuildable => "rebuildable",
            Self::Workspace => "workspace",
            Self::Root => "root",
            Self::Outside => "outside",
            Self::System => "system",
        }
    }
}
