//! Runs what humans release: our own stored statements, counted and judged again, once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use holdpoint_core::{Code, Refusal};
use holdpoint_enforce::{Point as _, enforce};
use holdpoint_store::{Hold, Topic, holds::Ending};
use holdpoint_wire::sql::protocol::backend::framed;
use tokio::sync::broadcast::error::RecvError;

use super::{
    begin,
    meter::MeterError,
    own::{NAME, Own, forgets, literal},
    point::{Outcome, Served, SessionPoint, own_failed},
    preimage::KeptAs,
    script::{Bound, Script, Step, StoredAnswer, StoredScript},
    upstream::Upstream,
};
use crate::{
    listen::Stop,
    point::{Claim, Release, unavailable},
};

/// Bytes of an answer that is kept for whoever asked.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// Whether a hold is one of statements: its release is for [`run_released`].
pub(crate) fn is_ours(hold: &Hold) -> bool {
    hold.meanings.iter().any(|meaning| meaning.operation == MARK)
}

/// The meaning that every hold of statements has beside its own.
pub(super) const MARK: &str = "postgres:statements";

/// Runs every hold of these databases as soon as it is released, until told to stop.
pub async fn run_released(databases: Vec<Arc<Served>>, stop: Stop) {
    let Some(first) = databases.first() else { return };
    let http = Arc::clone(&first.http);
    let mut changes = http.state.subscribe();
    let under_way = Arc::new(Mutex::new(HashSet::new()));
    loop {
        let released = http.holds().released(http.now()).unwrap_or_else(|error| {
            tracing::error!(%error, "releases cannot be looked up");
            Vec::new()
        });
        for hold in released.into_iter().filter(is_ours) {
            if lock(&under_way).insert(hold.id.clone()) {
                let (databases, under_way) = (databases.clone(), Arc::clone(&under_way));
                tokio::spawn(async move {
                    let id = hold.id.clone();
                    execute(&databases, hold).await;
                    lock(&under_way).remove(&id);
                });
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

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn execute(databases: &[Arc<Served>], hold: Hold) {
    let Some(first) = databases.first() else { return };
    let http = &first.http;
    if let Err(refusal) = try_execute(databases, &hold).await {
        tracing::warn!(hold = hold.id, code = %refusal.code(), text = refusal.text(), "released, but not run");
        // What is not run now must not be run later, when nobody expects it any more.
        if let Err(error) = http.holds().void(&hold.id, http.now()) {
            tracing::error!(hold = hold.id, %error, "a release that came to nothing stands");
        }
    }
}

async fn try_execute(databases: &[Arc<Served>], hold: &Hold) -> Result<(), Refusal> {
    let first = databases.first().ok_or_else(|| unavailable("no database is served"))?;
    let payload =
        hold.payload.as_deref().ok_or_else(|| unavailable("a hold without statements"))?;
    let bytes = first.http.state.payloads().read(payload).map_err(unavailable)?;
    let bytes = bytes.ok_or_else(|| unavailable("the stored statements were erased"))?;
    let stored: StoredScript = serde_json::from_slice(&bytes).map_err(unavailable)?;
    let served = databases.iter().find(|served| *served.name == *stored.postgres);
    let served = served.ok_or_else(|| unavailable("its database is not served any more"))?;
    let consumed = Arc::new(Mutex::new(None));
    let release = Release { hold: hold.id.clone(), consumed: Arc::clone(&consumed) };
    let run = Released { served, stored, release };
    let answered = run.run().await.and_then(|(said, kept)| {
        let said = STANDARD.encode(said);
        serde_json::to_vec(&StoredAnswer { said, kept }).map_err(unavailable)
    });
    let Some(consumed) = lock(&consumed).take() else {
        return answered.map(drop);
    };
    let kept;
    let ending = match answered {
        Ok(answer) => {
            kept = answer;
            Ending::Done { response: Some(&kept) }
        }
        Err(refusal) if refusal.code() == Code::OutcomeUnknown => Ending::Unknown,
        Err(refusal) => {
            tracing::warn!(hold = hold.id, text = refusal.text(), "a release came to nothing");
            Ending::NotSent
        }
    };
    let http = &served.http;
    http.holds().finish(consumed, ending, http.now()).map_err(unavailable)?;
    Ok(())
}

/// A released script on its way.
struct Released<'a> {
    served: &'a Arc<Served>,
    stored: StoredScript,
    release: Release,
}

impl Released<'_> {
    /// Runs the statements in a session of their own; what the server said to the last of them, and
    /// the pre-image that was kept.
    async fn run(&self) -> Result<(Bytes, Option<KeptAs>), Refusal> {
        let options = self.stored.options.clone();
        let claim = Claim::Released { hold: self.release.hold.clone() };
        let point = begin::point(Arc::clone(self.served), options, claim, false).await?;
        let bounds = self.bounds(&point)?;
        if self.stored.alone {
            return Ok((self.alone(&point, bounds).await?, None));
        }
        self.open(&point).await?;
        let mut answer = Bytes::new();
        for bound in bounds.iter().filter(|it| !it.says_how_to_begin()) {
            answer = self.rehearse(&point, bound).await?;
        }
        let measured = match point.measure(&bounds, &[]).await {
            Ok(first) => point.save_and_run_again(&bounds, first).await,
            failed => failed,
        };
        let mut measured = measured.map_err(|error| match error {
            MeterError::Refused(refusal) | MeterError::TooLarge(refusal) => refusal,
            MeterError::Server(_) => unavailable("the server would not commit it"),
        })?;
        measured.compared.clone_from(&self.stored.compared);
        let frames = Own::Commit.encoded();
        let script =
            Script::new(&self.served.name, bounds, Step::Commit(Box::new(measured)), frames);
        let script = Script { release: Some(self.release.clone()), ..script };
        match enforce(&point, &point.claim, script).await? {
            Outcome::Committed(_) => Ok((answer, point.take_kept())),
            _ => Err(unavailable("the server would not commit it")),
        }
    }

    /// The statements as they were kept, read again.
    fn bounds(&self, point: &SessionPoint) -> Result<Vec<Bound>, Refusal> {
        let each = self.stored.statements.iter().map(|stored| {
            let target = &point.served.target;
            let read = point.served.readings.read(&stored.text, target).map_err(unavailable)?;
            let (Some(reading), Some(values)) = (read.first().cloned(), stored.values()) else {
                return Err(unavailable("a stored statement"));
            };
            Ok(Bound { reading, values })
        });
        each.collect()
    }

    /// Opens the transaction, with names looked up as they were.
    async fn open(&self, point: &SessionPoint) -> Result<(), Refusal> {
        let path = Own::Made(format!(
            "SELECT pg_catalog.set_config('search_path', {}, false)",
            literal(&self.stored.search_path)
        ));
        let opening = point.upstream.lock().await.opening(&self.stored.isolation);
        for own in [path].into_iter().chain(opening) {
            point.own(&own).await.map_err(|error| own_failed(&error))?;
        }
        Ok(())
    }

    /// Runs one statement in the open transaction.
    async fn rehearse(&self, point: &SessionPoint, bound: &Bound) -> Result<Bytes, Refusal> {
        let frames = frames(bound);
        let script = Script::new(&self.served.name, vec![bound.clone()], Step::Rehearse, frames);
        enforce(point, &point.claim, script).await?;
        answer(&mut *point.upstream.lock().await, bound).await
    }

    /// Runs a statement that no transaction can hold.
    async fn alone(&self, point: &SessionPoint, bounds: Vec<Bound>) -> Result<Bytes, Refusal> {
        let bound = bounds.first().cloned();
        let bound = bound.ok_or_else(|| unavailable("a hold without statements"))?;
        point.own(&Own::MayWrite(true)).await.map_err(|error| own_failed(&error))?;
        let frames = frames(&bound);
        let script = Script::new(&self.served.name, bounds, Step::Run, frames);
        let script = Script { release: Some(self.release.clone()), ..script };
        enforce(point, &point.claim, script).await?;
        let said = answer(&mut *point.upstream.lock().await, &bound).await;
        self.served.catalogue.changed();
        said
    }
}

/// A statement as it is sent again: under a name of the gateway's own, as it would take the client's
/// unnamed statement and portal away.
pub(super) fn frames(bound: &Bound) -> Bytes {
    let (text, values) = (bound.reading.text.as_bytes(), &bound.values);
    if values.simple {
        return framed(b'Q', &[text, &[0]].concat());
    }
    let mut parse = BytesMut::new();
    parse.extend_from_slice(NAME);
    parse.extend_from_slice(&[0]);
    parse.extend_from_slice(text);
    parse.extend_from_slice(&[0]);
    parse.extend_from_slice(&u16::try_from(values.types.len()).unwrap_or(0).to_be_bytes());
    values.types.iter().for_each(|oid| parse.extend_from_slice(&oid.to_be_bytes()));
    let bind = [NAME, &[0], NAME, &[0], &values.bind].concat();
    let execute = [NAME, &[0; 5]].concat();
    let all =
        [framed(b'P', &parse), framed(b'B', &bind), framed(b'E', &execute), framed(b'S', &[])];
    [forgets(), all.concat().to_vec()].concat().into()
}

/// What the server says to a statement: the word that it is done, as far as it is kept.
pub(super) async fn answer(upstream: &mut Upstream, bound: &Bound) -> Result<Bytes, Refusal> {
    // What is run again completes nothing that the client has sent.
    let completed = upstream.completed;
    let mut said = BytesMut::new();
    let mut failure = None;
    loop {
        let frame = upstream.frame().await.map_err(|error| super::point::broken(&error))?;
        upstream.completed = completed;
        match frame.tag {
            b'Z' => break,
            b'E' => failure = Some(frame.body),
            b'G' => {
                let rows = bound.values.copied.clone().unwrap_or_default();
                for piece in rows.chunks(32 << 10) {
                    let frame = super::frame::Frame { tag: b'd', body: rows.slice_ref(piece) };
                    upstream.copy(&frame).await.map_err(|error| super::point::broken(&error))?;
                }
                let done = super::frame::Frame { tag: b'c', body: Bytes::new() };
                upstream.copy(&done).await.map_err(|error| super::point::broken(&error))?;
                if !bound.values.simple {
                    upstream.sync().await.map_err(|error| super::point::broken(&error))?;
                }
                upstream.flush().await.map_err(|error| super::point::broken(&error))?;
            }
            b'C' if said.len() < ANSWER_BYTES_MAX => said.extend_from_slice(&frame.encoded()),
            _ => {}
        }
    }
    match failure {
        None => Ok(said.freeze()),
        Some(body) => {
            let said = holdpoint_wire::sql::protocol::backend::error(body).unwrap_or_default();
            Err(unavailable(format!("the server said: {}", said.message)))
        }
    }
}
