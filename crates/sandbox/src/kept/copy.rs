//! Copies of small trees, links as links.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Files and directories of one guarded tree.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of one.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Copies what is at `from` to `to`, where nothing is. What is no file, directory or link is left
/// out.
pub(super) fn tree(from: &Path, to: &Path) -> io::Result<()> {
    let (mut entries, mut bytes) = (0, 0);
    let mut ahead: Vec<(PathBuf, PathBuf)> = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = ahead.pop() {
        let found = fs::symlink_metadata(&from)?;
        entries += 1;
        if found.is_dir() {
            fs::create_dir(&to)?;
            for entry in fs::read_dir(&from)? {
                let name = entry?.file_name();
                ahead.push((from.join(&name), to.join(&name)));
            }
            fs::set_permissions(&to, found.permissions())?;
        } else if found.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if found.is_file() {
            bytes += found.len();
            if bytes > BYTES_MAX {
                return Err(too_large(&from));
            }
            fs::copy(&from, &to)?;
        }
        if entries + ahead.len() > ENTRIES_MAX {
            return Err(too_large(&from));
        }
    }
    Ok(())
}

/// Whether two files of one length hold the same, of which neither is in memory as a whole.
pub(super) fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::symlink_metadata(one)?.len() > BYTES_MAX {
        return Err(too_large(one));
    }
    let (mut one, mut other) =
        (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
    loop {
        let (first, second) = (one.fill_buf()?, other.fill_buf()?);
        let length = first.len().min(second.len());
        if first.get(..length) != second.get(..length) || first.is_empty() != second.is_empty() {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        one.consume(length);
        other.consume(length);
    }
}

fn too_large(at: &Path) -> io::Error {
    let at = at.display();
    let text = format!(
        "{at} is more than {ENTRIES_MAX} entries or {BYTES_MAX} bytes, which is more than is kept beside; \
         copy what you want of it by hand"
    );
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// Removes whatever is there.
pub(super) fn remove(at: &Path) -> io::Result<()> {
    match fs::symlink_metadata(at) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(at),
        Ok(_) => fs::remove_file(at),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Every file and link below `root`, relative to it; itself, as the empty path, if it is one.
pub(super) fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut ahead = vec![PathBuf::new()];
    while let Some(path) = ahead.pop() {
        let at = if path.as_os_str().is_empty() { root.to_owned() } else { root.join(&path) };
        match fs::symlink_metadata(&at) {
            Ok(kind) if kind.is_dir() => {
                for entry in fs::read_dir(&at)? {
                    ahead.push(path.join(entry?.file_name()));
                }
            }
            Ok(_) => found.push(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if found.len() + ahead.len() > ENTRIES_MAX {
            return Err(too_large(root));
        }
    }
    found.sort();
    Ok(found)
}
