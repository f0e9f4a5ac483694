//! Saving on request, while somebody waits who does not wait for long: what takes longer goes on,
//! and is there when it is asked for again.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use holdpoint_core::{Digest, Environment, Timestamp};
use holdpoint_enforce::keep::{Fetched, Keep, Loss, Occasion, Unkept};
use holdpoint_store::State;

use crate::{
    preserve::{GitBundle, GitRemote, at_address},
    seen::Seen,
    snapshots::{Cause, Snapshots},
    terms::Terms,
};

/// Things that are saved at the same time, and that are remembered.
const JOBS_MAX: usize = 64;
/// How long what was saved counts for whoever asks again.
const FRESH: Duration = Duration::from_secs(60);
/// How long it is looked at whether files are still as they were saved; beyond it the time counts.
const LOOK_MAX: Duration = Duration::from_millis(30);

/// Saves what is about to be taken away.
pub struct Keeper {
    jobs: Arc<Jobs>,
    state: State,
    terms: Box<dyn Fn() -> Terms + Send + Sync>,
    patience: Duration,
    clock: fn() -> Timestamp,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// What is being saved, and what was a moment ago.
#[derive(Default)]
struct Jobs {
    all: Mutex<HashMap<Subject, Job>>,
    ended: Condvar,
}

/// What is saved by one job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Workspace(String),
    Database { address: String, directory: String },
}

struct Job {
    begun: Instant,
    outcome: Option<Result<Kept, String>>,
}

/// What was saved.
#[derive(Clone)]
struct Kept {
    evidence: Digest,
    /// What the workspace looked like, and what of it was left out.
    seen: Option<Arc<Seen>>,
}

impl Subject {
    fn of(loss: &Loss) -> Self {
        match loss {
            Loss::Files { workspace, .. } => Self::Workspace(workspace.clone()),
            Loss::Database { address, directory } => {
                Self::Database { address: address.clone(), directory: directory.clone() }
            }
        }
    }
}

impl Keeper {
    /// Saves into the snapshots of `state`, on the `terms` of then; nobody waits longer than
    /// `patience`.
    pub fn new(
        state: State,
        terms: impl Fn() -> Terms + Send + Sync + 'static,
        patience: Duration,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { jobs: Arc::default(), state, terms: Box::new(terms), patience, clock }
    }

    /// Begins to save, unless that was done a moment ago or goes on.
    fn begin(&self, loss: &Loss, occasion: &Occasion<'_>) -> Result<(), Unkept> {
        let subject = Subject::of(loss);
        let mut jobs = self.jobs.lock();
        jobs.retain(|_, job| job.outcome.is_none() || job.begun.elapsed() < FRESH);
        match jobs.get(&subject) {
            Some(Job { outcome: None, .. }) => return Ok(()),
            Some(Job { outcome: Some(Ok(kept)), .. }) if kept.holds(loss) => return Ok(()),
            _ => {}
        }
        if jobs.len() >= JOBS_MAX {
            return Err(Unkept::Cannot("too much is being saved already".to_owned()));
        }
        jobs.insert(subject.clone(), Job { begun: Instant::now(), outcome: None });
        drop(jobs);
        let (jobs, state, terms) = (Arc::clone(&self.jobs), self.state.clone(), (self.terms)());
        let (run, why) = (occasion.run.to_owned(), format!("before {}", occasion.operation));
        let (of, now) = (subject.clone(), (self.clock)());
        let save = move || {
            let cause = Cause { run: Some(&run), why };
            let outcome = save(&state, terms, &of, &cause, now);
            if let Err(error) = &outcome {
                tracing::warn!(error, "what would be taken away cannot be saved");
            }
            jobs.end(&of, outcome);
        };
        let spawned = thread::Builder::new().name("keeper".to_owned()).spawn(save);
        if let Err(error) = spawned {
            self.jobs.lock().remove(&subject);
            return Err(Unkept::Cannot(error.to_string()));
        }
        Ok(())
    }

