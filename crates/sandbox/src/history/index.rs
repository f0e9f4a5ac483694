//! The index (gitformat-index(5)), in which names of objects are replaced by others in their places.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::Stat;
use sha1::{Digest as _, Sha1};

use super::Name;

/// What an index begins with.
pub(crate) const MAGIC: &[u8] = b"DIRC";
/// Bytes of an index: a million files.
pub(crate) const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of the header, of what comes before a path, and of the digest at the end.
const HEADER: usize = 12;
const FIXED: usize = 62;
const DIGEST: usize = 20;
/// Where the times, the number, the mode, the owner, the size and the name are in an entry.
const CHANGED: usize = 0;
const MODIFIED: usize = 8;
const NUMBER: usize = 20;
const MODE: usize = 24;
const OWNER: usize = 28;
const SIZE: usize = 36;
const NAME: usize = 40;
/// Trees within each other.
const DEPTH_MAX: usize = 4096;

fn malformed() -> io::Error {
    io::Error::other("an index that we do not read")
}

fn at<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(malformed)
}

fn put(bytes: &mut [u8], at: usize, part: &[u8]) -> io::Result<()> {
    let place = bytes.get_mut(at..at + part.len()).ok_or_else(malformed)?;
    place.copy_from_slice(part);
    Ok(())
}

/// A plain file in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The object that it is.
    pub(crate) name: Name,
    /// The second in which it was changed.
    pub(crate) modified: u32,
}

/// What an entry is to be.
#[derive(Debug)]
pub(crate) enum Becomes {
    /// Of another object.
    Named(Name),
    /// Of this object, and seen as it is now.
    Clean(Name, Box<Stat>),
    /// To be looked at again.
    Unknown,
}

/// Replaces what is said of files by what `other` says, and says whether there was something. `tree`
/// says what a tree is that is remembered then. The index keeps its length.
pub(crate) fn replace(
    bytes: &mut [u8],
    mut other: impl FnMut(&Path, &Entry) -> Option<Becomes>,
    tree: &mut dyn FnMut(&Path, &Name) -> io::Result<Name>,
) -> io::Result<bool> {
    let version = u32::from_be_bytes(at(bytes, 4)?);
    let count = u32::from_be_bytes(at(bytes, 8)?);
    let (mut place, mut path) = (HEADER, Vec::new());
    let (mut changed, mut renamed) = (false, false);
    for _ in 0..count {
        let start = place;
        let flags = u16::from_be_bytes(at(bytes, start + 60)?);
        let fixed = FIXED + if version >= 3 && flags & 0x4000 != 0 { 2 } else { 0 };
        place = next(bytes, version, start, fixed, &mut path)?;
        let regular = u32::from_be_bytes(at(bytes, start + MODE)?) >> 12 == 0o10;
        if regular {
            let entry = entry(bytes, start)?;
            let becomes = other(&PathBuf::from(OsStr::from_bytes(&path)), &entry);
            if let Some(becomes) = becomes {
                changed = true;
                renamed |= become_other(bytes, start, &entry, &becomes)?;
            }
        }
    }
    if renamed {
        extensions(bytes, place, tree)?;
    }
    if changed {
        sign(bytes)?;
    }
    Ok(changed)
}

fn entry(bytes: &[u8], start: usize) -> io::Result<Entry> {
    let number = |place| Ok::<_, io::Error>(u32::from_be_bytes(at(bytes, start + place)?));
    Ok(Entry { name: at(bytes, start + NAME)?, modified: number(MODIFIED)? })
}

/// Makes an entry another one, and says whether its object is.
fn become_other(
    bytes: &mut [u8],
    start: usize,
    entry: &Entry,
    becomes: &Becomes,
) -> io::Result<bool> {
    let name = match becomes {
        Becomes::Named(name) => name,
        Becomes::Unknown => {
            put(bytes, start + SIZE, &[0; 4])?;
            &entry.name
        }
        Becomes::Clean(name, stat) => {
            // Git keeps what fits into 32 bits of each.
            let low = |wide: u64| wide.to_be_bytes().last_chunk::<4>().copied().unwrap_or_default();
            let seconds = |wide: i64| low(u64::try_from(wide).unwrap_or_default());
            let number = low(stat.st_ino);
            let size = low(u64::try_from(stat.st_size).unwrap_or_default());
            for (place, part) in [
                (CHANGED, seconds(stat.st_ctime)),
                (CHANGED + 4, low(stat.st_ctime_nsec)),
                (MODIFIED, seconds(stat.st_mtime)),
                (MODIFIED + 4, low(stat.st_mtime_nsec)),
                (NUMBER, number),
                (OWNER, stat.st_uid.to_be_bytes()),
                (OWNER + 4, stat.st_gid.to_be_bytes()),
                (SIZE, size),
            ] {
                put(bytes, start + place, &part)?;
            }
            name
        }
    };
    put(bytes, start + NAME, name)?;
    Ok(*name != entry.name)
}

/// Reads the path of an entry, and says where the next one begins.
fn next(
    bytes: &[u8],
    version: u32,
    start: usize,
    fixed: usize,
    path: &mut Vec<u8>,
) -> io::Result<usize> {
    let mut from = start + fixed;
    if version == 4 {
        // How much of the path before is not in this one.
        let [mut byte] = at::<1>(bytes, from)?;
        let mut strip = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            from += 1;
            [byte] = at::<1>(bytes, from)?;
            strip = (strip + 1) << 7 | usize::from(byte & 0x7f);
        }
        from += 1;
        path.truncate(path.len().checked_sub(strip).ok_or_else(malformed)?);
    } else {
        path.clear();
    }
    let rest = bytes.get(from..).ok_or_else(malformed)?;
    let length = memchr::memchr(0, rest).ok_or_else(malformed)?;
    path.extend(rest.get(..length).unwrap_or_default());
    let end = from + length;
    // Padded with one to eight zeros, to eight bytes.
    Ok(if version == 4 { end + 1 } else { start + ((end - start + 8) & !7) })
}

