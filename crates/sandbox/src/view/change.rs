//! What changes something.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use fuser::{FileAttr, RenameFlags, TimeOrNow};
use rustix::{
    fs::{
        AtFlags, FileType as Kind, Gid, Mode, OFlags, RenameFlags as How, Stat, Timespec,
        Timestamps, UTIME_NOW, UTIME_OMIT, Uid, chmodat, chownat, linkat, mkdirat, mknodat,
        renameat_with, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};

use super::{
    Spot, View,
    act::open_file,
    lock,
    masked::{SEARCHED_MAX, rewrite, whole},
    places::Place,
    refs::draft,
};
use crate::guarded::{self, is_head};

/// What is to be set of a node.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) accessed: Option<TimeOrNow>,
    pub(super) modified: Option<TimeOrNow>,
    pub(super) handle: Option<u64>,
}

impl View {
    /// Makes a file and opens it.
    pub(super) fn create(
        &self,
        parent: u64,
        name: &OsStr,
        mode: u32,
        flags: i32,
    ) -> io::Result<(FileAttr, u64)> {
        let spot = self.child(parent, name)?;
        self.is_renamed_to(&spot)?;
        let place = self.place(&spot, true)?;
        let asked = OFlags::from_bits_retain(u32::try_from(flags).unwrap_or_default());
        let flags = OFlags::RDWR | OFlags::CREATE | (asked & (OFlags::EXCL | OFlags::TRUNC));
        let file = place.open(flags, Mode::from_raw_mode(mode))?;
        let stat = rustix::fs::fstat(&file)?;
        self.made(&spot)?;
        let open = self.opened(file, &spot, true)?;
        let found = self.known(parent, name, &stat)?;
        let handle = lock(&self.handles).add(found.ino.0, open)?;
        Ok((found, handle))
    }

    /// Makes what is neither a file that is opened nor a link.
    pub(super) fn make(&self, parent: u64, name: &OsStr, mode: u32) -> io::Result<FileAttr> {
        let spot = self.child(parent, name)?;
        self.is_renamed_to(&spot)?;
        let place = self.place(&spot, true)?;
        let (kind, mode) = (Kind::from_raw_mode(mode), Mode::from_raw_mode(mode & 0o7777));
        // Git would wait for it.
        if kind == Kind::Fifo && self.is_in_git(&spot)? {
            return Err(Errno::PERM.into());
        }
        match kind {
            Kind::Directory => mkdirat(&place.directory, &place.name, mode)?,
            Kind::RegularFile | Kind::Fifo | Kind::Socket => {
                mknodat(&place.directory, &place.name, kind, mode, 0)?;
            }
            _ => return Err(Errno::PERM.into()),
        }
        self.made(&spot)?;
        self.known(parent, name, &place.stat()?)
    }

    pub(super) fn make_link(&self, parent: u64, name: &OsStr, to: &Path) -> io::Result<FileAttr> {
        // What git keeps everything in is guarded by its name, and would have another one.
        if is_head(name) {
            return Err(Errno::PERM.into());
        }
        let spot = self.child(parent, name)?;
        if !self.may_link(&spot, to)? {
            return Err(Errno::PERM.into());
        }
        let place = self.place(&spot, true)?;
        symlinkat(to, &place.directory, &place.name)?;
        self.known(parent, name, &place.stat()?)
    }

    pub(super) fn remove(&self, parent: u64, name: &OsStr, directory: bool) -> io::Result<()> {
        let spot = self.child(parent, name)?;
        let place = self.place(&spot, true)?;
        let stat = place.stat()?;
        let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        unlinkat(&place.directory, &place.name, flags)?;
        self.unmade(&spot)?;
        let mut nodes = lock(&self.nodes);
        let number = nodes.number(&stat);
        nodes.unname(number, parent, name);
        if directory || stat.st_nlink <= 1 {
            nodes.removed(number);
        }
        Ok(())
    }

