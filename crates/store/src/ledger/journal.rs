//! The journal: what was recorded since the last settled head, in one file that is written over in
//! place. A group of records is durable by one write to it, instead of one for each tile and each
//! name; tiles are made of it when a head is settled.
//!
//! A group counts if it leads on from the head before it to one that the ledger's key has signed.
//! So what is left of older groups behind it, and what a crash has cut short, counts for nothing.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use holdpoint_core::ledger::tree::record_hash;

use crate::ledger::{
    LedgerError,
    checkpoint::{Checkpoint, Head},
    disk,
    finding::{Fault, Finding},
    key::{VERIFIER_KEY, VerifierKey},
    layout::JOURNAL,
    rows::Rows,
    tiles::{self, Ahead},
};

/// How long the file is, always: writing changes what is in it and nothing else, which is what
/// makes it quick. A second of a busy gateway fits in.
const JOURNAL_BYTES: usize = 1 << 20;
/// How much of it is read at a time by whoever wants its groups alone.
const PIECE_BYTES: usize = 1 << 16;

/// The journal of a ledger that is open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next group goes.
    end: usize,
}

impl Journal {
    /// Makes the file.
    pub(crate) fn begin(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(JOURNAL);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let made = made.and_then(|mut file| {
            file.write_all(&vec![0; JOURNAL_BYTES])?;
            file.sync_all()?;
            Ok(file)
        });
        let file = made.map_err(LedgerError::io(&path))?;
        disk::sync_dir(dir)?;
        Ok(Self { path, file, end: 0 })
    }

    /// Writes a group; it is durable when this returns. False if there is no room for it.
    pub(crate) fn write<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e [u8]>,
        checkpoint: &Checkpoint,
    ) -> Result<bool, LedgerError> {
        let group = encode(entries, &checkpoint.note);
        let end = self.end + group.len();
        if end > JOURNAL_BYTES {
            return Ok(false);
        }
        let written = self.file.write_all_at(&group, self.end as u64);
        written.and_then(|()| self.file.sync_data()).map_err(LedgerError::io(&self.path))?;
        self.end = end;
        Ok(true)
    }

    /// All that is in it is settled: the next group goes to its beginning, if that is still where
    /// it will be looked for.
    pub(crate) fn settled(&mut self) -> Result<(), LedgerError> {
        let same = fs::symlink_metadata(&self.path).and_then(|there| {
            let own = self.file.metadata()?;
            Ok((there.dev(), there.ino()) == (own.dev(), own.ino()))
        });
        let gone = || io::Error::other("it was replaced by another file");
        let same = same.and_then(|same| if same { Ok(()) } else { Err(gone()) });
        same.map_err(LedgerError::io(&self.path))?;
        self.end = 0;
        Ok(())
    }

    /// All that is in it is settled, and nothing more comes.
    pub(crate) fn remove(self) -> Result<(), LedgerError> {
        fs::remove_file(&self.path).map_err(LedgerError::io(self.path))
    }
}

/// The checkpoint's length and the checkpoint, then the number of entries, and each with its length.
fn encode<'e>(entries: impl Iterator<Item = &'e [u8]>, note: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut field = |field: &[u8]| {
        bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(field);
    };
    let entries: Vec<&[u8]> = entries.collect();
    field(note);
    field(&u64::try_from(entries.len()).unwrap_or(u64::MAX).to_be_bytes());
    entries.into_iter().for_each(field);
    bytes
}

/// One group as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Its records.
    pub(crate) entries: Vec<Vec<u8>>,
    /// The head that they lead to; not yet verified.
    pub(crate) checkpoint: Checkpoint,
}

impl Group {
    /// Takes the first group from `bytes`.
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut field = || -> Option<&[u8]> {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (field, rest) = rest.split_at_checked(length)?;
            *bytes = rest;
            Some(field)
        };
        let checkpoint = Checkpoint::read(field()?).ok()?;
        let count = u64::from_be_bytes(field()?.try_into().ok()?);
        let entries = (0..count).map(|_| field().map(<[u8]>::to_vec)).collect::<Option<_>>()?;
        Some(Self { entries, checkpoint })
    }
}

/// What is in a journal.
#[derive(Debug, Default)]
pub(crate) struct Found {
    bytes: Vec<u8>,
    /// Its groups, and where each ends.
    groups: Vec<(Group, usize)>,
}

/// Waits until what was read is durable, which a writer may still be waiting for.
pub(crate) fn sync(dir: &Path) {
    // Where nothing can be written, there is nothing to wait for.
    let _ = File::open(dir.join(JOURNAL)).and_then(|file| file.sync_data());
}

/// Reads the journal of the ledger in `dir`; nothing if there is none.
pub(crate) fn read(dir: &Path) -> io::Result<Found> {
    read_by(dir, JOURNAL_BYTES)
}

