//! What a hook inside of a run asks its gateway: what policy would say of the steps that it read,
//! by everything that humans have said. The text of a command, the files and the variables by which
//! it was read stay inside.

use holdpoint_core::{Judged, Reason, ledger::Meaning, policy::Verdict};
use serde::{Deserialize, Serialize};

use crate::{
    Unreadable,
    ask::HOST,
    http::{Body, Message},
    shell::Step,
};

/// Where it is asked, at [`HOST`].
pub const TARGET: &str = "/explain";
/// The longest question: it is written down.
pub const ASKED_BYTES_MAX: usize = 64 * 1024;

/// What is said of all the steps together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What policy would say outside.
    pub verdict: Verdict,
    /// Why, first of all.
    pub reason: Option<Reason>,
    /// What weighs most of what they would do.
    pub meaning: Option<Meaning>,
}

impl Explanation {
    /// What was judged, in short.
    pub fn of<M: holdpoint_core::Message>(judged: &Judged<M>) -> Self {
        let decision = judged.decision();
        let strongest = judged.judgements().iter().max_by_key(|it| {
            let stopped = it.decision.verdict();
            (stopped, it.operation.effect)
        });
        Self {
            verdict: decision.verdict(),
            reason: decision.reasons().first().cloned(),
            meaning: strongest.map(|it| Meaning::of(&it.operation, it.facts.environment)),
        }
    }
}

/// Whether a message asks for an explanation.
pub fn asks(message: &Message) -> bool {
    message.host == HOST && message.method == "POST" && message.target == TARGET
}

/// The steps as they are asked about; none if they are too many.
pub fn to_bytes(steps: &[Step]) -> Option<Vec<u8>> {
    serde_json::to_vec(steps).ok().filter(|bytes| bytes.len() <= ASKED_BYTES_MAX)
}

/// The steps that a message asks about.
pub fn read(message: &Message) -> Result<Vec<Step>, Unreadable> {
    let wanted = |error: &dyn std::fmt::Display| {
        Unreadable::new(format!("hooks of a run ask here, by steps that they read: {error}"))
    };
    match &message.body {
        Body::Whole(body) if body.len() <= ASKED_BYTES_MAX => {
            serde_json::from_slice(body).map_err(|error| wanted(&error))
        }
        Body::Whole(_) => {
            Err(Unreadable::over_limit(format!("at most {ASKED_BYTES_MAX} bytes are explained")))
        }
        _ => Err(wanted(&"it is not here as a whole")),
    }
}
