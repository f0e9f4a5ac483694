//! What git writes down of objects: indexes, and the names of commits. Files that are masked have
//! other names inside than outside; what is written is what is true outside.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::File,
    io,
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::fs::{Stat, fstat};

use super::{FRESH, Mask, State, View, lock, nodes, open::Open, places};
use crate::history::{
    self, History, Name,
    index::{self, Becomes},
};

/// Bytes at the end of another file in which names are looked for: what git adds to a log.
const TAIL: u64 = 64 * 1024;
/// Bytes of what says where a linked worktree is: a path.
const LINK_MAX: u64 = 4096;
/// Bytes of all that is remembered as it was written.
const REMEMBERED_MAX: usize = 64 * 1024 * 1024;

/// What became another text when it was written: whoever wrote it reads what it wrote, as it goes on
/// with it (the commits of a rebase are made by one process).
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    texts: HashMap<nodes::File, Text>,
    bytes: usize,
}

#[derive(Debug)]
struct Text {
    process: u32,
    written: Arc<Vec<u8>>,
    /// The file as it was made then; another name changes nothing.
    of: State,
}

/// By what a content is known that nobody has changed.
fn content(stat: &Stat) -> State {
    (stat.st_mtime, stat.st_mtime_nsec, stat.st_size)
}

impl Rewritten {
    /// Nothing is kept of a file that is as it was written.
    fn keep(&mut self, file: nodes::File, text: Option<Text>) {
        if let Some(old) = self.texts.remove(&file) {
            self.bytes = self.bytes.saturating_sub(old.written.len());
        }
        let Some(text) = text else { return };
        self.bytes += text.written.len();
        if self.bytes > REMEMBERED_MAX {
            self.texts.clear();
            self.bytes = text.written.len();
        }
        self.texts.insert(file, text);
    }

    fn of(&self, file: nodes::File, process: u32, now: State) -> Option<Arc<Vec<u8>>> {
        let text = self.texts.get(&file)?;
        (text.process == process && text.of == now).then(|| Arc::clone(&text.written))
    }
}

impl View {
    /// Whether closing it is to be heard of: git keeps names of objects in it.
    pub(super) fn is_heard(&self, node: u64) -> bool {
        let path = self.at(node).and_then(|spot| self.real(&spot)).unwrap_or_default();
        self.history(&path).is_some_and(|history| !path.starts_with(&history.objects))
    }

    /// A process has written a file in which git keeps names of objects. It is to wait as long as is
    /// said: until the kernel has forgotten how old the file was, and, of an index, until nothing is
    /// changed any more in the same second, which git would not see.
    pub(super) fn written_names(
        &self,
        node: u64,
        file: &File,
        process: u32,
    ) -> io::Result<Duration> {
        let none = Duration::ZERO;
        let Some(mask) = &self.mask else { return Ok(none) };
        let path = self.real(&self.at(node)?)?;
        let Some(history) = self.history(&path) else { return Ok(none) };
        let length = file.metadata()?.len();
        let mut magic = [0; 4];
        let index =
            length >= 4 && file.read_exact_at(&mut magic, 0).is_ok() && magic == index::MAGIC;
        let start = if index { 0 } else { length.saturating_sub(TAIL) };
        if length - start > index::BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut text = vec![0; usize::try_from(length - start).map_err(io::Error::other)?];
        file.read_exact_at(&mut text, start)?;
        let written = text.clone();
        let later = match index {
            true => self.indexed(history, &**mask, &path, &mut text)?,
            false => {
                history.real_names(&mut text, &**mask)?;
                None
            }
        };
        if text != written {
            file.write_all_at(&text, start)?;
        }
        later.map_or(Ok(()), |later| file.set_modified(later))?;
        let stat = fstat(file)?;
        let wait = match later {
            Some(later) => later.duration_since(SystemTime::now()).unwrap_or(FRESH).max(FRESH),
            None if text != written => FRESH,
            None => none,
        };
        let own = (text != written && start == 0).then(|| Text {
            process,
            written: Arc::new(written),
            of: content(&stat),
        });
        lock(&self.rewritten).keep((stat.st_dev, stat.st_ino), own);
        Ok(wait)
    }

    /// Makes what an index says of files that were added as they are seen what is true of them outside,
    /// and says how old it has to be.
    fn indexed(
        &self,
        history: &History,
        mask: &dyn Mask,
        path: &Path,
        text: &mut [u8],
    ) -> io::Result<Option<SystemTime>> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let second = u32::try_from(since.as_secs()).map_err(io::Error::other)?;
        let at = tree_of(history, path);
        let masked = |path: &Path, entry: &index::Entry| {
            let path = Some(at.join(path)).filter(|path| mask.has_places(path))?;
            let real = history.real_file(&entry.name, &path, mask);
            let name = real.unwrap_or(entry.name);
            match history::now(&path, &name) {
                Some(mut stat) => {
                    // Git inside compares the number that it sees.
                    stat.st_ino = self.number(&stat);
                    Some(Becomes::Clean(name, stat))
                }
                None => real.map(Becomes::Named),
            }
        };
        let mut tree = |path: &Path, name: &Name| history.real_tree_at(path, name, mask);
        let later = history::steady(text, second, masked, &mut tree)?;
        Ok(later.map(|(later, _)| later))
    }

    /// What `process` reads of a file that it has written itself, if that became another text.
    pub(super) fn own_text(&self, file: &File, process: u32) -> io::Result<Option<Open>> {
        let rewritten = lock(&self.rewritten);
        if rewritten.texts.is_empty() {
            return Ok(None);
        }
        let stat = fstat(file)?;
        let own = rewritten.of((stat.st_dev, stat.st_ino), process, content(&stat));
        own.map(|text| Ok(Open::Own(Arc::new(file.try_clone()?), text))).transpose()
    }
}

/// Where the files of an index are: a linked worktree has its own.
fn tree_of(history: &History, index: &Path) -> PathBuf {
    let linked = || {
        let directory =
            index.parent().filter(|at| at.parent() == Some(&history.git.join("worktrees")))?;
        let link = places::read(&directory.join("gitdir"), LINK_MAX).ok()?;
        let at = Path::new(OsStr::from_bytes(link.trim_ascii())).parent()?;
        at.is_absolute().then(|| at.to_owned())
    };
    linked().unwrap_or_else(|| history.tree.clone())
}
