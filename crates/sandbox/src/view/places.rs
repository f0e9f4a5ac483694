//! Places: where what is shown really is, reached without following a link that somebody inside
//! made.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat, mkdirat, openat, openat2, readlinkat, statat},
    io::Errno,
};

/// Nothing leads out, and nothing leads on.
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// What directories of ours may be used by.
const DIRECTORY: Mode = Mode::from_raw_mode(0o755);

/// A directory that is open, and a name in it, which may be its own.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: OwnedFd,
    pub(crate) name: OsString,
}

impl Place {
    /// The place of `path` below `base`.
    pub(crate) fn of(base: impl AsFd, path: &Path) -> io::Result<Self> {
        let (parent, name) = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => (parent, name),
            _ => (Path::new(""), OsStr::new(".")),
        };
        Ok(Self { directory: directory(base, parent)?, name: name.to_owned() })
    }

    /// The place of an absolute path, on which there is no link.
    pub(crate) fn anchored(path: &Path) -> io::Result<Self> {
        Self::of(File::open("/")?, below_root(path)?)
    }

    pub(crate) fn stat(&self) -> io::Result<Stat> {
        Ok(statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// What a link says.
    pub(crate) fn link(&self) -> io::Result<PathBuf> {
        let link = readlinkat(&self.directory, &self.name, Vec::new())?;
        Ok(OsString::from_vec(link.into_bytes()).into())
    }

    /// Opens the file; it must be no link, and what is no file any more does not make us wait.
    pub(crate) fn open(&self, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(openat(&self.directory, &self.name, flags, mode)?.into())
    }

    /// Opens a plain file to read it; nothing else is opened for longer than it takes to see that.
    pub(crate) fn plain(&self) -> io::Result<File> {
        let file = self.open(OFlags::RDONLY, Mode::empty())?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(Errno::INVAL.into()),
        }
    }
}

/// Opens a directory below `base`, to reach what is in it.
pub(crate) fn directory(base: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(openat2(base, path, flags, Mode::empty(), BENEATH)?)
}

/// The same, which is made with all that it lies in, if it is not there.
pub(crate) fn made(base: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let mut at = directory(base, Path::new(""))?;
    for name in path {
        match mkdirat(&at, name, DIRECTORY) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        at = directory(&at, Path::new(name))?;
    }
    Ok(at)
}

/// The directory at an absolute path, on which there is no link.
pub(crate) fn anchored(path: &Path) -> io::Result<OwnedFd> {
    directory(File::open("/")?, below_root(path)?)
}

/// All of the plain file at an absolute path, on which there is no link, if it has at most `max` bytes.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Place::anchored(path)?.plain()?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > max {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

fn below_root(path: &Path) -> io::Result<&Path> {
    path.strip_prefix("/").map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{anchored, made, read};

    #[test]
    fn only_a_plain_file_is_read_and_no_link_leads_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(at.join("in")).unwrap();
        fs::write(at.join("in/four"), "four").unwrap();
        symlink("in/four", at.join("link")).unwrap();
        symlink("in", at.join("directory")).unwrap();
        symlink("/dev/zero", at.join("zero")).unwrap();
        mknodat(CWD, at.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for (path, max, expect) in [
            ("in/four", 4, true),
            ("in/four", 3, false),
            ("link", 9, false),
            ("directory/four", 9, false),
            ("zero", 9, false),
            ("pipe", 9, false),
            ("in", 9, false),
            ("nothing", 9, false),
        ] {
            assert_eq!(read(&at.join(path), max).is_ok(), expect, "{path}");
        }
        assert!(read(Path::new("in/four"), 9).is_err());
    }

    #[test]
    fn directories_are_made_and_no_link_is_gone_through() {
        let dir = tempfile::tempdir().unwrap();
        let (at, away) = (dir.path().join("at"), dir.path().join("away"));
        fs::create_dir(&at).unwrap();
        fs::create_dir(&away).unwrap();
        symlink(&away, at.join("link")).unwrap();
        let base = || fs::File::open(&at);
        made(base().unwrap(), Path::new("a/b")).unwrap();
        made(base().unwrap(), Path::new("a/b")).unwrap();
        assert!(at.join("a/b").is_dir());
        assert!(made(base().unwrap(), Path::new("link/c")).is_err());
        assert!(made(base().unwrap(), Path::new("link")).is_err());
        assert!(!away.join("c").exists());
        assert!(anchored(&fs::canonicalize(&at).unwrap().join("link")).is_err());
    }
}
