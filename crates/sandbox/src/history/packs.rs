//! Packs without some of their objects (gitformat-pack(5)): an index that does not name them, and
//! zeros where they were.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
};

use sha1::{Digest as _, Sha1};

use crate::view::places;

/// The name of an object.
pub(crate) type Name = [u8; 20];

/// What an index begins with.
const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Bytes of the table by first bytes.
const FANOUT: usize = 256 * 4;
/// Bytes of an index: some millions of objects.
const INDEX_MAX: u64 = 256 * 1024 * 1024;
/// Where an offset is in the table of large ones.
const LARGE: u32 = 1 << 31;
/// What is a commit.
const COMMIT: u8 = 1;
/// Objects that are made of others, by distance and by name.
const BY_OFFSET: u8 = 6;
const BY_NAME: u8 = 7;

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: Name,
    check: [u8; 4],
    offset: u64,
}

/// An index.
#[derive(Debug)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    pack: [u8; 20],
}

/// A pack of which some objects are not shown.
#[derive(Debug)]
pub(crate) struct Cut {
    /// How many are left.
    count: u32,
    /// Where the others are.
    ranges: Vec<Range<u64>>,
}

fn malformed() -> io::Error {
    io::Error::other("an index of a pack that we do not read")
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(malformed)
}

impl Index {
    /// Reads the index at `path`: its second version, with names of 20 bytes.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Self::of(&places::read(path, INDEX_MAX)?)
    }

    fn of(bytes: &[u8]) -> io::Result<Self> {
        if !bytes.starts_with(&MAGIC) {
            return Err(malformed());
        }
        let names = MAGIC.len() + FANOUT;
        let count = u32::from_be_bytes(array(bytes, names - 4)?) as usize;
        let (checks, offsets) = (names + count * 20, names + count * 24);
        let large = names + count * 28;
        let mut entries = Vec::new();
        for at in 0..count {
            let short = u32::from_be_bytes(array(bytes, offsets + at * 4)?);
            let offset = match short & LARGE {
                0 => u64::from(short),
                _ => u64::from_be_bytes(array(bytes, large + (short ^ LARGE) as usize * 8)?),
            };
            let (name, check) = (array(bytes, names + at * 20)?, array(bytes, checks + at * 4)?);
            entries.push(Entry { name, check, offset });
        }
        let pack = array(bytes, bytes.len().checked_sub(40).ok_or_else(malformed)?)?;
        Ok(Self { entries, pack })
    }

    /// What is in it.
    pub(crate) fn names(&self) -> Vec<Name> {
        self.entries.iter().map(|entry| entry.name).collect()
    }

    /// Whether one of `names` is in it.
    pub(crate) fn has_any(&self, names: &BTreeSet<Name>) -> bool {
        self.entries.iter().any(|entry| names.contains(&entry.name))
    }

    /// The commits in it.
    pub(crate) fn commits(&self, pack: &File) -> io::Result<BTreeSet<Name>> {
        let mut sorted: Vec<&Entry> = self.entries.iter().collect();
        sorted.sort_by_key(|entry| entry.offset);
        commits(&sorted, pack)
    }

    /// What is left of it without `hidden` and all that is made of them in the pack: the index, the
    /// cut, and the names of those that went along.
    pub(crate) fn without(
        &self,
        hidden: &BTreeSet<Name>,
        pack: &File,
    ) -> io::Result<(Vec<u8>, Cut, Vec<Name>)> {
        let mut sorted: Vec<&Entry> = self.entries.iter().collect();
        sorted.sort_by_key(|entry| entry.offset);
        let gone = gone(&sorted, hidden, pack)?;
        let end = pack.metadata()?.len().saturating_sub(20);
        let ends = sorted.iter().skip(1).map(|entry| entry.offset).chain([end]);
        let ranges = sorted.iter().zip(ends).filter(|(entry, _)| gone.contains(&entry.offset));
        let ranges = ranges.map(|(entry, end)| entry.offset..end).collect();
        let left: Vec<&Entry> =
            self.entries.iter().filter(|entry| !gone.contains(&entry.offset)).collect();
        let along = self
            .entries
            .iter()
            .filter(|entry| gone.contains(&entry.offset) && !hidden.contains(&entry.name));
        let along = along.map(|entry| entry.name).collect();
        let count = u32::try_from(left.len()).map_err(io::Error::other)?;
        Ok((written(&left, &self.pack)?, Cut { count, ranges }, along))
    }
}

/// Those of a pack that are commits, or made of one.
fn commits(sorted: &[&Entry], pack: &File) -> io::Result<BTreeSet<Name>> {
    let at: BTreeMap<Name, u64> = sorted.iter().map(|entry| (entry.name, entry.offset)).collect();
    let mut commits = BTreeMap::new();
    let mut made = Vec::new();
    for entry in sorted {
        match base(pack, entry.offset, &at)? {
            Some(base) => made.push((entry, base)),
            None if kind(pack, entry.offset)? == COMMIT => {
                commits.insert(entry.offset, entry.name);
            }
            None => {}
        }
    }
    loop {
        let more = made
            .iter()
            .filter(|(own, base)| commits.contains_key(base) && !commits.contains_key(&own.offset));
        let more: Vec<(u64, Name)> = more.map(|(own, _)| (own.offset, own.name)).collect();
        if more.is_empty() {
            return Ok(commits.into_values().collect());
        }
        commits.extend(more);
    }
}

fn kind(pack: &File, offset: u64) -> io::Result<u8> {
    let mut first = [0];
    pack.read_exact_at(&mut first, offset)?;
    let [first] = first;
    Ok(first >> 4 & 7)
}

