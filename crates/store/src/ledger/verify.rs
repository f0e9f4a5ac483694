//! Verification: everything is computed again from the entries and compared with what is there.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use holdpoint_core::{
    Digest,
    ledger::tree::{self, record_hash},
};

use crate::ledger::{
    bundle,
    checkpoint::{Checkpoint, Head},
    finding::{Fault, Finding},
    history::{self, Wrong},
    journal::{self, Found},
    key::VerifierKey,
    layout::{self, CHECKPOINT, HISTORY, JOURNAL, Row, Tile, WIDTH},
    rows::{HASH_BYTES, Rows},
    tiles::{TileFiles, read_exact, read_grown},
};

/// How many threads read and hash entries at most.
const THREADS_MAX: usize = 4;
/// How many bundles each may be ahead.
const AHEAD_BUNDLES: usize = 4;

/// Verifies the ledger in `dir` (the directory `ledger` of a state directory, or a copy of it)
/// against the key that should have signed it, and against a head that somebody remembers.
///
/// Returns the head that everything in the directory was found to lead to. While a gateway writes
/// to the ledger, what lies beyond its signed head is not looked at; otherwise every file has to
/// be exactly one that was signed.
pub fn verify(dir: &Path, key: &VerifierKey, remembered: Option<Head>) -> Result<Head, Finding> {
    let run = |live| Verification::begin(dir, key, live)?.finish(remembered);
    if !has_writer(dir) {
        let verified = run(false);
        // What was found may be the work of a gateway that has just started.
        if verified.is_ok() || !has_writer(dir) {
            return verified;
        }
    }
    run(true)
}

/// Whether some process has the ledger open for writing.
fn has_writer(dir: &Path) -> bool {
    let tried = File::open(dir).map(|dir| dir.try_lock_shared());
    matches!(tried, Ok(Err(TryLockError::WouldBlock)))
}

struct Verification<'a> {
    dir: &'a Path,
    key: &'a VerifierKey,
    head: Head,
    /// What was recorded since.
    journal: Found,
    /// The heads that the tree has to pass through, in ascending order, with their lines.
    earlier: Vec<Head>,
    /// Somebody writes; tiles may have grown, and what is not yet signed lies about.
    live: bool,
}

impl<'a> Verification<'a> {
    fn begin(dir: &'a Path, key: &'a VerifierKey, live: bool) -> Result<Self, Finding> {
        // First: what leaves the journal is in the checkpoint by then.
        let journal =
            journal::read(dir).map_err(|error| Finding::of(JOURNAL, Fault::unreadable(&error)))?;
        if !journal.is_empty() {
            journal::sync(dir);
        }
        let read = |name: &str| {
            let read = fs::read(dir.join(name));
            read.map_err(|error| Finding::of(name, Fault::unreadable(&error)))
        };
        let checkpoint = Checkpoint::open(&read(CHECKPOINT)?, key)
            .map_err(|fault| Finding::of(CHECKPOINT, fault.into()))?;
        let head = checkpoint.head;
        let history = history::read(&read(HISTORY)?, &checkpoint, key)?;
        if let (Some(newer), false) = (history.newer.last(), live) {
            let fault = Fault::RolledBack { known: newer.head.size, size: head.size };
            return Err(Finding::of(CHECKPOINT, fault));
        }
        if history.more && !live {
            let fault = "is covered by no signature";
            return Err(Wrong { line: checkpoint.mark.lines, fault }.into());
        }
        let earlier = history.bound.into_iter().map(|line| line.head).collect();
        Ok(Self { dir, key, head, journal, earlier, live })
    }

    fn finish(self, remembered: Option<Head>) -> Result<Head, Finding> {
        let rows = self.recompute(remembered)?;
        let newest = self.replay(rows, remembered)?;
        if let Some(known) = remembered.filter(|known| known.size > newest.size) {
            let fault = Fault::RolledBack { known: known.size, size: newest.size };
            return Err(Finding::of(CHECKPOINT, fault));
        }
        if !self.live {
            self.no_other_files()?;
        }
        Ok(newest)
    }

