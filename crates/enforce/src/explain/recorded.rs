//! Operations of an episode as a ledger holds them: what they mean and what was known about them is
//! judged again, and nothing is read or looked up.

use holdpoint_core::{
    Digest, Judged as Again, Message, Reason,
    identity::{Principal, Task},
    ledger::Decided,
    policy::{Pdp, Request},
};
use holdpoint_wire::Unreadable;

use super::{answer::Judged, episode::RecordedAttempt, unreadable};

/// A message that is not here any more: its digest is.
#[derive(Debug, Clone, Copy)]
pub struct Recorded(Digest);

impl Message for Recorded {
    fn digest(&self) -> Digest {
        self.0
    }
}

/// Judges a recorded message of `principal` again, by the policies of `pdp`, once `change` has been
/// made to what was known of each operation. `None` if its record does not hold all that policy
/// would ask: what was not policy's to decide, or was cut.
pub fn replay(
    pdp: &Pdp,
    principal: &Principal,
    decided: &Decided,
    change: impl Fn(&mut Request),
) -> Option<Again<Recorded>> {
    let mut requests = decided.requests(principal)?;
    requests.iter_mut().for_each(change);
    Some(pdp.judge(Recorded(decided.message), requests))
}

/// Judges a recorded message of an episode.
pub(super) fn judge(
    pdp: &Pdp,
    principal: &Principal,
    index: usize,
    attempt: &RecordedAttempt,
) -> Judged {
    let RecordedAttempt { agent, ring, killed, operations, circumstances, .. } = attempt;
    if operations.len() != circumstances.len() {
        let why = "give the `circumstances` of each of `operations`, as the ledger holds them";
        return unreadable(index, Reason::from(Unreadable::new(why)));
    }
    let principal = Principal {
        agent: agent.clone().unwrap_or_else(|| principal.agent.clone()),
        task: Task { ring: *ring, ..principal.task.clone() },
        killed: *killed,
        ..principal.clone()
    };
    let pairs = operations.iter().zip(circumstances);
    let requests = pairs.map(|(meaning, known)| known.request(meaning, &principal)).collect();
    let message = Recorded(Digest::of(b"recorded"));
    Judged::new(index, &pdp.judge(message, requests))
}
