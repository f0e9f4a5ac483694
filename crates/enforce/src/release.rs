//! A human's release, in the words of the walk: what waits for one says so, and one that is used is
//! on record before anything else is done.

use holdpoint_core::{
    Code, Digest, Judged, Reason, Refusal, Timestamp,
    ledger::{Record, RecordKind},
    obligation::Obligation,
    refusal::RefusalKind,
};

use crate::{record, stages::Ledger};

/// A release that was consumed.
#[derive(Debug, Clone)]
pub struct Used {
    /// The hold.
    pub hold: String,
    /// The distinct humans who gave it.
    pub approvers: Vec<String>,
    /// The digest of their signed answers.
    pub evidence: Digest,
    /// Whether it is on record already who gave it: since it was scheduled.
    pub on_record: bool,
}

impl Used {
    /// What it meets.
    pub fn met(&self) -> Obligation {
        Obligation::Approval { count: u8::try_from(self.approvers.len()).unwrap_or(u8::MAX) }
    }

    /// Puts on record who gave it.
    pub async fn record<M: Sync>(
        self,
        judged: &Judged<M>,
        ledger: &impl Ledger,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Self { hold, approvers, evidence, on_record } = self;
        for approver in approvers.into_iter().filter(|_| !on_record) {
            let kind =
                RecordKind::Approval { hold: hold.clone(), approver, released: true, evidence };
            let committed = ledger.commit(Record::new(now, None, kind), judged.digest()).await;
            committed.map_err(record::ledger_unavailable)?;
        }
        Ok(())
    }
}

/// It waits for a human, or for its time, as `hold`.
pub fn held<M>(judged: &Judged<M>, reasons: Vec<Reason>, hold: &str) -> Refusal {
    Refusal {
        kind: RefusalKind::Hold,
        reasons,
        subject: record::subject(judged),
        hold: Some(hold.to_owned()),
        reference: hold.to_owned(),
        not_before: None,
    }
}

/// A human's no to `hold`, which stands for a while.
pub fn denied(hold: &str, cancelled: bool) -> Refusal {
    let text = match cancelled {
        true => "a human cancelled exactly this before its time had come",
        false => "a human looked at exactly this and said no",
    };
    let mut refusal = Refusal::new(RefusalKind::Deny, Code::ApprovalDenied, text);
    refusal.reference = hold.to_owned();
    refusal
}

/// What was released is not what would be done now, or it was used.
pub fn void(why: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(RefusalKind::Deny, Code::ApprovalVoid, why.to_string())
}
