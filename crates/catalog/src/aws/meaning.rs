//! What an operation of AWS does.

use holdpoint_core::{Effect, Reversibility};

use super::{rules, service::Named};
use crate::verbs;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// What it does.
    pub effect: Effect,
    /// Whether it can be taken back.
    pub reversibility: Reversibility,
    /// It was written by hand, and not told by a verb.
    pub known: bool,
    /// Its answer is made of secrets.
    pub reveals_secrets: bool,
}

impl Meaning {
    fn guessed(effect: Effect) -> Self {
        let reversibility = Reversibility::Unknown;
        Self { effect, reversibility, known: false, reveals_secrets: false }
    }
}

/// What a message says beside its operation, in whatever protocol.
pub trait Parameters {
    /// The values of the parameter of this name: at the top, or `Outer.Inner`. An asterisk before
    /// a name is any depth: `*Inner`.
    fn values(&self, name: &str) -> Vec<&str>;
}

/// Verbs that begin the names of operations that only read, beyond those of the generic floor.
/// Whatever else is in such a name is what is read: `ListDeletedImages`.
const READING: &[&str] = &[
    "Get",
    "List",
    "Describe",
    "Head",
    "Search",
    "Query",
    "Scan",
    "Lookup",
    "BatchGet",
    "BatchDescribe",
    "BatchCheck",
    "Validate",
    "Estimate",
    "Preview",
    "Select",
    "Retrieve",
    "Simulate",
    "Detect",
    "Classify",
    "Discover",
    "View",
    "Filter",
    "Check",
    "Count",
];

/// Verbs that change what is there and take nothing away, which the generic floor does not read.
const CHANGING: &[&str] = &[
    "Tag",
    "Untag",
    "Associate",
    "Start",
    "Reboot",
    "Send",
    "Record",
    "Submit",
    "Reject",
    "Acknowledge",
    "Request",
    "Notify",
    "Sync",
    "Resume",
    "Activate",
    "Complete",
    "Flush",
    "Refresh",
    "Label",
    "Subscribe",
    "Unsubscribe",
    "Link",
    "Begin",
    "Commit",
    "Initiate",
    "Heartbeat",
    "Signal",
    "Report",
    "Index",
    "Move",
    "Signup",
    "Respond",
    "Encrypt",
];

/// What `operation` of `service` does, if the table knows it as `named`, with these parameters.
/// What no table names runs something that nobody here has seen, or worse if its name says so.
pub fn meaning(
    service: &str,
    operation: &str,
    named: Option<Named>,
    parameters: &dyn Parameters,
) -> Meaning {
    if let Some(meaning) = rules::meaning(service, operation, parameters) {
        return meaning;
    }
    let says = verbs::effect_of_words(operation);
    let Some(named) = named else {
        return Meaning::guessed(
            says.map_or(Effect::Execute, |effect| effect.max(Effect::Execute)),
        );
    };
    if begins(operation, READING) {
        return Meaning::guessed(Effect::Observe);
    }
    let floor = says.or(begins(operation, CHANGING).then_some(Effect::Modify));
    // The provider's own mark counts only where no verb speaks against it.
    let unsaid = if named.reads { Effect::Observe } else { Effect::Execute };
    Meaning::guessed(floor.unwrap_or(unsaid))
}

/// Whether a name begins with one of these verbs, and not merely with its letters (`Headline`).
fn begins(name: &str, verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| {
        let rest = name.strip_prefix(verb);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
    })
}
