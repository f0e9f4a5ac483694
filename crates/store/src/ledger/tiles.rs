//! Reading tiles from disk, also while a writer lets them grow.

use std::{cell::RefCell, collections::HashMap, fs, io, path::Path};

use holdpoint_core::{
    Digest,
    ledger::tree::{Subtrees, TreeError, record_hash},
};

use crate::ledger::{
    LedgerError,
    bundle::{self, Bundle},
    checkpoint::Head,
    finding::{Fault, Finding},
    layout::{Row, Tile, WIDTH},
    rows::{HASH_BYTES, Rows, subtree_in_tile, tile_of_subtree},
};

/// How many tiles are kept while a proof is made: two for each level.
const CACHED_MAX: usize = 16;

/// The bytes of exactly this file.
pub(crate) fn read_exact(dir: &Path, tile: Tile) -> io::Result<Vec<u8>> {
    fs::read(dir.join(tile.path()))
}

/// The bytes of this tile, or of the wider one that a writer has replaced it with: what the
/// narrower one held is the beginning of the wider one.
pub(crate) fn read_grown(dir: &Path, tile: Tile) -> io::Result<Vec<u8>> {
    // A writer may remove each file between our looking for it and our reading it; it then has
    // put a wider one there, so that looking again ends.
    let mut wanted = tile;
    loop {
        match read_exact(dir, wanted) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !wanted.is_full() => {
                wanted = wider(dir, wanted);
            }
            read => return read,
        }
    }
}

/// The next wider file of this tile; the full one, if there is none in between. Not the widest:
/// that one may be half written, whereas the next was whole before `tile` was removed.
fn wider(dir: &Path, tile: Tile) -> Tile {
    let present = |tile: &Tile| dir.join(tile.path()).exists();
    (tile.width + 1..WIDTH)
        .map(|width| Tile { width, ..tile })
        .find(present)
        .unwrap_or(Tile { width: WIDTH, ..tile })
}

/// Tiles that are not on disk yet.
pub(crate) type Ahead = HashMap<Tile, Vec<u8>>;

/// Takes a record into a tree; `full` gets the tiles that it fills.
pub(crate) fn grow(
    bundle: &mut Bundle,
    rows: &mut Rows,
    entry: &[u8],
    mut full: impl FnMut(Tile, &[u8]),
) {
    let number = rows.size() / u64::from(WIDTH);
    if let Some(bytes) = bundle.push(entry) {
        full(Tile { row: Row::Entries, number, width: WIDTH }, &bytes);
    }
    rows.push(record_hash(entry), full);
}

/// The unfinished last tile of each row that has one.
pub(crate) fn unfinished<'a>(
    bundle: &'a Bundle,
    rows: &'a Rows,
) -> impl Iterator<Item = (Tile, &'a [u8])> {
    let entries = Tile::partial(Row::Entries, rows.size());
    entries.map(|tile| (tile, bundle.bytes())).into_iter().chain(rows.unfinished())
}

/// The right edge of the tree of `head`, read while a writer may let it grow.
pub(crate) fn edge(dir: &Path, head: Head) -> Result<(Bundle, Rows), LedgerError> {
    let hashes = |tile: Tile| {
        let bytes = usize::from(tile.width) * HASH_BYTES;
        read_grown(dir, tile).ok()?.get(..bytes).map(<[u8]>::to_vec)
    };
    let rows = Rows::restore(head.size, &TileFiles::new(dir, head.size), hashes)
        .map_err(|error| unreadable_edge(error, head.size))?;
    let Some(tile) = Tile::partial(Row::Entries, head.size) else {
        return Ok((Bundle::default(), rows));
    };
    let found = |fault| Finding::at(tile.path(), tile.first_record(), fault);
    let bytes = read_grown(dir, tile).map_err(|error| found(Fault::unreadable(&error)))?;
    let entries = bundle::first_entries(&bytes, tile.width).ok_or_else(|| found(Fault::Entry))?;
    let mut bundle = Bundle::default();
    entries.into_iter().for_each(|entry| drop(bundle.push(entry)));
    Ok((bundle, rows))
}

/// Which file is missing where the edge of a tree of `size` records cannot be read.
pub(crate) fn unreadable_edge(error: TreeError, size: u64) -> LedgerError {
    let TreeError::Missing { level, index } = error else { return error.into() };
    let (row, number) = tile_of_subtree(level, index);
    let file = Tile::of(row, number, size).map_or_else(String::new, Tile::path);
    Finding::of(file, Fault::Missing).into()
}

/// The subtrees of the first `size` records, from the tiles on disk.
pub(crate) struct TileFiles<'a> {
    dir: &'a Path,
    size: u64,
    ahead: Option<&'a Ahead>,
    cached: RefCell<HashMap<(Row, u64), Vec<u8>>>,
}

impl<'a> TileFiles<'a> {
    /// Those of the tree of `size` records in `dir`.
    pub(crate) fn new(dir: &'a Path, size: u64) -> Self {
        Self { dir, size, ahead: None, cached: RefCell::default() }
    }

    /// Where these are there, too.
    pub(crate) fn with(self, ahead: &'a Ahead) -> Self {
        Self { ahead: Some(ahead), ..self }
    }
}

impl Subtrees for TileFiles<'_> {
    fn subtree(&self, level: u8, index: u64) -> Option<Digest> {
        let (row, number) = tile_of_subtree(level, index);
        let mut cached = self.cached.borrow_mut();
        if !cached.contains_key(&(row, number)) {
            if cached.len() >= CACHED_MAX {
                cached.clear();
            }
            let tile = Tile::of(row, number, self.size)?;
            let bytes = match self.ahead.and_then(|ahead| ahead.get(&tile)) {
                Some(bytes) => bytes.clone(),
                None => read_grown(self.dir, tile).ok()?,
            };
            cached.insert((row, number), bytes);
        }
        subtree_in_tile(cached.get(&(row, number))?, level, index)
    }
}
