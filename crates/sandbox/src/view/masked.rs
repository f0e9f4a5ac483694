//! An open file with secrets: what is seen is in memory, what is written goes to the disk at once
//! and as a whole, with phantoms in their own places turned back.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use rustix::fs::fstat;

use super::{Mask, State, lock};

/// Bytes of a file that can be masked; a longer one is seen as it is, or not at all.
pub const SEARCHED_MAX: u64 = 8 * 1024 * 1024;

/// Such a file.
#[derive(Debug)]
pub(super) struct Masked {
    file: File,
    path: PathBuf,
    mask: Arc<dyn Mask>,
    own: bool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    text: Vec<u8>,
    /// When the file that it was read from was changed, and how long it was.
    of: State,
}

impl Masked {
    pub(super) fn of(
        file: File,
        path: PathBuf,
        mask: Arc<dyn Mask>,
        own: bool,
    ) -> io::Result<Self> {
        let this = Self { file, path, mask, own, seen: Mutex::default() };
        this.look()?;
        Ok(this)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Reads the file again if somebody else changed it.
    fn look(&self) -> io::Result<()> {
        let mut seen = lock(&self.seen);
        let of = state(&self.file)?;
        if seen.of != of {
            let bytes = whole(&self.file)?;
            let masked = self.mask.masked(&self.path, &bytes, self.own);
            *seen = Seen { text: masked.unwrap_or(bytes), of };
        }
        Ok(())
    }

    pub(super) fn read(&self, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        self.look()?;
        let seen = lock(&self.seen);
        let rest = usize::try_from(offset).ok().and_then(|offset| seen.text.get(offset..));
        Ok(rest.unwrap_or_default().iter().take(size).copied().collect())
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(|text| {
            let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= SEARCHED_MAX);
            let (Some(end), Ok(offset)) = (end, usize::try_from(offset)) else {
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            let end = usize::try_from(end).map_err(io::Error::other)?;
            text.resize(text.len().max(end), 0);
            if let Some(place) = text.get_mut(offset..end) {
                place.copy_from_slice(bytes);
            }
            Ok(())
        })
    }

    pub(super) fn resize(&self, size: u64) -> io::Result<()> {
        self.change(|text| {
            let size = Some(size).filter(|size| *size <= SEARCHED_MAX);
            let size = size.ok_or(io::Error::from(io::ErrorKind::FileTooLarge))?;
            text.resize(usize::try_from(size).map_err(io::Error::other)?, 0);
            Ok(())
        })
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        self.look()?;
        let mut seen = lock(&self.seen);
        change(&mut seen.text)?;
        let real = self.mask.unmasked(&self.path, &seen.text);
        rewrite(&self.file, &real)?;
        seen.of = state(&self.file)?;
        Ok(())
    }
}

/// All of a file.
pub(super) fn whole(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len().min(SEARCHED_MAX)).unwrap_or_default();
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Makes `bytes` all of a file.
pub(super) fn rewrite(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)
}

/// The state of a file.
pub(super) fn state(file: &File) -> io::Result<State> {
    let stat = fstat(file)?;
    Ok((stat.st_ctime, stat.st_ctime_nsec, stat.st_size))
}
