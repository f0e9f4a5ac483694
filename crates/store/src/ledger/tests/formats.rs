//! File names and bundles.

use crate::ledger::{
    bundle::{Bundle, entries, first_entries},
    layout::{Row, Tile},
};

#[test]
fn tiles_have_the_names_of_the_specification() {
    let check = |row, number, width, expect: &str| {
        let tile = Tile { row, number, width };
        assert_eq!(tile.path(), expect);
        assert_eq!(Tile::parse(expect), Some(tile), "{expect}");
    };
    check(Row::Hashes(0), 0, 256, "tile/0/000");
    check(Row::Hashes(2), 0, 1, "tile/2/000.p/1");
    check(Row::Entries, 273, 112, "tile/entries/273.p/112");
    check(Row::Hashes(1), 1_234_067, 256, "tile/1/x001/x234/067");
    check(Row::Entries, 1000, 255, "tile/entries/x001/000.p/255");
    // The library spells the height as well; otherwise the names are the same.
    for number in [0, 7, 999, 1000, 1_000_000, 123_456_789_012] {
        let theirs = tlog_tiles::Tile::new(8, 3, number, 17, false).path();
        let ours = Tile { row: Row::Hashes(3), number, width: 17 }.path();
        assert_eq!(theirs.replacen("tile/8/", "tile/", 1), ours);
    }
}

#[test]
fn nothing_else_is_a_tile() {
    for name in [
        "checkpoint",
        "tile/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x000/000",
        "tile/0/1000",
        "tile/0/000.p",
        "tile/0/000.p/1/2",
        "tile/data/000",
        "tile/0/x001/x67",
        "tile/0/+00",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/000.p/1.p/1",
        "tile/entries/",
    ] {
        assert_eq!(Tile::parse(name), None, "{name}");
    }
}

#[test]
fn a_size_says_which_tiles_there_are() {
    // The example of the specification: a tree of 70,000 records.
    let of = |row, number| Tile::of(row, number, 70_000).map(|tile| tile.width);
    assert_eq!(of(Row::Entries, 272), Some(256));
    assert_eq!(of(Row::Hashes(0), 273), Some(112));
    assert_eq!(of(Row::Hashes(0), 274), None);
    assert_eq!(of(Row::Hashes(1), 0), Some(256));
    assert_eq!(of(Row::Hashes(1), 1), Some(17));
    assert_eq!(of(Row::Hashes(2), 0), Some(1));
    assert_eq!(of(Row::Hashes(3), 0), None);
    assert_eq!(Tile::of(Row::Entries, 0, 0), None);
    assert_eq!(Tile::partial(Row::Entries, 256), None);
    assert_eq!(Tile::partial(Row::Hashes(1), 256).map(|tile| tile.width), Some(1));
    assert_eq!(Tile::of(Row::Hashes(7), 0, u64::MAX).map(|tile| tile.width), Some(255));
}

#[test]
fn bundles_are_read_only_as_they_were_written() {
    let mut bundle = Bundle::default();
    for entry in [b"one".as_slice(), b"", &[7; 65_535]] {
        assert_eq!(bundle.push(entry), None);
    }
    let bytes = bundle.bytes().to_vec();
    assert_eq!(entries(&bytes, 3), Some(vec![b"one".as_slice(), b"", &[7; 65_535]]));
    assert_eq!(entries(&bytes, 2), None);
    assert_eq!(entries(&bytes, 4), None);
    assert_eq!(entries(&bytes[..bytes.len() - 1], 3), None);
    assert_eq!(first_entries(&bytes, 1), Some(vec![b"one".as_slice()]));
    let mut bundle = Bundle::default();
    let full = (0..256).filter_map(|_| bundle.push(b"x")).collect::<Vec<_>>();
    assert_eq!(full, [[0, 1, b'x'].repeat(256)]);
    assert!(bundle.bytes().is_empty());
}
