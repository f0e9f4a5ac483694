//! The walk: every message goes through these lines, in this order, or not at all.

use holdpoint_core::{Judged, Message, Operation, Refusal, identity::Principal};

use crate::{
    record,
    stages::{Arrivals, Forward, Fulfilment, Point, Stage},
};

/// Takes one message from arrival to outcome. What comes back is the upstream's answer, or a
/// refusal; nothing was sent unless every line above `forward` said yes.
pub async fn enforce<P: Point>(
    point: &P,
    evidence: &P::Evidence,
    message: P::Message,
) -> Result<P::Outcome, Refusal> {
    let principal = point.identify(evidence).await?;
    point.reached(Stage::Identified);

    let operations = interpret(point, &principal, &message).await?;
    point.reached(Stage::Interpreted);

    let requests = point.resolve(&principal, &message, operations).await?;
    point.reached(Stage::Resolved);

    let judged = point.policies().judge(message, requests);
    point.reached(Stage::Decided);

    let (judged, fulfilment) = fulfil(point, &principal, judged).await?;
    let (receipts, hold) = match fulfilment {
        Fulfilment::Receipts { receipts, hold } => (receipts, hold),
        Fulfilment::Answered(outcome) => return Ok(outcome),
        Fulfilment::Unsaved => return Err(record::unsaved()),
    };
    point.reached(Stage::Fulfilled);

    let authorized = record::decision(point, &principal, judged, &receipts, hold).await?;
    point.reached(Stage::Recorded);

    let index = authorized.index();
    let forwarded = point.forward(authorized).await;
    point.reached(Stage::Forwarded);

    let happened = record::happened(index, &forwarded);
    record::outcome(point, &principal, happened).await;
    point.reached(Stage::Reported);
    forwarded.outcome
}

/// What nobody can read is refused, and the refusal is recorded like any other.
async fn interpret<P: Point>(
    point: &P,
    principal: &Principal,
    message: &P::Message,
) -> Result<Vec<Operation>, Refusal> {
    match point.interpret(message) {
        Ok(operations) => Ok(operations),
        Err(unreadable) => {
            Err(record::unreadable(point, principal, message.digest(), unreadable).await)
        }
    }
}

/// What came of a judged message, and how its obligations were met.
type Met<P> = (Judged<<P as Arrivals>::Message>, Fulfilment<<P as Forward>::Outcome>);

/// Meets the obligations. What was to be saved, and cannot be, is judged once more, as what nobody
/// here can save.
async fn fulfil<P: Point>(
    point: &P,
    principal: &Principal,
    judged: Judged<P::Message>,
) -> Result<Met<P>, Refusal> {
    match meet(point, principal, judged).await? {
        (judged, Fulfilment::Unsaved) => {
            let judged = point.policies().judge_unsaved(judged, principal);
            meet(point, principal, judged).await
        }
        met => Ok(met),
    }
}

/// Meets the obligations. What is denied, or has to wait, ends here: recorded and remembered.
async fn meet<P: Point>(
    point: &P,
    principal: &Principal,
    judged: Judged<P::Message>,
) -> Result<Met<P>, Refusal> {
    let refusal = match record::denial(&judged) {
        Some(refusal) => refusal,
        None => match point.fulfil(principal, &judged).await {
            Ok(fulfilment) => return Ok((judged, fulfilment)),
            Err(refusal) => refusal,
        },
    };
    Err(record::refused(point, principal, &judged, refusal).await)
}