    /// Waits for what was begun.
    fn finish(&self, loss: &Loss, until: Instant) -> Result<Kept, Unkept> {
        let subject = Subject::of(loss);
        let mut jobs = self.jobs.lock();
        loop {
            match jobs.get(&subject).and_then(|job| job.outcome.clone()) {
                Some(Ok(kept)) if kept.lacks(loss) => {
                    let why =
                        "a snapshot leaves it out, or a part of it: `holdpoint snapshots` says why";
                    return Err(Unkept::Cannot(why.to_owned()));
                }
                Some(Ok(kept)) if kept.holds(loss) => {
                    // Nobody can tell whether a database has changed since: it counts once.
                    if kept.seen.is_none() {
                        jobs.remove(&subject);
                    }
                    return Ok(kept);
                }
                // It was read before this changed: once more.
                Some(Ok(_)) => {
                    jobs.remove(&subject);
                    return Err(Unkept::Preparing);
                }
                Some(Err(error)) => {
                    jobs.remove(&subject);
                    return Err(Unkept::Cannot(error));
                }
                None => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unkept::Preparing);
            }
            let waited = self.jobs.ended.wait_timeout(jobs, left);
            jobs = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Job>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, subject: &Subject, outcome: Result<Kept, String>) {
        if let Some(job) = self.lock().get_mut(subject) {
            job.outcome = Some(outcome);
        }
        self.ended.notify_all();
    }
}

impl Kept {
    /// Whether some of `loss` is not in it, and would not be in the next one.
    fn lacks(&self, loss: &Loss) -> bool {
        match (&self.seen, loss) {
            (Some(seen), Loss::Files { workspace, at }) => {
                !Path::new(at).starts_with(workspace) || seen.lacks(Path::new(at))
            }
            _ => false,
        }
    }

    /// Whether all of `loss` is in it, as it is now.
    fn holds(&self, loss: &Loss) -> bool {
        match (&self.seen, loss) {
            (Some(seen), Loss::Files { at, .. }) => {
                seen.is_still(Path::new(at), Instant::now() + LOOK_MAX)
            }
            _ => true,
        }
    }
}

impl Keep for Keeper {
    fn can(&self, loss: &Loss, environment: Environment) -> bool {
        if !Loss::may_stay_here(environment) {
            return false;
        }
        match loss {
            Loss::Files { .. } => true,
            Loss::Database { address, directory } => {
                at_address(address, Path::new(directory)).is_ok()
            }
        }
    }

    fn keep(&self, losses: &[Loss], occasion: &Occasion<'_>) -> Result<Digest, Unkept> {
        let until = Instant::now() + self.patience;
        losses.iter().try_for_each(|loss| self.begin(loss, occasion))?;
        let kept: Result<Vec<Kept>, Unkept> =
            losses.iter().map(|loss| self.finish(loss, until)).collect();
        let evidence: Vec<[u8; 32]> = kept?.into_iter().map(|kept| kept.evidence.0).collect();
        Ok(Digest::of_fields(evidence.iter().map(<[u8; 32]>::as_slice)))
    }

    fn keep_fetched(
        &self,
        fetched: &Fetched<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<Digest, Unkept> {
        let Fetched { url, references, bundle } = fetched;
        let remote = GitRemote {
            url: (*url).to_owned(),
            references: references.to_vec(),
            settings: Vec::new(),
        };
        let why = format!("before {}", occasion.operation);
        let cause = Cause { run: Some(occasion.run), why };
        let bundle = GitBundle { remote, bundle };
        let snapshots = Snapshots::open(&self.state, (self.terms)());
        let saved = snapshots.and_then(|it| it.preserve(&bundle, &cause, (self.clock)()));
        let saved = saved.map_err(|error| Unkept::Cannot(error.to_string()))?;
        Ok(Digest::of(saved.stored.as_bytes()))
    }
}

fn save(
    state: &State,
    terms: Terms,
    subject: &Subject,
    cause: &Cause<'_>,
    now: Timestamp,
) -> Result<Kept, String> {
    let failed = |error: crate::SnapshotError| error.to_string();
    let snapshots = Snapshots::open(state, terms).map_err(failed)?;
    match subject {
        Subject::Workspace(root) => {
            let saved =
                snapshots.save_workspace(&PathBuf::from(root), cause, now).map_err(failed)?;
            let evidence = Digest::of(saved.snapshot.stored.as_bytes());
            Ok(Kept { evidence, seen: Some(Arc::new(saved.seen)) })
        }
        Subject::Database { address, directory } => {
            let mut stored = Vec::new();
            for it in at_address(address, Path::new(directory))? {
                stored.push(snapshots.preserve(&*it, cause, now).map_err(failed)?.stored);
            }
            let evidence = Digest::of_fields(stored.iter().map(String::as_bytes));
            Ok(Kept { evidence, seen: None })
        }
    }
}
