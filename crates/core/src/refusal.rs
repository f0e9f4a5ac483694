//! A "no", before a protocol puts it in its own words. A refusal is an answer, not an error.

use serde::{Deserialize, Serialize};

use crate::{
    reason::{Code, Reason},
    time::Timestamp,
};

/// Why a message was not forwarded, and what that means for who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of "no" it is.
    pub kind: RefusalKind,
    /// Why; never empty. The first is the one to show.
    pub reasons: Vec<Reason>,
    /// What was refused, in words that name it.
    pub subject: String,
    /// The hold that a human can release, where there is one.
    pub hold: Option<String>,
    /// Where to look this up: the hold's id or the ledger's index.
    pub reference: String,
    /// Before when nothing is sent, where it is scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// What kind of "no" a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// Policy says no, and nobody can release it as it is.
    Deny,
    /// A human can release it.
    Hold,
    /// What it needed was given, but for time: it is sent later, if it is allowed then as well.
    Scheduled,
    /// Holdpoint itself could not decide or record; nothing was sent.
    Unavailable,
    /// The upstream could not be reached, or did not answer. The failure is not ours.
    Upstream,
}

impl Refusal {
    /// A refusal for a single reason.
    pub fn new(kind: RefusalKind, code: Code, text: impl Into<String>) -> Self {
        Self {
            kind,
            reasons: vec![Reason::new(code, text)],
            subject: String::new(),
            hold: None,
            reference: String::new(),
            not_before: None,
        }
    }

    /// The code to show.
    pub fn code(&self) -> Code {
        self.reasons.first().map_or(Code::NoPolicyApplies, |reason| reason.code)
    }

    /// The sentence to show.
    pub fn text(&self) -> &str {
        self.reasons.first().map_or("no policy allows it", |reason| reason.text.as_str())
    }
}
