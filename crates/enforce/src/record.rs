//! What is written down: the decision before its effect, the outcome after it.

use holdpoint_core::{
    Authorized, Code, Digest, Effect, Judged, Reason, Refusal,
    authorized::{AuthorizeError, authorize, authorize_observe},
    identity::Principal,
    ledger::{Circumstances, Decided, Meaning, Record, RecordKind},
    obligation::Receipt,
    policy::Decision,
    refusal::RefusalKind,
};
use holdpoint_wire::Unreadable;

use crate::stages::{Forwarded, LedgerUnavailable, Point};

/// Records that a message will be forwarded now, and authorizes it: on disk first if it changes
/// anything, in the ledger's order if it only observes.
pub(crate) async fn decision<P: Point>(
    point: &P,
    principal: &Principal,
    judged: Judged<P::Message>,
    receipts: &[Receipt],
    hold: Option<String>,
) -> Result<Authorized<P::Message>, Refusal> {
    let decided = Decided { hold, forwarded: true, ..decided(&judged) };
    let record = record(point, principal, RecordKind::Decision(decided));
    let subject = judged.digest();
    let authorized = match judged.effect() {
        Effect::Observe => {
            let appended = point.append(record, subject).await.map_err(ledger_unavailable)?;
            authorize_observe(judged, receipts, appended)
        }
        _ => {
            let durable = point.commit(record, subject).await.map_err(ledger_unavailable)?;
            authorize(judged, receipts, durable)
        }
    };
    authorized.map_err(unauthorized)
}

/// What is written down about a forwarded message.
pub(crate) fn happened<O>(decision: u64, forwarded: &Forwarded<O>) -> RecordKind {
    let Forwarded { outcome, status, answer } = forwarded;
    let failure = outcome.as_ref().err().map(|refusal| refusal.code().to_string());
    RecordKind::Outcome { decision, status: *status, answer: *answer, failure }
}

/// Records what became of a forwarded message. The effect has happened: if this cannot be
/// written, the ledger refuses everything from now on, and the decision stands there without an
/// outcome for all to see.
pub(crate) async fn outcome<P: Point>(point: &P, principal: &Principal, happened: RecordKind) {
    let record = record(point, principal, happened);
    let subject = Digest::of(b"outcome");
    if let Err(error) = point.append(record, subject).await {
        tracing::error!(%error, "what became of a message is not recorded");
    }
}

/// The refusal of a message that policy denies.
pub(crate) fn denial<M>(judged: &Judged<M>) -> Option<Refusal> {
    match judged.decision() {
        Decision::Deny { reasons } => Some(Refusal {
            kind: RefusalKind::Deny,
            reasons: reasons.clone(),
            subject: subject(judged),
            hold: None,
            reference: String::new(),
            not_before: None,
        }),
        Decision::Allow { .. } | Decision::Hold { .. } => None,
    }
}

/// Records and remembers a refusal, denied or held. One that cannot be recorded is still a
/// refusal, but says that the ledger is gone.
pub(crate) async fn refused<P: Point>(
    point: &P,
    principal: &Principal,
    judged: &Judged<P::Message>,
    refusal: Refusal,
) -> Refusal {
    let decided = Decided {
        reasons: refusal.reasons.clone(),
        hold: refusal.hold.clone(),
        fingerprints: point.fingerprints(judged),
        ..decided(judged)
    };
    let ours = refusal.kind == RefusalKind::Unavailable;
    if judged.effect().changes()
        && !ours
        && let Err(failure) = point.remember(principal, judged).await
    {
        return failure;
    }
    write(point, principal, judged.digest(), decided, refusal).await
}

/// Records and refuses a message that nobody can read.
pub(crate) async fn unreadable<P: Point>(
    point: &P,
    principal: &Principal,
    message: Digest,
    unreadable: Unreadable,
) -> Refusal {
    let reason = Reason::from(unreadable);
    let decided = Decided {
        message,
        policies: point.policies().digest(),
        verdict: "deny".into(),
        operations: Vec::new(),
        obligations: Vec::new(),
        reasons: vec![reason.clone()],
        hold: None,
        forwarded: false,
        spared: None,
        fingerprints: Vec::new(),
        circumstances: Vec::new(),
    };
    let refusal = Refusal::new(RefusalKind::Deny, reason.code, reason.text);
    write(point, principal, message, decided, refusal).await
}

/// Puts a refusal on disk and gives it its reference.
async fn write<P: Point>(
    point: &P,
    principal: &Principal,
    subject: Digest,
    decided: Decided,
    mut refusal: Refusal,
) -> Refusal {
    let record = record(point, principal, RecordKind::Decision(decided));
    match point.commit(record, subject).await {
        Ok(durable) => {
            let index = durable.index().to_string();
            refusal.reference = refusal.hold.clone().unwrap_or(index);
            refusal
        }
        Err(error) => ledger_unavailable(error),
    }
}

/// What the ledger says about a judged message, before it is known whether it is forwarded.
fn decided<M>(judged: &Judged<M>) -> Decided {
    let verdict = judged.decision().verdict();
    let judgements = judged.judgements().iter();
    Decided {
        message: judged.digest(),
        policies: judged.policy_digest(),
        verdict: verdict.as_str().into(),
        operations: judgements
            .map(|judgement| Meaning::of(&judgement.operation, judgement.facts.environment))
            .collect(),
        obligations: judged.decision().obligations().iter().map(|o| o.to_string()).collect(),
        reasons: judged.reasons().to_vec(),
        hold: None,
        forwarded: false,
        spared: judged.spared().map(|spared| spared.verdict.as_str().into()),
        fingerprints: Vec::new(),
        circumstances: judged.judgements().iter().map(Circumstances::of).collect(),
    }
}

/// A record of `kind` by `principal`, now.
fn record<P: Point>(point: &P, principal: &Principal, kind: RecordKind) -> Record {
    Record::new(point.now(), Some(principal.clone()), kind)
}

/// The strongest operation of a message, named for a human: `railway:volumeDelete on …`.
pub fn subject<M>(judged: &Judged<M>) -> String {
    let strongest = judged.judgements().iter().max_by_key(|judgement| judgement.operation.effect);
    strongest.map_or_else(String::new, |judgement| {
        format!("{} on {}", judgement.operation.name, judgement.operation.resource.id)
    })
}

/// No record, no effect.
pub fn ledger_unavailable(error: LedgerUnavailable) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, Code::LedgerUnavailable, error.to_string())
}

/// It was judged as what nobody can save, and was to be saved all the same: a defect of ours.
pub(crate) fn unsaved() -> Refusal {
    let text = "what it would take away cannot be saved";
    Refusal::new(RefusalKind::Unavailable, Code::NoWayBack, text)
}

/// An obligation was forgotten, or a proof is about another message: a defect of ours.
fn unauthorized(error: AuthorizeError) -> Refusal {
    tracing::error!(%error, "a message came to the mint without its proofs");
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, error.to_string())
}