/// Replaces the trees that are remembered. What is split off into another file is not ours to change.
fn extensions(
    bytes: &mut [u8],
    mut place: usize,
    tree: &mut dyn FnMut(&Path, &Name) -> io::Result<Name>,
) -> io::Result<()> {
    let end = bytes.len().checked_sub(DIGEST).ok_or_else(malformed)?;
    while place + 8 <= end {
        let kind: [u8; 4] = at(bytes, place)?;
        let size = u32::from_be_bytes(at(bytes, place + 4)?) as usize;
        let inner = place + 8..(place + 8).checked_add(size).ok_or_else(malformed)?;
        match &kind {
            b"link" => return Err(malformed()),
            b"TREE" => trees(bytes.get_mut(inner.clone()).ok_or_else(malformed)?, tree)?,
            _ => {}
        }
        place = inner.end;
    }
    Ok(())
}

/// Each is its name in the one around it, how many files and how many trees are in it, and which it is;
/// those in it follow.
fn trees(
    bytes: &mut [u8],
    tree: &mut dyn FnMut(&Path, &Name) -> io::Result<Name>,
) -> io::Result<()> {
    // The path of each that is open, and how many are still to come in it.
    let mut open: Vec<(PathBuf, usize)> = Vec::new();
    let mut place = 0;
    while place < bytes.len() {
        let rest = bytes.get(place..).unwrap_or_default();
        let end = memchr::memchr(0, rest).ok_or_else(malformed)?;
        let line =
            memchr::memchr(b'\n', rest.get(end..).unwrap_or_default()).ok_or_else(malformed)?;
        let name = OsStr::from_bytes(rest.get(..end).unwrap_or_default());
        let counts = std::str::from_utf8(rest.get(end + 1..end + line).unwrap_or_default());
        let (files, inner) = counts.ok().and_then(|it| it.split_once(' ')).ok_or_else(malformed)?;
        let (valid, inner) = (!files.starts_with('-'), inner.parse().map_err(|_| malformed())?);
        while open.last().is_some_and(|(_, left)| *left == 0) {
            open.pop();
        }
        let path = match open.last_mut() {
            Some((around, left)) => {
                *left -= 1;
                around.join(name)
            }
            None => PathBuf::from(name),
        };
        place += end + line + 1;
        if valid {
            let becomes = tree(&path, &at(bytes, place)?)?;
            put(bytes, place, &becomes)?;
            place += becomes.len();
        }
        if open.len() >= DEPTH_MAX {
            return Err(malformed());
        }
        open.push((path, inner));
    }
    Ok(())
}

fn sign(bytes: &mut [u8]) -> io::Result<()> {
    let end = bytes.len().checked_sub(DIGEST).ok_or_else(malformed)?;
    let (body, digest) = bytes.split_at_mut_checked(end).ok_or_else(malformed)?;
    // Where nobody asked for one (`index.skipHash`), there is none.
    if digest.iter().any(|byte| *byte != 0) {
        digest.copy_from_slice(&Sha1::digest(body));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use super::{Becomes, replace};

    /// What git says in a repository of its own.
    fn git(directory: &Path, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.test"]).args(words);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn git_reads_what_was_replaced() {
        for version in ["2", "3", "4"] {
            let place = tempfile::tempdir().unwrap();
            let at = place.path();
            git(at, &["init", "-q"]);
            fs::create_dir_all(at.join("d/e")).unwrap();
            for name in ["a", "d/long-name-of-a-file", "d/e/x", "d/e/xy"] {
                fs::write(at.join(name), name).unwrap();
            }
            git(at, &["add", "."]);
            if version == "3" {
                fs::write(at.join("later"), "x").unwrap();
                git(at, &["add", "-N", "later"]);
            } else {
                git(at, &["commit", "-qm", "x"]);
            }
            git(at, &["update-index", "--index-version", version]);
            let index = at.join(".git/index");
            let mut bytes = fs::read(&index).unwrap();
            let length = bytes.len();
            let mut seen = Vec::new();
            let mut trees = Vec::new();
            let mut tree = |path: &Path, name: &[u8; 20]| {
                trees.push(path.display().to_string());
                Ok(*name)
            };
            let other = |path: &Path, _: &super::Entry| {
                seen.push(path.display().to_string());
                (path == Path::new("d/e/x")).then_some(Becomes::Named([0xab; 20]))
            };
            let changed = replace(&mut bytes, other, &mut tree);
            assert!(changed.unwrap() && bytes.len() == length, "{version}");
            assert!(seen.contains(&"d/e/xy".to_owned()), "{version}: {seen:?}");
            if version != "3" {
                assert_eq!(trees, ["", "d", "d/e"], "{version}");
            }
            fs::write(&index, &bytes).unwrap();
            let listed = git(at, &["ls-files", "-s"]);
            let names: Vec<&str> =
                listed.lines().filter(|it| it.contains(&"ab".repeat(20))).collect();
            assert_eq!(names.len(), 1, "{version}: {listed}");
            assert!(names[0].ends_with("\td/e/x"), "{version}: {listed}");
            for cut in 0..bytes.len() - 20 {
                // Whatever is missing, nothing falls over.
                let mut tree = |_: &Path, name: &[u8; 20]| Ok(*name);
                let all = |_: &Path, _: &super::Entry| Some(Becomes::Named([7; 20]));
                let _ = replace(&mut bytes[..cut].to_vec(), all, &mut tree);
            }
        }
    }
}
