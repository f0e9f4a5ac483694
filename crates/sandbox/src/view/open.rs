//! What is open.

use std::{
    collections::HashMap, ffi::OsString, fs::File, io, os::unix::fs::FileExt as _, sync::Arc,
};

use fuser::FileType;

use rustix::{
    fs::{Mode, fchmod, fstat},
    io::Errno,
};

use super::masked::Masked;
use crate::history::Cut;

/// Files and directories that are open at the same time in one view.
const OPEN_MAX: usize = 100_000;

/// An open file.
#[derive(Debug, Clone)]
pub(super) enum Open {
    /// As it is.
    Plain(Arc<File>),
    /// With secrets in it.
    Masked(Arc<Masked>),
    /// A pack without some of its objects.
    Cut(Arc<File>, Arc<Cut>),
    /// As whoever reads it has written it.
    Own(Arc<File>, Arc<Vec<u8>>),
}

impl Open {
    pub(super) fn file(&self) -> &File {
        match self {
            Self::Plain(file) | Self::Cut(file, _) | Self::Own(file, _) => file,
            Self::Masked(masked) => masked.file(),
        }
    }

    pub(super) fn read(&self, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Cut(file, cut) => {
                let mut bytes = Self::Plain(Arc::clone(file)).read(offset, size)?;
                cut.apply(&mut bytes, offset);
                Ok(bytes)
            }
            Self::Plain(file) => {
                let mut bytes = vec![0; size];
                let mut filled = 0;
                while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                    match file.read_at(rest, offset + filled as u64) {
                        Ok(0) => break,
                        Ok(read) => filled += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                bytes.truncate(filled);
                Ok(bytes)
            }
            Self::Masked(masked) => masked.read(offset, size),
            Self::Own(_, text) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| text.get(offset..));
                Ok(rest.unwrap_or_default().iter().take(size).copied().collect())
            }
        }
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all_at(bytes, offset),
            Self::Masked(masked) => masked.write(offset, bytes),
            Self::Cut(..) | Self::Own(..) => Err(Errno::PERM.into()),
        }
    }

    /// Whoever runs it is nobody else any more (`S_ISUID`, `S_ISGID`).
    pub(super) fn drop_rights(&self) -> io::Result<()> {
        let mode = Mode::from_raw_mode(fstat(self.file())?.st_mode & 0o7777);
        let special = Mode::SUID | Mode::SGID;
        match mode.intersects(special) {
            true => Ok(fchmod(self.file(), mode - special)?),
            false => Ok(()),
        }
    }

    pub(super) fn resize(&self, size: u64) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.set_len(size),
            Self::Masked(masked) => masked.resize(size),
            Self::Cut(..) | Self::Own(..) => Err(Errno::PERM.into()),
        }
    }
}

/// An entry of a directory.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) number: u64,
    pub(super) kind: FileType,
}

/// All that is open.
#[derive(Debug, Default)]
pub(super) struct Handles {
    next: u64,
    files: HashMap<u64, (u64, Open)>,
    directories: HashMap<u64, Arc<Vec<Entry>>>,
}

impl Handles {
    fn free(&mut self) -> io::Result<u64> {
        if self.files.len() + self.directories.len() >= OPEN_MAX {
            return Err(rustix::io::Errno::NFILE.into());
        }
        self.next += 1;
        Ok(self.next)
    }

    pub(super) fn add(&mut self, node: u64, open: Open) -> io::Result<u64> {
        let handle = self.free()?;
        self.files.insert(handle, (node, open));
        Ok(handle)
    }

    pub(super) fn file(&self, handle: u64) -> io::Result<Open> {
        let found = self.files.get(&handle).map(|(_, open)| open.clone());
        found.ok_or_else(|| rustix::io::Errno::BADF.into())
    }

    /// Any handle of a file that may have no name any more.
    pub(super) fn of_node(&self, node: u64) -> Option<Open> {
        self.files.values().find(|(at, _)| *at == node).map(|(_, open)| open.clone())
    }

    pub(super) fn close(&mut self, handle: u64) {
        self.files.remove(&handle);
    }

    pub(super) fn add_directory(&mut self) -> io::Result<u64> {
        let handle = self.free()?;
        self.directories.insert(handle, Arc::default());
        Ok(handle)
    }

    pub(super) fn fill(&mut self, handle: u64, entries: Vec<Entry>) -> Arc<Vec<Entry>> {
        let entries = Arc::new(entries);
        self.directories.insert(handle, Arc::clone(&entries));
        entries
    }

    pub(super) fn directory(&self, handle: u64) -> io::Result<Arc<Vec<Entry>>> {
        self.directories.get(&handle).cloned().ok_or_else(|| rustix::io::Errno::BADF.into())
    }

    pub(super) fn close_directory(&mut self, handle: u64) {
        self.directories.remove(&handle);
    }
}
