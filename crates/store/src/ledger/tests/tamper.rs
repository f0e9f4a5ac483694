//! Tampering: whatever is changed in the directory, verification names it.

use super::*;
use crate::ledger::{
    layout::{Row, Tile},
    rows::Rows,
};
use holdpoint_core::ledger::tree::record_hash;

/// Some 300 records, several lines of history.
fn ledger() -> State {
    let state = State::new();
    for step in [0..1, 1..120, 120..256, 256..300] {
        state.later(5);
        state.record(step);
    }
    state
}

/// Applies `change` to `name`; verification has to find it there.
#[track_caller]
fn check(state: &State, whole: &Files, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Finding {
    let mut bytes = whole[name].clone();
    change(&mut bytes);
    std::fs::write(state.dir().join(name), &bytes).unwrap();
    let found = state.verify().expect_err(name);
    assert_eq!(found.file, name, "{found}");
    std::fs::write(state.dir().join(name), &whole[name]).unwrap();
    found
}

/// All positions of a small file, some of a large one.
fn positions(length: usize) -> impl Iterator<Item = usize> {
    let step = (length / 60).max(1);
    (0..length).step_by(if length < 1000 { 1 } else { step }).chain([length - 1])
}

#[test]
fn every_changed_byte_is_found_in_its_file() {
    let state = ledger();
    let whole = state.files();
    assert_eq!(whole.len(), 7, "{:?}", whole.keys());
    for (name, bytes) in &whole {
        for at in positions(bytes.len()) {
            check(&state, &whole, name, |bytes| bytes[at] ^= 1 << (at % 8));
        }
    }
    assert_eq!(state.verify().unwrap().size, 300);
}

#[test]
fn every_missing_or_added_byte_is_found_in_its_file() {
    let state = ledger();
    let whole = state.files();
    for (name, bytes) in &whole {
        for at in positions(bytes.len()).step_by(3) {
            check(&state, &whole, name, |bytes| bytes.truncate(at));
            check(&state, &whole, name, |bytes| {
                bytes.remove(at);
            });
            check(&state, &whole, name, |bytes| bytes.insert(at, b'\0'));
        }
        check(&state, &whole, name, |bytes| bytes.push(b'\n'));
        check(&state, &whole, name, |bytes| bytes.extend_from_within(..));
    }
}

#[test]
fn every_missing_file_is_found() {
    let state = ledger();
    for (name, bytes) in state.files() {
        let path = state.dir().join(&name);
        std::fs::remove_file(&path).unwrap();
        let found = state.verify().unwrap_err();
        assert_eq!((found.file.as_str(), found.fault), (name.as_str(), Fault::Missing));
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(state.verify().unwrap().size, 300);
}

#[test]
fn every_added_file_is_found() {
    let state = ledger();
    let whole = state.files();
    for name in [
        "tile/entries/001.p/43",
        "tile/entries/001.p/45",
        "tile/entries/001",
        "tile/entries/002.p/1",
        "tile/0/001",
        "tile/0/001.p/43",
        "tile/2/000.p/1",
        "checkpoint.next",
        "notes",
        "tile/x",
    ] {
        let mut files = whole.clone();
        files.insert(name.to_owned(), whole["tile/entries/001.p/44"].clone());
        state.restore(&files);
        let found = state.verify().unwrap_err();
        assert_eq!((found.file.as_str(), found.fault), (name, Fault::Unsigned));
    }
}

#[test]
fn swapped_files_are_found() {
    let state = ledger();
    let whole = state.files();
    for (first, one) in &whole {
        for (second, other) in whole.range(first.clone()..).skip(1) {
            let mut files = whole.clone();
            files.insert(first.clone(), other.clone());
            files.insert(second.clone(), one.clone());
            state.restore(&files);
            let found = state.verify().unwrap_err();
            assert!([first, second].contains(&&found.file), "{first}, {second}: {found}");
        }
    }
}

/// Writes a bundle again with its entries changed by `change`.
fn rewrite(bytes: &[u8], width: u16, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let entries = bundle::entries(bytes, width).unwrap();
    let mut entries: Vec<_> = entries.into_iter().map(<[u8]>::to_vec).collect();
    change(&mut entries);
    let frame = |entry: &Vec<u8>| [&(entry.len() as u16).to_be_bytes(), entry.as_slice()].concat();
    entries.iter().flat_map(frame).collect()
}

#[test]
fn the_record_is_named() {
    let state = ledger();
    let whole = state.files();
    let (full, partial) = ("tile/entries/000", "tile/entries/001.p/44");
    let found = |name: &str, width, record, change: fn(&mut Vec<Vec<u8>>)| {
        let found = check(&state, &whole, name, |bytes| *bytes = rewrite(bytes, width, change));
        assert_eq!((found.record, found.fault), (Some(record), Fault::Entry), "{name}");
    };
    found(full, 256, 77, |entries| entries[77][300] ^= 1);
    found(full, 256, 12, |entries| entries.swap(12, 200));
    found(full, 256, 0, |entries| entries.rotate_left(1));
    found(full, 256, 255, |entries| drop(entries.pop()));
    found(full, 256, 5, |entries| drop(entries.remove(5)));
    found(full, 256, 6, |entries| entries.insert(6, b"{}".to_vec()));
    found(partial, 44, 256 + 43, |entries| entries[43].push(b' '));
    found(partial, 44, 256 + 43, |entries| entries.push(b"{}".to_vec()));
    let hash = check(&state, &whole, "tile/0/000", |bytes| bytes.swap(32 * 9, 32 * 40));
    assert_eq!((hash.record, hash.fault), (Some(9), Fault::Hash));
    let hash = check(&state, &whole, "tile/1/000.p/1", |bytes| bytes[3] ^= 1);
    assert_eq!((hash.record, hash.fault), (Some(0), Fault::Hash));
}

/// Somebody without the key changes an entry and computes every hash anew.
#[test]
fn a_consistent_rewrite_does_not_lead_to_the_signed_root() {
    let state = ledger();
    let mut files = state.files();
    for (name, width) in [("tile/entries/000", 256), ("tile/entries/001.p/44", 44)] {
        let bundle =
            rewrite(&files[name], width, |entries| entries[width as usize - 1] = vec![b'x']);
        files.insert(name.to_owned(), bundle);
    }
    let mut rows = Rows::default();
    for (name, width) in [("tile/entries/000", 256), ("tile/entries/001.p/44", 44)] {
        for entry in bundle::entries(&files[name].clone(), width).unwrap() {
            rows.push(record_hash(entry), |tile, bytes| {
                files.insert(tile.path(), bytes.to_vec());
            });
        }
    }
    for (tile, bytes) in rows.unfinished() {
        files.insert(tile.path(), bytes.to_vec());
    }
    state.restore(&files);
    // The history tells where it began: 120 records still lead to the root signed for them.
    let root = Finding::at("checkpoints", 120, Fault::Root { size: 256 });
    assert_eq!(state.verify(), Err(root));
}

#[test]
fn a_ledger_that_was_cut_back_is_found_out() {
    let state = ledger();
    let (old, old_head) = (state.files(), state.verify().unwrap());
    state.later(5);
    state.record(300..310);
    let (new, new_head) = (state.files(), state.verify().unwrap());
    let rolled_back = Finding::of("checkpoint", Fault::RolledBack { known: 310, size: 300 });
    // By the history.
    let mut mixed = old.clone();
    mixed.insert("checkpoints".to_owned(), new["checkpoints"].clone());
    state.restore(&mixed);
    assert_eq!(state.verify(), Err(rolled_back.clone()));
    // By a head that somebody remembers.
    state.restore(&old);
    assert_eq!(state.verify(), Ok(old_head));
    let remembering = |head| verify(&state.dir(), &state.key(), Some(head));
    assert_eq!(remembering(old_head), Ok(old_head));
    assert_eq!(remembering(new_head), Err(rolled_back));
    state.restore(&new);
    assert_eq!(remembering(old_head), Ok(new_head));
    // The lines of the history cannot be thinned out either.
    for line in 0..5 {
        let mut lines: Vec<_> = new["checkpoints"].split_inclusive(|byte| *byte == b'\n').collect();
        lines.remove(line);
        let thinned = lines.concat();
        let found = check(&state, &new, "checkpoints", |bytes| *bytes = thinned);
        assert!(matches!(found.fault, Fault::History { .. }), "{found}");
    }
}

#[test]
fn a_fork_is_found_out_by_who_remembers_the_other_branch() {
    let state = ledger();
    let common = state.files();
    state.record(300..310);
    let one = state.verify().unwrap();
    state.restore(&common);
    state.record(900..920);
    let other = state.verify().unwrap();
    assert_eq!((one.size, other.size), (310, 320));
    let found = verify(&state.dir(), &state.key(), Some(one)).unwrap_err();
    assert_eq!(found, Finding::at("checkpoint", 300, Fault::Root { size: 310 }));
}

#[test]
fn another_key_verifies_nothing() {
    let (state, other) = (ledger(), State::with_records(0));
    let found = verify(&state.dir(), &other.key(), None).unwrap_err();
    assert_eq!(found, Finding::of("checkpoint", CheckpointError::Foreign.into()));
}

#[test]
fn beside_a_writer_only_what_is_signed_is_looked_at() {
    let state = ledger();
    let ledger = state.open().unwrap();
    // What a write leaves lying about while it is under way.
    let next = state.dir().join("tile/entries/001.p/45");
    std::fs::write(&next, b"half").unwrap();
    assert_eq!(state.verify().map(|head| head.size), Ok(300));
    let tile = Tile { row: Row::Entries, number: 0, width: 256 };
    let path = state.dir().join(tile.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let found = state.verify().unwrap_err();
    assert_eq!((found.file, found.record), (tile.path(), Some(0)));
    drop(ledger);
}

#[test]
fn verification_keeps_up_with_a_writer() {
    let state = State::with_records(0);
    let ledger = state.open().unwrap();
    std::thread::scope(|scope| {
        let verifying = scope.spawn(|| {
            let mut last = 0;
            while last < 600 {
                let head = state.verify().unwrap();
                assert!(head.size >= last);
                last = head.size;
                let reader = Reader::open(&state.dir()).unwrap();
                assert_eq!(
                    reader.records(0).map(Result::unwrap).count() as u64,
                    reader.head().size
                );
            }
        });
        for number in 0..600 {
            run(ledger.commit(&record(number), subject(number))).unwrap();
            // Who looks now finds it, wherever it is by now.
            let reader = Reader::open(&state.dir()).unwrap();
            assert_eq!(reader.record(number).unwrap(), record(number));
            if number % 20 == 0 {
                state.later(1);
            }
        }
        verifying.join().unwrap();
    });
}
