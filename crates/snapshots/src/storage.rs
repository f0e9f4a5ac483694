//! The directory in which a repository lies: files appear whole under their names, what a snapshot
//! needs is on disk before it, and who writes cannot remove.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use rustic_core::{
    ALL_FILE_TYPES, BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult,
    WriteBackend,
};

/// Where files are written before they have their names.
const DRAFTS: &str = "tmp";
/// Where restic looks for locks, which we have no use for.
const LOCKS: &str = "locks";

/// What may be done to the files of a repository, beside reading and adding them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// Nothing.
    Add,
    /// They may be removed: whoever has this has the repository to itself.
    Remove,
}

impl Power {
    /// Whether whoever has it may remove.
    pub(crate) fn may_remove(self) -> RusticResult<()> {
        let text = "nothing is removed from a repository by whoever writes it";
        match self {
            Self::Add => Err(RusticError::new(ErrorKind::AppendOnly, text)),
            Self::Remove => Ok(()),
        }
    }
}

/// A repository's directory.
#[derive(Debug)]
pub(crate) struct Storage {
    directory: PathBuf,
    power: Power,
    /// What is written and perhaps not on disk yet.
    pending: Mutex<Vec<File>>,
    drafts: AtomicU64,
    failed: AtomicBool,
}

impl Storage {
    pub(crate) fn new(directory: &Path, power: Power) -> Self {
        let drafts = AtomicU64::new(0);
        let (pending, failed) = (Mutex::default(), AtomicBool::new(false));
        Self { directory: directory.to_owned(), power, pending, drafts, failed }
    }

    fn path(&self, of: FileType, id: &Id) -> PathBuf {
        let hex = id.to_hex();
        let hex = hex.as_str();
        match of {
            FileType::Config => self.directory.join("config"),
            FileType::Pack => {
                self.directory.join("data").join(hex.get(..2).unwrap_or_default()).join(hex)
            }
            other => self.directory.join(other.dirname()).join(hex),
        }
    }

