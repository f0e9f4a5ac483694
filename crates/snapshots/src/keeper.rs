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
    preserve::{GitBundle, GitRemote, Preserve, at_address, is_reachable, meant},
    seen::Seen,
    snapshots::{Cause, Snapshots},
    terms::Terms,
};

/// Things that are saved at the same time, and that are remembered.
const JOBS_MAX: usize = 64;
/// How long what was saved counts for whoever asks again.
const FRESH: Duration = Duration::from_secs(60);
/// How long a volume counts as it was last seen: longer than an agent takes to ask again.
const SEEN: Duration = Duration::from_secs(30);
/// How often something is saved in vain, as it changed before that was of use.
const VAIN_MAX: u32 = 3;

/// Why what is never twice the same is not saved.
const TOO_FAST: &str = "it changes faster than it can be saved";

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
    /// A database, or volumes: what is written out by its own tools.
    Other(Loss),
}

#[derive(Default)]
struct Job {
    /// What came of it, and when.
    outcome: Option<(Result<Kept, String>, Instant)>,
    /// How often in a row it was done in vain.
    vain: u32,
}

/// What was saved.
#[derive(Debug, Clone)]
struct Kept {
    evidence: Digest,
    then: Then,
}

/// What it was like when it was saved.
#[derive(Debug, Clone)]
enum Then {
    /// What the workspace looked like, and what of it was left out.
    Workspace(Arc<Seen>),
    /// The marks of the databases, in their order.
    Databases(Vec<String>),
    /// When the volumes were last seen to be as they were saved.
    Volumes(Instant),
}

