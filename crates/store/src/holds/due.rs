//! How a schedule is used when its time has come: once, if a fresh decision asks for no more than
//! has been done.

use holdpoint_core::{Digest, Timestamp, obligation::Obligations};
use rusqlite::{Transaction, params};

use super::{
    ConsumeError, Consumed, HoldState, Holds, Schedule, Uptime,
    consume::{STANDING, consumed},
    find,
    outliving::is_killed,
    schedule::{find_schedule, leave},
};
use crate::{
    database::{integer, rows},
    error::{Result, StoreError},
};

/// What the decision of now is about, and asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// What the stored message means now.
    pub operation_digest: Digest,
    /// The state of its resources now.
    pub state_digest: Digest,
    /// What has to be done first by the policies of now.
    pub obligations: Obligations,
}

impl Holds {
    /// Uses a schedule, if its time has come by both clocks and what was done is all that is asked
    /// for now. Of all who try, one succeeds. What is refused here is over; what comes early waits
    /// on.
    pub fn consume_due(
        &self,
        id: &str,
        asked: &Asked,
        now: Timestamp,
        uptime: &Uptime,
    ) -> Result<Consumed, ConsumeError> {
        // An error would roll back; a schedule that is refused has to stay so.
        let claimed: Result<Consumed, ConsumeError> = self.write(|transaction| {
            let schedule = match waiting(transaction, id)? {
                Ok(schedule) => schedule,
                Err(error) => return Ok(Err(error)),
            };
            if !schedule.remaining(now, uptime).is_zero() {
                return Ok(Err(ConsumeError::Early));
            }
            if let Some(changed) = changed(transaction, &schedule, asked)? {
                leave(transaction, id, HoldState::Void, Some(changed), now)?;
                return Ok(Err(ConsumeError::Void(changed)));
            }
            claim(transaction, id)?;
            let waited = (schedule.seconds, schedule.evidence(uptime));
            Ok::<_, StoreError>(Ok(consumed(transaction, id, now, Some(waited))?))
        })?;
        self.announce();
        Ok(claimed?.ours(self))
    }
}

/// The schedule, if it still waits.
fn waiting(transaction: &Transaction<'_>, id: &str) -> Result<Result<Schedule, ConsumeError>> {
    let found = find_schedule(transaction, id)?;
    if let Some(schedule) = found.filter(|found| found.hold.state == HoldState::Scheduled) {
        return Ok(Ok(schedule));
    }
    Ok(Err(match find(transaction, id)? {
        Some(hold) => ConsumeError::NotApproved(hold.state),
        None => ConsumeError::Missing(id.to_owned()),
    }))
}

/// What is not as it was when it was scheduled, if it matters.
fn changed(
    transaction: &Transaction<'_>,
    schedule: &Schedule,
    asked: &Asked,
) -> Result<Option<&'static str>> {
    let Schedule { hold, seconds, .. } = schedule;
    let Obligations { approvals, snapshot, delay_seconds } = asked.obligations;
    let standing = format!("SELECT ({STANDING}) FROM holds WHERE id = ?1");
    let standing = rows(transaction, &standing, [&hold.id], |row| Ok(row.get::<_, i64>(0)?))?;
    let standing = standing.first().copied().unwrap_or_default();
    Ok(if hold.operation_digest != asked.operation_digest {
        Some("what it means")
    } else if hold.state_digest != asked.state_digest {
        Some("the resources' state")
    } else if is_killed(transaction, hold)? {
        Some("whether the agent may act")
    } else if snapshot || delay_seconds > *seconds || approvals > hold.obligations.approvals {
        Some("what has to be done first")
    } else if standing < integer(approvals.into()) {
        Some("who may approve")
    } else {
        None
    })
}

/// The one statement that moves a hold from `scheduled` to `consuming`.
fn claim(transaction: &Transaction<'_>, id: &str) -> Result<()> {
    let sql = "UPDATE holds SET state = 'consuming' WHERE id = ?1 AND state = 'scheduled'";
    match transaction.execute(sql, params![id])? {
        1 => Ok(()),
        _ => Err(StoreError::Corrupt("a schedule")),
    }
}
