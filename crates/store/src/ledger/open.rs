//! Opening a ledger for writing: the first time, again, and after a crash.
//!
//! What a crash left beyond the last signed head is dropped, not adopted: nobody was told that it
//! is recorded, and signing bytes that are merely found would let whoever can write a file write
//! the ledger's history. Two things beyond the checkpoint are adopted: the next head, if its
//! signed line in the history came to disk and its tiles, which are written first, lead to it; and
//! the groups of the journal that lead to signed heads.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    time::Duration,
};

use holdpoint_core::{Timestamp, ledger::tree::record_hash};

use crate::ledger::{
    LedgerError,
    bundle::{self, Bundle},
    checkpoint::{Checkpoint, Head},
    disk,
    finding::{Fault, Finding},
    history::{self, History},
    journal::{self, Group},
    key::SigningKey,
    layout::{self, CHECKPOINT, CHECKPOINT_NEXT, HISTORY, JOURNAL, Row, Tile},
    rows::{HASH_BYTES, Rows},
    tiles::{TileFiles, read_exact, unreadable_edge},
    writer::Writer,
};

/// How often the lock is tried before another writer is reported. Verification holds it for a
/// moment only.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Opens the ledger of a state directory, and begins it if there is none.
pub(crate) fn open<C: Fn() -> Timestamp>(state: &Path, clock: C) -> Result<Writer<C>, LedgerError> {
    let dir = state.join(super::DIRECTORY);
    if SigningKey::load(state)?.is_none() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&dir).map_err(LedgerError::io(&dir))?;
    } else if !dir.exists() {
        return Err(LedgerError::Gone(dir));
    }
    let lock = lock(&dir)?;
    // Again, now that nobody else can be writing it.
    match SigningKey::load(state)? {
        Some(key) => resume(&dir, lock, key, clock),
        None if has_records(&dir)? => Err(LedgerError::Keyless(dir)),
        None => begin(state, &dir, lock, clock),
    }
}

fn lock(dir: &Path) -> Result<File, LedgerError> {
    let file = File::open(dir).map_err(LedgerError::io(dir))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(LedgerError::io(dir)(error)),
        }
    }
    Err(LedgerError::Locked(dir.to_owned()))
}

/// Whether there is more than an opening that was cut short would have left.
fn has_records(dir: &Path) -> Result<bool, LedgerError> {
    let files = layout::files(dir).map_err(LedgerError::io(dir))?;
    let size = fs::read(dir.join(CHECKPOINT)).ok().map(|note| Checkpoint::read(&note));
    let empty = matches!(size, None | Some(Ok(Checkpoint { head: Head { size: 0, .. }, .. })));
    let journal = journal::read(dir).map_err(LedgerError::io(dir.join(JOURNAL)))?;
    Ok(!empty || !journal.is_empty() || files.iter().any(|file| Tile::parse(file).is_some()))
}

fn begin<C: Fn() -> Timestamp>(
    state: &Path,
    dir: &Path,
    lock: File,
    clock: C,
) -> Result<Writer<C>, LedgerError> {
    let key = SigningKey::generate()?;
    remove_journal(dir)?;
    let path = dir.join(HISTORY);
    let history_file = File::create(&path).map_err(LedgerError::io(path))?;
    let mut writer = Writer {
        dir: dir.to_owned(),
        lock,
        key,
        rows: Rows::default(),
        bundle: Bundle::default(),
        history: History::default(),
        history_file,
        listed_at: Timestamp::default(),
        settled: 0,
        full: Vec::new(),
        journal: None,
        clock,
    };
    writer.publish()?;
    writer.key.store(state)?;
    Ok(writer)
}

fn resume<C: Fn() -> Timestamp>(
    dir: &Path,
    lock: File,
    key: SigningKey,
    clock: C,
) -> Result<Writer<C>, LedgerError> {
    let (checkpoint, history) = newest(dir, &key)?;
    let head = checkpoint.head;
    let rows = rows(dir, head)?;
    let bundle = bundle(dir, head)?;
    let found = journal::read(dir).map_err(LedgerError::io(dir.join(JOURNAL)))?;
    let (groups, end) = found.beyond(&rows, key.verifier());
    let newest = groups.last().map_or(head.size, |group| group.checkpoint.head.size);
    if let Some(finding) = found.cut_back(end, newest, key.verifier()) {
        return Err(finding.into());
    }
    clear(dir, head.size)?;
    let path = dir.join(HISTORY);
    let history_file =
        OpenOptions::new().append(true).open(&path).map_err(LedgerError::io(path))?;
    let mut writer = Writer {
        dir: dir.to_owned(),
        lock,
        key,
        rows,
        bundle,
        history,
        history_file,
        listed_at: Timestamp::default(),
        settled: head.size,
        full: Vec::new(),
        journal: None,
        clock,
    };
    replay(&mut writer, &groups)?;
    Ok(writer)
}