    /// Follows the journal from the checkpoint on, to the head that it leads to.
    fn replay(&self, mut rows: Rows, known: Option<Head>) -> Result<Head, Finding> {
        let (groups, end) = self.journal.beyond(&rows, self.key);
        let mut agreed = rows.size();
        for entry in groups.iter().flat_map(|group| &group.entries) {
            rows.push(record_hash(entry), |_, _| ());
            if let Some(known) = known.filter(|known| known.size == rows.size()) {
                agrees(known, &rows, JOURNAL, &mut agreed)?;
            }
        }
        // A writer may have been at it while it was read.
        match self.journal.cut_back(end, rows.size(), self.key) {
            Some(finding) if !self.live => Err(finding),
            _ => Ok(Head { size: rows.size(), root: rows.root() }),
        }
    }

    /// Every file is one of those that the signed head is made of.
    fn no_other_files(&self) -> Result<(), Finding> {
        let files =
            layout::files(self.dir).map_err(|error| Finding::of(".", Fault::unreadable(&error)))?;
        let ours = |file: &str| match Tile::parse(file) {
            Some(tile) => tile.belongs_to(self.head.size),
            None => [CHECKPOINT, HISTORY, JOURNAL].contains(&file),
        };
        match files.into_iter().filter(|file| !ours(file)).min() {
            Some(file) => {
                let record = Tile::parse(&file).map(Tile::first_record);
                Err(Finding { file, record, fault: Fault::Unsigned })
            }
            None => Ok(()),
        }
    }

