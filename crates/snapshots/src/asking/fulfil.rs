//! What must be done before an undo: what it replaces is saved, and newer work is a human's to
//! give up.

use std::{fmt::Display, sync::PoisonError};

use holdpoint_core::{
    Code, Digest, Judged, Refusal,
    identity::Principal,
    ledger::Meaning,
    obligation::{Obligation, Receipt},
    refusal::RefusalKind,
};
use holdpoint_enforce::{
    Fulfil, Fulfilment, Ledger, Point as _,
    release::{self, Used},
};
use holdpoint_store::{
    Hold, HoldState,
    holds::{ConsumeError, NewHold, Opening},
};

use super::{Asked, Walk};

impl<L: Ledger> Fulfil for Walk<'_, L> {
    async fn fulfil(
        &self,
        principal: &Principal,
        judged: &Judged<Asked>,
    ) -> Result<Fulfilment<()>, Refusal> {
        let obligations = judged.decision().obligations();
        if obligations.delay_seconds > 0 {
            return Err(unavailable(&"nobody here lets an undo wait for its time"));
        }
        let mut receipts = Vec::new();
        if obligations.snapshot {
            let Some(saved) = &judged.message().0.asked.saved else {
                return Ok(Fulfilment::Unsaved);
            };
            let evidence = Digest::of(saved.as_bytes());
            receipts.push(Receipt::issue(Obligation::Snapshot, judged.digest(), evidence));
        }
        if obligations.approvals == 0 {
            return Ok(Fulfilment::Receipts { receipts, hold: None });
        }
        let hold = self.released(principal, judged)?;
        receipts.push(self.consume(judged, &hold).await?);
        Ok(Fulfilment::Receipts { receipts, hold: Some(hold.id) })
    }

    /// A human who is told no is no agent that looks for another road.
    async fn remember(&self, _: &Principal, _: &Judged<Asked>) -> Result<(), Refusal> {
        Ok(())
    }

    fn fingerprints(&self, _: &Judged<Asked>) -> Vec<String> {
        Vec::new()
    }
}

impl<L: Ledger> Walk<'_, L> {
    /// The hold of this very undo, if a human has released it; else a refusal that names it.
    fn released(&self, principal: &Principal, judged: &Judged<Asked>) -> Result<Hold, Refusal> {
        let judgements = judged.judgements().iter();
        let meanings: Vec<Meaning> =
            judgements.map(|it| Meaning::of(&it.operation, it.facts.environment)).collect();
        let mut reasons = judged.decision().reasons().to_vec();
        if let (Some(reason), Some(destroys)) =
            (reasons.first_mut(), &judged.message().0.asked.destroys)
        {
            reason.text = format!("{} It takes away {destroys}.", reason.text);
        }
        let new = NewHold::of(judged, principal, &meanings, &reasons);
        let opening = self.asking.holds.open_or_join(&new, self.now());
        match opening.map_err(|error| unavailable(&error))? {
            Opening::Joined(hold) if hold.state == HoldState::Approved => Ok(hold),
            Opening::Denied(hold) => {
                Err(release::denied(&hold.id, hold.state == HoldState::Cancelled))
            }
            opening => Err(release::held(judged, reasons, &opening.hold().id)),
        }
    }

    /// Uses a human's release, which is for exactly this and good once.
    async fn consume(&self, judged: &Judged<Asked>, hold: &Hold) -> Result<Receipt, Refusal> {
        let (policies, state) = (judged.policy_digest(), judged.state_digest());
        let consumed = self.asking.holds.consume(&hold.id, self.now(), policies, state);
        let consumed = consumed.map_err(|error| match error {
            ConsumeError::Store(error) => unavailable(&error),
            error => release::void(&error),
        })?;
        let used = Used {
            hold: hold.id.clone(),
            approvers: consumed.approvers().to_owned(),
            evidence: consumed.evidence(),
            on_record: false,
        };
        *self.consumed.lock().unwrap_or_else(PoisonError::into_inner) = Some(consumed);
        let receipt = Receipt::issue(used.met(), judged.digest(), used.evidence);
        used.record(judged, self, self.now()).await?;
        Ok(receipt)
    }
}

/// We could not: nothing is undone.
pub(super) fn unavailable(error: &dyn Display) -> Refusal {
    let text = format!("the undo cannot be decided: {error}");
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
}
