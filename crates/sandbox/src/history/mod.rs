//! History: git's objects, of which those with secrets are seen masked, under their own names.
//!
//! - `search`: what there is of them
//! - `loose`: objects that are in no pack
//! - `packs`: packs without some of their objects
//! - `arrived`: objects that came from outside meanwhile
//! - `index`, `settle`: what an index says of masked files
//! - `commits`: what was committed as it is seen

mod arrived;
mod commits;
pub(crate) mod index;
mod loose;
mod packs;
mod search;
mod settle;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

pub use self::search::{Found, search};
use self::{
    arrived::Arrived,
    loose::{packed, path_of},
    packs::Index,
};
pub(crate) use self::{
    loose::name_of,
    packs::{Cut, Name},
    settle::{now, steady},
};
use crate::view::{
    Mask,
    places::{self, Place},
};

/// Objects of one run that are remembered by name; beyond it, they are looked at again, and what is new
/// is taken for made inside.
const REMEMBERED_MAX: usize = 1_000_000;
/// Where git looks for what is to be seen instead of an object (git-replace(1)).
const REPLACE: &str = "refs/replace";
/// Where that is kept, beside the objects.
const REPLACED: &str = "replace";

/// The objects of one repository, as they are seen.
#[derive(Debug)]
pub struct History {
    /// What git keeps everything in.
    pub(crate) git: PathBuf,
    /// Where its files are.
    pub(crate) tree: PathBuf,
    /// Where its objects are.
    pub(crate) objects: PathBuf,
    /// Where those are that are seen otherwise.
    pub(crate) private: PathBuf,
    /// When it was searched, in seconds: what came later was not.
    since: i64,
    /// How many objects are remembered by name.
    remembered: usize,
    own: Mutex<Own>,
}

/// What is seen otherwise, and what was made inside.
#[derive(Debug, Default)]
struct Own {
    /// By its path below the objects.
    paths: BTreeSet<PathBuf>,
    /// What of it is masked, by name.
    hidden: BTreeSet<Name>,
    /// Commits and tags that are seen as others, by name.
    replaced: BTreeSet<String>,
    /// Packs of which some objects are not seen, by their names without an ending.
    cut: HashMap<OsString, Arc<Cut>>,
    /// What was made inside, by its path below the objects; of a pack, without its ending.
    made: HashSet<PathBuf>,
    /// What came from outside meanwhile and holds no secret, likewise.
    clean: HashSet<PathBuf>,
    /// What of it could not be looked at: it is not seen.
    closed: HashSet<PathBuf>,
    /// Commits that were made of what is seen, and what they really are.
    real: HashMap<Name, Name>,
}