    /// Gives a file a second name, unless it would be another file there.
    pub(super) fn link(&self, node: u64, parent: u64, name: &OsStr) -> io::Result<FileAttr> {
        let (from, to) = (self.at(node)?, self.child(parent, name)?);
        self.is_renamed_to(&to)?;
        let secret = self.is_secret(&from)? || self.has_places(&to)?;
        if from.base != to.base || self.shelved(&from)? != self.shelved(&to)? || secret {
            return Err(Errno::XDEV.into());
        }
        self.is_honest(&from, &to)?;
        let (source, target) = (self.place(&from, true)?, self.place(&to, true)?);
        self.leads_nowhere(&source, &to)?;
        let (old, new) = (&source.directory, &target.directory);
        linkat(old, &source.name, new, &target.name, AtFlags::empty())?;
        self.made(&to)?;
        self.known(parent, name, &target.stat()?)
    }

    pub(super) fn rename(
        &self,
        from: (u64, &OsStr),
        to: (u64, &OsStr),
        flags: RenameFlags,
    ) -> io::Result<()> {
        let (source, target) = (self.child(from.0, from.1)?, self.child(to.0, to.1)?);
        let place = self.place(&source, false)?;
        let stat = place.stat()?;
        self.leads_nowhere(&place, &target)?;
        if flags.contains(RenameFlags::RENAME_EXCHANGE) {
            self.leads_nowhere(&self.place(&target, false)?, &source)?;
        }
        let replaced = self.place(&target, false)?.stat().ok();
        // As long as neither is kept beside: what is, is in another file.
        let number = self.number(&stat);
        let replaced = replaced.map(|stat| (self.number(&stat), stat));
        let directory = Kind::from_raw_mode(stat.st_mode) == Kind::Directory;
        let named = directory && (is_head(from.1) || is_head(to.1)) && from.1 != to.1;
        // What is guarded there is so by its name: who moves a directory of it, copies it file by file.
        let of_git = directory && (self.is_in_git(&source)? || self.is_in_git(&target)?);
        let (old, new) = (self.shelved(&source)?, self.shelved(&target)?);
        if named || of_git || source.base != target.base {
            return Err(Errno::XDEV.into());
        }
        let was_directory = |stat: &Stat| Kind::from_raw_mode(stat.st_mode) == Kind::Directory;
        if (directory
            && (self.is_anchored(&source)? || self.is_below_objects(&self.real(&target)?)))
            || (replaced.as_ref().is_some_and(|(_, stat)| was_directory(stat))
                && self.is_anchored(&target)?)
        {
            return Err(Errno::XDEV.into());
        }
        self.is_honest(&source, &target)?;
        let mut carried = None;
        let packed = self.is_packed_refs(&target)?;
        if old == new && !packed {
            self.rename_here(&source, &target, flags)?;
        } else if directory || flags.contains(RenameFlags::RENAME_EXCHANGE) {
            return Err(Errno::XDEV.into());
        } else if flags.contains(RenameFlags::RENAME_NOREPLACE) && replaced.is_some() {
            return Err(Errno::EXIST.into());
        } else if packed {
            carried = Some(self.pack_refs(&source, &target)?);
        } else {
            carried = Some(self.carry(&source, &target, &stat)?);
        }
        if directory && old.is_none() {
            self.shelf.renamed(&self.real(&source)?, &self.real(&target)?);
        }
        let mut nodes = lock(&self.nodes);
        if let Some((replaced, stat)) = replaced {
            nodes.unname(replaced, to.0, to.1);
            if flags.contains(RenameFlags::RENAME_EXCHANGE) {
                nodes.rename(replaced, to, from);
            } else if directory || stat.st_nlink <= 1 {
                nodes.removed(replaced);
            }
        }
        nodes.rename(number, from, to);
        if let Some(carried) = carried {
            nodes.carried(number, &carried);
        }
        Ok(())
    }

