//! Executes what humans release: our own stored bytes, decided again, once; at once, or when the
//! time that it has to wait is over.

use std::{
    collections::HashSet,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use holdpoint_core::{
    Code, Digest, Refusal, Timestamp,
    ledger::{Record, RecordKind},
    refusal::RefusalKind,
};
use holdpoint_enforce::{Ledger as _, Point as _, enforce, resolve};
use holdpoint_store::{Hold, HoldState, Topic, holds::Ending};
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet, time::timeout};

use crate::{
    body::ResponseBody,
    listen::Stop,
    point::{Arrived, Claim, HttpPoint, Release, unavailable},
    postgres,
    stored::{StoredMessage, StoredResponse},
};

/// How long what is being executed may still take after a stop. What was sent is answered by then,
/// or nobody knows what became of it.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Executes every hold as soon as it is released, until told to stop.
pub async fn execute_released(point: Arc<HttpPoint>, stop: Stop) {
    let mut changes = point.state.subscribe();
    let under_way = Arc::new(Mutex::new(HashSet::new()));
    let mut executing = JoinSet::new();
    let mut denials = Denials { since: point.now(), recorded: HashSet::new() };
    loop {
        denials.record(&point).await;
        // What has no message of ours is done by whoever asks for it again: an undo.
        let by_message =
            |hold: &Hold| hold.payload.is_some() && !is_opening(hold) && !postgres::is_ours(hold);
        let (due, again) = point.due().await;
        let now = approved(&point).into_iter().filter(by_message);
        for hold in now.chain(due) {
            if lock(&under_way).insert(hold.id.clone()) {
                // In a task of its own: a slow upstream delays no other release.
                executing.spawn(execute(Arc::clone(&point), hold, Arc::clone(&under_way)));
            }
        }
        while executing.try_join_next().is_some() {}
        let changed = async {
            loop {
                match changes.recv().await {
                    Ok(Topic::Holds) | Err(RecvError::Lagged(_)) => return true,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        let look_again = async {
            match again {
                Some(again) => tokio::time::sleep(again).await,
                None => pending().await,
            }
        };
        let goes_on = tokio::select! {
            changed = changed => changed,
            () = look_again => true,
            () = stop.said() => false,
        };
        if !goes_on {
            break;
        }
    }
    let ended = async { while executing.join_next().await.is_some() {} };
    if timeout(END_WITHIN, ended).await.is_err() {
        tracing::error!("what was being executed at the stop did not end");
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
    hold.meanings.iter().any(|meaning| resolve::is_opening(&meaning.operation))
}

/// Takes one released hold through the whole walk again. Of all who try, one can consume it.
async fn execute(point: Arc<HttpPoint>, hold: Hold, under_way: Arc<Mutex<HashSet<String>>>) {
    match try_execute(&point, &hold).await {
        Ok(()) => {}
        // It waits for its time from now on.
        Err(refusal) if refusal.kind == RefusalKind::Scheduled => {}
        Err(refusal) => come_to_nothing(&point, &hold, &refusal),
    }
    lock(&under_way).remove(&hold.id);
}

/// What is not executed now must not be executed later, when nobody expects it any more.
fn come_to_nothing(point: &HttpPoint, hold: &Hold, refusal: &Refusal) {
    let code = refusal.code();
    tracing::warn!(hold = hold.id, %code, "released, but not executed");
    let ended = match hold.state {
        // We could not decide: the schedule stands, and is looked at again.
        HoldState::Scheduled if refusal.kind == RefusalKind::Unavailable => return,
        HoldState::Scheduled => {
            let failure = format!("{code}: {}", refusal.text());
            point.holds().abandon(&hold.id, &failure, point.now())
        }
        _ => point.holds().void(&hold.id, point.now()),
    };
    if let Err(error) = ended {
        tracing::error!(hold = hold.id, %error, "a release that came to nothing stands");
    }
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
