//! What is seen inside of some directories: a file system of ours that is served from outside
//! (FUSE). Files are as they are, but for secrets, which are masked, and for what is guarded,
//! which is written beside.
//!
//! - `nodes`: the numbers by which the kernel speaks of files
//! - `places`: where they really are
//! - `attributes`: what they are
//! - `open`: what is open
//! - `masked`: an open file with secrets
//! - `act`, `change`, `extended`: what can be asked for, as functions
//! - `names`: what git writes down of objects
//! - `refs`: where it keeps refs together
//! - `locks`: who waits for whom
//! - `serve`: the same, as the kernel asks

mod act;
mod attributes;
mod change;
mod extended;
mod locks;
mod masked;
mod names;
mod nodes;
mod open;
pub(crate) mod places;
pub(crate) mod refs;
mod serve;

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{Config, Session, SessionACL};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};
use rustix::{fs::fstat, io::Errno};

pub use self::masked::SEARCHED_MAX;
use self::{names::Rewritten, nodes::Nodes, open::Handles, places::Place};
use crate::{
    error::{During as _, Result},
    guarded::{self, Top},
    history::{History, Seen},
    kept::{Kept, Shelf},
    layout::Access,
};

/// Threads that serve one view: one that waits for a disk keeps nobody else waiting.
const THREADS: usize = 2;
/// How long the kernel takes for granted what it was told: the outside changes things too.
const FRESH: Duration = Duration::from_millis(100);
/// Files that are known to hold no secret; beyond it, they are searched again.
const CLEAN_MAX: usize = 1_000_000;

/// What is secret in files.
pub trait Mask: Send + Sync + std::fmt::Debug {
    /// What is seen of a file; nothing if it is seen as it is. `own` if it was written inside:
    /// then only what is known to be real is a secret, as nobody inside has any.
    fn masked(&self, path: &Path, bytes: &[u8], own: bool) -> Option<Vec<u8>>;
    /// What was written, with phantoms in their own places turned into what they stand for.
    fn unmasked(&self, path: &Path, bytes: &[u8]) -> Vec<u8>;
    /// Whether nobody reads this file, as it cannot be masked.
    fn is_withheld(&self, path: &Path) -> bool;
    /// Whether there are such places in this file.
    fn has_places(&self, path: &Path) -> bool;
    /// Whether there are such places in a file that is, or lies below, `path`.
    fn has_places_below(&self, path: &Path) -> bool;
}

/// A directory that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where it is, without links.
    pub at: PathBuf,
    /// What it is in its workspace: `.git` for what git keeps elsewhere, an empty path for the
    /// workspace itself. Without it, nothing in there is guarded.
    pub within: Option<PathBuf>,
    /// Whether it can be changed.
    pub access: Access,
}

/// By what it is known that somebody changed a file: when that was, and its length.
type State = (i64, u64, i64);

#[derive(Debug)]
struct Base {
    shown: Shown,
    directory: OwnedFd,
}

/// A file system that shows directories under their numbers.
#[derive(Debug)]
pub struct View {
    bases: Vec<Base>,
    shelf: Arc<Shelf>,
    shelf_directory: Mutex<Option<OwnedFd>>,
    mask: Option<Arc<dyn Mask>>,
    histories: Vec<History>,
    nodes: Mutex<Nodes>,
    handles: Mutex<Handles>,
    clean: Mutex<HashMap<nodes::File, State>>,
    rewritten: Mutex<Rewritten>,
    written: Arc<Written>,
    /// When it began, in seconds.
    since: i64,
}

/// The files that were written inside, by device and number.
#[derive(Debug, Default)]
pub struct Written(Mutex<HashMap<(u64, u64), PathBuf>>);

