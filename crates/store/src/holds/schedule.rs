//! What is released and has to wait: its time, and how it is taken back before.
//!
//! The time is over when two clocks say so. By the clock of the wall it must be `not_before`, which
//! is what a human was told. And so many seconds must have been *counted*: by the machine's uptime,
//! which no step of the clock moves. A wall clock that jumps two days ahead brings nothing forward,
//! one that jumps back puts it off until it says the time that was told. What passes while the
//! machine is off is not counted, as nobody can cancel anything then.

use std::time::Duration;

use holdpoint_core::{Digest, Timestamp};
use rusqlite::{Connection, Row, Transaction, params};
use thiserror::Error;

use super::{
    ConsumeError, Hold, HoldState, Holds, Uptime,
    consume::{Present, STANDING, end, evidence},
    find, hold,
    outliving::NOT_KILLED,
    released_by,
};
use crate::{
    database::{count, first, integer, millis, rows, timestamp},
    error::{Result, StoreError},
};

/// What was counted is written down whenever it is this much more, in milliseconds.
const WRITTEN_EVERY: u64 = 60_000;

/// A hold that waits for its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The hold.
    pub hold: Hold,
    /// How long it waits.
    pub seconds: u64,
    /// Since when.
    pub scheduled_at: Timestamp,
    /// Milliseconds that were counted until `at`.
    counted: u64,
    at: Uptime,
}

impl Schedule {
    /// Milliseconds counted by the machine's uptime. Of another boot only what was written counts.
    fn counted(&self, uptime: &Uptime) -> u64 {
        let since = match self.at.boot == uptime.boot {
            true => uptime.millis.saturating_sub(self.at.millis),
            false => 0,
        };
        self.counted.saturating_add(since)
    }

    /// How long it still waits: by the clock or by what is counted, whichever takes longer.
    pub fn remaining(&self, now: Timestamp, uptime: &Uptime) -> Duration {
        let (told, waits) = self.ends();
        let by_clock = told.0.saturating_sub(now.0);
        Duration::from_millis(by_clock.max(waits.saturating_sub(self.counted(uptime))))
    }

    /// For how long its time has been over, by both clocks.
    pub fn over_for(&self, now: Timestamp, uptime: &Uptime) -> Duration {
        let (told, waits) = self.ends();
        let by_clock = now.0.saturating_sub(told.0);
        Duration::from_millis(by_clock.min(self.counted(uptime).saturating_sub(waits)))
    }

    /// When its time is over: by the clock, and by milliseconds counted.
    fn ends(&self) -> (Timestamp, u64) {
        // A schedule without a moment never ends.
        let told = self.hold.not_before.unwrap_or(Timestamp(u64::MAX));
        (told, self.seconds.saturating_mul(1000))
    }

    /// What proves that it has waited, for the ledger.
    pub(super) fn evidence(&self, uptime: &Uptime) -> Digest {
        let waited = [self.scheduled_at.0, self.seconds, self.counted(uptime)];
        let waited = waited.map(u64::to_be_bytes);
        let fields = waited.iter().map(<[u8; 8]>::as_slice);
        Digest::of_fields([self.hold.id.as_bytes()].into_iter().chain(fields))
    }
}

/// What became of something scheduled, and is not in the ledger yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecorded {
    /// The hold, in the state that is to be recorded.
    pub hold: Hold,
    /// Why it came to nothing, where it was refused at its time.
    pub failure: Option<String>,
    /// Who released it, if that is not in the ledger yet either.
    pub approvers: Vec<String>,
    /// The digest of their signed answers.
    pub evidence: Digest,
}