    /// Builds the tree again from the entries.
    fn recompute(&self, remembered: Option<Head>) -> Result<Rows, Finding> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        thread::scope(|scope| {
            let hashed: Vec<_> = (0..threads)
                .map(|first| {
                    let (sender, receiver) = sync_channel(AHEAD_BUNDLES);
                    scope.spawn(move || self.hash_bundles(first, threads, &sender));
                    receiver
                })
                .collect();
            self.rebuild(&hashed, remembered)
        })
    }

    /// Hashes every `step`th bundle, from the `first` on.
    fn hash_bundles(&self, first: usize, step: usize, hashed: &SyncSender<Hashed>) {
        for number in (first as u64..).step_by(step) {
            let Some(tile) = Tile::of(Row::Entries, number, self.head.size) else { return };
            // The receiver is gone once something was found.
            if hashed.send(self.hash_bundle(tile)).is_err() {
                return;
            }
        }
    }

    fn hash_bundle(&self, tile: Tile) -> Hashed {
        let bytes = self.read(tile).map_err(|error| {
            Finding::at(tile.path(), tile.first_record(), Fault::unreadable(&error))
        })?;
        let entries = match self.live {
            true => bundle::first_entries(&bytes, tile.width),
            false => bundle::entries(&bytes, tile.width),
        };
        let Some(entries) = entries else {
            return Err(Finding::at(tile.path(), self.first_wrong(tile, &bytes), Fault::Entry));
        };
        let hashes: Vec<_> = entries.into_iter().map(record_hash).collect();
        let expected: Vec<_> = hashes.iter().flat_map(|hash| hash.0).collect();
        self.compare(Tile { row: Row::Hashes(0), ..tile }, &expected)?;
        Ok(hashes)
    }

    /// The first record of a bundle that cannot be read, or is not what its tile says.
    fn first_wrong(&self, tile: Tile, bytes: &[u8]) -> u64 {
        let hashes = self.read(Tile { row: Row::Hashes(0), ..tile }).unwrap_or_default();
        let right = |within: &u16| {
            let start = usize::from(*within) * HASH_BYTES;
            let hash = hashes.get(start..start + HASH_BYTES);
            let entries = bundle::first_entries(bytes, within + 1);
            entries
                .and_then(|entries| entries.last().map(|entry| record_hash(entry).0))
                .as_ref()
                .is_some_and(|entry| hash == Some(entry))
        };
        let wrong = (0..tile.width).find(|within| !right(within)).unwrap_or(tile.width - 1);
        tile.first_record() + u64::from(wrong)
    }

    fn rebuild(
        &self,
        hashed: &[Receiver<Hashed>],
        remembered: Option<Head>,
    ) -> Result<Rows, Finding> {
        let mut rows = Rows::default();
        let mut earlier = self.earlier.iter().peekable();
        let mut agreed = 0;
        let bundles = self.head.size.div_ceil(u64::from(WIDTH));
        for (_, bundle) in (0..bundles).zip(hashed.iter().cycle()) {
            let stopped = || Finding::of(".", Fault::Unreadable("a thread ended".to_owned()));
            for record in bundle.recv().unwrap_or_else(|_| Err(stopped()))? {
                while let Some(line) = earlier.next_if(|line| line.size == rows.size()) {
                    agrees(*line, &rows, HISTORY, &mut agreed)?;
                }
                if let Some(known) = remembered.filter(|known| known.size == rows.size()) {
                    agrees(known, &rows, CHECKPOINT, &mut agreed)?;
                }
                let mut wrong = Ok(());
                rows.push(record, |tile, bytes| {
                    if wrong.is_ok() && tile.row != Row::Hashes(0) {
                        wrong = self.compare(tile, bytes);
                    }
                });
                wrong?;
            }
        }
        rows.unfinished().try_for_each(|(tile, bytes)| self.compare(tile, bytes))?;
        let known = remembered.filter(|known| known.size == rows.size());
        known.into_iter().try_for_each(|known| agrees(known, &rows, CHECKPOINT, &mut agreed))?;
        agrees(self.head, &rows, CHECKPOINT, &mut agreed)?;
        Ok(rows)
    }

    /// Compares a tile on disk with the `expected` bytes.
    fn compare(&self, tile: Tile, expected: &[u8]) -> Result<(), Finding> {
        let bytes = self.read(tile).map_err(|error| {
            Finding::at(tile.path(), tile.first_record(), Fault::unreadable(&error))
        })?;
        let same = match self.live {
            true => bytes.starts_with(expected),
            false => bytes == expected,
        };
        if same {
            return Ok(());
        }
        let pairs = expected.chunks(HASH_BYTES).zip(bytes.chunks(HASH_BYTES));
        let same = pairs.take_while(|(expected, there)| expected == there).count();
        let within = (same as u64).min(u64::from(tile.width - 1));
        let one = Tile { number: tile.number * u64::from(WIDTH) + within, ..tile };
        let record = one.first_record() / u64::from(WIDTH);
        let there = bytes.chunks_exact(HASH_BYTES).nth(same).and_then(|hash| hash.try_into().ok());
        match there {
            Some(hash) if tile.row == Row::Hashes(0) && self.signed(record, Digest(hash)) => {
                let bundle = Tile { row: Row::Entries, ..tile };
                Err(Finding::at(bundle.path(), record, Fault::Entry))
            }
            _ => Err(Finding::at(tile.path(), record, Fault::Hash)),
        }
    }

    /// Whether the tiles lead from `hash` at `record` to the signed root. If so it was the entry
    /// that was changed, not the hash.
    fn signed(&self, record: u64, hash: Digest) -> bool {
        let Head { size, root } = self.head;
        let path = tree::prove_inclusion(record, size, &TileFiles::new(self.dir, size));
        path.is_ok_and(|path| tree::check_inclusion(&path, record, hash, size, root).is_ok())
    }

    fn read(&self, tile: Tile) -> io::Result<Vec<u8>> {
        if self.live { read_grown(self.dir, tile) } else { read_exact(self.dir, tile) }
    }
}

/// The hashes of a bundle's entries.
type Hashed = Result<Vec<Digest>, Finding>;

/// Whether the tree has the root that was signed for its present size; `agreed` is the last size
/// at which it had.
fn agrees(signed: Head, rows: &Rows, file: &str, agreed: &mut u64) -> Result<(), Finding> {
    if signed.root != rows.root() {
        return Err(Finding::at(file, *agreed, Fault::Root { size: signed.size }));
    }
    *agreed = signed.size;
    Ok(())
}

impl From<Wrong> for Finding {
    fn from(wrong: Wrong) -> Self {
        let fault = Fault::History { line: wrong.line + 1, fault: wrong.fault };
        Self::of(HISTORY, fault)
    }
}
