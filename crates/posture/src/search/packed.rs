//! What is packed in a file: gzip (RFC 1952), tar (POSIX ustar), zip (APPNOTE 6.3), within each other.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Cursor, Read, Seek as _, SeekFrom},
};

use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// Bytes that are unpacked of one file, at all depths together, whatever it says that they are.
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
        return zip(file, &Cell::new(UNPACKED_MAX), part);
    }
    file.seek(SeekFrom::Start(0))?;
    match is_packed(&head) {
        true => stream(&mut file.take(UNPACKED_MAX), name, 0, &Cell::new(UNPACKED_MAX), part),
        false => Ok(()),
    }
}

/// What is unpacked, as long as something is left of what may be.
struct Unpacked<'a, R> {
    reader: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        let read = (&mut self.reader).take(left).read(buffer)?;
        self.left.set(left.saturating_sub(read as u64));
        Ok(read)
    }
}

fn is_packed(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8]) || is_tar(head)
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// What is read once, from its beginning.
fn stream(
    reader: &mut dyn Read,
    name: &str,
    depth: usize,
    left: &Cell<u64>,
    part: Part<'_>,
) -> io::Result<()> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let tar = is_tar(&head);
    let gzip = is_packed(&head) && !tar;
    let mut whole = Cursor::new(head).chain(reader);
    if gzip && depth < DEPTH_MAX {
        let inner = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".tgz")).unwrap_or(name);
        let mut unpacked = Unpacked { reader: MultiGzDecoder::new(whole), left };
        return stream(&mut unpacked, inner, depth + 1, left, part);
    }
    if tar && depth < DEPTH_MAX {
        return entries(&mut whole, depth, left, part);
    }
    part(name, &mut whole);
    Ok(())
}

/// The files of a tar.
fn entries(
    reader: &mut dyn Read,
    depth: usize,
    left: &Cell<u64>,
    part: Part<'_>,
) -> io::Result<()> {
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
        stream(&mut content, &name, depth + 1, left, part)?;
        let padding = size.next_multiple_of(HEAD_BYTES as u64) - size;
        let rest = content.limit().saturating_add(padding);
        io::copy(&mut reader.take(rest), &mut io::sink())?;
    }
    Ok(())
}

/// The files of a zip, by the list at its end.
fn zip(file: &mut File, left: &Cell<u64>, part: Part<'_>) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(ZIP_END_MAX);
    let tail = read_at(file, from, length - from)?;
    let end = tail.windows(4).rposition(|it| it == b"PK\x05\x06").ok_or_else(damaged)?;
    let end = tail.get(end..).ok_or_else(damaged)?;
    let (size, at) = (u64::from(u32_at(end, 12)?), u64::from(u32_at(end, 16)?));
    let list = read_at(file, at, size.min(ZIP_LIST_MAX))?;
    let mut rest = list.as_slice();
    for _ in 0..ENTRIES_MAX {
        if !rest.starts_with(b"PK\x01\x02") || left.get() == 0 {
            return Ok(());
        }
        let method = u16_at(rest, 10)?;
        let packed = u64::from(u32_at(rest, 20)?);
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
        let mut content: Box<dyn Read> = match method {
            0 => Box::new(content),
            8 => Box::new(DeflateDecoder::new(content)),
            // What nobody unpacks here.
            _ => continue,
        };
        stream(&mut Unpacked { reader: &mut content, left }, &path, 1, left, part)?;
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

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        io::{Cursor, Write as _},
    };

    use flate2::{Compression, write::GzEncoder};

    use super::{stream, zip};

    /// A zip that says of each of its entries that it is empty.
    fn lying(entries: usize, bytes: usize) -> Vec<u8> {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&vec![b'a'; bytes]).unwrap();
        let packed = packer.finish().unwrap();
        let (mut file, mut list) = (Vec::new(), Vec::new());
        for _ in 0..entries {
            let at = u32::try_from(file.len()).unwrap();
            let length = u32::try_from(packed.len()).unwrap().to_le_bytes();
            let both =
                [&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0], &length[..], &[0; 4], &[1, 0, 0, 0]]
                    .concat();
            file.extend([b"PK\x03\x04", &both[..], b"a", &packed].concat());
            list.extend(
                [b"PK\x01\x02\x14\x00", &both[..], &[0; 10], &at.to_le_bytes(), b"a"].concat(),
            );
        }
        let (at, size) = (u32::try_from(file.len()).unwrap(), u32::try_from(list.len()).unwrap());
        file.extend(list);
        let end =
            [b"PK\x05\x06".as_slice(), &[0; 8], &size.to_le_bytes(), &at.to_le_bytes(), &[0; 2]];
        file.extend(end.concat());
        file
    }

    #[test]
    fn what_is_unpacked_counts_and_not_what_is_said() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&lying(10, 100_000)).unwrap();
        for (max, expect) in [(10_000_000, 1_000_000), (250_000, 250_000), (0, 0)] {
            let (left, mut seen) = (Cell::new(max), 0);
            zip(&mut file, &left, &mut |_, part| {
                seen += std::io::copy(part, &mut std::io::sink()).unwrap();
            })
            .unwrap();
            assert_eq!(seen, expect);
            assert_eq!(left.get(), max - expect);
        }
    }

    #[test]
    fn all_depths_count_together() {
        let gzip = |bytes: &[u8]| {
            let mut packer = GzEncoder::new(Vec::new(), Compression::best());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        };
        let inner = gzip(&vec![b'a'; 100_000]);
        let whole = gzip(&inner);
        for (max, expect) in [(1_000_000, 100_000), (50_000, 50_000 - inner.len())] {
            let (left, mut seen) = (Cell::new(max), Vec::new());
            stream(&mut Cursor::new(&whole), "a", 0, &left, &mut |_, part| {
                // What is cut off in its middle is an error at its end.
                let _ = part.read_to_end(&mut seen);
            })
            .unwrap();
            assert!(seen.len() <= expect && seen.len() + 4096 > expect, "{max}: {}", seen.len());
        }
    }
}
