//! The one thread that writes: it takes what is queued, writes it as tiles, signs, and answers.

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use holdpoint_core::{Timestamp, ledger::tree::record_hash};

use crate::ledger::{
    LedgerError,
    bundle::Bundle,
    checkpoint::{Checkpoint, Head},
    disk::{self, Batch},
    history::{History, Line},
    key::SigningKey,
    layout::{CHECKPOINT, CHECKPOINT_NEXT, HISTORY, Row, Tile, WIDTH},
    queue::{Queue, Queued, Work},
    rows::Rows,
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
    /// Whether the checkpoint has a line in the history.
    pub(crate) listed: bool,
    pub(crate) listed_at: Timestamp,
    pub(crate) clock: C,
}

impl<C: Fn() -> Timestamp> Writer<C> {
    /// Writes what `queue` brings until it is closed or a write fails.
    pub(crate) fn run(mut self, queue: &Queue) {
        loop {
            let idle_after = if self.listed { IDLE } else { LISTED_EVERY };
            let work = queue.next(idle_after);
            let closed = matches!(work, Work::Closed);
            let done = match &work {
                Work::Group(group) => self.write_group(group),
                // The last head before a quiet time must not be the one that can be cut off.
                Work::Idle | Work::Closed if !self.listed => self.publish(true),
                Work::Idle | Work::Closed => Ok(()),
            };
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

    /// Returns once the records and a checkpoint that covers them are on disk.
    fn write_group(&mut self, group: &[Queued]) -> Result<(), LedgerError> {
        let before = self.rows.size();
        self.write_tiles(group)?;
        self.publish(self.line_is_due())?;
        self.remove_superseded(before);
        Ok(())
    }

    /// Makes the records durable: every tile that is new or has grown, in a file of its own.
    fn write_tiles(&mut self, group: &[Queued]) -> Result<(), LedgerError> {
        let before = self.rows.size();
        let mut batch = Batch::default();
        for queued in group {
            if let Some(full) = self.bundle.push(&queued.entry) {
                let number = self.rows.size() / u64::from(WIDTH);
                let tile = Tile { row: Row::Entries, number, width: WIDTH };
                batch.write(&self.dir, &tile.path(), &full)?;
            }
            let mut filled = Ok(());
            self.rows.push(record_hash(&queued.entry), |tile, bytes| {
                if filled.is_ok() {
                    filled = batch.write(&self.dir, &tile.path(), bytes);
                }
            });
            filled?;
        }
        let size = self.rows.size();
        if let Some(tile) = Tile::partial(Row::Entries, size) {
            batch.write(&self.dir, &tile.path(), self.bundle.bytes())?;
        }
        for (tile, bytes) in self.rows.unfinished().filter(|(tile, _)| !tile.belongs_to(before)) {
            batch.write(&self.dir, &tile.path(), bytes)?;
        }
        batch.sync()
    }

    fn line_is_due(&self) -> bool {
        let (now, last) = ((self.clock)(), self.listed_at);
        // A clock that was set back must not keep heads out of the history.
        now < last || now.seconds_since(last) >= LISTED_EVERY.as_secs()
    }

    /// Signs the tree as it is now; returns once the checkpoint is on disk.
    pub(crate) fn publish(&mut self, listed: bool) -> Result<(), LedgerError> {
        let head = Head { size: self.rows.size(), root: self.rows.root() };
        let mark = if listed { self.history.mark_listed() } else { self.history.mark_unlisted() };
        let checkpoint = Checkpoint::sign(&self.key, head, mark).map_err(|fault| {
            LedgerError::Key { path: self.dir.join(CHECKPOINT), fault: fault.to_string() }
        })?;
        if listed {
            let line = Line::of(&checkpoint);
            let written = self.history_file.write_all(&line.to_bytes());
            let synced = written.and_then(|()| self.history_file.sync_data());
            synced.map_err(LedgerError::io(self.dir.join(HISTORY)))?;
            self.history.push(&line);
            self.listed_at = (self.clock)();
        }
        self.listed = listed;
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