    /// Whether what is masked in a directory is known by where it is: who moves it, copies what is
    /// seen of it.
    fn is_anchored(&self, spot: &Spot) -> io::Result<bool> {
        let at = self.real(spot)?;
        let holds = |objects: &Path| objects.starts_with(&at) || at.starts_with(objects);
        let history = self.histories.iter().any(|history| holds(&history.objects));
        Ok(history || self.mask.as_ref().is_some_and(|mask| mask.has_places_below(&at)))
    }

    fn rename_here(&self, source: &Spot, target: &Spot, flags: RenameFlags) -> io::Result<()> {
        let exchange = flags.contains(RenameFlags::RENAME_EXCHANGE);
        self.before_rename(source, target)?;
        if exchange {
            self.before_rename(target, source)?;
        }
        let (from, to) = (self.place(source, true)?, self.place(target, true)?);
        let how = How::from_bits_retain(flags.bits());
        renameat_with(&from.directory, &from.name, &to.directory, &to.name, how)?;
        if !exchange {
            self.unmade(source)?;
        }
        self.made(target)
    }

    /// Whether a link to `to` can stand somewhere.
    fn may_link(&self, spot: &Spot, to: &Path) -> io::Result<bool> {
        // What is guarded is kept beside, and no link is taken from there.
        let free = self.guarded(spot)?.is_some()
            || self.within(spot)?.is_none_or(|path| guarded::may_link(&path, to));
        Ok(free && !self.is_below_objects(&self.real(spot)?))
    }

    fn is_below_objects(&self, path: &Path) -> bool {
        self.histories.iter().any(|history| path.starts_with(&history.objects))
    }

    /// Refuses a link, or a pipe, that would stand at `target` where none can.
    fn leads_nowhere(&self, place: &Place, target: &Spot) -> io::Result<()> {
        let stands = match Kind::from_raw_mode(place.stat()?.st_mode) {
            Kind::Symlink => self.may_link(target, &place.link()?)?,
            Kind::Fifo => !self.is_in_git(target)?,
            _ => true,
        };
        if stands { Ok(()) } else { Err(Errno::PERM.into()) }
    }

    /// Whether it is in what git keeps everything in.
    fn is_in_git(&self, spot: &Spot) -> io::Result<bool> {
        Ok(self.within(spot)?.is_some_and(|path| guarded::in_git(&path).is_some()))
    }

    /// Takes a file from where it is to where it is another's, as a copy, and says what that is.
    fn carry(&self, source: &Spot, target: &Spot, stat: &Stat) -> io::Result<Stat> {
        self.before_rename(source, target)?;
        let (from, to) = (self.place(source, true)?, self.place(target, true)?);
        let temporary = draft(&to)?;
        if Kind::from_raw_mode(stat.st_mode) == Kind::Symlink {
            symlinkat(from.link()?, &temporary.directory, &temporary.name)?;
        } else {
            let mut file = open_file(&from, false)?;
            if file.metadata()?.len() > SEARCHED_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC;
            let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
            io::copy(&mut file, &mut temporary.open(flags, mode)?)?;
        }
        let (directory, name) = (&temporary.directory, &temporary.name);
        rustix::fs::renameat(directory, name, &to.directory, &to.name)?;
        unlinkat(&from.directory, &from.name, AtFlags::empty())?;
        to.stat()
    }

    /// Before a file gets another's name: what has its place there becomes real, what had one here
    /// and has none there becomes a phantom.
    fn before_rename(&self, source: &Spot, target: &Spot) -> io::Result<()> {
        let Some(mask) = &self.mask else { return Ok(()) };
        let (old, new) = (self.real(source)?, self.real(target)?);
        let places = mask.has_places(&new);
        let place = self.place(source, true)?;
        let found = place.stat()?;
        if Kind::from_raw_mode(found.st_mode) != Kind::RegularFile {
            return Ok(());
        }
        let known = places || mask.has_places(&old);
        // What nobody has opened yet may have secrets in it that nobody knows.
        let written = self.written.has((found.st_dev, found.st_ino));
        if !known && (written || !self.is_secret(source)?) {
            return Ok(());
        }
        let file = open_file(&place, true)?;
        let found = rustix::fs::fstat(&file)?;
        if mask.is_withheld(&old) && !self.written.has((found.st_dev, found.st_ino)) {
            return Err(Errno::ACCESS.into());
        }
        if file.metadata()?.len() > SEARCHED_MAX {
            return if mask.has_places(&old) { Err(Errno::ACCESS.into()) } else { Ok(()) };
        }
        let bytes = whole(&file)?;
        let seen = mask.masked(&old, &bytes, true).unwrap_or_else(|| bytes.clone());
        let becomes = if places { mask.unmasked(&new, &seen) } else { seen };
        if becomes != bytes {
            rewrite(&file, &becomes)?;
        }
        let stat = rustix::fs::fstat(&file)?;
        self.written.note((stat.st_dev, stat.st_ino), new);
        Ok(())
    }

