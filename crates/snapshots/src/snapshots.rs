//! Taking snapshots, and looking after them.

use std::{
    collections::HashSet,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdpoint_core::Timestamp;
use holdpoint_store::{
    State, StoreError,
    config::StoreUrl,
    snapshots::{NewSnapshot, Snapshot},
};

use crate::{
    check::{self, Finding},
    difference::entry_at,
    door::Door,
    elsewhere::{Elsewhere, Login, Place, store},
    entry::{Content, Entry},
    error::{Result, SnapshotError},
    omitted::Reason,
    opened::Opened,
    repository::{Exported, Indexed, Repository},
    seen::Seen,
    source::{Problems, Source},
    storage::Power,
    terms::Terms,
    walk::{Listing, Walk},
};

/// The directory of the repository in a state directory.
pub(crate) const DIRECTORY: &str = "snapshots";
/// The kind of a snapshot that is a workspace's.
pub const WORKSPACE: &str = "workspace";
/// How often a workspace is read whose files change while they are read.
const TRIES: usize = 3;
const DAY_SECONDS: u64 = 24 * 3600;

/// Snapshots, and the way back to them.
#[derive(Debug)]
pub struct Snapshots {
    pub(crate) state: State,
    pub(crate) repository: Repository,
    pub(crate) terms: Terms,
}

/// Why a snapshot is taken.
#[derive(Debug, Clone)]
pub struct Cause<'a> {
    /// The run that could need it.
    pub run: Option<&'a str>,
    /// In words that follow "as it was".
    pub why: String,
}

/// A snapshot that is whole and on disk.
#[derive(Debug)]
pub struct Saved {
    /// Its row in the catalogue.
    pub snapshot: Snapshot,
    /// What it leaves out that somebody may miss, in sentences.
    pub losses: Vec<String>,
    /// What the workspace looked like.
    pub seen: Seen,
}

/// What reading everything back came to.
#[derive(Debug)]
pub struct Verified {
    /// How many snapshots there are.
    pub snapshots: usize,
    /// What is missing or was changed.
    pub faults: Vec<String>,
}

/// What a prune came to.
#[derive(Debug)]
pub struct Pruned {
    /// How many snapshots were removed.
    pub removed: usize,
    /// How many there are still.
    pub kept: usize,
}

/// What a snapshot is of.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) root: &'a Path,
    pub(crate) kind: &'static str,
    pub(crate) what: String,
}

impl<'a> Subject<'a> {
    /// A workspace; the catalogue names it by its path.
    pub(crate) fn workspace(root: &'a Path) -> Result<Self> {
        match root.to_str() {
            Some(what) => Ok(Self { root, kind: WORKSPACE, what: what.to_owned() }),
            None => Err(SnapshotError::NoText(root.to_owned())),
        }
    }
}

impl Snapshots {
    /// The snapshots of a state. Their directory and its key are made if there are none.
    pub fn open(state: &State, terms: Terms) -> Result<Self> {
        let directory = state.dir().map(|dir| dir.join(DIRECTORY));
        let directory = directory.ok_or_else(|| StoreError::Missing {
            what: "state directory",
            name: "in memory".to_owned(),
        })?;
        let catalogue = state.snapshots();
        let (there, power) = match &terms.place {
            Place::Own => (None, Power::Remove),
            Place::Door(socket) => (Some(Arc::new(Door::at(socket)) as _), Power::Add),
            Place::Store(url, authorities) => {
                let login = catalogue.login()?.map(|login| read_login(&login)).transpose()?;
                (Some(reach(url, authorities, login, &terms)?), Power::Add)
            }
        };
        let repository = Repository::open(&directory, there, power, &catalogue)?;
        Ok(Self { state: state.clone(), repository, terms })
    }

    /// The snapshots of a state that lie in a store, for whoever may remove there: `login`, at the
    /// address that is configured or, where removing has one of its own, at `url`.
    pub fn open_to_remove(
        state: &State,
        terms: Terms,
        login: Login,
        url: Option<&StoreUrl>,
    ) -> Result<Self> {
        let Place::Store(configured, authorities) = &terms.place else {
            return Err(SnapshotError::NoPower);
        };
        let there = reach(url.unwrap_or(configured), authorities, Some(login), &terms)?;
        let directory = state.dir().map(|dir| dir.join(DIRECTORY)).ok_or(SnapshotError::NoPower)?;
        let there = Some(there);
        let repository = Repository::open(&directory, there, Power::Remove, &state.snapshots())?;
        Ok(Self { state: state.clone(), repository, terms })
    }

