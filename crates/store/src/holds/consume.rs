//! How a release is used: once, atomically, for exactly what was released.

use holdpoint_core::{Digest, Timestamp};
use rusqlite::{Connection, Transaction, params};
use thiserror::Error;

use super::{
    Hold, HoldState, Holds, find, hold,
    outliving::{NOT_KILLED, is_killed},
    released_by,
};
use crate::{
    database::{millis, rows},
    error::{Result, StoreError},
    payloads::{PayloadError, erase_in},
    state::GatewayLock,
};

/// The right to execute a hold's stored bytes once. Whoever has it says how it ended, with
/// [`Holds::finish`]; if it is dropped before (a panic, a task that was cancelled), nobody knows
/// what became of it, and the hold is `unknown`.
#[derive(Debug)]
#[must_use = "a hold that is consumed and not finished is `unknown`"]
pub struct Consumed {
    hold: Hold,
    approvers: Vec<String>,
    evidence: Digest,
    /// Seconds that it has waited, and what proves it.
    waited: Option<(u64, Digest)>,
    unfinished: Option<Holds>,
    at: Timestamp,
}

impl Drop for Consumed {
    fn drop(&mut self) {
        let Some(holds) = self.unfinished.take() else { return };
        if let Err(error) = holds.end_as(&self.hold.id, Ending::Unknown, self.at) {
            // It stays `consuming`, and is `unknown` once the gateway starts again.
            tracing::warn!(hold = self.hold.id, %error, "an execution could not be marked unknown");
        }
    }
}

impl Consumed {
    /// The hold, `consuming` now.
    pub fn hold(&self) -> &Hold {
        &self.hold
    }

    /// The distinct humans who released it.
    pub fn approvers(&self) -> &[String] {
        &self.approvers
    }

    /// The digest of their signed answers: what proves the approval.
    pub fn evidence(&self) -> Digest {
        self.evidence
    }

    /// How many seconds it has waited, and what proves it, where it was scheduled.
    pub fn waited(&self) -> Option<(u64, Digest)> {
        self.waited
    }

    /// Only now, when it is committed and nothing is locked, is it ours to leave unfinished.
    pub(super) fn ours(mut self, holds: &Holds) -> Self {
        self.unfinished = Some(holds.clone());
        self
    }
}

/// Why a hold was not consumed. Nothing may be sent.
#[derive(Debug, Error)]
pub enum ConsumeError {
    /// There is nothing to consume.
    #[error("there is no hold `{0}`")]
    Missing(String),
    /// It was not released, or its release was used.
    #[error("the hold is {0}, not approved")]
    NotApproved(HoldState),
    /// The release was not used in time.
    #[error("the approval is no longer good; ask again")]
    Expired,
    /// Its time has not come.
    #[error("it waits for its time, which has not come")]
    Early,
    /// It is void: what was released is not what would be done now.
    #[error("the approval is void, because {0} changed; ask again")]
    Void(&'static str),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// The upstream answered.
    Done {
        /// The response to keep for whoever asks again; none where it cannot be kept.
        response: Option<&'a [u8]>,
    },
    /// A connection was opened: there is no answer that whoever asks again could get, and another
    /// is another operation.
    Opened,
    /// Nothing was sent.
    NotSent,
    /// It was sent, and what became of it is not known. It is never tried again.
    Unknown,
}

impl Holds {
    /// Uses a release, if it is good now and for these policies and this state. Of all who try,
    /// one succeeds.
    pub fn consume(
        &self,
        id: &str,
        now: Timestamp,
        policy_digest: Digest,
        state_digest: Digest,
    ) -> Result<Consumed, ConsumeError> {
        let present = Present { now, policy_digest, state_digest };
        // An error would roll back; a hold that is void has to stay so.
        let claimed: Result<_, ConsumeError> = self.write(|transaction| {
            Ok::<_, StoreError>(match claim(transaction, id, &present)? {
                true => Ok(consumed(transaction, id, now, None)?),
                false => Err(end(transaction, id, &present)?),
            })
        })?;
        self.announce();
        Ok(claimed?.ours(self))
    }

    /// Says how an execution ended. A response that is too large to keep is not kept, and the
    /// hold is done all the same.
    pub fn finish(
        &self,
        mut consumed: Consumed,
        ending: Ending<'_>,
        now: Timestamp,
    ) -> Result<Hold, StoreError> {
        let finished = self.end_as(&consumed.hold.id, ending, now)?;
        // Only now: if it could not be said, dropping says that it is unknown.
        consumed.unfinished = None;
        Ok(finished)
    }

    fn end_as(&self, id: &str, ending: Ending<'_>, now: Timestamp) -> Result<Hold, StoreError> {
        let finished = self.write(|transaction| {
            let (state, response) = match ending {
                Ending::Done { response } => {
                    (HoldState::Done, self.keep_response(transaction, response, now)?)
                }
                Ending::Opened => (HoldState::Done, None),
                Ending::NotSent => (HoldState::Void, None),
                Ending::Unknown => (HoldState::Unknown, None),
            };
            let until = match ending {
                Ending::Opened => now,
                _ => now.plus_seconds(self.terms.answer_minutes.saturating_mul(60)),
            };
            transaction.execute(
                "UPDATE holds SET state = ?2, ended_at = ?3, response = ?4, response_until = ?5
                 WHERE id = ?1 AND state = 'consuming'",
                params![id, state.as_str(), millis(now), response, millis(until)],
            )?;
            find(transaction, id)?.ok_or(StoreError::Corrupt("a hold"))
        })?;
        self.announce();
        Ok(finished)
    }

