//! Payloads that come piece by piece: sealed in a file of their own, under a key that can be erased
//! like any other's.
//!
//! A file without a row is one that is not kept yet, or what a gateway left that died.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::atomic::Ordering,
};

use holdpoint_core::{Digest, Timestamp};
use rusqlite::params;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Payload, PayloadError, Payloads};
use crate::{
    database::{digest, first, integer, millis},
    error::{Result, StoreError},
    id::{random, random_id},
    seal::{make_private_directory, seal_with, unseal_with},
    state::GatewayLock,
};

/// Bytes that are sealed together, and the most that a sealed piece may have.
const PIECE_BYTES: usize = 64 << 10;
const SEALED_BYTES_MAX: usize = PIECE_BYTES + 1024;

/// Where the files are.
pub(super) fn folder(payloads: &Payloads) -> Option<PathBuf> {
    Some(payloads.0.dir()?.join("payloads"))
}

/// A payload that is being written. Dropped before it is kept, it has never been.
pub struct Writer {
    payloads: Payloads,
    id: String,
    path: PathBuf,
    file: BufWriter<File>,
    key: Zeroizing<[u8; 32]>,
    waiting: Vec<u8>,
    pieces: u64,
    size: u64,
    hasher: Sha256,
    kept: bool,
}

/// A payload that is on disk as a whole, and not kept yet. Dropped, it has never been.
#[derive(Debug)]
pub struct Sealed {
    writer: Writer,
    digest: Digest,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Payloads {
    /// Begins a payload of which nobody knows yet how long it will be.
    pub fn begin(&self) -> Result<Writer> {
        let folder = folder(self).ok_or(StoreError::Corrupt("a state in memory"))?;
        make_private_directory(&folder)?;
        let id = random_id::<16>("p")?;
        let path = folder.join(&id);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = BufWriter::new(file.map_err(StoreError::io("make", &path))?);
        Ok(Writer {
            payloads: self.clone(),
            id,
            path,
            file,
            key: Zeroizing::new(random()?),
            waiting: Vec::with_capacity(PIECE_BYTES),
            pieces: 0,
            size: 0,
            hasher: Sha256::new(),
            kept: false,
        })
    }

    /// The pieces of a payload, in their order; none if there is no such payload, it was erased, or
    /// it is kept in one.
    pub fn pieces(&self, id: &str) -> Result<Option<Pieces>> {
        let sql = "SELECT * FROM payloads WHERE id = ?1 AND key IS NOT NULL AND sealed = x''";
        let found = self.0.0.database.read(|connection| {
            first(connection, sql, [id], |row| {
                Ok((row.get::<_, Vec<u8>>("key")?, digest(row, "digest")?))
            })
        })?;
        let (Some((key, digest)), Some(folder)) = (found, folder(self)) else { return Ok(None) };
        let key = self.0.0.seal.unseal(&key, id.as_bytes(), "payload")?;
        let key = key.first_chunk::<32>().ok_or(StoreError::Corrupt("a payload's key"))?;
        let path = folder.join(id);
        let file = File::open(&path).map_err(StoreError::io("read", &path))?;
        Ok(Some(Pieces {
            id: id.to_owned(),
            path,
            file: BufReader::new(file),
            key: Zeroizing::new(*key),
            read: 0,
            digest,
            hasher: Sha256::new(),
            ended: false,
        }))
    }

    /// Takes away what a gateway left that died: only one writes, and it has not begun yet.
    pub fn sweep(&self, _lock: &GatewayLock) -> Result<()> {
        let Some(folder) = folder(self).filter(|folder| folder.exists()) else { return Ok(()) };
        for entry in fs::read_dir(&folder).map_err(StoreError::io("list", &folder))?.flatten() {
            let Ok(id) = entry.file_name().into_string() else { continue };
            if self.find(&id)?.is_none_or(|payload| payload.erased) {
                let path = entry.path();
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Adds bytes, as long as all that is kept or being written has room.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), PayloadError> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES.saturating_sub(self.waiting.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
            if self.waiting.len() >= PIECE_BYTES {
                self.seal(false)?;
            }
        }
        Ok(())
    }

    /// Ends it; it is on disk when this returns.
    pub fn finish(mut self) -> Result<Sealed, PayloadError> {
        self.seal(true)?;
        let failed = StoreError::io("write", &self.path);
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(failed)?;
        if let Some(folder) = self.path.parent() {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(StoreError::io("write", folder))?;
        }
        let digest = Digest(self.hasher.clone().finalize().into());
        Ok(Sealed { writer: self, digest })
    }

    /// Takes room for so many bytes more: many may write at once.
    fn take_room(&self, bytes: u64) -> Result<(), PayloadError> {
        let shared = &self.payloads.0.0;
        let writing = shared.writing.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        shared.database.read(|connection| self.payloads.check_all(connection, writing))
    }

    /// Seals what waits. Each piece opens at its own place in this payload alone, and only the last
    /// one as the last.
    fn seal(&mut self, last: bool) -> Result<(), PayloadError> {
        let bytes = self.waiting.len() as u64;
        self.size = self.size.saturating_add(bytes);
        self.take_room(bytes)?;
        let sealed = seal_with(&self.key, &self.waiting, &place(&self.id, self.pieces, last))?;
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes();
        let written = self.file.write_all(&length).and_then(|()| self.file.write_all(&sealed));
        written.map_err(StoreError::io("write", &self.path))?;
        self.hasher.update(&self.waiting);
        self.pieces += 1;
        self.waiting.clear();
        Ok(())
    }
}

impl Sealed {
    /// What it is called, how long it is, and its digest.
    pub fn payload(&self) -> Payload {
        let Writer { id, size, .. } = &self.writer;
        Payload { id: id.clone(), digest: self.digest, size: *size, erased: false }
    }

    /// Keeps it; from here on it is there until it is erased.
    pub fn keep(mut self, now: Timestamp) -> Result<Payload, PayloadError> {
        let (payload, shared) = (self.payload(), &self.writer.payloads.0.0);
        let key = shared.seal.seal(self.writer.key.as_slice(), payload.id.as_bytes())?;
        shared.database.write(|transaction| {
            self.writer.payloads.check_all(transaction, payload.size)?;
            transaction.execute(
                "INSERT INTO payloads (id, digest, size, created_at, key, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, x'')",
                params![
                    payload.id,
                    payload.digest.to_string(),
                    integer(payload.size),
                    millis(now),
                    key
                ],
            )?;
            Ok::<_, PayloadError>(())
        })?;
        self.writer.kept = true;
        Ok(payload)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.payloads.0.0.writing.fetch_sub(self.size, Ordering::Relaxed);
        if !self.kept {
            // What cannot be removed now is swept later.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A payload that is being read: after the last piece it is certain that these were all, and that
/// nobody touched one. What fails ends it.
pub struct Pieces {
    id: String,
    path: PathBuf,
    file: BufReader<File>,
    key: Zeroizing<[u8; 32]>,
    read: u64,
    digest: Digest,
    hasher: Sha256,
    ended: bool,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Pieces {
    fn piece(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => StoreError::Corrupt("a payload without an end"),
            _ => StoreError::io("read", &self.path)(error),
        })?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok();
        let length = length.filter(|length| *length <= SEALED_BYTES_MAX);
        let mut sealed = vec![0; length.ok_or(StoreError::Corrupt("a payload's piece"))?];
        self.file.read_exact(&mut sealed).map_err(StoreError::io("read", &self.path))?;
        // Which one is the last, its seal says.
        let open =
            |last| unseal_with(&self.key, &sealed, &place(&self.id, self.read, last), "payload");
        let (piece, last) = match open(false) {
            Ok(piece) => (piece, false),
            Err(_) => (open(true)?, true),
        };
        self.hasher.update(piece.as_slice());
        self.read += 1;
        self.ended = last;
        if last && Digest(self.hasher.clone().finalize().into()) != self.digest {
            return Err(StoreError::Corrupt("a payload's digest"));
        }
        Ok(piece)
    }
}

impl Iterator for Pieces {
    type Item = Result<Zeroizing<Vec<u8>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let piece = self.piece();
        self.ended |= piece.is_err();
        Some(piece)
    }
}

/// What a piece is sealed for.
fn place(id: &str, piece: u64, last: bool) -> Vec<u8> {
    [id.as_bytes(), &piece.to_be_bytes(), &[u8::from(last)]].concat()
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Digest, Timestamp};

    use super::PIECE_BYTES;
    use crate::{config::Limits, payloads::PayloadError, state::State};

    fn rows(count: usize) -> Vec<u8> {
        (0..count).flat_map(|row| format!("{row}\tsecret row\n").into_bytes()).collect()
    }

    #[test]
    fn what_comes_in_pieces_comes_back_whole_and_is_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let payloads = State::open(dir.path()).unwrap().payloads();
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 7] {
            let bytes = rows(length / 12 + 1)[..length].to_vec();
            let mut writer = payloads.begin().unwrap();
            bytes.chunks(777).for_each(|part| writer.write(part).unwrap());
            let payload = writer.finish().unwrap().keep(Timestamp(1)).unwrap();
            assert_eq!((payload.size, payload.digest), (length as u64, Digest::of(&bytes)));
            let pieces = payloads.pieces(&payload.id).unwrap().unwrap();
            let read: Vec<u8> = pieces.flat_map(|piece| piece.unwrap().to_vec()).collect();
            assert!(read == bytes, "{length}");
            let stored = std::fs::read(dir.path().join("payloads").join(&payload.id)).unwrap();
            assert!(!stored.windows(10).any(|window| window == b"secret row"));
            payloads.erase(&payload.id).unwrap();
            assert!(payloads.pieces(&payload.id).unwrap().is_none());
            assert!(!dir.path().join("payloads").join(&payload.id).exists());
        }
    }

