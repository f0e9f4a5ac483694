//! Reading records back, while somebody writes or not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use holdpoint_core::ledger::{
    Record,
    tree::{self, record_hash},
};

use crate::ledger::{
    LedgerError, Proof, bundle,
    checkpoint::{Checkpoint, Head},
    finding::{Fault, Finding},
    journal,
    layout::{CHECKPOINT, JOURNAL, Row, Tile, WIDTH},
    tiles::{Ahead, TileFiles, read_grown},
};

/// The most records on one page.
pub const PAGE_RECORDS_MAX: usize = 1000;

/// The records up to the newest signed head that was there when it was opened. It believes what is on
/// disk as tiles: [`verify`](crate::ledger::verify) and [`Proof::verify`] do not.
#[derive(Debug, Clone)]
pub struct Reader {
    dir: PathBuf,
    checkpoint: Checkpoint,
    /// Tiles that were not on disk yet.
    ahead: Ahead,
}

impl Reader {
    /// Reads the ledger in `dir` (the directory `ledger` of a state directory, or a copy of it).
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        // First: what leaves the journal is in the checkpoint by then.
        let found = journal::read_groups(dir).map_err(LedgerError::io(dir.join(JOURNAL)))?;
        let path = dir.join(CHECKPOINT);
        let note = fs::read(&path).map_err(LedgerError::io(path))?;
        let settled = Checkpoint::read(&note)
            .map_err(|fault| Finding::of(CHECKPOINT, Fault::Checkpoint(fault)))?;
        let (checkpoint, ahead) = journal::newest(dir, &found, settled)?;
        Ok(Self { dir: dir.to_owned(), checkpoint, ahead })
    }

    /// How many records there are, and the root over them: what to remember, so that a later
    /// verification notices if the ledger was cut back.
    pub fn head(&self) -> Head {
        self.checkpoint.head
    }

    /// The record at `index`.
    pub fn record(&self, index: u64) -> Result<Record, LedgerError> {
        parse(index, &self.entry(index)?)
    }

    /// The entry at `index`, byte by byte.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LedgerError> {
        let none = || LedgerError::NoRecord { index, size: self.head().size };
        let mut entries = self.bundle(index / u64::from(WIDTH))?;
        let within = usize::try_from(index % u64::from(WIDTH)).unwrap_or(usize::MAX);
        if within < entries.len() { Ok(entries.swap_remove(within)) } else { Err(none()) }
    }

    /// Every record from `first` on, in order.
    pub fn records(
        &self,
        first: u64,
    ) -> impl Iterator<Item = Result<(u64, Record), LedgerError>> + '_ {
        let width = u64::from(WIDTH);
        let bundles = first / width..self.head().size.div_ceil(width);
        let entries = bundles.flat_map(move |number| {
            let (entries, failed) = match self.bundle(number) {
                Ok(entries) => (entries, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            let indexed = (number * width..).zip(entries).map(Ok);
            indexed.chain(failed)
        });
        entries
            .filter(move |entry| !matches!(entry, Ok((index, _)) if *index < first))
            .map(|entry| entry.and_then(|(index, entry)| Ok((index, parse(index, &entry)?))))
    }

    /// A page of at most `limit` records (and [`PAGE_RECORDS_MAX`]), newest first: those before
    /// the index `before`, or the newest.
    pub fn page(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Record)>, LedgerError> {
        let end = before.unwrap_or(u64::MAX).min(self.head().size);
        let count = limit.min(PAGE_RECORDS_MAX);
        let first = end.saturating_sub(count as u64);
        let span = usize::try_from(end - first).unwrap_or(count);
        let mut page = self.records(first).take(span).collect::<Result<Vec<_>, _>>()?;
        page.reverse();
        Ok(page)
    }

    /// The proof that the record at `index` is in the ledger, for somebody who does not have it.
    pub fn prove(&self, index: u64) -> Result<Proof, LedgerError> {
        let entry = self.entry(index)?;
        if !self.ahead.is_empty() {
            journal::sync(&self.dir);
        }
        let Head { size, root } = self.head();
        let path =
            tree::prove_inclusion(index, size, &TileFiles::new(&self.dir, size).with(&self.ahead))?;
        tree::check_inclusion(&path, index, record_hash(&entry), size, root)?;
        Ok(Proof { entry, index, path, checkpoint: self.checkpoint.clone() })
    }

    fn bundle(&self, number: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let size = self.head().size;
        let Some(tile) = Tile::of(Row::Entries, number, size) else { return Ok(Vec::new()) };
        let found = |fault| Finding::at(tile.path(), tile.first_record(), fault);
        let bytes = match self.ahead.get(&tile) {
            Some(bytes) => bytes.clone(),
            None => {
                read_grown(&self.dir, tile).map_err(|error| found(Fault::unreadable(&error)))?
            }
        };
        let entries =
            bundle::first_entries(&bytes, tile.width).ok_or_else(|| found(Fault::Entry))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }
}

fn parse(index: u64, entry: &[u8]) -> Result<Record, LedgerError> {
    serde_json::from_slice(entry).map_err(|error| {
        let number = index / u64::from(WIDTH);
        let tile = Tile { row: Row::Entries, number, width: WIDTH };
        Finding::at(tile.path(), index, Fault::NoRecord(error.to_string())).into()
    })
}