    fn keep_response(
        &self,
        transaction: &Transaction<'_>,
        response: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Option<String>> {
        let Some(bytes) = response else { return Ok(None) };
        match self.state.payloads().keep_in(transaction, bytes, now) {
            Ok(payload) => Ok(Some(payload.id)),
            Err(PayloadError::TooLarge { .. } | PayloadError::Full { .. }) => Ok(None),
            Err(PayloadError::Store(error)) => Err(error),
        }
    }

    /// What a gateway that died was executing is unknown from now on, and never tried again.
    /// Only the one gateway may say so, as its lock shows: nobody else can be executing.
    pub fn recover(&self, _lock: &GatewayLock, now: Timestamp) -> Result<Vec<Hold>> {
        let left = self.write(|transaction| {
            let sql = "UPDATE holds SET state = 'unknown', ended_at = ?1
                       WHERE state = 'consuming' RETURNING *";
            rows(transaction, sql, [millis(now)], hold)
        })?;
        if !left.is_empty() {
            self.announce();
        }
        Ok(left)
    }

    /// Forgets the holds that were over before `before`, and erases what was stored for them.
    /// Says how many there were.
    pub fn prune(&self, before: Timestamp) -> Result<usize> {
        let pruned = self.write(|transaction| {
            let sql = "DELETE FROM holds WHERE ended_at < ?1 RETURNING payload, response";
            let stored = |row: &rusqlite::Row<'_>| -> Result<[Option<String>; 2]> {
                Ok([row.get(0)?, row.get(1)?])
            };
            let pruned = rows(transaction, sql, [millis(before)], stored)?;
            for id in pruned.iter().flatten().flatten() {
                erase_in(transaction, id)?;
            }
            Ok::<_, StoreError>(pruned.len())
        })?;
        if pruned > 0 {
            self.state.0.database.checkpoint()?;
        }
        Ok(pruned)
    }
}

/// How things are at the moment of execution.
pub(super) struct Present {
    pub(super) now: Timestamp,
    pub(super) policy_digest: Digest,
    pub(super) state_digest: Digest,
}

/// Answers of humans who are still enrolled with the key that signed them.
pub(super) const STANDING: &str = "SELECT count(*) FROM approvals JOIN approvers
    ON approvals.approver = approvers.name AND approvals.public_key = approvers.public_key
    WHERE approvals.hold = holds.id AND approvals.decision = 'approve'";

/// The one statement that moves a hold from `approved` to `consuming`.
fn claim(transaction: &Transaction<'_>, id: &str, present: &Present) -> Result<bool> {
    let sql = format!(
        "UPDATE holds SET state = 'consuming'
         WHERE id = ?1 AND state = 'approved' AND approved_until > ?2
           AND policy_digest = ?3 AND state_digest = ?4
           AND {NOT_KILLED}
           AND ({STANDING}) >= max(holds.approvals, 1)"
    );
    let Present { now, policy_digest, state_digest } = present;
    let claimed = transaction.execute(
        &sql,
        params![id, millis(*now), policy_digest.to_string(), state_digest.to_string()],
    )?;
    Ok(claimed == 1)
}

/// The right to execute a hold that is `consuming` now.
pub(super) fn consumed(
    transaction: &Transaction<'_>,
    id: &str,
    at: Timestamp,
    waited: Option<(u64, Digest)>,
) -> Result<Consumed> {
    let hold = find(transaction, id)?.ok_or(StoreError::Corrupt("a hold"))?;
    let evidence = evidence(transaction, id)?;
    let approvers = released_by(transaction, id)?;
    Ok(Consumed { hold, approvers, evidence, waited, unfinished: None, at })
}

/// The digest of the signed answers that released a hold.
pub(super) fn evidence(connection: &Connection, id: &str) -> Result<Digest> {
    let sql = "SELECT answer FROM approvals WHERE hold = ?1 AND decision = 'approve'
               ORDER BY approver";
    let answers = rows(connection, sql, [id], |row| Ok(row.get::<_, String>(0)?))?;
    Ok(Digest::of_fields(answers.iter().map(String::as_bytes)))
}

/// Why a hold could not be claimed; one that was approved ends here.
pub(super) fn end(
    transaction: &Transaction<'_>,
    id: &str,
    present: &Present,
) -> Result<ConsumeError> {
    let Some(hold) = find(transaction, id)? else {
        return Ok(ConsumeError::Missing(id.to_owned()));
    };
    match hold.state {
        HoldState::Approved => {}
        HoldState::Expired => return Ok(ConsumeError::Expired),
        other => return Ok(ConsumeError::NotApproved(other)),
    }
    let (state, error) = if hold.approved_until.is_none_or(|until| until <= present.now) {
        (HoldState::Expired, ConsumeError::Expired)
    } else if hold.policy_digest != present.policy_digest {
        (HoldState::Void, ConsumeError::Void("the policies"))
    } else if hold.state_digest != present.state_digest {
        (HoldState::Void, ConsumeError::Void("the resources' state"))
    } else if is_killed(transaction, &hold)? {
        (HoldState::Void, ConsumeError::Void("whether the agent may act"))
    } else {
        (HoldState::Void, ConsumeError::Void("who may approve"))
    };
    let sql = "UPDATE holds SET state = ?2, ended_at = ?3 WHERE id = ?1 AND state = 'approved'";
    transaction.execute(sql, params![id, state.as_str(), millis(present.now)])?;
    Ok(error)
}
