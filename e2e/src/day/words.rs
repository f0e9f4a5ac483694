//! What became of a situation, in words.

use std::fmt;

use serde::Deserialize;

/// What became of it in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As unguarded.
    #[default]
    Pass,
    /// As unguarded, and what runs programs outside waits for a yes.
    Kept,
    /// One line says why it cannot be had.
    Told,
    /// It waits for a human.
    Held,
    /// It is refused.
    Refused,
    /// It failed.
    Failed,
}

/// What the hook alone says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hooked {
    /// Nothing: it passes.
    #[default]
    Allow,
    /// A human is asked.
    Ask,
    /// No.
    Deny,
    /// It is not asked: it would see nothing of what the situation is about.
    None,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "passes",
            Self::Kept => "passes; settings wait for a yes",
            Self::Told => "not to be had, and told why",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Failed => "failed",
        })
    }
}

impl fmt::Display for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "passes",
            Self::Ask => "asks",
            Self::Deny => "no",
            Self::None => "",
        })
    }
}
