//! Rights that an owner gives themselves for as long as something is looked at.
//!
//! `chmod -R 000 .` must not keep its own undo out. Whoever owns a file may change its rights; as
//! long as it is not decided that anything is undone, they are given back.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What an owner may do with a directory, and with a file.
const ENTER: u32 = 0o700;
const READ: u32 = 0o400;

/// What was opened, and the rights that it had. They are put back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<Vec<(PathBuf, u32)>>);

impl Opened {
    /// Lets us into a directory of ours.
    pub(crate) fn directory(&self, path: &Path) -> io::Result<()> {
        self.open(path, ENTER)
    }

    /// Lets us read a file of ours.
    pub(crate) fn file(&self, path: &Path) -> io::Result<()> {
        self.open(path, READ)
    }

    fn open(&self, path: &Path, rights: u32) -> io::Result<()> {
        let mode = fs::symlink_metadata(path)?.permissions().mode() & 0o7777;
        fs::set_permissions(path, Permissions::from_mode(mode | rights))?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((path.to_owned(), mode));
        Ok(())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let opened = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // The innermost first: the way to it has to stay open.
        for (path, mode) in opened.into_iter().rev() {
            if let Err(error) = fs::set_permissions(&path, Permissions::from_mode(mode)) {
                tracing::warn!(path = %path.display(), %error, "its rights could not be put back");
            }
        }
    }
}
