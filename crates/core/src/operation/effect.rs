//! The ten effects: what an operation does to its resource, and at once the Cedar action.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation does. The order is that of strictness, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Reads; changes nothing.
    Observe,
    /// Makes something new.
    Create,
    /// Costs money.
    Spend,
    /// Changes what is there.
    Modify,
    /// Takes away something that carries no data of its own, or can be made again.
    Remove,
    /// Runs something whose effect cannot be seen from here.
    Execute,
    /// Makes a credential.
    MintCredential,
    /// Lets somebody do more than before.
    GrantAccess,
    /// Takes away a way back: backups, retention, protection, history.
    WeakenRecovery,
    /// Takes data away.
    Destroy,
}

impl Effect {
    /// Every effect, weakest first.
    pub const ALL: [Self; 10] = [
        Self::Observe,
        Self::Create,
        Self::Spend,
        Self::Modify,
        Self::Remove,
        Self::Execute,
        Self::MintCredential,
        Self::GrantAccess,
        Self::WeakenRecovery,
        Self::Destroy,
    ];

    /// The effect's word, the same in Rust, Cedar, JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Create => "create",
            Self::Spend => "spend",
            Self::Modify => "modify",
            Self::Remove => "remove",
            Self::Execute => "execute",
            Self::MintCredential => "mint_credential",
            Self::GrantAccess => "grant_access",
            Self::WeakenRecovery => "weaken_recovery",
            Self::Destroy => "destroy",
        }
    }

    /// Whether anything could be different afterwards.
    pub fn changes(self) -> bool {
        self != Self::Observe
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
