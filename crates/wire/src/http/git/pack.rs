//! The commits that a pack begins with, whole or as differences to each other
//! (git's `Documentation/gitformat-pack`). Git writes commits before everything else.

use std::collections::BTreeMap;

use flate2::{Decompress, FlushDecompress, Status};

use super::{
    delta,
    object_id::{Format, ObjectId},
};

/// The most commits that are read from one pack.
const COMMITS_MAX: usize = 10_000;
/// The longest commit or difference that is read, in bytes.
const OBJECT_BYTES_MAX: usize = 256 * 1024;
/// The most bytes that all of them may come to once they are inflated.
const INFLATED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The bytes of a pack's head: `PACK`, version, number of objects.
const HEAD_BYTES: usize = 12;

/// The kinds of objects in a pack that matter here.
const COMMIT: u8 = 1;
const OFFSET_DELTA: u8 = 6;
const ID_DELTA: u8 = 7;

/// The commits that `pack` begins with, up to the first thing that is none, cannot be read, or is
/// too much.
pub(super) fn commits(pack: &[u8], format: Format) -> BTreeMap<ObjectId, Vec<u8>> {
    let mut reader = Reader {
        pack,
        at: HEAD_BYTES,
        format,
        inflated: 0,
        by_place: BTreeMap::new(),
        commits: BTreeMap::new(),
    };
    let versions: [&[u8]; 2] = [b"PACK\0\0\0\x02", b"PACK\0\0\0\x03"];
    if versions.iter().any(|head| pack.starts_with(head)) {
        while reader.commits.len() < COMMITS_MAX && reader.read_commit().is_some() {}
    }
    reader.commits
}

struct Reader<'a> {
    pack: &'a [u8],
    /// Where the next object begins.
    at: usize,
    format: Format,
    inflated: usize,
    /// Where in the pack which commit begins.
    by_place: BTreeMap<usize, ObjectId>,
    commits: BTreeMap<ObjectId, Vec<u8>>,
}

impl Reader<'_> {
    /// Reads one object; `None` if it is no commit that can be read.
    fn read_commit(&mut self) -> Option<()> {
        let place = self.at;
        let (kind, size) = self.kind_and_size()?;
        let base = match kind {
            COMMIT => None,
            OFFSET_DELTA => {
                let back = self.offset()?;
                Some(self.by_place.get(&place.checked_sub(back)?)?.clone())
            }
            ID_DELTA => {
                let (id, _) = self.pack.get(self.at..)?.split_at_checked(self.format.bytes())?;
                self.at += id.len();
                Some(ObjectId::of_bytes(id))
            }
            _ => return None,
        };
        let mut content = self.inflate(size)?;
        if let Some(base) = base {
            let left = OBJECT_BYTES_MAX.min(INFLATED_BYTES_MAX - self.inflated);
            content = delta::apply(self.commits.get(&base)?, &content, left)?;
            self.inflated += content.len();
        }
        let id = ObjectId::of_object("commit", &content, self.format);
        self.by_place.insert(place, id.clone());
        self.commits.insert(id, content);
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.pack.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The kind of the object, and its size once it is inflated.
    fn kind_and_size(&mut self) -> Option<(u8, usize)> {
        let first = self.byte()?;
        let mut size = usize::from(first & 0x0f);
        let (mut shift, mut byte) = (4, first);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            // Larger than anything that is read here.
            if shift > 24 {
                return None;
            }
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
        }
        Some((first >> 4 & 7, size))
    }

    /// How far before a difference its base begins.
    fn offset(&mut self) -> Option<usize> {
        let mut byte = self.byte()?;
        let mut offset = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            offset = offset.checked_add(1)?.checked_mul(128)? | usize::from(byte & 0x7f);
        }
        Some(offset)
    }

    /// The next `size` bytes, inflated.
    fn inflate(&mut self, size: usize) -> Option<Vec<u8>> {
        self.inflated += size;
        if size > OBJECT_BYTES_MAX || self.inflated > INFLATED_BYTES_MAX {
            return None;
        }
        // One more, so that an object that is longer than it says shows.
        let mut content = Vec::with_capacity(size + 1);
        let mut stream = Decompress::new(true);
        let input = self.pack.get(self.at..)?;
        let status = stream.decompress_vec(input, &mut content, FlushDecompress::Finish).ok()?;
        self.at += usize::try_from(stream.total_in()).ok()?;
        (status == Status::StreamEnd && content.len() == size).then_some(content)
    }
}
