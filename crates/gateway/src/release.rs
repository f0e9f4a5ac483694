//! Executes what humans release: our own stored bytes, decided again, once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use holdpoint_core::{
    Code, Digest, Refusal, Timestamp,
    ledger::{Record, RecordKind},
};
use holdpoint_enforce::{Ledger as _, Point as _, enforce};
use holdpoint_store::{Hold, Topic, holds::Ending};
use holdpoint_wire::{connect, http::websocket};
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    body::ResponseBody,
    listen::Stop,
    point::{Arrived, Claim, HttpPoint, Release, unavailable},
    postgres,
    stored::{StoredMessage, StoredResponse},
};

/// Executes every hold as soon as it is released, until told to stop.
pub async fn execute_released(point: Arc<HttpPoint>, stop: Stop) {
    let mut changes = point.state.subscribe();
    let under_way = Arc::new(Mutex::new(HashSet::new()));
    let mut denials = Denials { since: point.now(), recorded: HashSet::new() };
    loop {
        denials.record(&point).await;
        let by_message = |hold: &Hold| !is_opening(hold) && !postgres::is_ours(hold);
        for hold in approved(&point).into_iter().filter(by_message) {
            if lock(&under_way).insert(hold.id.clone()) {
                // In a task of its own: a slow upstream delays no other release.
                tokio::spawn(execute(Arc::clone(&point), hold, Arc::clone(&under_way)));
            }
        }
        let changed = async {
            loop {
                match changes.recv().await {
                    Ok(Topic::Holds) | Err(RecvError::Lagged(_)) => return true,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        let goes_on = tokio::select! {
            changed = changed => changed,
            () = stop.said() => false,
        };
        if !goes_on {
            return;
        }
    }
}

/// What humans denied since the gateway started, put on record once each.
struct Denials {
    since: Timestamp,
    recorded: HashSet<String>,
}

impl Denials {
    async fn record(&mut self, point: &HttpPoint) {
        let denials = point.holds().denials(self.since).unwrap_or_else(|error| {
            tracing::error!(%error, "denials cannot be looked up");
            Vec::new()
        });
        for (hold, answer) in denials {
            // Only those of the latest moment have to be remembered.
            if hold.decided_at > Some(self.since) {
                self.since = hold.decided_at.unwrap_or(self.since);
                self.recorded.clear();
            }
            if !self.recorded.insert(hold.id.clone()) {
                continue;
            }
            let evidence = answer.evidence().unwrap_or_else(|_| Digest::of(hold.id.as_bytes()));
            let approver = answer.context.approver;
            let kind =
                RecordKind::Approval { hold: hold.id.clone(), approver, released: false, evidence };
            let record = Record::new(point.now(), None, kind);
            if let Err(error) = point.commit(record, hold.message_digest).await {
                tracing::error!(hold = hold.id, %error, "a denial is not recorded");
            }
        }
    }
}

/// The holds that are released and not executed.
fn approved(point: &HttpPoint) -> Vec<Hold> {
    point.holds().released(point.now()).unwrap_or_else(|error| {
        tracing::error!(%error, "releases cannot be looked up");
        Vec::new()
    })
}

/// Whether a release lets the agent open a connection, which only its own next attempt can.
fn is_opening(hold: &Hold) -> bool {
    let opens = |operation: &str| websocket::is_opening(operation) || operation == connect::OPEN;
    hold.meanings.iter().any(|meaning| opens(&meaning.operation))
}

/// Takes one released hold through the whole walk again. Of all who try, one can consume it.
async fn execute(point: Arc<HttpPoint>, hold: Hold, under_way: Arc<Mutex<HashSet<String>>>) {
    if let Err(refusal) = try_execute(&point, &hold).await {
        tracing::warn!(hold = hold.id, code = %refusal.code(), "released, but not executed");
        // What is not executed now must not be executed later, when nobody expects it any more.
        if let Err(error) = point.holds().void(&hold.id, point.now()) {
            tracing::error!(hold = hold.id, %error, "a release that came to nothing stands");
        }
    }
    lock(&under_way).remove(&hold.id);
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn try_execute(point: &HttpPoint, hold: &Hold) -> Result<(), Refusal> {
    let payload = hold.payload.as_deref().ok_or_else(|| unavailable("a hold without a message"))?;
    let bytes = point.state.payloads().read(payload).map_err(unavailable)?;
    let bytes = bytes.ok_or_else(|| unavailable("the stored message was erased"))?;
    let message = StoredMessage::message(&bytes).map_err(unavailable)?;
    let consumed = Arc::new(Mutex::new(None));
    let release = Release { hold: hold.id.clone(), consumed: Arc::clone(&consumed) };
    let claim = Claim::Released { hold: hold.id.clone() };
    let arrived = Arrived::released(message, release);

    let answered = enforce(point, &claim, arrived).await;

    let consumed = lock(&consumed).take();
    let Some(consumed) = consumed else {
        return answered.map(drop);
    };
    let kept;
    let ending = match answered {
        Ok(response) => {
            kept = keep(point, response).await;
            Ending::Done { response: kept.as_deref() }
        }
        Err(refusal) if refusal.code() == Code::OutcomeUnknown => Ending::Unknown,
        Err(_) => Ending::NotSent,
    };
    point.holds().finish(consumed, ending, point.now()).map_err(unavailable)?;
    Ok(())
}

/// The whole response as bytes; none if it is too large to be kept, or breaks off.
async fn keep(point: &HttpPoint, response: Response<ResponseBody>) -> Option<Vec<u8>> {
    let limit = usize::try_from(point.config().limits.stored_body_bytes).unwrap_or(usize::MAX);
    let (head, mut body) = response.into_parts();
    let (mut whole, mut trailers) = (BytesMut::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| tracing::warn!(%error, "an answer broke off")).ok()?;
        match frame.into_data() {
            Ok(data) => whole.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
        if whole.len() > limit {
            tracing::warn!(limit, "an answer is too large to be kept");
            return None;
        }
    }
    StoredResponse::bytes(&head, &whole, &trailers).ok()
}
