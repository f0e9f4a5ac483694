//! How a hold begins: one for each operation, whoever races to open it.

use holdpoint_core::{
    Digest, Judged, Reason, Timestamp, identity::Principal, ledger::Meaning,
    obligation::Obligations,
};
use rusqlite::{Transaction, params};
use thiserror::Error;

use super::{Hold, HoldState, Holds, answer, expire, find, hold, schedule::scheduled};
use crate::{
    database::{count, first, integer, millis, to_json},
    error::{Result, StoreError},
    id::{random, random_id},
    payloads::PayloadError,
};

/// An operation that has to wait.
#[derive(Debug, Clone)]
pub struct NewHold<'a> {
    /// What is to be released: message, meaning and principal.
    pub operation_digest: Digest,
    /// The message.
    pub message_digest: Digest,
    /// The policies that hold it.
    pub policy_digest: Digest,
    /// The state of its resources.
    pub state_digest: Digest,
    /// Who asks.
    pub principal: &'a Principal,
    /// What it would do.
    pub meanings: &'a [Meaning],
    /// Why it waits.
    pub reasons: &'a [Reason],
    /// What has to be done first.
    pub obligations: Obligations,
    /// The name of the secret that it would be sent with.
    pub credential: Option<&'a str>,
    /// The bytes that will be executed; kept if the hold is opened.
    pub payload: Option<&'a [u8]>,
}

impl<'a> NewHold<'a> {
    /// What was judged, as it is asked for by `principal`; nothing is kept of it yet.
    pub fn of<M>(
        judged: &'a Judged<M>,
        principal: &'a Principal,
        meanings: &'a [Meaning],
        reasons: &'a [Reason],
    ) -> Self {
        Self {
            operation_digest: judged.operation_digest(principal),
            message_digest: judged.digest(),
            policy_digest: judged.policy_digest(),
            state_digest: judged.state_digest(),
            principal,
            meanings,
            reasons,
            obligations: judged.decision().obligations(),
            credential: None,
            payload: None,
        }
    }
}

/// What became of an operation that has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It waits from now on.
    Opened(Hold),
    /// The same operation waits already.
    Joined(Hold),
    /// A human denied the same operation, or cancelled it, a short while ago.
    Denied(Hold),
    /// The same operation was executed a short while ago; its response is kept.
    Answered(Hold),
}

impl Opening {
    /// The hold that this is about.
    pub fn hold(&self) -> &Hold {
        match self {
            Self::Opened(hold) | Self::Joined(hold) | Self::Denied(hold) | Self::Answered(hold) => {
                hold
            }
        }
    }
}

/// Why an operation cannot wait.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its bytes cannot be kept, so they could not be executed later.
    #[error("this message cannot be held: {0}")]
    Payload(#[from] PayloadError),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Holds {
    /// Lets an operation wait, or joins the hold that it already has. A hold for other policies
    /// or another state than the present ones is void: nothing could be released by it.
    pub fn open_or_join(&self, new: &NewHold<'_>, now: Timestamp) -> Result<Opening, OpenError> {
        let opening = self.write(|transaction| {
            expire(transaction, now)?;
            if let Some(opening) = self.earlier(transaction, new, now)? {
                return Ok::<_, OpenError>(opening);
            }
            self.check_room(transaction, new)?;
            self.insert(transaction, new, now).map(Opening::Opened)
        })?;
        if matches!(opening, Opening::Opened(_)) {
            self.announce();
        }
        Ok(opening)
    }

    /// One agent must not bury a human, or the holds of others, under its own.
    fn check_room(&self, transaction: &Transaction<'_>, new: &NewHold<'_>) -> Result<()> {
        let limits = &self.state.0.limits;
        let agent = &new.principal.agent;
        let waiting = "SELECT count(*) FROM holds
                       WHERE state IN ('open', 'approved', 'consuming')";
        let of_agent = format!("{waiting} AND agent = ?1");
        let scheduled = match new.obligations.delay_seconds {
            0 => 0,
            _ => scheduled(transaction)?,
        };
        for (what, max, waiting) in [
            ("holds_open", limits.holds_open, count(transaction, waiting, [])?),
            ("holds_open_each", limits.holds_open_each, count(transaction, &of_agent, [agent])?),
            ("schedules", limits.schedules, scheduled),
        ] {
            if waiting >= max {
                return Err(StoreError::Full { what, max });
            }
        }
        Ok(())
    }

    /// What became of the same operation before, if it still counts.
    fn earlier(
        &self,
        transaction: &Transaction<'_>,
        new: &NewHold<'_>,
        now: Timestamp,
    ) -> Result<Option<Opening>> {
        let operation = new.operation_digest.to_string();
        let waiting = "SELECT * FROM holds WHERE operation_digest = ?1
                       AND state IN ('open', 'approved', 'scheduled', 'consuming')";
        if let Some(waits) = first(transaction, waiting, [&operation], hold)? {
            let same =
                (waits.policy_digest, waits.state_digest) == (new.policy_digest, new.state_digest);
            // What is scheduled is decided again at its time, and not by who asks meanwhile.
            if same || matches!(waits.state, HoldState::Scheduled | HoldState::Consuming) {
                return Ok(Some(Opening::Joined(waits)));
            }
            let void = "UPDATE holds SET state = 'void', ended_at = ?2 WHERE id = ?1";
            transaction.execute(void, params![waits.id, millis(now)])?;
        }
        let denied = "SELECT * FROM holds
                      WHERE operation_digest = ?1 AND state IN ('denied', 'cancelled')
                        AND ended_at > ?2
                      ORDER BY ended_at DESC LIMIT 1";
        let stands = self.terms.denied_minutes.saturating_mul(60_000);
        let since = millis(Timestamp(now.0.saturating_sub(stands)));
        if let Some(denied) = first(transaction, denied, params![operation, since], hold)? {
            return Ok(Some(Opening::Denied(denied)));
        }
        Ok(answer(transaction, new.operation_digest, now)?.map(Opening::Answered))
    }

    fn insert(
        &self,
        transaction: &Transaction<'_>,
        new: &NewHold<'_>,
        now: Timestamp,
    ) -> Result<Hold, OpenError> {
        let payloads = self.state.payloads();
        let payload =
            new.payload.map(|bytes| payloads.keep_in(transaction, bytes, now)).transpose()?;
        let id = random_id::<8>("h")?;
        let expires_at = now.plus_seconds(self.terms.open_hours.saturating_mul(3600));
        transaction
            .execute(
                "INSERT INTO holds (id, state, operation_digest, message_digest, policy_digest,
                     state_digest, nonce, agent, principal, meanings, reasons, approvals,
                     snapshot, delay_seconds, credential, payload, created_at, expires_at)
                 VALUES (?1, 'open', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                     ?15, ?16, ?17)",
                params![
                    id,
                    new.operation_digest.to_string(),
                    new.message_digest.to_string(),
                    new.policy_digest.to_string(),
                    new.state_digest.to_string(),
                    hex::encode(random::<16>()?),
                    new.principal.agent,
                    to_json(new.principal, "principal")?,
                    to_json(&new.meanings, "meanings")?,
                    to_json(&new.reasons, "reasons")?,
                    new.obligations.approvals,
                    new.obligations.snapshot,
                    integer(new.obligations.delay_seconds),
                    new.credential,
                    payload.map(|payload| payload.id),
                    millis(now),
                    millis(expires_at),
                ],
            )
            .map_err(StoreError::from)?;
        find(transaction, &id)?.ok_or(StoreError::Corrupt("a hold").into())
    }
}