impl Subject {
    fn of(loss: &Loss) -> Self {
        match loss {
            Loss::Files { workspace, .. } => Self::Workspace(workspace.clone()),
            loss => Self::Other(loss.clone()),
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

    /// Begins to save, unless that was done a moment ago and still holds, or goes on.
    fn begin(
        &self,
        wanted: &Wanted<'_>,
        occasion: &Occasion<'_>,
        until: Instant,
    ) -> Result<(), Unkept> {
        let subject = &wanted.subject;
        let fresh = |(_, ended): &(_, Instant)| ended.elapsed() < FRESH;
        let known = {
            let mut jobs = self.jobs.lock();
            jobs.retain(|_, job| job.outcome.as_ref().is_none_or(fresh));
            jobs.get(subject).map(|job| (job.outcome.clone(), job.vain))
        };
        let vain = match known {
            Some((None, _)) => return Ok(()),
            Some((Some((Ok(kept), _)), _)) if wanted.is_held_by(&kept, until) => return Ok(()),
            Some((Some((Ok(_), _)), vain)) if vain >= VAIN_MAX => {
                self.jobs.lock().remove(subject);
                return Err(Unkept::Cannot(TOO_FAST.to_owned()));
            }
            Some((_, vain)) => vain + 1,
            None => 0,
        };
        {
            let mut jobs = self.jobs.lock();
            match jobs.get(subject) {
                Some(Job { outcome: None, .. }) => return Ok(()),
                None if jobs.len() >= JOBS_MAX => {
                    let why = "too much is being saved already";
                    return Err(Unkept::Cannot(why.to_owned()));
                }
                _ => drop(jobs.insert(subject.clone(), Job { outcome: None, vain })),
            }
        }
        self.spawn(subject, occasion)
    }

    fn spawn(&self, subject: &Subject, occasion: &Occasion<'_>) -> Result<(), Unkept> {
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
            self.jobs.lock().remove(subject);
            return Err(Unkept::Cannot(error.to_string()));
        }
        Ok(())
    }

    /// Waits for what was begun; it counts if it is still as it was saved.
    fn finish(&self, wanted: &Wanted<'_>, until: Instant) -> Result<Kept, Unkept> {
        let kept = self.outcome(&wanted.subject, until)?;
        if wanted.losses.iter().any(|loss| kept.lacks(loss)) {
            let why = "a snapshot leaves it out, or a part of it: `holdpoint snapshots` says why";
            return Err(Unkept::Cannot(why.to_owned()));
        }
        // It was read before this changed: whoever asks again begins once more.
        if !wanted.is_held_by(&kept, until) {
            return Err(Unkept::Preparing);
        }
        if let Some(job) = self.jobs.lock().get_mut(&wanted.subject) {
            job.vain = 0;
        }
        Ok(kept)
    }

    fn outcome(&self, subject: &Subject, until: Instant) -> Result<Kept, Unkept> {
        let mut jobs = self.jobs.lock();
        loop {
            match jobs.get(subject).map(|job| job.outcome.clone()) {
                Some(Some((Ok(kept), _))) => return Ok(kept),
                Some(Some((Err(error), _))) => {
                    jobs.remove(subject);
                    return Err(Unkept::Cannot(error));
                }
                // Somebody else has seen that it changed.
                None => return Err(Unkept::Preparing),
                Some(None) => {}
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

/// What is wanted of one job: several steps may take from the same.
struct Wanted<'a> {
    subject: Subject,
    losses: Vec<&'a Loss>,
}

impl<'a> Wanted<'a> {
    fn of(losses: &'a [Loss]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for loss in losses {
            let subject = Subject::of(loss);
            match all.iter_mut().find(|it| it.subject == subject) {
                Some(wanted) => wanted.losses.push(loss),
                None => all.push(Self { subject, losses: vec![loss] }),
            }
        }
        all
    }

    /// Whether all of it is in `kept`, as it is now. Nobody looks longer than `until`.
    fn is_held_by(&self, kept: &Kept, until: Instant) -> bool {
        match (&kept.then, &self.subject) {
            (Then::Workspace(seen), Subject::Workspace(_)) => {
                let mut files = self.losses.iter().filter_map(|loss| match loss {
                    Loss::Files { at, .. } => Some(Path::new(at)),
                    _ => None,
                });
                files.all(|at| seen.is_still(at, until))
            }
            (Then::Databases(then), Subject::Other(loss)) => {
                marks(loss).is_ok_and(|now| now == *then)
            }
            // Nobody who waits reads all of them again.
            (Then::Volumes(seen), Subject::Other(_)) => seen.elapsed() < SEEN,
            _ => false,
        }
    }
}

/// What is meant that its own tools write out.
fn others(loss: &Loss) -> Result<Vec<Box<dyn Preserve>>, String> {
    match loss {
        Loss::Files { at, .. } => Err(format!("{at} is saved with its workspace")),
        Loss::Database { address, directory } => {
            Ok(at_address(address, directory.as_deref().map(Path::new))?)
        }
        Loss::Volumes(volumes) => meant(volumes),
    }
}

/// Which each of them is, and its mark.
fn marks(loss: &Loss) -> Result<Vec<String>, String> {
    let of = |it: &dyn Preserve| match it.mark() {
        Ok(mark) => Ok(format!("{} {mark}", it.what())),
        Err(error) => Err(error.to_string()),
    };
    others(loss)?.iter().map(|it| of(&**it)).collect()
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Job>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, subject: &Subject, outcome: Result<Kept, String>) {
        if let Some(job) = self.lock().get_mut(subject) {
            job.outcome = Some((outcome, Instant::now()));
        }
        self.ended.notify_all();
    }
}

impl Kept {
    /// Whether some of `loss` is not in it, and would not be in the next one.
    fn lacks(&self, loss: &Loss) -> bool {
        match (&self.then, loss) {
            (Then::Workspace(seen), Loss::Files { workspace, at }) => {
                !Path::new(at).starts_with(workspace) || seen.lacks(Path::new(at))
            }
            _ => false,
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
                at_address(address, directory.as_deref().map(Path::new)).is_ok()
            }
            Loss::Volumes(volumes) => is_reachable(volumes),
        }
    }

    fn keep(&self, losses: &[Loss], occasion: &Occasion<'_>) -> Result<Digest, Unkept> {
        let until = Instant::now() + self.patience;
        let wanted = Wanted::of(losses);
        wanted.iter().try_for_each(|it| self.begin(it, occasion, until))?;
        let kept: Result<Vec<Kept>, Unkept> =
            wanted.iter().map(|it| self.finish(it, until)).collect();
        let kept = kept?;
        // Whatever has these names when they are taken away once more is another.
        let volumes = |(_, kept): &(&Wanted<'_>, &Kept)| matches!(kept.then, Then::Volumes(_));
        for (used, _) in wanted.iter().zip(&kept).filter(volumes) {
            self.jobs.lock().remove(&used.subject);
        }
        let evidence: Vec<[u8; 32]> = kept.into_iter().map(|kept| kept.evidence.0).collect();
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
            Ok(Kept { evidence, then: Then::Workspace(Arc::new(saved.seen)) })
        }
        Subject::Other(loss) => {
            // What changes while it is saved makes the marks differ.
            let then = marks(loss)?;
            let mut stored = Vec::new();
            for it in others(loss)? {
                stored.push(snapshots.preserve(&*it, cause, now).map_err(failed)?.stored);
            }
            let evidence = Digest::of_fields(stored.iter().map(String::as_bytes));
            let seen = Instant::now();
            let then = match loss {
                Loss::Volumes(_) if marks(loss)? == then => Then::Volumes(seen),
                Loss::Volumes(_) => return Err(TOO_FAST.to_owned()),
                _ => Then::Databases(then),
            };
            Ok(Kept { evidence, then })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, thread, time::Duration};

    use holdpoint_core::Timestamp;
    use holdpoint_enforce::keep::{Keep as _, Loss, Occasion, Unkept};
    use holdpoint_store::{State, config::SnapshotTerms};

    use super::{Keeper, VAIN_MAX};
    use crate::terms::Terms;

    const OCCASION: Occasion<'static> = Occasion { run: "r-1", operation: "sql:drop_table" };

    fn keeper(at: &Path, patience: Duration) -> Keeper {
        let terms = Terms::new(&SnapshotTerms::default(), at);
        Keeper::new(State::open(at).unwrap(), move || terms.clone(), patience, || Timestamp(1))
    }

    fn database(directory: &Path) -> (rusqlite::Connection, Loss) {
        let open = rusqlite::Connection::open(directory.join("app.db")).unwrap();
        open.execute_batch("CREATE TABLE users (name TEXT)").unwrap();
        let directory = Some(directory.to_str().unwrap().to_owned());
        (open, Loss::Database { address: "file:app.db".to_owned(), directory })
    }

    #[test]
    fn two_steps_at_one_database_are_saved_by_one_job() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = keeper(&dir.path().join("state"), Duration::from_secs(60));
        let (_open, loss) = database(dir.path());
        keeper.keep(&[loss.clone(), loss.clone()], &OCCASION).unwrap();
        keeper.keep(&[loss], &OCCASION).unwrap();
        assert_eq!(keeper.state.snapshots().list().unwrap().len(), 1, "nothing has changed since");
    }

    #[test]
    fn rows_that_were_written_since_are_saved_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = keeper(&dir.path().join("state"), Duration::from_secs(60));
        let (open, loss) = database(dir.path());
        keeper.keep(std::slice::from_ref(&loss), &OCCASION).unwrap();
        open.execute_batch("INSERT INTO users VALUES ('late')").unwrap();
        keeper.keep(&[loss], &OCCASION).unwrap();
        assert_eq!(keeper.state.snapshots().list().unwrap().len(), 2);
    }

    #[test]
    fn what_changes_all_the_time_is_not_saved_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        // Nobody waits here: each ask finds what the one before has begun.
        let keeper = keeper(&dir.path().join("state"), Duration::ZERO);
        let (open, loss) = database(dir.path());
        let mut outcomes = Vec::new();
        for _ in 0..=VAIN_MAX + 1 {
            outcomes.push(keeper.keep(std::slice::from_ref(&loss), &OCCASION).unwrap_err());
            while keeper.jobs.lock().values().any(|job| job.outcome.is_none()) {
                thread::sleep(Duration::from_millis(5));
            }
            open.execute_batch("INSERT INTO users VALUES ('again')").unwrap();
        }
        let last = outcomes.pop().unwrap();
        assert!(outcomes.iter().all(|it| *it == Unkept::Preparing), "{outcomes:?}");
        assert!(matches!(&last, Unkept::Cannot(why) if why.contains("faster")), "{last:?}");
    }
}
