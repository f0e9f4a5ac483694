//! Holds: operations that wait for a human, and their way to exactly one execution.
//!
//! ```text
//! open ──▶ approved ──▶ consuming ──▶ done
//!   │          │            ├──▶ void      nothing was sent after all
//!   ├──▶ denied │            └──▶ unknown   the gateway died; never tried again
//!   ├──▶ expired◀┤
//!   └──▶ void ◀──┘ policies, state, approver or agent changed
//! ```
//!
//! What has to wait besides goes from `approved` (or from `open`, if nobody has to release it) to
//! `scheduled`, and from there to `consuming`, once its time has come:
//!
//! ```text
//! approved ──▶ scheduled ──▶ consuming
//!                  ├──▶ cancelled, denied   a human took it back
//!                  └──▶ void                refused when its time had come
//! ```
//!
//! Every step is one transaction, and names the state that it comes from in its `WHERE`: whichever
//! thread or process comes second changes nothing.

mod apply;
mod card;
mod consume;
mod due;
mod open;
mod outliving;
mod schedule;
#[cfg(test)]
mod tests;
mod uptime;

use std::{fmt, str::FromStr};

use holdpoint_core::{
    Digest, Reason, Timestamp, identity::Principal, ledger::Meaning, obligation::Obligations,
};
use rusqlite::{Connection, Row, Transaction, params};

pub use consume::{ConsumeError, Consumed, Ending};
pub use due::Asked;
pub use open::{NewHold, OpenError, Opening};
pub(crate) use outliving::set_killed as set_outliving_killed;
pub use schedule::{CancelError, Schedule, Unrecorded};
pub use uptime::Uptime;

use crate::{
    approvals::Approval,
    config::HoldTerms,
    database::{digest, first, from_json, millis, optional_timestamp, rows, timestamp, word},
    error::{Result, StoreError},
    state::State,
    watch::Topic,
};

macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// Where a hold is on its way.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum HoldState { $($(#[$doc])* $variant,)* }

        impl HoldState {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The state's word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

states! {
    /// Waits for a human.
    Open = "open",
    /// Released, and not executed yet.
    Approved = "approved",
    /// Waits for its time, in which it can be cancelled.
    Scheduled = "scheduled",
    /// Being executed at this moment.
    Consuming = "consuming",
    /// Executed; the response is kept for a while.
    Done = "done",
    /// A human said no.
    Denied = "denied",
    /// A human cancelled it before its time.
    Cancelled = "cancelled",
    /// Nobody answered in time, or the release was not used in time.
    Expired = "expired",
    /// What was released is not what would be done now, or nothing was sent.
    Void = "void",
    /// The gateway died while it executed; nobody knows what became of it.
    Unknown = "unknown",
}

impl fmt::Display for HoldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HoldState {
    type Err = StoreError;

    fn from_str(word: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.iter().copied().find(|state| state.as_str() == word);
        known.ok_or(StoreError::Corrupt("a hold's state"))
    }
}

/// An operation that waits, or waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its name.
    pub id: String,
    /// Where it is on its way.
    pub state: HoldState,
    /// What is released: message, meaning and principal.
    pub operation_digest: Digest,
    /// The message.
    pub message_digest: Digest,
    /// The policies that held it.
    pub policy_digest: Digest,
    /// The state of its resources.
    pub state_digest: Digest,
    /// 128 random bits as hexadecimal digits: an answer to this hold answers no other.
    pub nonce: String,
    /// Who asked.
    pub principal: Principal,
    /// What it would do.
    pub meanings: Vec<Meaning>,
    /// Why it waits.
    pub reasons: Vec<Reason>,
    /// What has to be done first.
    pub obligations: Obligations,
    /// The name of the secret that it would be sent with.
    pub credential: Option<String>,
    /// The stored bytes of the message, which are what will be executed.
    pub payload: Option<String>,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// Until when it can be released.
    pub expires_at: Timestamp,
    /// When it was released or denied.
    pub decided_at: Option<Timestamp>,
    /// Until when its release is good.
    pub approved_until: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// The stored response.
    pub response: Option<String>,
    /// Until when whoever asks again gets it.
    pub response_until: Option<Timestamp>,
    /// Before when nothing is sent, once it is scheduled.
    pub not_before: Option<Timestamp>,
}

/// What waits for a human.
#[derive(Debug, Clone)]
pub struct Holds {
    pub(crate) state: State,
    pub(crate) terms: HoldTerms,
}

impl Holds {
    /// The hold of this id, as it is at `now`.
    pub fn find(&self, id: &str, now: Timestamp) -> Result<Option<Hold>> {
        self.write(|transaction| {
            expire(transaction, now)?;
            find(transaction, id)
        })
    }

    /// What waits for an answer at `now`, oldest first.
    pub fn open(&self, now: Timestamp) -> Result<Vec<Hold>> {
        let sql = "SELECT * FROM holds WHERE state = 'open' ORDER BY created_at, id";
        self.write(|transaction| {
            expire(transaction, now)?;
            rows(transaction, sql, [], hold)
        })
    }

    /// What of `run` waits for an answer, oldest first.
    pub fn waiting(&self, run: &str) -> Result<Vec<String>> {
        let sql = "SELECT * FROM holds WHERE state = 'open' ORDER BY created_at, id";
        let open = self.state.0.database.read(|connection| rows(connection, sql, [], hold))?;
        let own = open.into_iter().filter(|hold| hold.principal.run == run);
        Ok(own.map(|hold| hold.id).collect())
    }