    fn has_places(&self, spot: &Spot) -> io::Result<bool> {
        let Some(mask) = &self.mask else { return Ok(false) };
        Ok(mask.has_places(&self.real(spot)?))
    }

    /// Whether something in a file is masked.
    fn is_secret(&self, spot: &Spot) -> io::Result<bool> {
        if self.mask.is_none() {
            return Ok(false);
        }
        let place = self.place(spot, false)?;
        match Kind::from_raw_mode(place.stat()?.st_mode) {
            Kind::RegularFile => {
                let file = open_file(&place, false)?;
                self.is_masked(&file, &self.real(spot)?, false)
            }
            _ => Ok(false),
        }
    }

    /// Sets what is wanted, and says what it is then.
    pub(super) fn set(&self, node: u64, wanted: &Wanted) -> io::Result<FileAttr> {
        if let Some(size) = wanted.size {
            self.resize(node, wanted.handle, size)?;
        }
        let named = self.at(node).and_then(|spot| self.place(&spot, true));
        let Ok(place) = named else {
            return self.look(node, wanted.handle);
        };
        let owner = wanted.uid.map(Uid::from_raw);
        let group = wanted.gid.map(Gid::from_raw);
        if owner.is_some() || group.is_some() {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            chownat(&place.directory, &place.name, owner, group, flags)?;
        }
        if let Some(mode) = wanted.mode {
            let link = Kind::from_raw_mode(place.stat()?.st_mode) == Kind::Symlink;
            if link {
                return Err(Errno::OPNOTSUPP.into());
            }
            let mode = Mode::from_raw_mode(mode & 0o7777);
            chmodat(&place.directory, &place.name, mode, AtFlags::empty())?;
        }
        if wanted.accessed.is_some() || wanted.modified.is_some() {
            let times = Timestamps {
                last_access: timespec(wanted.accessed),
                last_modification: timespec(wanted.modified),
            };
            utimensat(&place.directory, &place.name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        self.look(node, wanted.handle)
    }

    fn resize(&self, node: u64, handle: Option<u64>, size: u64) -> io::Result<()> {
        if let Some(handle) = handle {
            let open = lock(&self.handles).file(handle)?;
            open.resize(size)?;
            return open.drop_rights();
        }
        let spot = self.at(node)?;
        self.is_renamed_to(&spot)?;
        let file: File = open_file(&self.place(&spot, true)?, true)?;
        let open = self.opened(file, &spot, true)?;
        open.resize(size)?;
        open.drop_rights()
    }
}

fn timespec(wanted: Option<TimeOrNow>) -> Timespec {
    let special = |nanoseconds| Timespec { tv_sec: 0, tv_nsec: nanoseconds };
    match wanted {
        None => special(UTIME_OMIT),
        Some(TimeOrNow::Now) => special(UTIME_NOW),
        Some(TimeOrNow::SpecificTime(time)) => exact(time),
    }
}

fn exact(time: SystemTime) -> Timespec {
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => {
            Timespec { tv_sec: whole(since.as_secs()), tv_nsec: since.subsec_nanos().into() }
        }
        Err(before) => Timespec { tv_sec: -whole(before.duration().as_secs()), tv_nsec: 0 },
    }
}
