//! Why a message has no meaning that we could stand for. Always a refusal.

use holdpoint_core::{Code, Reason};
use thiserror::Error;

/// A message that cannot be read, or can be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Unreadable {
    /// Usually [`Code::Unparsed`]; [`Code::OverLimit`] where a limit was reached.
    pub code: Code,
    /// What is wrong and how to send it so that it can be read.
    pub text: String,
}

impl Unreadable {
    /// Not readable, because of `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { code: Code::Unparsed, text: text.into() }
    }

    /// A limit was reached.
    pub fn over_limit(text: impl Into<String>) -> Self {
        Self { code: Code::OverLimit, text: text.into() }
    }
}

impl From<Unreadable> for Reason {
    fn from(unreadable: Unreadable) -> Self {
        Self::new(unreadable.code, unreadable.text)
    }
}