    /// What is released at `now` and not executed yet, oldest first.
    pub fn released(&self, now: Timestamp) -> Result<Vec<Hold>> {
        let sql = "SELECT * FROM holds WHERE state = 'approved' ORDER BY decided_at, id";
        self.write(|transaction| {
            expire(transaction, now)?;
            rows(transaction, sql, [], hold)
        })
    }

    /// The holds that were denied at or after `since`, each with the signed answer that did it.
    pub fn denials(&self, since: Timestamp) -> Result<Vec<(Hold, Approval)>> {
        let sql = "SELECT holds.*, approvals.answer FROM holds JOIN approvals ON hold = id
                   WHERE state = 'denied' AND decision = 'deny' AND decided_at >= ?1
                   ORDER BY decided_at, id";
        self.state.0.database.read(|connection| {
            rows(connection, sql, [millis(since)], |row| {
                let answer: String = row.get("answer")?;
                let answer = Approval::from_bytes(answer.as_bytes())
                    .map_err(|_| StoreError::Corrupt("an answer"))?;
                Ok((hold(row)?, answer))
            })
        })
    }

    /// Ends a release that came to nothing: what is not executed now is not executed later.
    pub fn void(&self, id: &str, now: Timestamp) -> Result<()> {
        self.write(|transaction| -> Result<()> {
            let sql = "UPDATE holds SET state = 'void', ended_at = ?2
                       WHERE id = ?1 AND state = 'approved'";
            transaction.execute(sql, params![id, millis(now)])?;
            Ok(())
        })?;
        self.announce();
        Ok(())
    }

    /// The newest holds in whatever state, at most `max`.
    pub fn recent(&self, max: u32, now: Timestamp) -> Result<Vec<Hold>> {
        let sql = "SELECT * FROM holds ORDER BY created_at DESC, id LIMIT ?1";
        self.write(|transaction| {
            expire(transaction, now)?;
            rows(transaction, sql, [max], hold)
        })
    }

    /// The hold whose stored response answers this operation at `now`, without executing
    /// anything.
    pub fn answer(&self, operation_digest: Digest, now: Timestamp) -> Result<Option<Hold>> {
        self.state.0.database.read(|connection| answer(connection, operation_digest, now))
    }

    /// The approvers who released this hold so far.
    pub fn approvers(&self, id: &str) -> Result<Vec<String>> {
        self.state.0.database.read(|connection| released_by(connection, id))
    }

    fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.state.0.database.write(change)
    }

    fn announce(&self) {
        self.state.announce(Topic::Holds);
    }
}

/// Ends what was not answered, or not used, in time.
fn expire(transaction: &Transaction<'_>, now: Timestamp) -> Result<()> {
    transaction.execute(
        "UPDATE holds SET state = 'expired', ended_at = ?1
         WHERE (state = 'open' AND expires_at <= ?1)
            OR (state = 'approved' AND approved_until <= ?1)",
        [millis(now)],
    )?;
    Ok(())
}

fn find(connection: &Connection, id: &str) -> Result<Option<Hold>> {
    first(connection, "SELECT * FROM holds WHERE id = ?1", [id], hold)
}

fn answer(connection: &Connection, operation: Digest, now: Timestamp) -> Result<Option<Hold>> {
    let sql = "SELECT * FROM holds
               WHERE operation_digest = ?1 AND state = 'done' AND response_until > ?2
               ORDER BY ended_at DESC LIMIT 1";
    first(connection, sql, params![operation.to_string(), millis(now)], hold)
}

fn released_by(connection: &Connection, id: &str) -> Result<Vec<String>> {
    let sql = "SELECT approver FROM approvals WHERE hold = ?1 AND decision = 'approve'
               ORDER BY approver";
    rows(connection, sql, [id], |row| Ok(row.get(0)?))
}

fn hold(row: &Row<'_>) -> Result<Hold> {
    let delay: i64 = row.get("delay_seconds")?;
    let obligations = Obligations {
        approvals: row.get("approvals")?,
        snapshot: row.get("snapshot")?,
        delay_seconds: delay.unsigned_abs(),
    };
    Ok(Hold {
        id: row.get("id")?,
        state: word(row, "state")?,
        operation_digest: digest(row, "operation_digest")?,
        message_digest: digest(row, "message_digest")?,
        policy_digest: digest(row, "policy_digest")?,
        state_digest: digest(row, "state_digest")?,
        nonce: row.get("nonce")?,
        principal: from_json(row, "principal")?,
        meanings: from_json(row, "meanings")?,
        reasons: from_json(row, "reasons")?,
        obligations,
        credential: row.get("credential")?,
        payload: row.get("payload")?,
        created_at: timestamp(row, "created_at")?,
        expires_at: timestamp(row, "expires_at")?,
        decided_at: optional_timestamp(row, "decided_at")?,
        approved_until: optional_timestamp(row, "approved_until")?,
        ended_at: optional_timestamp(row, "ended_at")?,
        response: row.get("response")?,
        response_until: optional_timestamp(row, "response_until")?,
        not_before: optional_timestamp(row, "not_before")?,
    })
}