    /// The snapshots of a state, whose repository lies in `directory`: for whoever keeps that
    /// directory, and may remove.
    pub fn open_in(state: &State, terms: Terms, directory: &Path) -> Result<Self> {
        let repository = Repository::open(directory, None, Power::Remove, &state.snapshots())?;
        Ok(Self { state: state.clone(), repository, terms })
    }

    /// Whether this workspace has been saved before: then only what changed is read.
    pub fn knows(&self, root: &Path) -> Result<bool> {
        Ok(self.state.snapshots().newest(WORKSPACE, &root.to_string_lossy())?.is_some())
    }

    /// Takes a snapshot of the workspace `root`. It is whole and on disk when this returns.
    pub fn save_workspace(&self, root: &Path, cause: &Cause<'_>, now: Timestamp) -> Result<Saved> {
        let _lock = self.repository.share()?;
        let writing = self.repository.indexed()?;
        self.save(&writing, &Subject::workspace(root)?, cause, now, &|_| false, None)
    }

    /// Takes a snapshot of what was written out to `root`, under its own name; all of it, or none.
    pub(crate) fn save_as(
        &self,
        root: &Path,
        kind: &'static str,
        what: String,
        cause: &Cause<'_>,
        now: Timestamp,
    ) -> Result<Snapshot> {
        let subject = Subject { root, kind, what };
        let _lock = self.repository.share()?;
        let writing = self.repository.indexed()?;
        Ok(self.save(&writing, &subject, cause, now, &|_| true, None)?.snapshot)
    }

    /// Takes a snapshot of anything. Rebuildable directories that are `known` are taken as well.
    /// Nobody may have removed anything since the index was read: the caller shares the lock.
    pub(crate) fn save(
        &self,
        writing: &Indexed,
        subject: &Subject<'_>,
        cause: &Cause<'_>,
        now: Timestamp,
        known: &dyn Fn(&Path) -> bool,
        opened: Option<&Arc<Opened>>,
    ) -> Result<Saved> {
        let catalogue = self.state.snapshots();
        let Subject { root, kind, what } = subject;
        let parent = catalogue.newest(kind, what)?.map(|newest| newest.stored);
        let whole = *kind != WORKSPACE;
        let terms = if whole { self.terms.clone().whole() } else { self.terms.clone() };
        let walk = Walk { root, terms: &terms, known, opened: opened.map(|it| &**it) };
        let (stored, listing) = read(writing, &walk, parent, opened)?;
        if let Some(left_out) = listing.omitted.sentences(root).into_iter().next().filter(|_| whole)
        {
            return Err(SnapshotError::Incomplete { what: what.clone(), left_out });
        }
        let new = NewSnapshot {
            stored: &stored,
            kind,
            what,
            run: cause.run,
            why: &cause.why,
            entries: listing.entries.len() as u64,
            bytes: listing.bytes,
            until: now.plus_seconds(self.terms.keep_days.saturating_mul(DAY_SECONDS)),
            omitted: &listing.omitted.sentences(root),
        };
        let snapshot = catalogue.add(&new, now)?;
        self.renew(now)?;
        Ok(Saved { snapshot, losses: listing.omitted.losses(root), seen: Seen::of(&listing) })
    }

    /// Has what is locked for a time locked for longer, before less is left than a snapshot is kept.
    fn renew(&self, now: Timestamp) -> Result<()> {
        let catalogue = self.state.snapshots();
        let pause = self.terms.keep_days.saturating_mul(DAY_SECONDS) / 2;
        match catalogue.renewed()? {
            Some(at) if now.seconds_since(at) < pause => return Ok(()),
            // All of it was locked a moment ago.
            None if catalogue.list()?.len() <= 1 => {}
            _ => {
                let kept = catalogue.list()?.into_iter().filter(|it| it.until > now);
                self.repository.renew(&kept.map(|it| it.stored).collect::<Vec<_>>())?;
            }
        }
        Ok(catalogue.set_renewed(now)?)
    }

    /// Writes what a snapshot of something other than a workspace holds into `directory`.
    pub(crate) fn write_to(&self, directory: &Path, of: &Snapshot) -> Result<()> {
        let _lock = self.repository.share()?;
        let reading = self.repository.indexed()?;
        let stored = reading.snapshot(&of.stored)?;
        let root = PathBuf::from(stored.paths.to_string());
        let gone = || SnapshotError::NotInSnapshot(root.clone());
        let entry = entry_at(&reading, stored.tree, &root)?.ok_or_else(gone)?;
        let Content::Directory { tree } = entry.content else { return Err(gone()) };
        for node in &reading.tree(tree)?.nodes {
            let Some(Entry { content: Content::File { pieces, .. }, .. }) = Entry::of(node) else {
                continue;
            };
            let path = directory.join(&*node.name());
            let mut file = File::create_new(&path).map_err(SnapshotError::io("make", &path))?;
            for piece in pieces {
                let written = file.write_all(&reading.piece(piece)?);
                written.map_err(SnapshotError::io("write", &path))?;
            }
        }
        Ok(())
    }

