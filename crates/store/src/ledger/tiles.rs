//! Reading tiles from disk, also while a writer lets them grow.

use std::{cell::RefCell, collections::HashMap, fs, io, path::Path};

use holdpoint_core::{Digest, ledger::tree::Subtrees};

use crate::ledger::{
    layout::{Row, Tile, WIDTH},
    rows::{subtree_in_tile, tile_of_subtree},
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

/// The subtrees of the first `size` records, from the tiles on disk.
pub(crate) struct TileFiles<'a> {
    dir: &'a Path,
    size: u64,
    cached: RefCell<HashMap<(Row, u64), Vec<u8>>>,
}

impl<'a> TileFiles<'a> {
    /// Those of the tree of `size` records in `dir`.
    pub(crate) fn new(dir: &'a Path, size: u64) -> Self {
        Self { dir, size, cached: RefCell::default() }
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
            cached.insert((row, number), read_grown(self.dir, tile).ok()?);
        }
        subtree_in_tile(cached.get(&(row, number))?, level, index)
    }
}
