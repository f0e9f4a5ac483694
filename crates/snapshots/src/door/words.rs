//! What is said at the door: one line of JSON, then as many bytes as it says; in both directions.

use std::{
    io::{self, BufRead, Read, Write},
    path::PathBuf,
};

use rustic_core::FileType;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Bytes that follow one: a pack is some 32 MiB, a list of a million files 100.
pub(super) const BYTES_MAX: u64 = 256 << 20;

/// What is asked for. There is no other word.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Asked {
    /// Where everything lies.
    Where,
    /// Nobody removes anything as long as this connection is open.
    Share,
    /// The files of a kind, with their lengths.
    List { of: FileType },
    /// A file, or a part of it.
    Read { of: FileType, id: String, part: Option<(u32, u32)> },
    /// A new file; its bytes follow.
    Add { of: FileType, id: String, length: u64 },
}

/// What is answered; bytes follow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answer {
    /// What stands against it.
    pub(super) error: Option<String>,
    /// How many bytes follow.
    pub(super) length: u64,
}

/// Where the files lie that are behind a door.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lies {
    /// The directory.
    pub(crate) directory: PathBuf,
    /// Its file system.
    pub(crate) device: u64,
    /// Its owner.
    pub(crate) user: u32,
}

/// Says `head`, and then `bytes`.
pub(super) fn say<'a>(
    to: &mut impl Write,
    head: &impl Serialize,
    bytes: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(head)?;
    line.push(b'\n');
    to.write_all(&line)?;
    bytes.into_iter().try_for_each(|part| to.write_all(part))?;
    to.flush()
}

/// Hears a head; `None` at the end.
pub(super) fn hear<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.split_last() {
        None => Ok(None),
        Some((b'\n', line)) => Ok(Some(serde_json::from_slice(line)?)),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Hears the bytes that follow a head.
pub(super) fn hear_bytes(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    if length > BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
