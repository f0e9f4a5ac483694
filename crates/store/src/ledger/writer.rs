//! The one thread that writes: it takes what is queued, writes it as tiles, signs, and answers.

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use holdpoint_core::Timestamp;

use crate::ledger::{
    LedgerError,
    bundle::Bundle,
    checkpoint::{Checkpoint, Head, HistoryMark},
    disk::{self, Batch},
    history::{History, Line},
    journal::Journal,
    key::SigningKey,
    layout::{CHECKPOINT, CHECKPOINT_NEXT, HISTORY, Row, Tile},
    queue::{Queue, Queued, Work},
    rows::Rows,
    tiles::{grow, unfinished},
};

/// How often a head gets a line in the history, at most.
const LISTED_EVERY: Duration = Duration::from_secs(1);
/// How long the writer sleeps when there is nothing to do.
const IDLE: Duration = Duration::from_secs(60);

/// A ledger that is open for writing. Holds the lock of its directory.
pub(crate) struct Writer<C> {
    pub(crate) dir: PathBuf,
    /// The locked directory.
    #[expect(dead_code, reason = "held, not read: the directory is unlocked when it is dropped")]
    pub(crate) lock: File,
    pub(crate) key: SigningKey,
    pub(crate) rows: Rows,
    pub(crate) bundle: Bundle,
    pub(crate) history: History,
    /// The history file, open at its end.
    pub(crate) history_file: File,
    pub(crate) listed_at: Timestamp,
    /// How many records the checkpoint covers.
    pub(crate) settled: u64,
    /// Full tiles that are to be written when the next head is settled.
    pub(crate) full: Vec<(Tile, Vec<u8>)>,
    /// What stands for them, and for those that are not full, until then; made when it is needed.
    pub(crate) journal: Option<Journal>,
    pub(crate) clock: C,
}

impl<C: Fn() -> Timestamp> Writer<C> {
    /// Writes what `queue` brings until it is closed or a write fails.
    pub(crate) fn run(mut self, queue: &Queue) {
        loop {
            let idle_after = if self.is_settled() { IDLE } else { self.due_in() };
            let work = queue.next(idle_after);
            let closed = matches!(work, Work::Closed);
            let done = match &work {
                Work::Group(group) => self.write_group(group),
                // The last head before a quiet time must not be the one that can be cut off.
                Work::Idle | Work::Closed if !self.is_settled() => self.settle(),
                Work::Idle | Work::Closed => Ok(()),
            };
            let done = done.and_then(|()| if closed { self.close() } else { Ok(()) });
            if let Err(error) = done {
                tracing::error!(%error, "the ledger cannot be written; nothing passes any more");
                // Before `work` is dropped: who waits for it then finds the cause.
                queue.fail(error.to_string());
                return;
            }
            if let Work::Group(group) = work {
                queue.written(group);
            }
            if closed {
                return;
            }
        }
    }

    /// Returns once the records and a signed head that covers them are on disk: in the journal, or,
    /// when it is time for a line in the history, as tiles and as the checkpoint.
    fn write_group(&mut self, group: &[Queued]) -> Result<(), LedgerError> {
        self.take(group.iter().map(|queued| queued.entry.as_slice()));
        if self.line_is_due() || !self.write_journal(group)? { self.settle() } else { Ok(()) }
    }

    /// Whether a group is on disk by the journal; else there is no room for it.
    fn write_journal(&mut self, group: &[Queued]) -> Result<bool, LedgerError> {
        let checkpoint = self.sign(self.history.mark_unlisted())?;
        let journal = match &mut self.journal {
            Some(journal) => journal,
            none => none.insert(Journal::begin(&self.dir)?),
        };
        let entries = group.iter().map(|queued| queued.entry.as_slice());
        journal.write(entries, &checkpoint)
    }

    /// Takes records into the tree.
    pub(crate) fn take<'e>(&mut self, entries: impl Iterator<Item = &'e [u8]>) {
        for entry in entries {
            grow(&mut self.bundle, &mut self.rows, entry, |tile, bytes| {
                self.full.push((tile, bytes.to_vec()));
            });
        }
    }

    fn is_settled(&self) -> bool {
        self.settled == self.rows.size()
    }

    /// Returns once all tiles and a checkpoint that covers them are on disk, with its line in the
    /// history: the last head before a quiet time must not be one that can be cut off.
    pub(crate) fn settle(&mut self) -> Result<(), LedgerError> {
        self.write_tiles()?;
        self.publish()?;
        let before = std::mem::replace(&mut self.settled, self.rows.size());
        self.remove_superseded(before);
        self.journal.as_mut().map_or(Ok(()), Journal::settled)
    }

    /// Makes every tile durable that is new or has grown, in a file of its own.
    fn write_tiles(&mut self) -> Result<(), LedgerError> {
        let mut batch = Batch::default();
        for (tile, bytes) in std::mem::take(&mut self.full) {
            batch.write(&self.dir, &tile.path(), &bytes)?;
        }
        let partial = unfinished(&self.bundle, &self.rows);
        for (tile, bytes) in partial.filter(|(tile, _)| !tile.belongs_to(self.settled)) {
            batch.write(&self.dir, &tile.path(), bytes)?;
        }
        batch.sync()
    }

    /// Nothing more comes: what is on disk is the ledger, and nothing else.
    fn close(&mut self) -> Result<(), LedgerError> {
        self.journal.take().map_or(Ok(()), Journal::remove)
    }

    fn line_is_due(&self) -> bool {
        self.due_in().is_zero()
    }

    /// How long until the next line of the history.
    fn due_in(&self) -> Duration {
        let (now, last) = ((self.clock)(), self.listed_at);
        // A clock that was set back must not keep heads out of the history.
        match now.0.checked_sub(last.0) {
            Some(since) => LISTED_EVERY.saturating_sub(Duration::from_millis(since)),
            None => Duration::ZERO,
        }
    }

    /// Signs the tree as it is now.
    fn sign(&self, mark: HistoryMark) -> Result<Checkpoint, LedgerError> {
        let head = Head { size: self.rows.size(), root: self.rows.root() };
        Checkpoint::sign(&self.key, head, mark).map_err(|fault| LedgerError::Key {
            path: self.dir.join(CHECKPOINT),
            fault: fault.to_string(),
        })
    }

    /// Returns once a checkpoint of the tree as it is now is on disk, and its line in the history.
    pub(crate) fn publish(&mut self) -> Result<(), LedgerError> {
        let checkpoint = self.sign(self.history.mark_listed())?;
        let line = Line::of(&checkpoint);
        let written = self.history_file.write_all(&line.to_bytes());
        let synced = written.and_then(|()| self.history_file.sync_data());
        synced.map_err(LedgerError::io(self.dir.join(HISTORY)))?;
        self.history.push(&line);
        self.listed_at = (self.clock)();
        disk::replace(&self.dir, CHECKPOINT, CHECKPOINT_NEXT, &checkpoint.note)
    }

    /// Removes the unfinished tiles of the tree of `before` records that have grown since. Only
    /// now: until the newer checkpoint was durable, they were the ledger.
    fn remove_superseded(&self, before: u64) {
        let size = self.rows.size();
        let old = Row::all().filter_map(|row| Tile::partial(row, before));
        for tile in old.filter(|tile| !tile.belongs_to(size)) {
            let path = self.dir.join(tile.path());
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "an outgrown tile stays");
            }
            if let Some(parent) = path.parent() {
                // Fails, as it should, while a newer unfinished tile lies in there.
                let _ = fs::remove_dir(parent);
            }
        }
    }
}
