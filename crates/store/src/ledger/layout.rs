//! Which files a ledger of a given size is made of (C2SP tlog-tiles).

use std::{fs, io, path::Path};

/// The note that signs the newest tree head.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The next checkpoint, until it is renamed.
pub(crate) const CHECKPOINT_NEXT: &str = "checkpoint.next";
/// The list of earlier tree heads.
pub(crate) const HISTORY: &str = "checkpoints";

/// What was recorded since the newest checkpoint.
pub(crate) const JOURNAL: &str = "journal";

/// How many hashes or entries a full tile has.
pub(crate) const WIDTH: u16 = 256;
/// The height of a tile: 256 is two to the eighth.
pub(crate) const HEIGHT: u8 = 8;
/// Eight bits a level: no tree has more levels of tiles.
pub(crate) const LEVELS_MAX: u8 = 8;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Row {
    /// The entries themselves.
    Entries,
    /// The roots of the full tiles of the level below; on level 0 the hashes of the entries.
    Hashes(u8),
}

impl Row {
    /// The entries, and the rows of hashes from the lowest up.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Entries).chain((0..LEVELS_MAX).map(Self::Hashes))
    }

    /// How many things the row has in a tree of `size` records.
    fn length(self, size: u64) -> u64 {
        match self {
            Self::Entries => size,
            Self::Hashes(level) => size.checked_shr(u32::from(level * HEIGHT)).unwrap_or(0),
        }
    }
}

/// One file of hashes or entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tile {
    /// What it holds.
    pub(crate) row: Row,
    /// Its place in the row.
    pub(crate) number: u64,
    /// How many it holds: from 1 to [`WIDTH`].
    pub(crate) width: u16,
}

impl Tile {
    /// The tile with `number` in a tree of `size` records, if the tree has it.
    pub(crate) fn of(row: Row, number: u64, size: u64) -> Option<Self> {
        let start = number.checked_mul(u64::from(WIDTH))?;
        let rest = row.length(size).checked_sub(start).filter(|rest| *rest > 0)?;
        let width = u16::try_from(rest).unwrap_or(WIDTH).min(WIDTH);
        Some(Self { row, number, width })
    }

    /// The unfinished last tile of a row in a tree of `size` records, if the row has one.
    pub(crate) fn partial(row: Row, size: u64) -> Option<Self> {
        let number = row.length(size) / u64::from(WIDTH);
        Self::of(row, number, size)
    }

    /// Whether a tree of `size` records has exactly this tile.
    pub(crate) fn belongs_to(self, size: u64) -> bool {
        Self::of(self.row, self.number, size) == Some(self)
    }

    /// Whether it is full and so never changes any more.
    pub(crate) fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The first record that it is about.
    pub(crate) fn first_record(self) -> u64 {
        let height = match self.row {
            Row::Entries => HEIGHT,
            Row::Hashes(level) => HEIGHT.saturating_mul(level.saturating_add(1)),
        };
        self.number.checked_shl(u32::from(height)).unwrap_or(u64::MAX)
    }

    /// Its name below the ledger's directory, with slashes.
    pub(crate) fn path(self) -> String {
        let row = match self.row {
            Row::Entries => "entries".to_owned(),
            Row::Hashes(level) => level.to_string(),
        };
        let mut number = format!("{:03}", self.number % 1000);
        let mut rest = self.number / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let partial = if self.is_full() { String::new() } else { format!(".p/{}", self.width) };
        format!("tile/{row}/{number}{partial}")
    }

    /// The tile that has this name, if one can have it.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (row, mut place) = path.strip_prefix("tile/")?.split_once('/')?;
        let row = match row {
            "entries" => Row::Entries,
            level => Row::Hashes(level.parse().ok().filter(|level| *level < LEVELS_MAX)?),
        };
        let mut width = WIDTH;
        if let Some((number, partial)) = place.split_once(".p/") {
            place = number;
            width = partial.parse().ok().filter(|width| (1..WIDTH).contains(width))?;
        }
        let mut number = 0_u64;
        for group in place.split('/') {
            let group: u64 = group.trim_start_matches('x').parse().ok()?;
            number = number.checked_mul(1000)?.checked_add(group)?;
        }
        let tile = Self { row, number, width };
        (tile.path() == path).then_some(tile)
    }
}

/// The names of all files below `dir`, with slashes, in no particular order.
pub(crate) fn files(dir: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk(dir, "", 0, &mut found)?;
    Ok(found)
}

/// No tile lies deeper: `tile`, a row, seven groups of digits and `.p`.
const DEPTH_MAX: u8 = 12;

fn walk(dir: &Path, prefix: &str, depth: u8, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() && depth < DEPTH_MAX {
            walk(&entry.path(), &format!("{name}/"), depth + 1, found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}
