//! How a hold is answered: by the signed answers of enrolled humans.

use holdpoint_core::{Digest, Timestamp};
use rusqlite::{Transaction, params};

use super::{Hold, HoldState, Holds, expire, find, outliving::is_killed};
use crate::{
    approvals::{Approval, ApprovalContext, ApprovalError, Release},
    approvers::{Approver, approver},
    database::{count, first, millis},
};

impl Holds {
    /// Counts a human's signed answer. One that denies ends the hold; enough that approve
    /// release it, and the release is good for `hold.approval_minutes`.
    pub fn apply(&self, approval: &Approval, now: Timestamp) -> Result<Hold, ApprovalError> {
        let answered = self.write(|transaction| {
            let (hold, approver) = self.check(transaction, approval, now)?;
            keep(transaction, approval, &hold, &approver, now)?;
            match approval.context.decision {
                Release::Deny => deny(transaction, &hold, now)?,
                Release::Approve => self.release_if_enough(transaction, &hold, now)?,
            }
            find(transaction, &hold.id)?.ok_or(ApprovalError::NoHold(hold.id))
        })?;
        self.announce();
        Ok(answered)
    }

    /// The hold and the approver, if the answer is the approver's, about this hold, and good now.
    fn check(
        &self,
        transaction: &Transaction<'_>,
        approval: &Approval,
        now: Timestamp,
    ) -> Result<(Hold, Approver), ApprovalError> {
        let context = &approval.context;
        let by_name = "SELECT * FROM approvers WHERE name = ?1 COLLATE BINARY";
        let approver = first(transaction, by_name, [&context.approver], approver)?
            .ok_or_else(|| ApprovalError::UnknownApprover(context.approver.clone()))?;
        approval.verify(&approver.public_key)?;
        let hold = find(transaction, &context.hold)?
            .ok_or_else(|| ApprovalError::NoHold(context.hold.clone()))?;
        self.check_subject(context, &hold)?;
        let agent = "SELECT count(*) FROM agents WHERE name = ?1";
        if approver.name.eq_ignore_ascii_case(&hold.principal.agent)
            || count(transaction, agent, [&approver.name])? > 0
        {
            return Err(ApprovalError::Agent(approver.name));
        }
        expire(transaction, now)?;
        let state = find(transaction, &hold.id)?.map_or(hold.state, |hold| hold.state);
        match (state, context.decision) {
            // Until it is executed, a release can be taken back.
            (HoldState::Open, _) | (HoldState::Approved | HoldState::Scheduled, Release::Deny) => {}
            _ => return Err(ApprovalError::NotOpen(state)),
        }
        if context.decision == Release::Approve && is_killed(transaction, &hold)? {
            return Err(ApprovalError::Killed(hold.principal.run));
        }
        self.check_time(context, &hold, now)?;
        Ok((hold, approver))
    }

    fn check_subject(&self, context: &ApprovalContext, hold: &Hold) -> Result<(), ApprovalError> {
        let displayed = Digest::of(hold.card().as_bytes());
        let same = [
            (context.v == 1, "version"),
            (context.audience == self.state.gateway_id(), "gateway"),
            (context.operation_digest == hold.operation_digest, "operation"),
            (context.policy_digest == hold.policy_digest, "policy digest"),
            (context.state_digest == hold.state_digest, "state digest"),
            (context.nonce == hold.nonce, "nonce"),
            (context.display_digest == displayed, "card"),
        ];
        match same.into_iter().find(|(same, _)| !same) {
            Some((_, what)) => Err(ApprovalError::Other(what)),
            None => Ok(()),
        }
    }

    fn check_time(
        &self,
        context: &ApprovalContext,
        hold: &Hold,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let longest = self.terms.approval_minutes.saturating_mul(60);
        let good = hold.created_at <= context.at
            && context.at <= now
            && now < context.expires_at
            && context.expires_at <= context.at.plus_seconds(longest);
        if good { Ok(()) } else { Err(ApprovalError::Stale) }
    }

    /// Releases the hold if enough distinct humans have; until the first of their answers is
    /// void.
    fn release_if_enough(
        &self,
        transaction: &Transaction<'_>,
        hold: &Hold,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        transaction.execute(
            "UPDATE holds SET state = 'approved', decided_at = ?2, approved_until =
                 (SELECT min(expires_at) FROM approvals WHERE hold = holds.id)
             WHERE id = ?1 AND state = 'open' AND max(approvals, 1) <=
                 (SELECT count(*) FROM approvals WHERE hold = holds.id AND decision = 'approve')",
            params![hold.id, millis(now)],
        )?;
        Ok(())
    }
}

fn deny(transaction: &Transaction<'_>, hold: &Hold, now: Timestamp) -> Result<(), ApprovalError> {
    transaction.execute(
        "UPDATE holds SET state = 'denied', decided_at = ?2, ended_at = ?2
         WHERE id = ?1 AND state IN ('open', 'approved', 'scheduled')",
        params![hold.id, millis(now)],
    )?;
    Ok(())
}

/// Keeps the answer. Answers that are void by now are forgotten first, so that whoever gave one
/// can answer again; who has a good one already cannot count twice.
fn keep(
    transaction: &Transaction<'_>,
    approval: &Approval,
    hold: &Hold,
    approver: &Approver,
    now: Timestamp,
) -> Result<(), ApprovalError> {
    let void = "DELETE FROM approvals WHERE hold = ?1 AND expires_at <= ?2";
    transaction.execute(void, params![hold.id, millis(now)])?;
    let Approval { context, .. } = approval;
    let own = "SELECT count(*) FROM approvals WHERE hold = ?1 AND approver = ?2";
    // A second thought that denies counts; a second approval does not.
    if context.decision == Release::Approve
        && count(transaction, own, [&hold.id, &approver.name])? > 0
    {
        return Err(ApprovalError::Answered(approver.name.clone()));
    }
    let answer = String::from_utf8(approval.to_bytes()?).map_err(|_| ApprovalError::Unreadable)?;
    transaction.execute(
        "INSERT OR REPLACE INTO approvals
             (hold, approver, public_key, decision, expires_at, answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            hold.id,
            approver.name,
            hex::encode(approver.public_key.as_bytes()),
            context.decision.as_str(),
            millis(context.expires_at),
            answer,
        ],
    )?;
    Ok(())
}
