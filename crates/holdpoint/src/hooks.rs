//! Hooks that ask the gateway: read, judged, recorded and answered, many at a time.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use holdpoint_core::{
    Digest,
    ledger::{Record, RecordKind},
};
use holdpoint_enforce::{Ledger as _, Point as _, keep::Keep};
use holdpoint_gateway::{listen::Stop, point::HttpPoint};
use holdpoint_sandbox::hook::{Answered, Answering};
use holdpoint_snapshots::{Keeper, Terms};
use holdpoint_store::{
    StoreError,
    episodes::Episodes,
    hooks::{Asking, HooksSocket},
    spool::Spool,
};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    commands::{
        Here,
        hook::{
            DEADLINE,
            question::{self, Question},
            stack,
            told::Told,
        },
        now,
    },
    status::CommandError,
};

/// Hooks that are answered at the same time.
const ASKING_MAX: usize = 64;
/// How long an answer may take: by then its hook has long given up.
const ANSWERING_MAX: Duration = Duration::from_millis(DEADLINE.as_millis() as u64 * 2);
/// How long a hook may wait for what is saved first: the rest of its time is for the judgement and
/// the record.
const SAVING_MAX: Duration = Duration::from_millis(DEADLINE.as_millis() as u64 * 2 / 3);

/// What the hooks of a gateway are answered from.
#[derive(Debug)]
pub struct Hooks {
    here: Arc<Here>,
    point: Arc<HttpPoint>,
    /// What humans said; nothing if it cannot be read.
    told: RwLock<Option<Arc<Told>>>,
    keeper: Arc<Keeper>,
}

impl Hooks {
    /// Answers from `point`'s policies and ledger.
    pub fn new(here: Arc<Here>, point: Arc<HttpPoint>) -> Result<Self, StoreError> {
        let told = Told::read(&here.state, &here.config)?;
        let terms = Arc::clone(&here);
        let terms = move || Terms::configured(&terms.last_good.config(), &terms.dir);
        let keeper = Arc::new(Keeper::new(here.state.clone(), terms, SAVING_MAX, now));
        point.kept_by(Arc::clone(&keeper) as Arc<dyn Keep>);
        Ok(Self { here, point, told: RwLock::new(Some(Arc::new(told))), keeper })
    }

    /// Takes what a human has changed.
    pub fn refresh(&self) {
        let config = self.here.last_good.config();
        let told = Told::read(&self.here.state, &config).inspect_err(|error| {
            tracing::error!(%error, "nothing is known to hooks until it can be read");
        });
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = told.ok().map(Arc::new);
    }

    /// Takes what hooks recorded while no gateway was up into the ledger.
    pub async fn take_spool(&self) -> Result<(), CommandError> {
        let spool = Spool::of(&self.here.dir);
        let lines = spool.take().map_err(CommandError::unable)?;
        if lines.is_empty() {
            return Ok(());
        }
        for line in lines {
            let record = line.unwrap_or_else(damaged);
            let subject = match &record.kind {
                RecordKind::Decision(decided) => decided.message,
                _ => Digest::of(b"spool"),
            };
            self.point.append(record, subject).await.map(drop).map_err(CommandError::unable)?;
        }
        let event = "hooks_taken".to_owned();
        let taken = Record::new(now(), None, RecordKind::Lifecycle { event });
        self.point.commit(taken, Digest::of(b"spool")).await.map_err(CommandError::unable)?;
        spool.forget().map_err(CommandError::unable)
    }

    /// Answers hooks until told to stop.
    pub async fn serve(self: Arc<Self>, socket: HooksSocket, stop: Stop) {
        let mut answering = JoinSet::new();
        loop {
            let room = answering.len() < ASKING_MAX;
            tokio::select! {
                accepted = socket.accept(), if room => match accepted {
                    Ok(asking) => {
                        let hooks = Arc::clone(&self);
                        answering.spawn(async move {
                            // Who is not answered takes it for a no.
                            let answered = timeout(ANSWERING_MAX, hooks.answer(asking)).await;
                            let answered = answered.map_err(CommandError::unable).flatten();
                            if let Err(error) = answered {
                                tracing::warn!(%error, "a hook was not answered");
                            }
                        });
                    }
                    Err(error) => tracing::warn!(%error, "a hook was not heard"),
                },
                Some(_answered) = answering.join_next() => {}
                () = stop.said() => return,
            }
        }
    }

    async fn answer(self: Arc<Self>, mut asking: Asking) -> Result<(), CommandError> {
        let question = asking.question().await.map_err(CommandError::unable)?;
        let hooks = Arc::clone(&self);
        let judging = move || stack::deep(|| hooks.judge(&question));
        let judged = tokio::task::spawn_blocking(judging).await.map_err(CommandError::unable)?;
        let Answered { answer, record, durable, subject } = judged??;
        match record {
            Some(record) if durable => {
                self.point.commit(record, subject).await.map(drop).map_err(CommandError::unable)?;
            }
            Some(record) => {
                self.point.append(record, subject).await.map(drop).map_err(CommandError::unable)?;
            }
            None => {}
        }
        let answer = question::to_bytes(answer).map_err(CommandError::unable)?;
        asking.answer(&answer).await.map_err(CommandError::unable)
    }

    fn judge(&self, question: &[u8]) -> Result<Answered, CommandError> {
        let (question, heard) = Question::read(question).map_err(CommandError::unable)?;
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner).clone();
        let told = told.ok_or_else(|| {
            CommandError::unable("what humans have said cannot be read, so nothing passes")
        })?;
        let pdp = self.point.policies();
        let config = self.here.last_good.config();
        let episodes = Episodes::of(&self.here.dir);
        let answering = Answering {
            pdp: &pdp,
            known: &*told,
            episodes: Some(&episodes),
            remember_minutes: config.refusals.remember_minutes,
            keeper: Some(&*self.keeper),
        };
        answering.answer(&question.call(heard, now())).map_err(CommandError::unable)
    }
}

/// What stands in the ledger for a line of the spool that cannot be read.
fn damaged() -> Record {
    let event = "hooks_spool_damaged".to_owned();
    Record::new(now(), None, RecordKind::Lifecycle { event })
}