impl History {
    /// Makes ready in `private` what is to be seen of the repository at `git` instead of what was
    /// `found` of it `since` then; its files are in `tree`.
    pub fn masking(
        git: &Path,
        tree: &Path,
        private: PathBuf,
        found: &Found,
        since: SystemTime,
    ) -> io::Result<Self> {
        let since = since.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let this = Self {
            git: fs::canonicalize(git)?,
            tree: tree.to_owned(),
            objects: fs::canonicalize(git.join("objects"))?,
            private,
            since: i64::try_from(since.as_secs()).map_err(io::Error::other)?,
            remembered: REMEMBERED_MAX,
            own: Mutex::default(),
        };
        fs::create_dir_all(&this.private)?;
        this.add(found)?;
        for entry in fs::read_dir(this.objects.join("pack")).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "idx") {
                this.cut(&path)?;
            }
        }
        Ok(this)
    }

    /// What git keeps everything in.
    pub fn git(&self) -> &Path {
        &self.git
    }

    /// Before a run: has the index say what git would find of files that are masked.
    pub fn settle(&self, is_masked: &dyn Fn(&Path) -> bool) -> io::Result<()> {
        settle::settle(&self.git, &self.tree, is_masked)
    }

    /// Has what was found seen masked from now on.
    fn add(&self, found: &Found) -> io::Result<()> {
        for (name, masked) in &found.masked {
            self.write(name, "blob", masked)?;
        }
        for (name, (kind, masked)) in &found.messages {
            // Git checks what it was asked for by name, and looks for a replacement first.
            self.write(name, kind, masked)?;
            let other = name_of(kind, masked);
            self.write(&other, kind, masked)?;
            self.replace(name, &other)?;
        }
        let names = found.masked.keys().chain(found.messages.keys());
        self.lock().hidden.extend(names);
        Ok(())
    }

    fn replace(&self, name: &Name, other: &Name) -> io::Result<()> {
        let word = hexadecimal(name);
        places::made(places::anchored(&self.git)?, Path::new(REPLACE))?;
        fs::create_dir_all(self.private.join(REPLACED))?;
        let text = format!("{}\n", hexadecimal(other));
        fs::write(self.private.join(REPLACED).join(&word), text)?;
        self.lock().replaced.insert(word);
        Ok(())
    }

    /// Cuts what is hidden out of one pack; what is made of it in there is seen beside.
    fn cut(&self, path: &Path) -> io::Result<()> {
        let hidden = self.lock().hidden.clone();
        if hidden.is_empty() {
            return Ok(());
        }
        let index = Index::read(path)?;
        let (Some(name), Some(stem)) = (path.file_name(), path.file_stem()) else { return Ok(()) };
        if !index.has_any(&hidden) {
            return Ok(());
        }
        let pack = Place::anchored(&path.with_extension("pack"))?.plain()?;
        let (index, cut, along) = index.without(&hidden, &pack)?;
        for name in along.iter().filter(|it| !hidden.contains(*it)) {
            let (kind, bytes) = search::object(&self.git, name)?;
            self.write(name, &kind, &bytes)?;
        }
        fs::create_dir_all(self.private.join("pack"))?;
        fs::write(self.private.join("pack").join(name), index)?;
        let mut own = self.lock();
        own.paths.insert(Path::new("pack").join(name));
        own.cut.insert(stem.to_owned(), Arc::new(cut));
        Ok(())
    }

    /// Writes an object as git does one that is in no pack, where it is seen.
    fn write(&self, name: &Name, kind: &str, bytes: &[u8]) -> io::Result<()> {
        let path = path_of(name)?;
        let first = path.parent().ok_or(io::ErrorKind::InvalidData)?;
        // What git makes beside it inside is real.
        places::made(places::anchored(&self.objects)?, first)?;
        fs::create_dir_all(self.private.join(first))?;
        fs::write(self.private.join(&path), packed(kind, bytes)?)?;
        self.lock().paths.insert(path);
        Ok(())
    }

    /// Keeps the `real` content of a file that was written inside as `seen`, under its own name,
    /// and says that.
    pub(crate) fn keep(&self, seen: &[u8], real: &[u8]) -> io::Result<Name> {
        let name = name_of("blob", real);
        self.write(&name, "blob", seen)?;
        self.lock().hidden.insert(name);
        self.place(&name, "blob", real)?;
        Ok(name)
    }

    /// What a file really is that was written inside as an object: its name, if that is another.
    pub(crate) fn real_file(&self, name: &Name, path: &Path, mask: &dyn Mask) -> Option<Name> {
        let (kind, seen) = self.loose(name).filter(|_| mask.has_places(path))?;
        let real = (kind == "blob").then(|| mask.unmasked(path, &seen))?;
        (real != seen).then(|| self.keep(&seen, &real).ok()).flatten()
    }

    /// Whether a pack has masked objects in it for real ones.
    pub(crate) fn is_in(&self, index: &Path) -> io::Result<bool> {
        let hidden = self.lock().hidden.clone();
        Ok(!hidden.is_empty() && Index::read(index)?.has_any(&hidden))
    }

    /// Whether a pack brings commits that are nowhere else, where files are masked: what is real in them
    /// would not be found.
    pub(crate) fn brings_commits(
        &self,
        index: &Path,
        pack: &Path,
        mask: &dyn Mask,
    ) -> io::Result<bool> {
        if !mask.has_places_below(&self.tree) {
            return Ok(false);
        }
        let mut new = Index::read(index)?.commits(&Place::anchored(pack)?.plain()?)?;
        new.retain(|name| {
            path_of(name).is_ok_and(|path| fs::symlink_metadata(self.objects.join(path)).is_err())
        });
        for entry in fs::read_dir(self.objects.join("pack"))? {
            if new.is_empty() {
                return Ok(false);
            }
            let other = entry?.path();
            if other.extension().is_some_and(|it| it == "idx")
                && other.with_extension("pack") != pack
            {
                for name in Index::read(&other)?.names() {
                    new.remove(&name);
                }
            }
        }
        Ok(!new.is_empty())
    }

    /// What is seen otherwise in a directory, by the names there.
    pub(crate) fn directly_in(&self, directory: &Path) -> Vec<OsString> {
        let own = self.lock();
        if let Ok(below) = directory.strip_prefix(&self.objects) {
            let here = own.paths.iter().filter(|path| path.parent() == Some(below));
            return here.filter_map(|path| path.file_name().map(OsStr::to_owned)).collect();
        }
        match directory == self.git.join(REPLACE) {
            true => own.replaced.iter().map(OsString::from).collect(),
            false => Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How something is seen that is really at `path`; nothing if it is none of git's objects, and
    /// stands for none.
    pub(crate) fn of(&self, path: &Path, mask: &dyn Mask) -> Option<Seen> {
        if let Ok(below) = path.strip_prefix(&self.objects) {
            return Some(self.of_object(below, mask));
        }
        let word = path.strip_prefix(self.git.join(REPLACE)).ok()?.to_str()?;
        let replaced = self.lock().replaced.contains(word);
        replaced.then(|| Seen::Private(Path::new(REPLACED).join(word)))
    }

    fn of_object(&self, path: &Path, mask: &dyn Mask) -> Seen {
        if self.lock().paths.contains(path) {
            return Seen::Private(path.to_owned());
        }
        match self.look(path, mask) {
            Arrived::Seen => {}
            Arrived::Unseen => return Seen::Nothing,
            Arrived::Absent => return Seen::Absent,
        }
        let own = self.lock();
        // It may have been looked at just now.
        if own.paths.contains(path) {
            return Seen::Private(path.to_owned());
        }
        if own.closed.contains(&arrived::of_pack(path).unwrap_or_else(|| path.to_owned())) {
            return Seen::Nothing;
        }
        if !path.starts_with("pack") {
            return Seen::Real;
        }
        let ending = path.extension().and_then(|it| it.to_str());
        match path.file_stem().and_then(|stem| own.cut.get(stem)) {
            Some(cut) if ending == Some("pack") => Seen::Cut(Arc::clone(cut)),
            // What else belongs to it speaks of what is not there.
            Some(_) => Seen::Nothing,
            None if own.cut.is_empty() => Seen::Real,
            None if path.ends_with("multi-pack-index") => Seen::Nothing,
            None => Seen::Real,
        }
    }
}

/// How something is seen.
#[derive(Debug)]
pub(crate) enum Seen {
    Real,
    /// As what is there among what is seen otherwise.
    Private(PathBuf),
    Cut(Arc<Cut>),
    /// Not at all, though it is there.
    Nothing,
    /// There is nothing, and something can be made.
    Absent,
}

pub(crate) fn hexadecimal(name: &Name) -> String {
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name that a word is; nothing if it has another length, as where names are SHA-256.
pub(crate) fn name(word: &str) -> Option<Name> {
    let pairs = word.as_bytes().chunks(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}
