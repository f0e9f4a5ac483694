//! Which files there are below a directory, and whether they changed.

use std::{
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Unsearched;

/// Files of one search.
pub const FILES_MAX: usize = 500_000;
/// Directories within each other.
pub const DEPTH_MAX: usize = 100;

/// What git keeps its objects in.
const OBJECTS: &str = "objects";

/// A file as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) state: FileState,
}

/// What changes when a file does. Whoever writes a file can set the time of its content back; the
/// time of its inode (`ctime`) nobody can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    size: u64,
    inode: u64,
    modified: (i64, i64),
    pub(super) changed: (i64, i64),
}

impl FileState {
    pub(super) fn of(found: &Metadata) -> Self {
        Self {
            size: found.size(),
            inode: found.ino(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// What a walk came to.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) files: Vec<Seen>,
    pub(super) unsearched: Vec<Unsearched>,
    pub(super) repositories: Vec<PathBuf>,
}

/// The regular files below `root`, or `root` itself. Symbolic links lead elsewhere and are not
/// followed; git's own objects are compressed, and are looked at where history is.
pub(super) fn walk(root: &Path) -> Walked {
    let mut walked = Walked::default();
    match fs::metadata(root) {
        Ok(found) if found.is_file() => {
            walked.files.push(Seen { path: root.to_owned(), state: FileState::of(&found) });
        }
        Ok(_) => walked.below(root),
        Err(error) => walked.fail(root, &error),
    }
    walked
}

impl Walked {
    fn below(&mut self, root: &Path) {
        let mut open = vec![(root.to_owned(), 0)];
        while let Some((directory, depth)) = open.pop() {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    self.fail(&directory, &error);
                    continue;
                }
            };
            for entry in entries {
                match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                    Ok((kind, entry)) if kind.is_dir() => {
                        self.descend(&mut open, entry.path(), depth + 1);
                    }
                    Ok((kind, entry)) if kind.is_file() => self.file(&entry),
                    Ok(_) => {}
                    Err(error) => self.fail(&directory, &error),
                }
            }
            if self.files.len() >= FILES_MAX {
                let why = format!("more than {FILES_MAX} files; search parts of it");
                self.unsearched.push(Unsearched { path: root.to_owned(), why });
                return;
            }
        }
    }

    fn descend(&mut self, open: &mut Vec<(PathBuf, usize)>, path: PathBuf, depth: usize) {
        if is_objects(&path) {
            if path.ends_with(OBJECTS) {
                self.repositories.extend(path.parent().map(Path::to_owned));
            }
            return;
        }
        match depth > DEPTH_MAX {
            true => {
                let why = format!("more than {DEPTH_MAX} directories within each other");
                self.unsearched.push(Unsearched { path, why });
            }
            false => open.push((path, depth)),
        }
    }

    fn file(&mut self, entry: &DirEntry) {
        match entry.metadata() {
            Ok(found) => {
                self.files.push(Seen { path: entry.path(), state: FileState::of(&found) });
            }
            Err(error) => self.fail(&entry.path(), &error),
        }
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        // What is gone while we look is nobody's find.
        if error.kind() != io::ErrorKind::NotFound {
            self.unsearched.push(Unsearched { path: path.to_owned(), why: error.to_string() });
        }
    }
}

/// `.git/objects` and `.git/lfs`, also of a submodule and of a bare repository.
fn is_objects(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let parent = path.parent();
    matches!(name, Some(OBJECTS | "lfs"))
        && parent
            .is_some_and(|parent| parent.join("HEAD").is_file() && parent.join("config").is_file())
}
