//! The rows of hash tiles as they grow: the writer writes what comes out, the verifier compares.

use holdpoint_core::{
    Digest,
    ledger::tree::{Frontier, Subtrees, TreeError},
};

use crate::ledger::layout::{HEIGHT, LEVELS_MAX, Row, Tile, WIDTH};

/// The bytes of one hash.
pub(crate) const HASH_BYTES: usize = 32;
const TILE_BYTES: usize = HASH_BYTES * WIDTH as usize;

/// A tree and the unfinished last tile of each of its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    frontier: Frontier,
    unfinished: Vec<Vec<u8>>,
}

impl Rows {
    /// The rows of the first `size` records of a tree whose tiles can be read.
    pub(crate) fn restore(
        size: u64,
        subtrees: &impl Subtrees,
        tile: impl Fn(Tile) -> Option<Vec<u8>>,
    ) -> Result<Self, TreeError> {
        let frontier = Frontier::restore(size, subtrees)?;
        let mut unfinished = Vec::new();
        for level in 0..LEVELS_MAX {
            let Some(partial) = Tile::partial(Row::Hashes(level), size) else {
                unfinished.push(Vec::new());
                continue;
            };
            let missing =
                TreeError::Missing { level: level * HEIGHT, index: partial.number << HEIGHT };
            unfinished.push(tile(partial).ok_or(missing)?);
        }
        Ok(Self { frontier, unfinished })
    }

    /// How many records there are.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the tree.
    pub(crate) fn root(&self) -> Digest {
        self.frontier.root()
    }

    /// Appends a record by its hash; `filled` gets the tiles that it fills.
    pub(crate) fn push(&mut self, record: Digest, mut filled: impl FnMut(Tile, &[u8])) {
        let index = self.frontier.size();
        let completed = self.frontier.push(record);
        for (level, hash) in completed.iter().step_by(usize::from(HEIGHT)).enumerate() {
            if self.unfinished.len() <= level {
                self.unfinished.push(Vec::with_capacity(TILE_BYTES));
            }
            let Some(row) = self.unfinished.get_mut(level) else { return };
            row.extend_from_slice(&hash.0);
            if row.len() == TILE_BYTES {
                let level = u8::try_from(level).unwrap_or(LEVELS_MAX);
                let number = index.checked_shr(u32::from(HEIGHT * (level + 1))).unwrap_or(0);
                filled(Tile { row: Row::Hashes(level), number, width: WIDTH }, row);
                row.clear();
            }
        }
    }

    /// The unfinished tile of each row that has one.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (Tile, &[u8])> {
        let size = self.size();
        (0..LEVELS_MAX).zip(&self.unfinished).filter_map(move |(level, bytes)| {
            Tile::partial(Row::Hashes(level), size).map(|tile| (tile, bytes.as_slice()))
        })
    }
}

/// The root of the subtree `index` on `level`, from the tile that holds what lies below it.
pub(crate) fn subtree_in_tile(bytes: &[u8], level: u8, index: u64) -> Option<Digest> {
    let within = level % HEIGHT;
    let first = (index << within) % u64::from(WIDTH);
    let start = usize::try_from(first).ok()? * HASH_BYTES;
    let hashes = bytes.get(start..start + (HASH_BYTES << within))?;
    Some(Digest(tlog_tiles::Tile::subtree_hash(hashes).0))
}

/// The tile number that holds what lies below the subtree `index` on `level`.
pub(crate) fn tile_of_subtree(level: u8, index: u64) -> (Row, u64) {
    (Row::Hashes(level / HEIGHT), (index << (level % HEIGHT)) / u64::from(WIDTH))
}
