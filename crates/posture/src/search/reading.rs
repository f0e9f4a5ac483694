//! One file, read in windows, so that its size does not matter.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use holdpoint_catalog::credentials::{Finder, Found, relative};
use memchr::memchr_iter;
use rustix::fs::OFlags;
use secrecy::ExposeSecret as _;
use thiserror::Error;

use super::{packed, walk::FileState};
use crate::exposed::Exposed;

/// How much is searched at a time. A multiple of every character's width.
const STEP_BYTES: usize = 4 << 20;
/// What is seen of what lies before: names and hosts.
const BACK_BYTES: usize = 4 << 10;
/// What is seen of what follows: the longest credential.
const AHEAD_BYTES: usize = 64 << 10;
/// The longest file.
const FILE_BYTES_MAX: u64 = 16 << 30;
/// A file that changed less than this ago may change again without its times showing it.
const SETTLED_AFTER: Duration = Duration::from_millis(50);

/// What reading a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What is in it.
    pub exposed: Vec<Exposed>,
    /// How long it is.
    pub bytes: u64,
    /// It did not change meanwhile, nor just before: what was found holds until it changes.
    pub settled: bool,
}

/// Why a file could not be searched.
#[derive(Debug, Error)]
pub enum ReadingError {
    /// The system said no.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is longer than anything that is searched.
    #[error("longer than {FILE_BYTES_MAX} bytes; move it out of reach")]
    TooLong,
}

impl ReadingError {
    /// Whether there is no such file any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads and searches the file at `path`, of which the part below `root` says what it is.
pub fn read(
    root: &Path,
    path: &Path,
    finder: &Finder,
    fingerprint: &(dyn Fn(&str) -> String + Sync),
) -> Result<Reading, ReadingError> {
    // Neither a link that was put there meanwhile nor a pipe that nobody writes to.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    }
    if before.len() > FILE_BYTES_MAX {
        return Err(ReadingError::TooLong);
    }
    let mut windows = Windows { shown: relative(root, path), path, finder, fingerprint };
    let (mut exposed, bytes) = windows.search(&mut file)?;
    exposed.extend(windows.packed(&mut file));
    let state = FileState::of(&before);
    let settled = state == FileState::of(&file.metadata()?) && is_settled(state);
    Ok(Reading { exposed, bytes, settled })
}

fn is_settled(state: FileState) -> bool {
    let (seconds, nanos) = state.changed;
    let since =
        Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(since) > SETTLED_AFTER
}

struct Windows<'a> {
    shown: String,
    path: &'a Path,
    finder: &'a Finder,
    fingerprint: &'a (dyn Fn(&str) -> String + Sync),
}

impl Windows<'_> {
    /// What is packed in the file; what is damaged is not read further.
    fn packed(&mut self, file: &mut File) -> Vec<Exposed> {
        let (mut exposed, name) = (Vec::new(), self.shown.clone());
        let ended = packed::each(file, &name, &mut |part, content| {
            part.clone_into(&mut self.shown);
            if let Ok((found, _)) = self.search(content) {
                exposed.extend(found.into_iter().map(|it| Exposed { packed: true, ..it }));
            }
        });
        if let Err(error) = ended {
            tracing::debug!(path = %self.path.display(), %error, "not all was unpacked");
        }
        exposed
    }

    /// Every window of the file: each credential counts in the one in which it begins.
    fn search(&mut self, file: &mut dyn io::Read) -> Result<(Vec<Exposed>, u64), ReadingError> {
        let mut window = Vec::new();
        let (mut exposed, mut lines) = (Vec::new(), 0);
        // Where in the file the window begins, and where in the window its own part does.
        let (mut start, mut own) = (0_u64, 0_usize);
        loop {
            let wanted = own + STEP_BYTES + AHEAD_BYTES;
            let missing = wanted.saturating_sub(window.len());
            file.take(missing as u64).read_to_end(&mut window)?;
            let last = window.len() < wanted;
            let end = if last { window.len() } else { own + STEP_BYTES };
            for found in self.finder.find_in(&self.shown, &window) {
                if (own..end).contains(&found.span.start) {
                    exposed.push(self.exposed(&found, &window, start, lines));
                }
            }
            if last {
                return Ok((exposed, start + window.len() as u64));
            }
            let gone = end - BACK_BYTES;
            lines += memchr_iter(b'\n', window.get(..gone).unwrap_or_default()).count();
            start += gone as u64;
            window.drain(..gone);
            own = BACK_BYTES;
        }
    }

    fn exposed(&self, found: &Found, window: &[u8], start: u64, lines: usize) -> Exposed {
        let value = found.value(window);
        let fingerprint = value.map(|value| (self.fingerprint)(value.expose_secret()));
        let offset = |at: usize| start + at as u64;
        let span: Range<u64> = offset(found.span.start)..offset(found.span.end);
        Exposed::of(found, self.path.to_owned(), span, lines, fingerprint)
    }
}