/// The offsets of what is hidden, and of what is made of it, however far.
fn gone(sorted: &[&Entry], hidden: &BTreeSet<Name>, pack: &File) -> io::Result<BTreeSet<u64>> {
    let at: BTreeMap<Name, u64> = sorted.iter().map(|entry| (entry.name, entry.offset)).collect();
    let mut gone: BTreeSet<u64> =
        sorted.iter().filter(|it| hidden.contains(&it.name)).map(|it| it.offset).collect();
    let mut made = Vec::new();
    for entry in sorted {
        if let Some(base) = base(pack, entry.offset, &at)? {
            made.push((entry.offset, base));
        }
    }
    loop {
        let more = made.iter().filter(|(own, base)| gone.contains(base) && !gone.contains(own));
        let more: Vec<u64> = more.map(|(own, _)| *own).collect();
        if more.is_empty() {
            return Ok(gone);
        }
        gone.extend(more);
    }
}

/// The offset of what the object at `offset` is made of.
fn base(pack: &File, offset: u64, names: &BTreeMap<Name, u64>) -> io::Result<Option<u64>> {
    let mut bytes = [0; 64];
    let length = pack.read_at(&mut bytes, offset)?;
    let mut rest = bytes.get(..length).unwrap_or_default().iter();
    let first = *rest.next().ok_or_else(malformed)?;
    let mut more = first & 0x80 != 0;
    while more {
        more = rest.next().ok_or_else(malformed)? & 0x80 != 0;
    }
    match first >> 4 & 7 {
        BY_OFFSET => {
            let mut byte = *rest.next().ok_or_else(malformed)?;
            let mut distance = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = *rest.next().ok_or_else(malformed)?;
                distance = distance.wrapping_add(1) << 7 | u64::from(byte & 0x7f);
            }
            Ok(Some(offset.checked_sub(distance).ok_or_else(malformed)?))
        }
        BY_NAME => {
            let name: Vec<u8> = rest.take(20).copied().collect();
            let name: Name = name.try_into().map_err(|_| malformed())?;
            Ok(names.get(&name).copied())
        }
        _ => Ok(None),
    }
}

fn written(entries: &[&Entry], pack: &[u8; 20]) -> io::Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    for first in 0..=u8::MAX {
        let count = entries.iter().take_while(|it| it.name.first() <= Some(&first)).count();
        bytes.extend(u32::try_from(count).map_err(io::Error::other)?.to_be_bytes());
    }
    bytes.extend(entries.iter().flat_map(|entry| entry.name));
    bytes.extend(entries.iter().flat_map(|entry| entry.check));
    let mut large = Vec::new();
    for entry in entries {
        let short = match u32::try_from(entry.offset) {
            Ok(short) if short & LARGE == 0 => short,
            _ => {
                large.push(entry.offset);
                LARGE | u32::try_from(large.len() - 1).map_err(io::Error::other)?
            }
        };
        bytes.extend(short.to_be_bytes());
    }
    bytes.extend(large.iter().flat_map(|offset| offset.to_be_bytes()));
    bytes.extend(pack);
    let digest = Sha1::digest(&bytes);
    bytes.extend(digest);
    Ok(bytes)
}

impl Cut {
    /// Takes out of `bytes`, which were read at `offset`, what is not shown.
    pub(crate) fn apply(&self, bytes: &mut [u8], offset: u64) {
        let end = offset + bytes.len() as u64;
        let count = self.count.to_be_bytes();
        let counted = (8_u64..12).zip(count);
        let zeros = self.ranges.iter().filter(|range| range.start < end && offset < range.end);
        for range in zeros {
            let from = range.start.max(offset) - offset;
            let to = range.end.min(end) - offset;
            let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else { continue };
            if let Some(part) = bytes.get_mut(from..to) {
                part.fill(0);
            }
        }
        for (at, byte) in counted {
            let at = at.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
            if let Some(place) = at.and_then(|at| bytes.get_mut(at)) {
                *place = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Cut, Entry, Index, written};

    #[test]
    fn an_index_is_read_as_it_is_written() {
        let entry = |first: u8, offset| Entry { name: [first; 20], check: [first; 4], offset };
        let entries = vec![entry(1, 12), entry(1, 90), entry(200, 1 << 40)];
        let bytes = written(&entries.iter().collect::<Vec<_>>(), &[7; 20]).unwrap();
        let index = Index::of(&bytes).unwrap();
        assert_eq!((index.entries, index.pack), (entries, [7; 20]));
        let index = Index::of(&bytes).unwrap();
        assert!(index.has_any(&BTreeSet::from([[200; 20]])));
        assert!(!index.has_any(&BTreeSet::from([[3; 20]])));
        for cut in [0, 8, 1000, bytes.len() - 1] {
            assert!(Index::of(&bytes[..cut]).is_err() || cut > 1032, "{cut}");
        }
    }

    #[test]
    fn a_cut_is_the_same_however_it_is_read() {
        let cut = Cut { count: 1, ranges: vec![20..30, 40..41] };
        let whole = |step: usize| {
            let mut all = vec![9; 50];
            for (at, part) in all.chunks_mut(step).enumerate() {
                cut.apply(part, (at * step) as u64);
            }
            all
        };
        let expect = whole(50);
        assert_eq!(expect[8..12], [0, 0, 0, 1]);
        assert!(expect[20..30].iter().all(|byte| *byte == 0) && expect[30] == 9 && expect[40] == 0);
        for step in [1, 3, 7, 11, 49] {
            assert_eq!(whole(step), expect, "{step}");
        }
    }
}