/// A path in one of the directories.
#[derive(Debug, Clone)]
struct Spot {
    base: usize,
    path: PathBuf,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    /// A view of `shown`; what is guarded is written to `shelf`.
    pub fn of(
        shown: Vec<Shown>,
        shelf: Arc<Shelf>,
        mask: Option<Arc<dyn Mask>>,
        histories: Vec<History>,
    ) -> Result<Self> {
        let step = "cannot open what is to be shown";
        let open = |shown: Shown| -> io::Result<Base> {
            Ok(Base { directory: File::open(&shown.at)?.into(), shown })
        };
        let bases = shown.into_iter().map(open).collect::<io::Result<Vec<_>>>().during(step)?;
        let device = match bases.first() {
            Some(base) => fstat(&base.directory).during(step)?.st_dev,
            None => 0,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            bases,
            shelf,
            shelf_directory: Mutex::default(),
            mask,
            histories,
            nodes: Mutex::new(Nodes::of(device)),
            handles: Mutex::default(),
            clean: Mutex::default(),
            rewritten: Mutex::default(),
            written: Arc::default(),
            since: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        })
    }

    /// What is written inside, to be looked at when it is over.
    pub fn written(&self) -> Arc<Written> {
        Arc::clone(&self.written)
    }

    /// Serves it to the kernel by `device` for as long as it is mounted.
    pub fn serve(self, device: OwnedFd) -> Result<()> {
        let (say, hear) = std::sync::mpsc::channel();
        let serve = move || {
            let begun = unshare(CloneFlags::CLONE_FS).map_err(io::Error::from).and_then(|()| {
                // The kernel has taken away from modes what the caller's mask says.
                umask(Mode::empty());
                let mut config = Config::default();
                config.n_threads = Some(THREADS);
                Session::from_fd(self, device, SessionACL::All, config)
            });
            let session = match begun {
                Ok(session) => session,
                Err(error) => return drop(say.send(Err(error))),
            };
            // Whoever waited has heard, or is gone.
            let _ = say.send(Ok(()));
            if let Ok(background) = session.spawn() {
                // It ends when nobody has it mounted.
                let _ = background.guard.join();
            }
        };
        thread::Builder::new().spawn(serve).during("cannot serve what is shown")?;
        let begun = hear.recv().map_err(io::Error::other).during("cannot serve what is shown")?;
        begun.during("cannot serve what is shown")
    }

    fn spot(&self, path: &Path) -> io::Result<Spot> {
        let mut names = path.iter();
        let base = names.next().and_then(|name| name.to_str()?.parse().ok());
        let base = base.filter(|base| *base < self.bases.len()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Spot { base, path: names.collect() })
    }

    fn base(&self, spot: &Spot) -> io::Result<&Base> {
        self.bases.get(spot.base).ok_or(io::ErrorKind::NotFound.into())
    }

    /// Where it is outside.
    fn real(&self, spot: &Spot) -> io::Result<PathBuf> {
        let shown = &self.base(spot)?.shown;
        Ok(if spot.path.as_os_str().is_empty() {
            shown.at.clone()
        } else {
            shown.at.join(&spot.path)
        })
    }

    /// What it is in its workspace; nothing where nothing is guarded.
    fn within(&self, spot: &Spot) -> io::Result<Option<PathBuf>> {
        Ok(self.base(spot)?.shown.within.as_ref().map(|within| within.join(&spot.path)))
    }

    /// The guarded path that it is in, as it is outside, and what of it is below.
    fn guarded(&self, spot: &Spot) -> io::Result<Option<(Top, PathBuf)>> {
        let shown = &self.base(spot)?.shown;
        let Some(within) = &shown.within else { return Ok(None) };
        let path = within.join(&spot.path);
        let Some(top) = guarded::top(&path) else { return Ok(None) };
        let below = path.strip_prefix(&top.path).map(Path::to_owned).unwrap_or_default();
        let own = top.path.strip_prefix(within).unwrap_or(Path::new(""));
        let at = if own.as_os_str().is_empty() { shown.at.clone() } else { shown.at.join(own) };
        Ok(Some((Top { path: at, kind: top.kind }, below)))
    }

    /// Where it really is; what is guarded is kept beside from the first `change` on.
    fn place(&self, spot: &Spot, change: bool) -> io::Result<Place> {
        let seen = self.seen(spot)?;
        if let Some((history, Seen::Private(path))) = seen.as_ref().filter(|_| !change) {
            return Place::of(File::open(&history.private)?, path);
        }
        if let Some((top, below)) = self.guarded(spot)? {
            let kept = match change {
                true => Some(self.begin(spot, &top, &below)?),
                false => self.shelf.of(&top.path),
            };
            if let Some(kept) = kept {
                let path = kept.place();
                let path = if below.as_os_str().is_empty() { path } else { path.join(below) };
                return self.on_shelf(|shelf| Place::of(shelf, &path));
            }
        }
        match seen {
            Some((_, Seen::Private(_) | Seen::Cut(_))) if change => Err(Errno::PERM.into()),
            Some((_, Seen::Nothing)) => Err(io::ErrorKind::NotFound.into()),
            // It may come before it is opened.
            Some((_, Seen::Absent)) if !change => Err(io::ErrorKind::NotFound.into()),
            _ => Place::of(&self.base(spot)?.directory, &spot.path),
        }
    }

    /// The run's own copy of what is guarded, which `spot` is so far below. What the kernel knows
    /// of it goes on there: it may be the working directory of somebody, or all that is shown.
    fn begin(&self, spot: &Spot, top: &Top, below: &Path) -> io::Result<Kept> {
        if let Some(kept) = self.shelf.of(&top.path) {
            return Ok(kept);
        }
        let kept = self.shelf.begin(&top.path, top.kind)?;
        let root = spot.path.ancestors().nth(below.iter().count()).unwrap_or(Path::new(""));
        let root = Path::new(&spot.base.to_string()).join(root);
        let known = lock(&self.nodes).below(&root);
        for (number, below) in known {
            let at = kept.place().join(below);
            if let Ok(stat) = self.on_shelf(|shelf| Place::of(shelf, &at)?.stat()) {
                lock(&self.nodes).carried(number, &stat);
            }
        }
        Ok(kept)
    }

    /// How an object of git's is seen, and whose it is; nothing if it is none.
    fn seen(&self, spot: &Spot) -> io::Result<Option<(&History, Seen)>> {
        let Some(mask) = self.mask.as_ref().filter(|_| !self.histories.is_empty()) else {
            return Ok(None);
        };
        let real = self.real(spot)?;
        let mut all = self.histories.iter();
        Ok(all.find_map(|history| Some((history, history.of(&real, &**mask)?))))
    }

    /// The history of the repository that keeps something at `path`.
    fn history(&self, path: &Path) -> Option<&History> {
        let own = self.histories.iter().filter(|history| path.starts_with(&history.git));
        own.max_by_key(|history| history.git.as_os_str().len())
    }

    /// Something was made at a path from inside.
    fn made(&self, spot: &Spot) -> io::Result<()> {
        let real = self.real(spot)?;
        self.histories.iter().for_each(|history| history.made(&real));
        Ok(())
    }

    /// What was at a path was taken away from inside.
    fn unmade(&self, spot: &Spot) -> io::Result<()> {
        let real = self.real(spot)?;
        self.histories.iter().for_each(|history| history.unmade(&real));
        Ok(())
    }

    /// Refuses a pack that would have masked objects in it for real ones, or commits of which nobody
    /// could say what they really are.
    fn is_honest(&self, source: &Spot, target: &Spot) -> io::Result<()> {
        let (source, target) = (self.real(source)?, self.real(target)?);
        if target.extension().is_none_or(|it| it != "idx") {
            return Ok(());
        }
        let Some(mask) = &self.mask else { return Ok(()) };
        for history in &self.histories {
            if !target.starts_with(history.objects.join("pack")) {
                continue;
            }
            let pack = target.with_extension("pack");
            if history.is_in(&source)? || history.brings_commits(&source, &pack, &**mask)? {
                return Err(Errno::PERM.into());
            }
        }
        Ok(())
    }

    fn on_shelf<T>(&self, act: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        let mut directory = lock(&self.shelf_directory);
        if directory.is_none() {
            *directory = Some(File::open(self.shelf.dir())?.into());
        }
        directory.as_ref().map_or(Err(io::ErrorKind::NotFound.into()), |it| act(it.as_fd()))
    }

    /// Whether it is kept beside, and with which others.
    fn shelved(&self, spot: &Spot) -> io::Result<Option<PathBuf>> {
        Ok(self.guarded(spot)?.map(|(top, _)| top.path))
    }
}

impl Written {
    fn note(&self, file: (u64, u64), path: PathBuf) {
        lock(&self.0).insert(file, path);
    }

    fn has(&self, file: (u64, u64)) -> bool {
        lock(&self.0).contains_key(&file)
    }

    /// Where they were when they were last written.
    pub fn paths(&self) -> BTreeSet<PathBuf> {
        lock(&self.0).values().cloned().collect()
    }
}
