//! Appending and committing.

use std::time::{Duration, Instant};

use super::*;

/// A record whose detail has so many bytes.
fn change(bytes: usize) -> Record {
    let detail = "x".repeat(bytes);
    let kind = RecordKind::Change { what: "policy".to_owned(), detail };
    Record::new(Timestamp(1), None, kind)
}

#[test]
fn records_come_back_in_their_order() {
    for count in [0, 1, 2, 255, 256, 257, 700] {
        State::with_records(count).assert_holds(count);
    }
}

#[test]
fn a_ledger_goes_on_where_it_stopped() {
    let state = State::new();
    let mut end = 0;
    for step in [1, 1, 254, 0, 1, 300, 212, 1] {
        state.record(end..end + step);
        end += step;
        state.assert_holds(end);
    }
}

#[test]
fn what_is_committed_is_on_disk() {
    let state = State::new();
    let ledger = state.open().unwrap();
    for number in 0..5 {
        let durable = run(ledger.commit(&record(number), subject(number))).unwrap();
        assert_eq!(durable.index(), number);
        // Without closing it: a reader has the record, and verification holds beside the writer.
        assert_eq!(ledger.reader().unwrap().record(number).unwrap(), record(number));
        assert_eq!(state.verify().unwrap().size, number + 1);
    }
}

#[test]
fn a_reader_reads_on_where_a_piece_of_the_journal_ends() {
    let state = State::new();
    let ledger = state.open().unwrap();
    let mut size = 0;
    // Groups that end within a piece, and some that are longer than one.
    for grouped in [1, 1, 3, 1, 4] {
        for _ in 1..grouped {
            run(ledger.append(&change(60_000), subject(0))).unwrap();
        }
        run(ledger.commit(&change(60_000), subject(0))).unwrap();
        size += grouped;
        let reader = ledger.reader().unwrap();
        assert_eq!(reader.head().size, size);
        assert_eq!(reader.record(size - 1).unwrap(), change(60_000));
    }
}

#[test]
fn what_is_appended_is_on_disk_soon() {
    let state = State::new();
    let ledger = state.open().unwrap();
    let appended = run(ledger.append(&record(0), subject(0))).unwrap();
    assert_eq!(appended.index(), 0);
    let since = Instant::now();
    while ledger.reader().unwrap().head().size == 0 {
        assert!(since.elapsed() < Duration::from_secs(5), "never written");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(ledger.reader().unwrap().record(0).unwrap(), record(0));
}

#[test]
fn many_producers_share_writes_and_each_gets_its_own_place() {
    let state = State::new();
    let ledger = Arc::new(state.open().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..1500)
        .map(|number| {
            let ledger = Arc::clone(&ledger);
            runtime.spawn(async move {
                let (record, subject) = (record(number), subject(number));
                match number % 3 {
                    0 => ledger.append(&record, subject).await.unwrap().index(),
                    _ => ledger.commit(&record, subject).await.unwrap().index(),
                }
            })
        })
        .collect();
    let mut places = BTreeMap::new();
    for (number, task) in (0..).zip(tasks) {
        assert_eq!(places.insert(runtime.block_on(task).unwrap(), number), None);
    }
    drop(runtime);
    drop(ledger);
    assert_eq!(places.keys().copied().collect::<Vec<_>>(), (0..1500).collect::<Vec<_>>());
    let reader = Reader::open(&state.dir()).unwrap();
    for (index, number) in places {
        assert_eq!(reader.record(index).unwrap(), record(number));
    }
    assert_eq!(state.verify().unwrap().size, 1500);
}

#[test]
fn pages_are_newest_first() {
    let state = State::with_records(520);
    let reader = Reader::open(&state.dir()).unwrap();
    let check = |before, limit, expect: std::ops::Range<u64>| {
        let page = reader.page(before, limit).unwrap();
        let expect: Vec<_> = expect.rev().map(|number| (number, record(number))).collect();
        assert_eq!(page, expect);
    };
    check(None, 3, 517..520);
    check(Some(517), 300, 217..517);
    check(Some(2), 10, 0..2);
    check(Some(0), 10, 0..0);
    check(Some(9999), 1, 519..520);
    check(None, 0, 0..0);
    let none = reader.record(520).unwrap_err();
    assert!(matches!(none, LedgerError::NoRecord { index: 520, size: 520 }));
    assert_eq!(reader.records(518).map(|record| record.unwrap().0).collect::<Vec<_>>(), [518, 519]);
}

#[test]
fn a_record_that_does_not_fit_is_refused_and_takes_no_place() {
    let state = State::new();
    let ledger = state.open().unwrap();
    let frame = change(0).to_bytes().unwrap().len();
    let refused = run(ledger.commit(&change(65_536 - frame), subject(0))).unwrap_err();
    assert!(matches!(refused, LedgerError::TooLarge { bytes: 65_536 }));
    let largest = change(65_535 - frame);
    assert_eq!(run(ledger.commit(&largest, subject(0))).unwrap().index(), 0);
    drop(ledger);
    assert_eq!(Reader::open(&state.dir()).unwrap().record(0).unwrap(), largest);
    assert_eq!(state.verify().unwrap().size, 1);
}

#[test]
fn a_decision_proves_only_its_own_message() {
    let state = State::new();
    let ledger = state.open().unwrap();
    let refused = run(ledger.commit(&record(1), subject(2))).unwrap_err();
    assert!(matches!(refused, LedgerError::OtherSubject));
    let refused = run(ledger.append(&record(1), subject(2))).unwrap_err();
    assert!(matches!(refused, LedgerError::OtherSubject));
}

#[test]
fn after_a_failed_write_nothing_passes() {
    // The journal, or the next tile, cannot be written: a directory has its name.
    for (seconds, name) in [(0, "journal"), (60, "tile/entries/000.p/4")] {
        let state = State::with_records(3);
        let obstacle = state.dir().join(name);
        let ledger = state.open().unwrap();
        state.later(seconds);
        std::fs::create_dir_all(&obstacle).unwrap();
        let failed = run(ledger.commit(&record(3), subject(3))).unwrap_err().to_string();
        assert!(failed.contains(name), "{failed}");
        std::fs::remove_dir(&obstacle).unwrap();
        for _ in 0..3 {
            let failed = run(ledger.commit(&record(3), subject(3))).unwrap_err();
            assert!(matches!(failed, LedgerError::Stopped { .. }));
            let failed = run(ledger.append(&record(3), subject(3))).unwrap_err();
            assert!(matches!(failed, LedgerError::Stopped { .. }));
        }
        drop(ledger);
        state.record(3..5);
        state.assert_holds(5);
    }
}

#[test]
fn the_history_has_a_line_a_second_at_most_and_ends_with_the_last_head() {
    let state = State::new();
    let ledger = state.open().unwrap();
    let lines = || {
        let text = std::fs::read_to_string(state.dir().join(layout::HISTORY)).unwrap();
        text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    state.later(60);
    run(ledger.commit(&record(0), subject(0))).unwrap();
    run(ledger.commit(&record(1), subject(1))).unwrap();
    assert_eq!(lines(), ["0", "1"]);
    state.later(1);
    run(ledger.commit(&record(2), subject(2))).unwrap();
    run(ledger.commit(&record(3), subject(3))).unwrap();
    assert_eq!(lines(), ["0", "1", "3"]);
    drop(ledger);
    assert_eq!(lines(), ["0", "1", "3", "4"]);
    state.assert_holds(4);
}
