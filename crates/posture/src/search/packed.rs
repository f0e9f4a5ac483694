//! What is packed in a file: gzip (RFC 1952), tar (POSIX ustar), zip (APPNOTE 6.3), within each other.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek as _, SeekFrom},
};

use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// Bytes that are unpacked of one file.
const UNPACKED_MAX: u64 = 1 << 30;
/// Files in one file.
const ENTRIES_MAX: usize = 100_000;
/// How many are packed within each other.
const DEPTH_MAX: usize = 3;
/// What tells which it is.
const HEAD_BYTES: usize = 512;
/// What the end of a zip may be preceded by: its comment.
const ZIP_END_MAX: u64 = 22 + 0xffff;
/// Bytes of a zip's list of entries.
const ZIP_LIST_MAX: u64 = 64 << 20;

/// Is given what each part is called, and what is in it.
pub(super) type Part<'a> = &'a mut dyn FnMut(&str, &mut dyn Read);

/// Gives `part` all that is packed in `file`, which is called `name`; nothing of it if it is no such
/// file. What is damaged ends it.
pub(super) fn each(file: &mut File, name: &str, part: Part<'_>) -> io::Result<()> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    if head.starts_with(b"PK\x03\x04") {
        return zip(file, part);
    }
    file.seek(SeekFrom::Start(0))?;
    match is_packed(&head) {
        true => stream(&mut file.take(UNPACKED_MAX), name, 0, part),
        false => Ok(()),
    }
}

fn is_packed(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8]) || is_tar(head)
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// What is read once, from its beginning.
fn stream(reader: &mut dyn Read, name: &str, depth: usize, part: Part<'_>) -> io::Result<()> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let tar = is_tar(&head);
    let gzip = is_packed(&head) && !tar;
    let mut whole = Cursor::new(head).chain(reader);
    if gzip && depth < DEPTH_MAX {
        let inner = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".tgz")).unwrap_or(name);
        let mut unpacked = MultiGzDecoder::new(whole).take(UNPACKED_MAX);
        return stream(&mut unpacked, inner, depth + 1, part);
    }
    if tar && depth < DEPTH_MAX {
        return entries(&mut whole, depth, part);
    }
    part(name, &mut whole);
    Ok(())
}

/// The files of a tar.
fn entries(reader: &mut dyn Read, depth: usize, part: Part<'_>) -> io::Result<()> {
    for _ in 0..ENTRIES_MAX {
        let mut head = [0; HEAD_BYTES];
        reader.read_exact(&mut head)?;
        let field = |range: std::ops::Range<usize>| {
            let field = head.get(range).unwrap_or_default();
            String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default())
                .into_owned()
        };
        let name = field(0..100);
        if name.is_empty() {
            return Ok(());
        }
        let size = u64::from_str_radix(field(124..136).trim(), 8).map_err(io::Error::other)?;
        let mut content = reader.take(size);
        stream(&mut content, &name, depth + 1, part)?;
        let left = content.limit() + size.next_multiple_of(HEAD_BYTES as u64) - size;
        io::copy(&mut reader.take(left), &mut io::sink())?;
    }
    Ok(())
}

/// The files of a zip, by the list at its end.
fn zip(file: &mut File, part: Part<'_>) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(ZIP_END_MAX);
    let tail = read_at(file, from, length - from)?;
    let end = tail.windows(4).rposition(|it| it == b"PK\x05\x06").ok_or_else(damaged)?;
    let end = tail.get(end..).ok_or_else(damaged)?;
    let (size, at) = (u64::from(u32_at(end, 12)?), u64::from(u32_at(end, 16)?));
    let list = read_at(file, at, size.min(ZIP_LIST_MAX))?;
    let (mut rest, mut unpacked) = (list.as_slice(), 0);
    for _ in 0..ENTRIES_MAX {
        if !rest.starts_with(b"PK\x01\x02") || unpacked > UNPACKED_MAX {
            return Ok(());
        }
        let method = u16_at(rest, 10)?;
        let (packed, plain) = (u64::from(u32_at(rest, 20)?), u64::from(u32_at(rest, 24)?));
        let lengths = [u16_at(rest, 28)?, u16_at(rest, 30)?, u16_at(rest, 32)?].map(usize::from);
        let [name, extra, comment] = lengths;
        let local = u64::from(u32_at(rest, 42)?);
        let path =
            String::from_utf8_lossy(rest.get(46..46 + name).unwrap_or_default()).into_owned();
        rest = rest.get(46 + name + extra + comment..).unwrap_or_default();
        let head = read_at(file, local, 30)?;
        let skip = 30 + u64::from(u16_at(&head, 26)?) + u64::from(u16_at(&head, 28)?);
        file.seek(SeekFrom::Start(local + skip))?;
        let content = file.by_ref().take(packed);
        unpacked += plain;
        match method {
            0 => stream(&mut { content }, &path, 1, part)?,
            8 => stream(&mut DeflateDecoder::new(content).take(UNPACKED_MAX), &path, 1, part)?,
            // What nobody unpacks here.
            _ => {}
        }
    }
    Ok(())
}

fn read_at(file: &mut File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn damaged() -> io::Error {
    io::Error::other("a damaged zip")
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or_else(damaged)?;
    Ok(u16::from_le_bytes(*found))
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(damaged)?;
    Ok(u32::from_le_bytes(*found))
}
