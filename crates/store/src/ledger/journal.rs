//! The journal: what was recorded since the last settled head, in one file that is written over in
//! place. A group of records is durable by one write to it, instead of one for each tile and each
//! name; tiles are made of it when a head is settled.
//!
//! A group counts if it leads on from the head before it to one that the ledger's key has signed.
//! So what is left of older groups behind it, and what a crash has cut short, counts for nothing.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use holdpoint_core::ledger::tree::record_hash;

use crate::ledger::{
    LedgerError,
    checkpoint::{Checkpoint, Head},
    disk,
    key::VerifierKey,
    layout::JOURNAL,
    rows::Rows,
    tiles::{self, Ahead},
};

/// How long the file is, always: writing changes what is in it and nothing else, which is what
/// makes it quick. A second of a busy gateway fits in.
const JOURNAL_BYTES: usize = 1 << 20;

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
        let made =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
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

    /// All that is in it is settled: the next group goes to its beginning.
    pub(crate) fn settled(&mut self) {
        self.end = 0;
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
    /// How many records there were before it.
    fn first(&self) -> Option<u64> {
        self.checkpoint.head.size.checked_sub(self.entries.len() as u64)
    }

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

/// The groups in the journal of the ledger in `dir` that lead on, one after another, from its
/// beginning. None if there is no journal.
pub(crate) fn read(dir: &Path) -> io::Result<Vec<Group>> {
    let bytes = match fs::read(dir.join(JOURNAL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let mut rest = bytes.as_slice();
    let mut groups: Vec<Group> = Vec::new();
    while let Some(group) = Group::take(&mut rest) {
        let last = groups.last().map(|last| last.checkpoint.head.size);
        if group.entries.is_empty() || (last.is_some() && group.first() != last) {
            break;
        }
        groups.push(group);
    }
    Ok(groups)
}

/// The groups that lead on from a settled head of `size` records.
pub(crate) fn beyond(groups: Vec<Group>, size: u64) -> Vec<Group> {
    let groups = groups.into_iter().skip_while(|group| group.first().is_none_or(|it| it < size));
    let mut groups = groups.peekable();
    match groups.peek().and_then(Group::first) == Some(size) {
        true => groups.collect(),
        false => Vec::new(),
    }
}

/// The newest head that is there, of these `groups` if they lead on from the `settled` one, and the
/// tiles that lie between.
pub(crate) fn newest(
    dir: &Path,
    groups: Vec<Group>,
    settled: Checkpoint,
) -> Result<(Checkpoint, Ahead), LedgerError> {
    let groups = beyond(groups, settled.head.size);
    let (mut newest, mut ahead) = (settled, Ahead::new());
    if groups.is_empty() {
        return Ok((newest, ahead));
    }
    let (mut bundle, mut rows) = tiles::edge(dir, newest.head)?;
    for group in groups {
        // A writer may be writing over it.
        if lead(&rows, &group).is_none() {
            break;
        }
        for entry in &group.entries {
            tiles::grow(&mut bundle, &mut rows, entry, |tile, bytes| {
                ahead.insert(tile, bytes.to_vec());
            });
        }
        newest = group.checkpoint;
    }
    ahead.extend(tiles::unfinished(&bundle, &rows).map(|(tile, bytes)| (tile, bytes.to_vec())));
    Ok((newest, ahead))
}

/// The tree with the records of `group` in it, if they lead to the head that `key` signed.
pub(crate) fn follow(rows: &Rows, group: &Group, key: &VerifierKey) -> Option<Rows> {
    let signed = Checkpoint::open(&group.checkpoint.note, key).ok()?;
    lead(rows, group).filter(|_| signed == group.checkpoint)
}

/// The same, whoever signed it.
fn lead(rows: &Rows, group: &Group) -> Option<Rows> {
    let mut rows = rows.clone();
    for entry in &group.entries {
        rows.push(record_hash(entry), |_, _| ());
    }
    let head = Head { size: rows.size(), root: rows.root() };
    (head == group.checkpoint.head).then_some(rows)
}