    #[test]
    fn what_is_touched_cut_or_swapped_does_not_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let payloads = State::open(dir.path()).unwrap().payloads();
        let keep = || {
            let mut writer = payloads.begin().unwrap();
            writer.write(&rows(20_000)).unwrap();
            writer.finish().unwrap().keep(Timestamp(1)).unwrap().id
        };
        let (id, other) = (keep(), keep());
        let path = |id: &str| dir.path().join("payloads").join(id);
        let whole = std::fs::read(path(&id)).unwrap();
        let piece = 4 + u32::from_be_bytes(whole[..4].try_into().unwrap()) as usize;
        let mut touched = whole.clone();
        touched[piece + 100] ^= 1;
        let swapped = [&whole[piece..2 * piece], &whole[..piece], &whole[2 * piece..]].concat();
        let first_again = [&whole[..piece], &whole[..]].concat();
        let another = std::fs::read(path(&other)).unwrap();
        for damaged in [touched, swapped, first_again, whole[..2 * piece].to_vec(), another] {
            std::fs::write(path(&id), damaged).unwrap();
            let fine = payloads.pieces(&id).unwrap().unwrap().all(|piece| piece.is_ok());
            assert!(!fine);
        }
        std::fs::write(path(&id), whole).unwrap();
        assert!(payloads.pieces(&id).unwrap().unwrap().all(|piece| piece.is_ok()));
    }

    #[test]
    fn what_is_not_finished_has_never_been_and_all_have_a_greatest_size() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { stored_bytes: 100, ..Limits::default() };
        let payloads = State::open_with(dir.path(), &limits).unwrap().payloads();
        let left = || std::fs::read_dir(dir.path().join("payloads")).unwrap().count();
        let mut writer = payloads.begin().unwrap();
        writer.write(b"begun").unwrap();
        drop(writer);
        assert_eq!(left(), 0);
        let mut writer = payloads.begin().unwrap();
        writer.write(&[0; 101]).unwrap();
        assert!(matches!(writer.finish(), Err(PayloadError::Full { max: 100 })));
        assert_eq!(left(), 0);
    }

    #[test]
    fn those_that_write_at_once_share_the_room() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { stored_bytes: 5 * PIECE_BYTES as u64, ..Limits::default() };
        let payloads = State::open_with(dir.path(), &limits).unwrap().payloads();
        let three = vec![0; 3 * PIECE_BYTES];
        let mut first = payloads.begin().unwrap();
        first.write(&three).unwrap();
        let sealed = first.finish().unwrap();
        let mut second = payloads.begin().unwrap();
        assert!(matches!(second.write(&three), Err(PayloadError::Full { .. })));
        drop(second);
        let kept = sealed.keep(Timestamp(1)).unwrap();
        let mut third = payloads.begin().unwrap();
        assert!(matches!(third.write(&three), Err(PayloadError::Full { .. })));
        drop(third);
        payloads.erase(&kept.id).unwrap();
        let mut fourth = payloads.begin().unwrap();
        fourth.write(&three).unwrap();
        fourth.finish().unwrap().keep(Timestamp(1)).unwrap();
    }

    #[test]
    fn what_is_not_kept_and_what_a_dead_gateway_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let payloads = state.payloads();
        let left = || std::fs::read_dir(dir.path().join("payloads")).unwrap().count();
        let kept = payloads.begin().unwrap().finish().unwrap().keep(Timestamp(1)).unwrap();
        drop(payloads.begin().unwrap().finish().unwrap());
        assert_eq!(left(), 1);
        std::fs::write(dir.path().join("payloads/p-left"), b"sealed").unwrap();
        payloads.sweep(&state.lock_gateway().unwrap()).unwrap();
        assert_eq!(left(), 1);
        assert!(payloads.pieces(&kept.id).unwrap().is_some());
    }
}