    /// Writes a file. Once one could not be written, no snapshot is: rustic leaves out what fails.
    fn write(&self, of: FileType, id: &Id, content: &BytesList) -> io::Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("something before it could not be written"));
        }
        let written = self.write_draft(of, id, content);
        if written.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        written
    }

    fn write_draft(&self, of: FileType, id: &Id, content: &BytesList) -> io::Result<()> {
        let path = self.path(of, id);
        // Content-addressed: what is there under the name is this.
        let there = |it: fs::Metadata| it.len() == content.size() as u64;
        if of != FileType::Config && path.symlink_metadata().is_ok_and(there) {
            return Ok(());
        }
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = format!("{}-{number}-{:?}", std::process::id(), std::thread::current().id());
        let draft = self.directory.join(DRAFTS).join(draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&draft)?;
        let mut parts = content.slice().iter();
        let written = parts.try_for_each(|part| file.write_all(part));
        let written = written.and_then(|()| self.put(of, &draft, &path, file));
        if written.is_err() {
            // A draft that stays is in nobody's way, and goes with the next prune.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Gives a draft its name. Of packs and indexes the disk need not know yet; of whatever makes
    /// others count, it has to know these first.
    fn put(&self, of: FileType, draft: &Path, path: &Path, file: File) -> io::Result<()> {
        match of {
            FileType::Pack | FileType::Index => {
                self.rename(draft, path)?;
                self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(file);
                Ok(())
            }
            FileType::Config | FileType::Key | FileType::Snapshot => {
                self.settle()?;
                file.sync_all()?;
                self.rename(draft, path)?;
                path.parent().map_or(Ok(()), sync_directory)
            }
        }
    }

    /// Adds a file of which nothing may be there yet, and waits until it is on disk. The same once
    /// more is no mistake, but for the configuration, which no name vouches for.
    pub(crate) fn add_new(&self, of: FileType, id: &Id, content: &[u8]) -> io::Result<()> {
        let path = self.path(of, id);
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = format!("{}-{number}-{:?}", std::process::id(), std::thread::current().id());
        let draft = self.directory.join(DRAFTS).join(draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&draft)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let directory = path.parent().unwrap_or(&self.directory).to_owned();
        let linked = written.and_then(|()| make_directory(&directory)).and_then(|()| {
            // A link, unlike a rename, never takes the place of what is there.
            match fs::hard_link(&draft, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let same = of != FileType::Config
                        && path.metadata().is_ok_and(|it| it.len() == content.len() as u64);
                    if same { Ok(()) } else { Err(error) }
                }
                linked => linked.and_then(|()| sync_directory(&directory)),
            }
        });
        // A draft that stays is in nobody's way, and goes with the next prune.
        let _ = fs::remove_file(&draft);
        linked
    }

    /// Reads a file, or a part of it: an offset and a length.
    pub(crate) fn read(
        &self,
        of: FileType,
        id: &Id,
        part: Option<(u32, u32)>,
    ) -> io::Result<Vec<u8>> {
        let path = self.path(of, id);
        let Some((offset, length)) = part else { return fs::read(path) };
        let mut bytes = vec![0; length as usize];
        File::open(path)?.read_exact_at(&mut bytes, u64::from(offset))?;
        Ok(bytes)
    }

    fn rename(&self, draft: &Path, path: &Path) -> io::Result<()> {
        match fs::rename(draft, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = path.parent() {
                    make_directory(parent)?;
                }
                fs::rename(draft, path)
            }
            renamed => renamed,
        }
    }

    /// Waits until everything that was written is on disk.
    fn settle(&self) -> io::Result<()> {
        let pending =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.is_empty() {
            return Ok(());
        }
        for file in &pending {
            file.sync_data()?;
        }
        // The names, wherever they are: one call, whatever their number.
        rustix::fs::syncfs(File::open(&self.directory)?)?;
        Ok(())
    }

    pub(crate) fn list(&self, of: FileType) -> io::Result<Vec<(Id, u32)>> {
        let mut found = Vec::new();
        let top = self.directory.join(of.dirname());
        if of == FileType::Config {
            let size = top.metadata().map(|it| it.len());
            let size = size.ok().and_then(|size| u32::try_from(size).ok());
            return Ok(size.map(|size| (Id::default(), size)).into_iter().collect());
        }
        let mut open = vec![top];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                if of == FileType::Pack && entry.file_type()?.is_dir() {
                    open.push(entry.path());
                    continue;
                }
                let name = entry.file_name();
                let id = name.to_str().and_then(|name| name.parse::<Id>().ok());
                let size = u32::try_from(entry.metadata()?.len()).ok();
                found.extend(id.zip(size));
            }
        }
        Ok(found)
    }

    /// Removes drafts that a process left that is no more. Only for who has it to itself.
    pub(crate) fn clear_drafts(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.directory.join(DRAFTS))? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Box<RusticError> {
    move |error| RusticError::with_source(ErrorKind::Backend, doing, error)
}

impl ReadBackend for Storage {
    fn location(&self) -> String {
        self.directory.display().to_string()
    }

    fn list_with_size(&self, of: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.list(of).map_err(failed("a directory of the repository cannot be listed"))
    }

    fn read_full(&self, of: FileType, id: &Id) -> RusticResult<Bytes> {
        let read = self.read(of, id, None).map(Bytes::from);
        read.map_err(failed("a file of the repository cannot be read"))
    }

    fn read_partial(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let read = self.read(of, id, Some((offset, length))).map(Bytes::from);
        read.map_err(failed("a part of a file of the repository cannot be read"))
    }

    fn warmup_path(&self, of: FileType, id: &Id) -> String {
        self.path(of, id).display().to_string()
    }
}

impl WriteBackend for Storage {
    fn create(&self) -> RusticResult<()> {
        let directories = ALL_FILE_TYPES.iter().map(|of| of.dirname()).chain([DRAFTS, LOCKS]);
        for name in directories {
            let made = make_directory(&self.directory.join(name));
            made.map_err(failed("a directory of the repository cannot be made"))?;
        }
        Ok(())
    }

    fn write_bytes(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        self.write(of, id, &content).map_err(failed("a file of the repository cannot be written"))
    }

    fn remove(&self, of: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.power.may_remove()?;
        match fs::remove_file(self.path(of, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("a file of the repository cannot be removed")(error))
            }
            _ => Ok(()),
        }
    }
}
