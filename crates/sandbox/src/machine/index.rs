//! The index of a repository (gitformat-index(5)): which files are under version control, and
//! whether each is as it was when git took it in.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::Path};

use super::short;

/// The longest index that is read.
const BYTES_MAX: u64 = 64 << 20;
/// The longest configuration of a repository.
const CONFIG_MAX: u64 = 1 << 20;
/// Files that are looked at to see whether everything is as it was.
const LOOKED_AT_MAX: usize = 5_000;

/// What is under version control.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: BTreeMap<String, Seen>,
    /// It could not be read: anything may be under version control, and nothing as it was.
    unreadable: bool,
}

/// How git saw a file last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    seconds: u32,
    nanoseconds: u32,
    size: u32,
}

impl Index {
    /// The index of the repository whose own directory is `git`.
    pub(super) fn read(git: &Path) -> Self {
        let path = git.join("index");
        let unreadable = || Self { unreadable: true, ..Self::default() };
        match fs::metadata(&path) {
            Err(_) => return Self::default(),
            Ok(found) if found.len() > BYTES_MAX => return unreadable(),
            Ok(_) => {}
        }
        let config = short::text(&git.join("config"), CONFIG_MAX).unwrap_or_default();
        let digest = if config.to_ascii_lowercase().contains("sha256") { 32 } else { 20 };
        let Ok(bytes) = short::bytes(&path, BYTES_MAX) else { return unreadable() };
        match entries(&bytes, digest) {
            Some(entries) => Self { entries, unreadable: false },
            None => unreadable(),
        }
    }

    /// Whether a file, or anything below a directory, is under version control.
    pub(super) fn tracks(&self, root: &Path, path: &str) -> bool {
        let Some(below) = below(root, path) else { return false };
        let directory = format!("{below}/");
        let mut in_it = self.entries.range(directory.clone()..);
        self.unreadable
            || below.is_empty() && !self.entries.is_empty()
            || self.entries.contains_key(below)
            || in_it.next().is_some_and(|(name, _)| name.starts_with(&directory))
    }

    /// Whether a file is exactly what git has.
    pub(super) fn is_clean(&self, root: &Path, path: &str) -> bool {
        let seen = below(root, path).and_then(|below| self.entries.get(below));
        !self.unreadable && seen.is_some_and(|seen| is_as(Path::new(path), *seen))
    }

    /// Whether every file below a directory is exactly what git has.
    pub(super) fn is_clean_below(&self, root: &Path, path: &str) -> bool {
        let Some(below) = below(root, path) else { return false };
        let below = if below.is_empty() { String::new() } else { format!("{below}/") };
        let in_it = self.entries.range(below.clone()..);
        let mut files = in_it.take_while(|(name, _)| name.starts_with(&below)).enumerate();
        !self.unreadable
            && files.all(|(at, (name, seen))| at < LOOKED_AT_MAX && is_as(&root.join(name), *seen))
    }
}

fn below<'a>(root: &Path, path: &'a str) -> Option<&'a str> {
    Path::new(path).strip_prefix(root).ok()?.to_str()
}

fn is_as(path: &Path, seen: Seen) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| {
        // As git compares them: the low 32 bits.
        found.mtime() as u32 == seen.seconds
            && found.mtime_nsec() as u32 == seen.nanoseconds
            && found.size() as u32 == seen.size
    })
}

/// The entries of an index of version 2, 3 or 4; `None` if it is none.
fn entries(bytes: &[u8], digest: usize) -> Option<BTreeMap<String, Seen>> {
    let version = number(bytes, 4)?;
    if !bytes.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let count = number(bytes, 8)?;
    let mut entries = BTreeMap::new();
    let mut at = 12;
    let mut previous: Vec<u8> = Vec::new();
    for _ in 0..count {
        let start = at;
        let seen = Seen {
            seconds: number(bytes, at + 8)?,
            nanoseconds: number(bytes, at + 12)?,
            size: number(bytes, at + 36)?,
        };
        let flags = at + 40 + digest;
        let extended = version >= 3 && bytes.get(flags)? & 0x40 != 0;
        at = flags + if extended { 4 } else { 2 };
        let mut name = Vec::new();
        if version == 4 {
            let (dropped, next) = varying(bytes, at)?;
            at = next;
            name.extend(previous.get(..previous.len().checked_sub(dropped)?)?);
        }
        let rest = bytes.get(at..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        name.extend(rest.get(..length)?);
        at += length + 1;
        if version < 4 {
            // Filled up with zeros to a multiple of eight.
            at = start + (at - start).div_ceil(8) * 8;
        }
        entries.insert(String::from_utf8(name.clone()).ok()?, seen);
        previous = name;
    }
    Some(entries)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_be_bytes(four))
}

/// A number of varying length, as in the offsets of packs; and where it ends.
fn varying(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut byte = *bytes.get(at)?;
    let mut value = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        at += 1;
        byte = *bytes.get(at)?;
        value = (value + 1).checked_mul(128)? + usize::from(byte & 0x7f);
    }
    Some((value, at + 1))
}