/// The same for whoever does not ask what lies behind its groups, which is most of the file.
pub(crate) fn read_groups(dir: &Path) -> io::Result<Found> {
    read_by(dir, PIECE_BYTES)
}

/// Reads piece by piece, until a place where nothing was ever written.
fn read_by(dir: &Path, piece: usize) -> io::Result<Found> {
    let path = dir.join(JOURNAL);
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(error),
    }
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        file => file?,
    };
    let Found { mut bytes, mut groups } = Found::default();
    while bytes.len() < JOURNAL_BYTES {
        bytes.reserve(piece);
        let more = Read::by_ref(&mut &file).take(piece as u64).read_to_end(&mut bytes)?;
        let end = groups.last().map_or(0, |(_, end)| *end);
        let mut rest = bytes.get(end..).unwrap_or_default();
        while let Some(group) = Group::take(&mut rest) {
            groups.push((group, bytes.len() - rest.len()));
        }
        let end = groups.last().map_or(0, |(_, end)| *end);
        let unwritten = bytes.get(end..).is_some_and(|rest| rest.starts_with(&[0; 4]));
        if more == 0 || unwritten {
            break;
        }
    }
    Ok(Found { bytes, groups })
}

impl Found {
    /// Whether there is no group in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups that lead on from a settled tree, up to the last whose head `key` signed, and where
    /// that ends. Its root is over all before it, so that no other signature is looked at.
    pub(crate) fn beyond(&self, settled: &Rows, key: &VerifierKey) -> (Vec<&Group>, usize) {
        let (mut rows, mut leading, mut before) = (settled.clone(), Vec::new(), 0);
        for (group, end) in &self.groups {
            if group.checkpoint.head.size > settled.size() {
                let Some(after) = follow(&rows, group) else { break };
                rows = after;
                leading.push((group, *end));
            } else {
                before = *end;
            }
        }
        let signed = |(group, _): &(&Group, usize)| {
            Checkpoint::open(&group.checkpoint.note, key).is_ok_and(|it| it == group.checkpoint)
        };
        leading.truncate(leading.iter().rposition(signed).map_or(0, |last| last + 1));
        let end = leading.last().map_or(before, |(_, end)| *end);
        (leading.into_iter().map(|(group, _)| group).collect(), end)
    }

    /// What was recorded according to a head that `key` signed and that lies behind `end`, but for
    /// the group that begins there: a crash cuts short no other. So what is between was touched.
    pub(crate) fn cut_back(&self, end: usize, newest: u64, key: &VerifierKey) -> Option<Finding> {
        let origin = format!("{}\n", key.origin());
        let notes = self.bytes.windows(origin.len()).enumerate();
        let behind = notes.filter(|(at, it)| *at > end + 4 && *it == origin.as_bytes());
        let known = behind.filter_map(|(at, _)| {
            let length = self.bytes.get(at.checked_sub(4)?..at)?.try_into().ok()?;
            let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
            let note = self.bytes.get(at..at.checked_add(length)?)?;
            Checkpoint::open(note, key).ok().map(|signed| signed.head.size)
        });
        let known = known.max().filter(|known| *known > newest)?;
        Some(Finding::at(JOURNAL, newest, Fault::RolledBack { known, size: newest }))
    }
}

/// The newest head that is there, in the journal if it leads on from the `settled` one, and the tiles
/// that lie between.
pub(crate) fn newest(
    dir: &Path,
    found: &Found,
    settled: Checkpoint,
) -> Result<(Checkpoint, Ahead), LedgerError> {
    let size = settled.head.size;
    let (mut newest, mut ahead) = (settled, Ahead::new());
    if found.groups.iter().all(|(group, _)| group.checkpoint.head.size <= size) {
        return Ok((newest, ahead));
    }
    let key = VerifierKey::read(&dir.with_file_name(VERIFIER_KEY))?;
    let (mut bundle, mut rows) = tiles::edge(dir, newest.head)?;
    for group in found.beyond(&rows.clone(), &key).0 {
        for entry in &group.entries {
            tiles::grow(&mut bundle, &mut rows, entry, |tile, bytes| {
                ahead.insert(tile, bytes.to_vec());
            });
        }
        newest = group.checkpoint.clone();
    }
    ahead.extend(tiles::unfinished(&bundle, &rows).map(|(tile, bytes)| (tile, bytes.to_vec())));
    Ok((newest, ahead))
}

/// The tree with the records of `group` in it, if they lead to its head.
fn follow(rows: &Rows, group: &Group) -> Option<Rows> {
    let mut rows = rows.clone();
    for entry in &group.entries {
        rows.push(record_hash(entry), |_, _| ());
    }
    (Head { size: rows.size(), root: rows.root() } == group.checkpoint.head).then_some(rows)
}
