//! A workspace as the repository reads it.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustic_core::{
    ErrorKind, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult,
    repofile::{Metadata, Node, NodeType},
};

use serde_json::{Value, json};

use crate::{
    entry,
    looks::{Attribute, Kind, Looks, attributes},
    opened::Opened,
    time,
    walk::{Found, Listing},
};

/// Files that have fewer bytes than this on average are small.
const SMALL_BYTES: u64 = 32 << 10;

/// What went wrong while files were read.
#[derive(Debug, Default, Clone)]
pub(crate) struct Problems {
    /// They changed while they were read.
    pub(crate) unsettled: Vec<PathBuf>,
    /// They could not be read.
    pub(crate) unreadable: Vec<PathBuf>,
}

type Shared = Arc<Mutex<Problems>>;

/// A workspace that was listed.
pub(crate) struct Source {
    entries: Arc<Vec<Found>>,
    bytes: u64,
    problems: Shared,
    opened: Option<Arc<Opened>>,
}

impl Source {
    pub(crate) fn new(listing: &Listing, opened: Option<Arc<Opened>>) -> Self {
        let entries = Arc::clone(&listing.entries);
        Self { entries, bytes: listing.bytes, problems: Shared::default(), opened }
    }

    /// Whether there is little to read of each file.
    pub(crate) fn is_small(&self) -> bool {
        self.bytes / (self.entries.len() as u64).max(1) < SMALL_BYTES
    }

    /// What went wrong until now.
    pub(crate) fn problems(&self) -> Problems {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(problems: &Shared, path: &Path, choose: fn(&mut Problems) -> &mut Vec<PathBuf>) {
    choose(&mut problems.lock().unwrap_or_else(PoisonError::into_inner)).push(path.to_owned());
}

impl ReadSource for Source {
    type Open = OpenLater;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(Some(self.bytes))
    }

    fn entries(&self) -> Entries {
        let (problems, opened) = (Arc::clone(&self.problems), self.opened.clone());
        Entries { entries: Arc::clone(&self.entries), next: 0, problems, opened }
    }
}

/// The entries of a workspace, one after the other.
pub(crate) struct Entries {
    entries: Arc<Vec<Found>>,
    next: usize,
    problems: Shared,
    opened: Option<Arc<Opened>>,
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<OpenLater>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = self.entries.get(self.next)?;
            self.next += 1;
            match node(found) {
                Ok(node) => {
                    let open = (found.looks.kind == Kind::File).then(|| OpenLater {
                        path: found.path.clone(),
                        looks: found.looks,
                        problems: Arc::clone(&self.problems),
                        opened: self.opened.clone(),
                    });
                    return Some(Ok(ReadSourceEntry { path: found.path.clone(), node, open }));
                }
                // Gone since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    note(&self.problems, &found.path, |it| &mut it.unsettled);
                }
                Err(_) => note(&self.problems, &found.path, |it| &mut it.unreadable),
            }
        }
    }
}

/// An entry as the format writes it.
fn node(found: &Found) -> io::Result<Node> {
    let Found { path, looks } = found;
    let kind = match looks.kind {
        Kind::File => NodeType::File,
        Kind::Directory => NodeType::Dir,
        Kind::Link => NodeType::from_link(&fs::read_link(path)?),
        Kind::Special => return Err(io::ErrorKind::Unsupported.into()),
    };
    let modified = time::of(looks.modified);
    // Rustic does not let anybody name the type of an attribute, but read it.
    let attribute = |(name, value): &Attribute| json!({ "name": name.to_string_lossy(), "value": BASE64.encode(value) });
    let attributes: Vec<Value> = attributes(path)?.iter().map(attribute).collect();
    let meta = Metadata {
        mode: Some(entry::mode(looks.rights, looks.kind)),
        mtime: modified,
        // Reading changes it: saved, it would make every snapshot another one.
        atime: modified,
        ctime: time::of(looks.changed),
        uid: Some(looks.user),
        gid: Some(looks.group),
        user: None,
        group: None,
        inode: looks.inode,
        device_id: looks.device,
        size: looks.size,
        links: if looks.kind == Kind::Directory { 0 } else { looks.links },
        extended_attributes: match attributes.is_empty() {
            true => Vec::new(),
            false => serde_json::from_value(attributes.into()).map_err(io::Error::other)?,
        },
    };
    Ok(Node::new_node(path.file_name().unwrap_or(OsStr::new("/")), kind, meta))
}

/// A file that is opened when its turn comes.
pub(crate) struct OpenLater {
    path: PathBuf,
    looks: Looks,
    problems: Shared,
    opened: Option<Arc<Opened>>,
}

impl OpenLater {
    fn file(&self) -> io::Result<File> {
        let open = || {
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
            OpenOptions::new().read(true).custom_flags(flags).open(&self.path)
        };
        match (open(), &self.opened) {
            (Err(error), Some(opened)) if error.kind() == io::ErrorKind::PermissionDenied => {
                opened.file(&self.path)?;
                open()
            }
            (file, _) => file,
        }
    }
}

impl ReadSourceOpen for OpenLater {
    type Reader = Watched;

    fn open(self) -> RusticResult<Watched> {
        match self.file() {
            Ok(file) => Ok(Watched {
                file,
                path: self.path,
                looks: self.looks,
                problems: self.problems,
                read: 0,
                ended: false,
            }),
            Err(error) => {
                let gone = error.kind() == io::ErrorKind::NotFound;
                note(
                    &self.problems,
                    &self.path,
                    match gone {
                        true => |it| &mut it.unsettled,
                        false => |it| &mut it.unreadable,
                    },
                );
                let text = "a file of the workspace cannot be opened";
                Err(RusticError::with_source(ErrorKind::InputOutput, text, error))
            }
        }
    }
}

/// A file that is read, and watched for whether it stays the same meanwhile.
pub(crate) struct Watched {
    file: File,
    path: PathBuf,
    looks: Looks,
    problems: Shared,
    read: u64,
    ended: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer).inspect_err(|_| {
            note(&self.problems, &self.path, |it| &mut it.unreadable);
        })?;
        self.read += read as u64;
        if read == 0 && !buffer.is_empty() && !self.ended {
            self.ended = true;
            let now = Looks::of(&self.file.metadata()?);
            // Rights that we were lent change the time of change, and nothing else.
            let same = (now.inode, now.size, now.modified)
                == (self.looks.inode, self.looks.size, self.looks.modified);
            if !same || self.read != self.looks.size {
                note(&self.problems, &self.path, |it| &mut it.unsettled);
            }
        }
        Ok(read)
    }
}
