//! What is released and has to wait: put on record, said to whoever asks, and found when its time
//! has come.

use std::time::Duration;

use holdpoint_core::{
    Code, Digest, Judged, Reason, Refusal,
    identity::Principal,
    ledger::{Record, RecordKind},
    obligation::{Obligation, Receipt},
    refusal::RefusalKind,
};
use holdpoint_enforce::{Ledger as _, Point as _, release};
use holdpoint_store::{
    Hold, StoreError,
    holds::{Asked, ConsumeError, Consumed, Unrecorded, Uptime},
};

use crate::point::{Arrived, HttpPoint, unavailable};

/// How often the clocks are looked at while something is scheduled: nobody says when one of them
/// was set.
const GLANCE: Duration = Duration::from_secs(15);
/// How long a time may be over when it is found: then no gateway ran, and nobody expects it any
/// more.
const MISSED_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

impl HttpPoint {
    /// What has to be decided again now, as its time has come; and when to look again.
    pub(crate) async fn due(&self) -> (Vec<Hold>, Option<Duration>) {
        self.record_schedules().await;
        self.look().unwrap_or_else(|error| {
            tracing::error!(%error, "what is scheduled cannot be looked up");
            (Vec::new(), Some(GLANCE))
        })
    }

    fn look(&self) -> Result<(Vec<Hold>, Option<Duration>), StoreError> {
        let holds = self.holds();
        let scheduled = holds.scheduled()?;
        if scheduled.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (now, uptime) = (self.now(), Uptime::now()?);
        holds.write_counted(&uptime)?;
        let (mut due, mut again) = (Vec::new(), GLANCE);
        for schedule in scheduled {
            let remaining = schedule.remaining(now, &uptime);
            if !remaining.is_zero() {
                again = again.min(remaining);
            } else if schedule.over_for(now, &uptime) > MISSED_MAX {
                let failure = "no gateway ran at its time, which is long over";
                holds.abandon(&schedule.hold.id, failure, now)?;
            } else {
                due.push(schedule.hold);
            }
        }
        Ok((due, Some(again)))
    }

    /// Puts on record what was scheduled, cancelled or refused, by whichever process.
    async fn record_schedules(&self) {
        let unrecorded = self.holds().unrecorded().unwrap_or_else(|error| {
            tracing::error!(%error, "schedules cannot be looked up");
            Vec::new()
        });
        for one in unrecorded {
            if let Err(error) = self.record_schedule(&one).await {
                tracing::error!(hold = one.hold.id, %error, "a schedule is not recorded");
                return;
            }
        }
    }

    async fn record_schedule(&self, one: &Unrecorded) -> Result<(), Box<dyn std::error::Error>> {
        let Unrecorded { hold, failure, approvers, evidence } = one;
        let approvals = approvers.iter().map(|approver| RecordKind::Approval {
            hold: hold.id.clone(),
            approver: approver.clone(),
            released: true,
            evidence: *evidence,
        });
        let became = RecordKind::Schedule {
            hold: hold.id.clone(),
            state: hold.state.to_string(),
            not_before: hold.not_before.unwrap_or_default(),
            failure: failure.clone(),
        };
        for kind in approvals.chain([became]) {
            let record = Record::new(self.now(), None, kind);
            self.commit(record, hold.message_digest).await?;
        }
        Ok(self.holds().recorded(hold)?)
    }

    /// Consumes a release into a schedule; what comes back says so.
    pub(crate) fn schedule(&self, judged: &Judged<Arrived>, hold: &str) -> Refusal {
        let uptime = match Uptime::now() {
            Ok(uptime) => uptime,
            Err(error) => return unavailable(error),
        };
        let (policies, state) = (judged.policy_digest(), judged.state_digest());
        match self.holds().schedule(hold, self.now(), &uptime, policies, state) {
            Ok(hold) => scheduled(&hold),
            Err(error) => not_consumed(error),
        }
    }

    /// Uses a schedule whose time has come, if all that is asked for now has been done.
    pub(crate) fn consume_due(
        &self,
        principal: &Principal,
        judged: &Judged<Arrived>,
        hold: &str,
    ) -> Result<Consumed, Refusal> {
        let asked = Asked {
            operation_digest: judged.operation_digest(principal),
            state_digest: judged.state_digest(),
            obligations: judged.decision().obligations(),
        };
        let uptime = Uptime::now().map_err(unavailable)?;
        self.holds().consume_due(hold, &asked, self.now(), &uptime).map_err(not_consumed)
    }
}

/// Why a release was not used. What comes early is no failure: it waits on.
pub(crate) fn not_consumed(error: ConsumeError) -> Refusal {
    match error {
        ConsumeError::Store(full @ StoreError::Full { .. }) => {
            let text = format!("it cannot be scheduled: {full}");
            Refusal::new(RefusalKind::Deny, Code::OverLimit, text)
        }
        ConsumeError::Store(error) => unavailable(error),
        error @ ConsumeError::Early => {
            Refusal::new(RefusalKind::Scheduled, Code::Scheduled, error.to_string())
        }
        error => release::void(&error),
    }
}

/// The receipt that it has waited.
pub(crate) fn waited(consumed: &Consumed, subject: Digest) -> Option<Receipt> {
    let (seconds, evidence) = consumed.waited()?;
    Some(Receipt::issue(Obligation::Delay { seconds }, subject, evidence))
}

/// What is said of something scheduled: not done, when, and by what it is named.
pub(crate) fn scheduled(hold: &Hold) -> Refusal {
    let time = hold.not_before.unwrap_or_default();
    let who = match hold.obligations.approvals {
        0 => "it has to wait",
        _ => "a human released it, and it has to wait",
    };
    let text = format!("{who}: it is sent no earlier than {time}, if it is allowed then as well");
    let subject = hold.meanings.iter().max_by_key(|meaning| meaning.effect);
    Refusal {
        kind: RefusalKind::Scheduled,
        reasons: vec![Reason::new(Code::Scheduled, text)],
        subject: subject.map_or_else(String::new, |meaning| {
            format!("{} on {}", meaning.operation, meaning.resource)
        }),
        hold: Some(hold.id.clone()),
        reference: hold.id.clone(),
        not_before: hold.not_before,
    }
}
