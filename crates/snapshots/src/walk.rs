//! Everything that there is in a workspace, in the order in which it is saved.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::SnapshotError,
    ignored::Ignored,
    looks::{Kind, Looks},
    omitted::{Omitted, Reason},
    opened::Opened,
    terms::Terms,
};

/// Directories that their tools fill again, by name. They are left out only where git ignores
/// them, or where there is no git to say.
const REBUILDABLE: &[&str] = &[
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".turbo",
    ".parcel-cache",
    ".angular",
    ".gradle",
    ".dart_tool",
    "Pods",
    "DerivedData",
    "elm-stuff",
    "zig-cache",
    ".zig-cache",
    ".stack-work",
    "dist-newstyle",
];
/// The name of a file by which a tool says that its directory is a cache, and how it begins
/// (bford.info/cachedir).
const CACHE_TAG: &str = "CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// What an undo keeps in a workspace while it works begins like this.
pub(crate) const STAGING: &str = ".holdpoint-undo-";

/// One thing in a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) looks: Looks,
}

/// All of them: a directory comes before what is in it, its entries by their bytes.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) entries: Arc<Vec<Found>>,
    pub(crate) bytes: u64,
    pub(crate) omitted: Omitted,
}

/// How a workspace is walked.
pub(crate) struct Walk<'a> {
    pub(crate) root: &'a Path,
    pub(crate) terms: &'a Terms,
    /// Whether a snapshot has this path: then it is compared, whatever its name says.
    pub(crate) known: &'a dyn Fn(&Path) -> bool,
    /// Rights that are lent to us for as long as we look.
    pub(crate) opened: Option<&'a Opened>,
}

impl Walk<'_> {
    /// Walks. Fails where there is more than may be saved.
    pub(crate) fn list(&self) -> Result<Listing, SnapshotError> {
        let root = Looks::at(self.root).map_err(SnapshotError::io("look at", self.root))?;
        let (mut omitted, mut ignored) = (Omitted::default(), Ignored::of(self.root));
        let has_git = self.root.join(".git").exists();
        let (mut entries, mut bytes) = (vec![Found { path: self.root.to_owned(), looks: root }], 0);
        let mut stack = vec![self.entries(self.root, &mut omitted, &mut ignored)];
        while let Some(level) = stack.last_mut() {
            let Some(found) = level.pop() else {
                stack.pop();
                continue;
            };
            if let Some(reason) = self.leaves_out(&found, root.device, &ignored, has_git) {
                omitted.add(reason, found.path);
                continue;
            }
            bytes += found.looks.size;
            self.check_room(entries.len() as u64, bytes)?;
            if found.looks.kind == Kind::Directory {
                stack.push(self.entries(&found.path, &mut omitted, &mut ignored));
            }
            entries.push(found);
        }
        // As long as all of it is less than what may be ignored, nobody has to ask what is.
        if bytes > self.terms.ignored_bytes {
            bytes -= self.leave_out_ignored(&mut entries, &mut omitted, &ignored);
        }
        Ok(Listing { entries: Arc::new(entries), bytes, omitted })
    }

    /// What is in a directory, the last first.
    fn entries(&self, at: &Path, omitted: &mut Omitted, ignored: &mut Ignored) -> Vec<Found> {
        match self.read(at) {
            Ok(mut entries) => {
                entries.sort_unstable_by(|a, b| b.path.file_name().cmp(&a.path.file_name()));
                let rules = at.join(".gitignore");
                if entries.iter().any(|it| it.path == rules && it.looks.kind == Kind::File) {
                    ignored.read(at, &rules);
                }
                entries
            }
            Err(_) => {
                omitted.add(Reason::Unreadable, at.to_owned());
                Vec::new()
            }
        }
    }

    fn read(&self, at: &Path) -> io::Result<Vec<Found>> {
        let listed = match fs::read_dir(at) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match self.opened {
                Some(opened) => opened.directory(at).and_then(|()| fs::read_dir(at)),
                None => Err(error),
            },
            listed => listed,
        };
        let mut entries = Vec::new();
        for entry in listed? {
            let entry = entry?;
            // Gone meanwhile: then it is not there.
            let Some(looks) = self.looks(&entry, at)? else { continue };
            entries.push(Found { path: entry.path(), looks });
        }
        Ok(entries)
    }

    fn looks(&self, entry: &fs::DirEntry, at: &Path) -> io::Result<Option<Looks>> {
        match entry.metadata() {
            Ok(metadata) => Ok(Some(Looks::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // It can be listed, but not entered.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let Some(opened) = self.opened else { return Err(error) };
                opened.directory(at)?;
                Looks::at(&entry.path()).map(Some)
            }
            Err(error) => Err(error),
        }
    }

    fn leaves_out(
        &self,
        found: &Found,
        device: u64,
        ignored: &Ignored,
        has_git: bool,
    ) -> Option<Reason> {
        let Found { path, looks } = found;
        let name = path.file_name().unwrap_or_default();
        match looks.kind {
            Kind::Special => Some(Reason::Special),
            Kind::File if looks.size > self.terms.file_bytes => Some(Reason::Large),
            Kind::Directory if looks.device != device => Some(Reason::Mounted),
            Kind::Directory if self.terms.apart.contains(path) => Some(Reason::Rebuildable),
            Kind::Directory if name.as_bytes().starts_with(STAGING.as_bytes()) => {
                Some(Reason::Rebuildable)
            }
            Kind::Directory => {
                let named = REBUILDABLE.iter().any(|it| name == *it) || is_cache(path);
                let rebuildable = named && (!has_git || ignored.covers(path, true));
                // Whether it is known is asked last: that reads the snapshot.
                (rebuildable && !(self.known)(path)).then_some(Reason::Rebuildable)
            }
            _ => None,
        }
    }

    fn check_room(&self, entries: u64, bytes: u64) -> Result<(), SnapshotError> {
        let (what, max) = match () {
            () if entries >= self.terms.files => ("files", self.terms.files),
            () if bytes > self.terms.bytes => ("bytes", self.terms.bytes),
            () => return Ok(()),
        };
        Err(SnapshotError::TooMuch { root: self.root.to_owned(), what, max })
    }

    /// Leaves out the largest of what git ignores until the rest may be taken; gives its bytes.
    fn leave_out_ignored(
        &self,
        entries: &mut Vec<Found>,
        omitted: &mut Omitted,
        ignored: &Ignored,
    ) -> u64 {
        let is_ignored = |found: &&Found| {
            let file = found.looks.kind == Kind::File && found.looks.size > 0;
            file && ignored.covers(&found.path, false)
        };
        let mut files: Vec<(u64, PathBuf)> =
            entries.iter().filter(is_ignored).map(|it| (it.looks.size, it.path.clone())).collect();
        files.sort();
        let mut sum: u64 = files.iter().map(|(size, _)| size).sum();
        let (mut left_out, mut bytes) = (HashSet::new(), 0);
        while sum > self.terms.ignored_bytes {
            let Some((size, path)) = files.pop() else { break };
            sum -= size;
            bytes += size;
            omitted.add(Reason::Ignored, path.clone());
            left_out.insert(path);
        }
        entries.retain(|found| !left_out.contains(&found.path));
        bytes
    }
}

fn is_cache(directory: &Path) -> bool {
    let tag = directory.join(CACHE_TAG);
    let regular = tag.symlink_metadata().is_ok_and(|it| it.is_file() && it.len() < 4096);
    regular && fs::read(tag).is_ok_and(|text| text.starts_with(CACHE_SIGNATURE))
}