    /// Our own directory, in which things may pass through.
    pub(crate) fn state_directory(&self) -> Result<&Path> {
        let parent = self.repository.directory().parent();
        parent.ok_or_else(|| SnapshotError::NotInSnapshot(self.repository.directory().to_owned()))
    }

    /// Reads everything back, and notes which snapshots were whole.
    pub fn verify(&self, now: Timestamp) -> Result<Verified> {
        let _lock = self.repository.share()?;
        let catalogue = self.state.snapshots();
        let all = catalogue.list()?;
        let stored: HashSet<String> = self.repository.stored()?.into_iter().collect();
        let mut faults = self.repository.verify()?;
        let gone = all.iter().filter(|it| !stored.contains(&it.stored));
        faults
            .extend(gone.map(|it| format!("{} ({}) is gone from the repository", it.id, it.what)));
        if faults.is_empty() {
            let ids: Vec<String> = all.iter().map(|it| it.id.clone()).collect();
            catalogue.verified(&ids, now)?;
        }
        Ok(Verified { snapshots: all.len(), faults })
    }

    /// Finds out what the credential that writes can do, and where the repository lies.
    pub fn check(&self) -> Result<Vec<Finding>> {
        let all = self.state.snapshots().list()?;
        let saved: HashSet<PathBuf> = all
            .iter()
            .filter(|it| it.kind == WORKSPACE)
            .map(|it| PathBuf::from(&it.what))
            .collect();
        match self.repository.elsewhere() {
            Some(there) => there.check(&saved).map_err(self.repository.unreachable()),
            None => check::check(self.repository.directory(), &saved),
        }
    }

    /// Removes what is kept no longer, and what no row of the catalogue names; the newest of
    /// everything stays, what a run needs that goes on, and what a hold or an undo waits for. Nobody
    /// else writes or reads meanwhile.
    pub fn prune(&self, going_on: &HashSet<String>, now: Timestamp) -> Result<Pruned> {
        let _lock = self.repository.own()?;
        let catalogue = self.state.snapshots();
        let all = catalogue.list()?;
        let waited_for = catalogue.waited_for()?;
        let mut newest = HashSet::new();
        let (mut kept, mut removed) = (Vec::new(), 0);
        for snapshot in all {
            let first = newest.insert((snapshot.kind.clone(), snapshot.what.clone()));
            let needed = snapshot.run.as_ref().is_some_and(|run| going_on.contains(run))
                || waited_for.contains(&snapshot.id);
            if first || needed || snapshot.until > now {
                kept.push(snapshot.stored);
            } else {
                catalogue.forget(&snapshot.id)?;
                removed += 1;
            }
        }
        self.repository.prune(&kept)?;
        Ok(Pruned { removed, kept: kept.len() })
    }

    /// A password with which plain restic reads the repository. A new one each time.
    pub fn export_key(&self) -> Result<Exported> {
        let _lock = self.repository.share()?;
        self.repository.export_key()
    }
}

fn read_login(kept: &[u8]) -> Result<Login> {
    Login::read(&String::from_utf8_lossy(kept))
}

/// A store of another machine.
fn reach(
    url: &StoreUrl,
    authorities: &[PathBuf],
    login: Option<Login>,
    terms: &Terms,
) -> Result<Arc<dyn Elsewhere>> {
    let reached = store(url, authorities, login, terms.lock_days());
    reached.map_err(|error| SnapshotError::Repository {
        place: url.to_string().into(),
        text: error.to_string(),
    })
}

/// Reads what is there into the repository, again as long as it changes meanwhile.
fn read(
    writing: &Indexed,
    walk: &Walk<'_>,
    mut parent: Option<String>,
    opened: Option<&Arc<Opened>>,
) -> Result<(String, Listing)> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        let mut listing = walk.list()?;
        let source = Source::new(&listing, opened.cloned());
        let stored = writing.save(walk.root, &source, parent.as_deref())?;
        let Problems { unsettled, unreadable } = source.problems();
        if !unsettled.is_empty() && tries > 0 {
            parent = Some(stored);
            continue;
        }
        for path in unsettled {
            listing.omitted.add(Reason::Unsettled, path);
        }
        for path in unreadable {
            listing.omitted.add(Reason::Unreadable, path);
        }
        return Ok((stored, listing));
    }
}