/// Why nothing was cancelled.
#[derive(Debug, Error)]
pub enum CancelError {
    /// There is nothing to cancel.
    #[error("there is no hold `{0}`")]
    Missing(String),
    /// It waits for no time.
    #[error("the hold is {0}, not scheduled: there is nothing to cancel")]
    NotScheduled(HoldState),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Holds {
    /// Consumes the approval of a hold into a schedule: it is sent when its time has come, if it
    /// is allowed then as well. `policy_digest` and `state_digest` are the present ones, as for
    /// [`Holds::consume`].
    pub fn schedule(
        &self,
        id: &str,
        now: Timestamp,
        uptime: &Uptime,
        policy_digest: Digest,
        state_digest: Digest,
    ) -> Result<Hold, ConsumeError> {
        let present = Present { now, policy_digest, state_digest };
        let begun: Result<Hold, ConsumeError> = self.write(|transaction| {
            let max = self.state.0.limits.schedules;
            if scheduled(transaction)? >= max {
                return Err(StoreError::Full { what: "schedules", max });
            }
            Ok::<_, StoreError>(match begin(transaction, id, &present, uptime)? {
                true => Ok(find(transaction, id)?.ok_or(StoreError::Corrupt("a hold"))?),
                false => Err(end(transaction, id, &present)?),
            })
        })?;
        self.announce();
        begun
    }

    /// Takes back what is scheduled, for good.
    pub fn cancel(&self, id: &str, now: Timestamp) -> Result<Hold, CancelError> {
        let cancelled = self.write(|transaction| {
            let changed = leave(transaction, id, HoldState::Cancelled, None, now)?;
            match find(transaction, id)? {
                Some(hold) if changed => Ok(hold),
                Some(hold) => Err(CancelError::NotScheduled(hold.state)),
                None => Err(CancelError::Missing(id.to_owned())),
            }
        })?;
        self.announce();
        Ok(cancelled)
    }

    /// Ends what was refused when its time had come, and says why.
    pub fn abandon(&self, id: &str, failure: &str, now: Timestamp) -> Result<()> {
        self.write(|transaction| {
            leave(transaction, id, HoldState::Void, Some(failure), now).map(drop)
        })?;
        self.announce();
        Ok(())
    }

    /// What waits for its time, the next first.
    pub fn scheduled(&self) -> Result<Vec<Schedule>> {
        let sql = "SELECT holds.*, schedules.* FROM holds JOIN schedules ON hold = id
                   WHERE state = 'scheduled' ORDER BY not_before, id";
        self.state.0.database.read(|connection| rows(connection, sql, [], schedule))
    }

    /// Writes down what was counted until now, so that the next boot knows it.
    pub fn write_counted(&self, uptime: &Uptime) -> Result<()> {
        let sql = "UPDATE schedules SET boot = ?1, uptime = ?2,
                       waited = waited + CASE WHEN boot = ?1 THEN ?2 - uptime ELSE 0 END
                   WHERE (boot <> ?1 OR ?2 - uptime >= ?3)
                     AND hold IN (SELECT id FROM holds WHERE state = 'scheduled')";
        let Uptime { boot, millis } = uptime;
        self.write(|transaction| {
            transaction
                .execute(sql, params![boot, integer(*millis), integer(WRITTEN_EVERY)])
                .map(drop)
                .map_err(StoreError::from)
        })
    }

    /// What became of schedules, as far as the ledger does not know it yet.
    pub fn unrecorded(&self) -> Result<Vec<Unrecorded>> {
        let sql = "SELECT holds.*, schedules.failure, schedules.recorded
                   FROM holds JOIN schedules ON hold = id
                   WHERE state <> recorded
                     AND state IN ('scheduled', 'cancelled', 'denied', 'void')
                   ORDER BY scheduled_at, id";
        self.state.0.database.read(|connection| {
            let found = rows(connection, sql, [], |row| {
                Ok((hold(row)?, row.get("failure")?, row.get::<_, String>("recorded")?))
            })?;
            found
                .into_iter()
                .map(|(hold, failure, recorded)| {
                    let approvers = match recorded.is_empty() {
                        true => released_by(connection, &hold.id)?,
                        false => Vec::new(),
                    };
                    let evidence = evidence(connection, &hold.id)?;
                    Ok(Unrecorded { hold, failure, approvers, evidence })
                })
                .collect()
        })
    }

    /// Says that the ledger knows that this hold is in this state.
    pub fn recorded(&self, hold: &Hold) -> Result<()> {
        let sql = "UPDATE schedules SET recorded = ?2 WHERE hold = ?1";
        self.write(|transaction| {
            let changed = transaction.execute(sql, params![hold.id, hold.state.as_str()]);
            changed.map(drop).map_err(StoreError::from)
        })
    }
}

/// How many wait for their time.
pub(super) fn scheduled(connection: &Connection) -> Result<u64> {
    count(connection, "SELECT count(*) FROM holds WHERE state = 'scheduled'", [])
}

/// The one statement that moves a hold to `scheduled`: from `approved`, or from `open` where
/// nobody has to release it.
fn begin(
    transaction: &Transaction<'_>,
    id: &str,
    present: &Present,
    uptime: &Uptime,
) -> Result<bool> {
    let Present { now, policy_digest, state_digest } = present;
    let sql = format!(
        "UPDATE holds SET state = 'scheduled',
             not_before = (?2 + delay_seconds * 1000 + 999) / 1000 * 1000
         WHERE id = ?1 AND delay_seconds > 0
           AND (state = 'approved' AND approved_until > ?2 AND ({STANDING}) >= max(approvals, 1)
                OR state = 'open' AND approvals = 0)
           AND policy_digest = ?3 AND state_digest = ?4
           AND {NOT_KILLED}"
    );
    let begun = transaction.execute(
        &sql,
        params![id, millis(*now), policy_digest.to_string(), state_digest.to_string()],
    )?;
    if begun == 1 {
        transaction.execute(
            "INSERT INTO schedules (hold, seconds, scheduled_at, waited, boot, uptime)
             SELECT id, delay_seconds, ?2, 0, ?3, ?4 FROM holds WHERE id = ?1",
            params![id, millis(*now), uptime.boot, integer(uptime.millis)],
        )?;
    }
    Ok(begun == 1)
}

/// Moves a hold from `scheduled` to its end, before anything was sent; says whether it was there.
pub(super) fn leave(
    transaction: &Transaction<'_>,
    id: &str,
    state: HoldState,
    failure: Option<&str>,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE holds SET state = ?2, ended_at = ?3 WHERE id = ?1 AND state = 'scheduled'";
    let left = transaction.execute(sql, params![id, state.as_str(), millis(now)])? == 1;
    if left {
        let sql = "UPDATE schedules SET failure = ?2 WHERE hold = ?1";
        transaction.execute(sql, params![id, failure])?;
    }
    Ok(left)
}

/// The schedule of this hold, in whatever state.
pub(super) fn find_schedule(connection: &Connection, id: &str) -> Result<Option<Schedule>> {
    let sql = "SELECT holds.*, schedules.* FROM holds JOIN schedules ON hold = id WHERE id = ?1";
    first(connection, sql, [id], schedule)
}

fn schedule(row: &Row<'_>) -> Result<Schedule> {
    let number = |column: &str| Ok::<_, StoreError>(row.get::<_, i64>(column)?.unsigned_abs());
    Ok(Schedule {
        hold: hold(row)?,
        seconds: number("seconds")?,
        scheduled_at: timestamp(row, "scheduled_at")?,
        counted: number("waited")?,
        at: Uptime { boot: row.get("boot")?, millis: number("uptime")? },
    })
}