/// Takes in what the journal holds beyond the checkpoint: it was recorded, and whoever waited for
/// that was told so. Once it is settled, the journal is not needed any more.
fn replay<C: Fn() -> Timestamp>(
    writer: &mut Writer<C>,
    groups: &[&Group],
) -> Result<(), LedgerError> {
    let listed = writer.history.last().is_some_and(|last| last.size == writer.settled);
    for group in groups {
        writer.take(group.entries.iter().map(Vec::as_slice));
    }
    let records = writer.rows.size() - writer.settled;
    if records > 0 {
        tracing::warn!(records, "settling what a crash left in the journal");
    }
    // An older version left heads without a line.
    if records > 0 || !listed {
        writer.settle()?;
    }
    remove_journal(&writer.dir)
}

fn remove_journal(dir: &Path) -> Result<(), LedgerError> {
    let path = dir.join(JOURNAL);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(LedgerError::io(path)(error)),
        _ => Ok(()),
    }
}

/// The newest signed head, with the history as it binds it; both are made so on disk.
fn newest(dir: &Path, key: &SigningKey) -> Result<(Checkpoint, History), LedgerError> {
    let checkpoint = read_checkpoint(dir, key)?;
    let path = dir.join(HISTORY);
    let bytes = fs::read(&path).map_err(|error| Finding::of(HISTORY, Fault::unreadable(&error)))?;
    let read = history::read(&bytes, &checkpoint, key.verifier()).map_err(Finding::from)?;
    let (mut keep, mut history) = (read.bound_bytes, read.history);
    let mut newest = checkpoint;
    if let Some(newer) = read.newer.last() {
        let line = history::Line::of(newer);
        let rolled_back = Fault::RolledBack { known: newer.head.size, size: newest.head.size };
        // A crash can leave one head between the history and the checkpoint, never two.
        if read.newer.len() > 1 || rows(dir, newer.head).is_err() {
            return Err(Finding::of(CHECKPOINT, rolled_back).into());
        }
        tracing::warn!(size = newer.head.size, "finishing the checkpoint that a crash cut short");
        // The line may not be on disk yet, and the checkpoint binds it.
        File::open(&path).and_then(|file| file.sync_all()).map_err(LedgerError::io(&path))?;
        disk::replace(dir, CHECKPOINT, CHECKPOINT_NEXT, &newer.note)?;
        keep += line.to_bytes().len();
        history.push(&line);
        newest = newer.clone();
    }
    if keep < bytes.len() {
        tracing::warn!(bytes = bytes.len() - keep, "dropping an unfinished line of the history");
        let file = OpenOptions::new().write(true).open(&path);
        let cut = file.and_then(|file| {
            file.set_len(keep as u64)?;
            file.sync_all()
        });
        cut.map_err(LedgerError::io(path))?;
    }
    Ok((newest, history))
}

fn read_checkpoint(dir: &Path, key: &SigningKey) -> Result<Checkpoint, LedgerError> {
    match fs::read(dir.join(CHECKPOINT)) {
        Ok(note) => Checkpoint::open(&note, key.verifier())
            .map_err(|fault| Finding::of(CHECKPOINT, fault.into()).into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(LedgerError::Gone(dir.to_owned()))
        }
        Err(error) => Err(LedgerError::io(dir.join(CHECKPOINT))(error)),
    }
}

/// The right edge of the tree, which has to lead to the signed root.
fn rows(dir: &Path, head: Head) -> Result<Rows, LedgerError> {
    let exact = |tile| {
        let bytes = read_exact(dir, tile).ok()?;
        (bytes.len() == usize::from(tile.width) * HASH_BYTES).then_some(bytes)
    };
    let restored = Rows::restore(head.size, &TileFiles::new(dir, head.size), exact);
    let rows = restored.map_err(|error| unreadable_edge(error, head.size))?;
    if rows.root() != head.root {
        return Err(Finding::of(CHECKPOINT, Fault::Root { size: head.size }).into());
    }
    Ok(rows)
}

/// The bundle that is being filled; each of its entries has to be the signed one.
fn bundle(dir: &Path, head: Head) -> Result<Bundle, LedgerError> {
    let Some(tile) = Tile::partial(Row::Entries, head.size) else { return Ok(Bundle::default()) };
    let hashes = Tile { row: Row::Hashes(0), ..tile };
    let read = |tile: Tile| {
        read_exact(dir, tile).map_err(|error| Finding::of(tile.path(), Fault::unreadable(&error)))
    };
    let (bytes, hashes) = (read(tile)?, read(hashes)?);
    let entries = bundle::entries(&bytes, tile.width).unwrap_or_default();
    let mut signed = hashes.chunks_exact(HASH_BYTES);
    if entries.is_empty() || !entries.iter().all(|e| signed.next() == Some(&record_hash(e).0)) {
        return Err(Finding::of(tile.path(), Fault::Entry).into());
    }
    Ok(Bundle::resume(bytes, tile.width))
}

/// Removes what was written but never signed, and what was outgrown but not yet removed.
fn clear(dir: &Path, size: u64) -> Result<(), LedgerError> {
    for file in layout::files(dir).map_err(LedgerError::io(dir))? {
        let left = match Tile::parse(&file) {
            Some(tile) => !tile.belongs_to(size),
            None => file == CHECKPOINT_NEXT,
        };
        let path = dir.join(&file);
        if left {
            tracing::warn!(%file, size, "removing what no signature covers");
            fs::remove_file(&path).map_err(LedgerError::io(&path))?;
            // Fails, as it should, while something else lies in there.
            let _ = path.parent().map(fs::remove_dir);
        }
    }
    Ok(())
}
