//! Loose objects: those that are in no pack, each in a file by its name. They are written and read where
//! programs of the inside write too: no link of theirs is gone through, and nothing but a file is read.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, renameat, unlinkat};
use sha1::{Digest as _, Sha1};

use super::{History, Name, arrived::BEHIND, hexadecimal};
use crate::view::{
    SEARCHED_MAX,
    places::{self, Place},
};

/// Bytes before the content of an object.
const HEADER_MAX: u64 = 32;
/// Bytes of a file that is unpacked to no more than that.
const PACKED_MAX: u64 = 2 * SEARCHED_MAX;
/// Nobody changes an object.
const READ_ONLY: Mode = Mode::from_raw_mode(0o444);

/// Drafts until now: two of the same object do not meet.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

impl History {
    /// Writes an object where it really is, unless it is there already and nobody inside made that.
    pub(super) fn place(&self, name: &Name, kind: &str, bytes: &[u8]) -> io::Result<()> {
        let path = path_of(name)?;
        let objects = places::anchored(&self.objects)?;
        let directory = places::made(&objects, path.parent().unwrap_or(Path::new("")))?;
        let to = Place::of(directory, Path::new(path.file_name().unwrap_or_default()))?;
        let plain =
            to.stat().is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::RegularFile);
        if plain && !self.is_made(name) {
            return Ok(());
        }
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("tmp_obj_{}_{}_{number}", hexadecimal(name), std::process::id());
        // Nobody inside sees it, or touches it.
        self.lock().paths.insert(PathBuf::from(&name));
        let draft = Place { directory: objects, name: name.clone().into() };
        let placed = written(&draft, kind, bytes)
            .and_then(|()| Ok(renameat(&draft.directory, &draft.name, &to.directory, &to.name)?));
        if placed.is_err() {
            // Nothing real stays behind; the failure itself is told.
            let _ = unlinkat(&draft.directory, &draft.name, AtFlags::empty());
        }
        self.lock().paths.remove(Path::new(&name));
        placed
    }

    /// The kind and the content of what is an object of its own; nothing if it is none, another one, too
    /// long, or seen otherwise.
    pub(super) fn loose(&self, name: &Name) -> Option<(String, Vec<u8>)> {
        let path = path_of(name).ok().filter(|path| !self.lock().paths.contains(path))?;
        let found = unpacked(&self.objects.join(path)).ok().flatten();
        found.filter(|(kind, bytes)| name_of(kind, bytes) == *name)
    }

    /// Whether an object was made inside. Once no more of them are remembered, whatever came since the
    /// search is taken for one.
    pub(super) fn is_made(&self, name: &Name) -> bool {
        let Ok(path) = path_of(name) else { return false };
        let made = &self.lock().made;
        let is_new = |at: &Path| {
            fs::symlink_metadata(at).is_ok_and(|found| found.ctime() >= self.since - BEHIND)
        };
        made.contains(&path) || made.len() >= self.remembered && is_new(&self.objects.join(&path))
    }
}

fn written(draft: &Place, kind: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    draft.open(flags, READ_ONLY)?.write_all(&packed(kind, bytes)?)
}

/// The name of an object.
pub(crate) fn name_of(kind: &str, bytes: &[u8]) -> Name {
    let mut digest = Sha1::new();
    digest.update(format!("{kind} {}\0", bytes.len()));
    digest.update(bytes);
    digest.finalize().into()
}

/// Where an object is that is in no pack.
pub(super) fn path_of(name: &Name) -> io::Result<PathBuf> {
    let word = hexadecimal(name);
    let (first, rest) = word.split_at_checked(2).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Path::new(first).join(rest))
}

/// An object as git writes one that is in no pack.
pub(super) fn packed(kind: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    write!(encoder, "{kind} {}\0", bytes.len())?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The kind and the content of an object that is in no pack; nothing if it is too long, or none.
pub(super) fn unpacked(path: &Path) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let decoder = ZlibDecoder::new(Place::anchored(path)?.plain()?.take(PACKED_MAX));
    decoder.take(SEARCHED_MAX + HEADER_MAX).read_to_end(&mut bytes)?;
    let parts = || {
        let end = memchr::memchr(0, &bytes)?;
        let (kind, length) = std::str::from_utf8(bytes.get(..end)?).ok()?.split_once(' ')?;
        let content = bytes.get(end + 1..)?;
        let whole = length.parse() == Ok(content.len());
        whole.then(|| (kind.to_owned(), content.to_vec()))
    };
    Ok(parts())
}
