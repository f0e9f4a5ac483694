//! Places: where what is shown really is, reached without following a link that somebody inside
//! made.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat, openat, openat2, readlinkat, statat};

/// Nothing leads out, and nothing leads on.
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// A directory that is open, and a name in it, which may be its own.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
}

impl Place {
    /// The place of `path` below `base`.
    pub(super) fn of(base: impl AsFd, path: &Path) -> io::Result<Self> {
        let (parent, name) = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => (parent, name),
            _ => (Path::new(""), OsStr::new(".")),
        };
        Ok(Self { directory: directory(base, parent)?, name: name.to_owned() })
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        Ok(statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// What a link says.
    pub(super) fn link(&self) -> io::Result<PathBuf> {
        let link = readlinkat(&self.directory, &self.name, Vec::new())?;
        Ok(OsString::from_vec(link.into_bytes()).into())
    }

    /// Opens the file; it must be no link, and what is no file any more does not make us wait.
    pub(super) fn open(&self, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(openat(&self.directory, &self.name, flags, mode)?.into())
    }
}

/// Opens a directory below `base`, to reach what is in it.
pub(super) fn directory(base: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(openat2(base, path, flags, Mode::empty(), BENEATH)?)
}
