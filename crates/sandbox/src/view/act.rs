//! What can be asked for without changing anything: names, attributes, entries, bytes.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use fuser::{FileAttr, FileType};
use rustix::{
    fs::{Dir, Mode, OFlags, Stat, fstat, openat},
    io::Errno,
};

use super::{
    CLEAN_MAX, Spot, View,
    attributes::{attributes, kind},
    lock,
    masked::{Masked, SEARCHED_MAX, state, whole},
    nodes::ROOT,
    open::{Entry, Open},
    places::Place,
    refs::DRAFT,
};
use crate::history::{History, Seen};

/// What was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) handle: u64,
    /// Nobody else reads the same.
    pub(super) alone: bool,
}

impl View {
    /// The path of a node.
    pub(super) fn path(&self, node: u64) -> io::Result<PathBuf> {
        lock(&self.nodes).path(node).ok_or_else(|| Errno::STALE.into())
    }

    /// The spot of a node, and of a name in it.
    pub(super) fn at(&self, node: u64) -> io::Result<Spot> {
        self.spot(&self.path(node)?)
    }

    pub(super) fn child(&self, parent: u64, name: &OsStr) -> io::Result<Spot> {
        if name.as_bytes().starts_with(DRAFT.as_bytes()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.spot(&self.path(parent)?.join(name))
    }

    pub(super) fn number(&self, stat: &Stat) -> u64 {
        lock(&self.nodes).number(stat)
    }

    /// Looks a name up, and has the kernel know it.
    pub(super) fn find(&self, parent: u64, name: &OsStr) -> io::Result<FileAttr> {
        let stat = self.place(&self.child(parent, name)?, false)?.stat()?;
        self.known(parent, name, &stat)
    }

    pub(super) fn known(&self, parent: u64, name: &OsStr, stat: &Stat) -> io::Result<FileAttr> {
        Ok(attributes(lock(&self.nodes).remember(stat, parent, name), stat))
    }

    /// The attributes of a node, by its name or by what is open of it.
    pub(super) fn look(&self, node: u64, handle: Option<u64>) -> io::Result<FileAttr> {
        if node == ROOT {
            let base = self.bases.first().ok_or(io::ErrorKind::NotFound)?;
            return Ok(attributes(ROOT, &fstat(&base.directory)?));
        }
        if let Some(handle) = handle {
            return Ok(attributes(node, &fstat(lock(&self.handles).file(handle)?.file())?));
        }
        let named = self.at(node).and_then(|spot| self.place(&spot, false)?.stat());
        match named {
            Ok(stat) if self.number(&stat) == node => Ok(attributes(node, &stat)),
            _ => {
                let open = lock(&self.handles).of_node(node).ok_or(Errno::STALE)?;
                Ok(attributes(node, &fstat(open.file())?))
            }
        }
    }

    pub(super) fn link_of(&self, node: u64) -> io::Result<PathBuf> {
        self.place(&self.at(node)?, false)?.link()
    }

    /// Opens a node.
    pub(super) fn open_node(&self, node: u64, writes: bool, process: u32) -> io::Result<Opened> {
        let spot = self.at(node)?;
        if writes {
            self.is_renamed_to(&spot)?;
        }
        let place = self.place(&spot, writes)?;
        let file = open_file(&place, writes)?;
        let stat = fstat(&file)?;
        // What is kept beside from now on has another number than what it was.
        let moved = writes && self.guarded(&spot)?.is_some();
        if !moved && self.number(&stat) != node {
            return Err(Errno::STALE.into());
        }
        let own = if writes { None } else { self.own_text(&file, process)? };
        let alone = own.is_some();
        let open = own.map_or_else(|| self.opened(file, &spot, writes), Ok)?;
        Ok(Opened { handle: lock(&self.handles).add(node, open)?, alone })
    }

    /// What an open file is: masked, if it has secrets, or has places for them and is written.
    pub(super) fn opened(&self, file: File, spot: &Spot, writes: bool) -> io::Result<Open> {
        if let Some((_, Seen::Cut(cut))) = self.seen(spot)? {
            return Ok(Open::Cut(Arc::new(file), cut));
        }
        let stat = fstat(&file)?;
        let mask = match &self.mask {
            Some(mask) if !self.is_object(spot, &stat)? => mask,
            _ => return Ok(Open::Plain(Arc::new(file))),
        };
        let path = self.real(spot)?;
        let id = (stat.st_dev, stat.st_ino);
        let own = self.written.has(id);
        let places = mask.has_places(&path);
        let as_it_is = !(writes && places);
        // It refuses what cannot be masked, whether it is written or not.
        let is_masked = self.is_masked(&file, &path, own)?;
        if writes {
            self.written.note(id, path.clone());
        }
        if as_it_is && !is_masked {
            return Ok(Open::Plain(Arc::new(file)));
        }
        let masked = Masked::of(file, path, Arc::clone(mask), own)?;
        Ok(Open::Masked(Arc::new(masked)))
    }

    /// Whether it is one of git's objects: these are compressed, and history knows them, or all of its
    /// were clean when this began.
    fn is_object(&self, spot: &Spot, stat: &Stat) -> io::Result<bool> {
        let real = self.real(spot)?;
        if self.histories.iter().any(|history| real.starts_with(&history.objects)) {
            return Ok(true);
        }
        let mut names = real.iter().skip_while(|name| *name != ".git");
        Ok(names.any(|name| name == "objects") && stat.st_ctime < self.since)
    }

    /// Whether something in a file is masked; what was searched is remembered until it changes.
    pub(super) fn is_masked(&self, file: &File, path: &Path, own: bool) -> io::Result<bool> {
        let Some(mask) = &self.mask else { return Ok(false) };
        let stat = fstat(file)?;
        // What was written inside in its place is something else.
        if !own && stat.st_size > 0 && mask.is_withheld(path) {
            return Err(Errno::ACCESS.into());
        }
        if u64::try_from(stat.st_size).is_ok_and(|size| size > SEARCHED_MAX) {
            // It was searched from outside; with secrets in it, nobody reads it.
            return if mask.has_places(path) { Err(Errno::ACCESS.into()) } else { Ok(false) };
        }
        let (id, now) = ((stat.st_dev, stat.st_ino), state(file)?);
        if lock(&self.clean).get(&id) == Some(&now) {
            return Ok(false);
        }
        if mask.masked(path, &whole(file)?, own).is_some() {
            return Ok(true);
        }
        let mut clean = lock(&self.clean);
        if clean.len() >= CLEAN_MAX {
            clean.clear();
        }
        clean.insert(id, now);
        Ok(false)
    }

    /// The entries of a directory; those that are kept beside are what was made of them.
    pub(super) fn entries(&self, node: u64) -> io::Result<Vec<Entry>> {
        if node == ROOT {
            return self.bases();
        }
        let spot = self.at(node)?;
        let mut entries = self.listed(&self.place(&spot, false)?)?;
        if self.shelved(&spot)?.is_none() {
            for kept in self.shelf.directly_in(&self.real(&spot)?) {
                let Some(name) = kept.at.file_name() else { continue };
                entries.retain(|entry| entry.name != name);
                if let Ok(stat) = self.on_shelf(|shelf| Place::of(shelf, &kept.place())?.stat()) {
                    let kind = kind(rustix::fs::FileType::from_raw_mode(stat.st_mode));
                    entries.push(Entry { name: name.to_owned(), number: self.number(&stat), kind });
                }
            }
        }
        let real = self.real(&spot)?;
        self.histories.iter().for_each(|history| self.objects(history, &real, &mut entries));
        Ok(entries)
    }

    /// Makes the entries of a directory of git's objects those that are seen.
    fn objects(&self, history: &History, path: &Path, entries: &mut Vec<Entry>) {
        let Some(mask) = self.mask.as_ref().filter(|_| path.starts_with(&history.git)) else {
            return;
        };
        let seen = |entry: &Entry| history.of(&path.join(&entry.name), &**mask);
        entries.retain(|entry| !matches!(seen(entry), Some(Seen::Nothing)));
        for name in history.directly_in(path) {
            if entries.iter().all(|entry| entry.name != name) {
                let kind = FileType::RegularFile;
                entries.push(Entry { name, number: u64::MAX, kind });
            }
        }
    }

    fn bases(&self) -> io::Result<Vec<Entry>> {
        let numbered = self.bases.iter().enumerate().map(|(at, base)| {
            let number = self.number(&fstat(&base.directory)?);
            Ok(Entry { name: at.to_string().into(), number, kind: FileType::Directory })
        });
        numbered.collect()
    }

    fn listed(&self, place: &Place) -> io::Result<Vec<Entry>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(&place.directory, &place.name, flags, Mode::empty())?;
        let (device, own) = (fstat(&directory)?.st_dev, lock(&self.nodes).device());
        let mut entries = Vec::new();
        for entry in Dir::read_from(directory.as_fd())? {
            let entry = entry?;
            let name = OsString::from(OsStr::from_bytes(entry.file_name().to_bytes()));
            if name == "." || name == ".." || name.as_bytes().starts_with(DRAFT.as_bytes()) {
                continue;
            }
            // Only what the kernel looks up needs the number that it will have.
            let number = if device == own { entry.ino() } else { u64::MAX };
            entries.push(Entry { name, number, kind: kind(entry.file_type()) });
        }
        Ok(entries)
    }
}

/// Opens a file so that it can be read, and written if it will be.
pub(super) fn open_file(place: &Place, writes: bool) -> io::Result<File> {
    if !writes {
        return place.open(OFlags::RDONLY, Mode::empty());
    }
    match place.open(OFlags::RDWR, Mode::empty()) {
        // One that nobody may read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            place.open(OFlags::WRONLY, Mode::empty())
        }
        other => other,
    }
}
