//! What was found in files that have not changed since, in the state directory.
//!
//! It holds no value and no plain digest of one: keyed fingerprints only. What does not read as
//! it was written is as if it were not there, and everything is read again.

use std::{
    collections::HashMap,
    fs, io,
    io::{BufReader, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use holdpoint_core::Digest;
use serde::{Deserialize, Serialize};

use super::walk::{FileState, Seen};
use crate::exposed::Exposed;

/// Files that are remembered of one directory.
const FILES_MAX: usize = super::FILES_MAX;
/// Bytes of what is known: a longer file is as if it were not there.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What is known of the files below one directory.
#[derive(Debug, Default)]
pub struct Cache {
    before: HashMap<PathBuf, Entry>,
    after: HashMap<PathBuf, Entry>,
    changed: bool,
    file: Option<PathBuf>,
    program: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    state: FileState,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exposed: Vec<Exposed>,
}

/// The file, as it is read.
#[derive(Deserialize)]
struct Written {
    program: String,
    files: HashMap<PathBuf, Entry>,
}

/// The file, as it is written.
#[derive(Serialize)]
struct Writes<'a> {
    program: &'a str,
    files: HashMap<&'a PathBuf, &'a Entry>,
}

impl Cache {
    /// The cache in the state directory `state` for what lies below `root`. What another program
    /// wrote does not count: its detectors were others.
    pub fn open(state: &Path, root: &Path) -> Self {
        let name = Digest::of_fields([b"found".as_slice(), root.as_os_str().as_encoded_bytes()]);
        let file = state.join("found").join(format!("{name}.json"));
        let program = program();
        let written = written(&file, BYTES_MAX);
        let before =
            written.filter(|it| it.program == program).map_or_else(HashMap::new, |it| it.files);
        Self { before, file: Some(file), program, ..Self::default() }
    }

    /// Writes what the last search learned.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if !self.changed && self.before.len() == self.after.len() {
            return Ok(());
        }
        let Some(directory) = file.parent() else { return Ok(()) };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let draft = file.with_extension(format!("{}.draft", std::process::id()));
        // A name that is no text is searched anew each time: JSON has no word for it.
        let files = self.after.iter().filter(|(path, _)| path.to_str().is_some());
        let written = Writes { program: &self.program, files: files.collect() };
        let bytes = serde_json::to_vec(&written)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(io::Error::other(format!("it is longer than {BYTES_MAX} bytes")));
        }
        let mut opened = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        opened.write_all(&bytes)?;
        fs::rename(&draft, file)
    }

    pub(super) fn knows(&self, file: &Seen) -> bool {
        self.before.get(&file.path).is_some_and(|entry| entry.state == file.state)
    }

    pub(super) fn exposed(&self, file: &Seen) -> Vec<Exposed> {
        self.before.get(&file.path).map_or_else(Vec::new, |entry| entry.exposed.clone())
    }

    pub(super) fn keep(&mut self, file: Seen) {
        if let Some(entry) = self.before.get(&file.path) {
            self.after.insert(file.path, entry.clone());
        }
    }

    pub(super) fn learn(&mut self, file: Seen, exposed: Vec<Exposed>) {
        if self.after.len() < FILES_MAX {
            self.after.insert(file.path, Entry { state: file.state, exposed });
            self.changed = true;
        }
    }
}

/// What was written, if all of it can be read and is at most so long.
fn written(file: &Path, bytes_max: u64) -> Option<Written> {
    let opened = fs::File::open(file).ok()?;
    let small = opened.metadata().is_ok_and(|found| found.len() <= bytes_max);
    small.then(|| serde_json::from_reader(BufReader::new(opened.take(bytes_max))).ok()).flatten()
}

/// Which program this is: another build may find other things.
fn program() -> String {
    let own = std::env::current_exe().and_then(fs::metadata);
    let made = own.and_then(|own| Ok((own.len(), own.modified()?)));
    let (length, made) = made.unwrap_or((0, UNIX_EPOCH));
    let since = made.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{} {length} {}", env!("CARGO_PKG_VERSION"), since.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::{fs, written};

    #[test]
    fn a_cache_that_is_too_long_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.json");
        let text = r#"{"program": "p", "files": {}}"#;
        fs::write(&file, text).unwrap();
        let length = text.len() as u64;
        for (bytes_max, expect) in [(length, true), (length - 1, false)] {
            assert_eq!(written(&file, bytes_max).is_some(), expect, "{bytes_max}");
        }
    }
}
