//! Crashes: killed writers, and files that were written in part.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use super::*;
use crate::ledger::checkpoint::Checkpoint;

/// Where the killed writer keeps its state; set only in the child process.
const CHILD: &str = "HOLDPOINT_TEST_LEDGER_STATE";
const ROUNDS: u32 = 32;

/// Kills a writer again and again. What it was told to be recorded has to be there.
#[test]
fn no_acknowledged_record_is_lost_by_a_kill() {
    if let Some(path) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&path));
    }
    let state = State::with_records(0);
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        acknowledged.extend(killed_writer(&state.path, round));
        let ledger = state.open().unwrap();
        let size = ledger.reader().unwrap().head().size;
        drop(ledger);
        assert_eq!(state.verify().map(|head| head.size), Ok(size), "round {round}");
        let reader = Reader::open(&state.dir()).unwrap();
        for (index, number) in &acknowledged {
            assert_eq!(reader.record(*index).unwrap(), record(*number), "round {round}");
        }
    }
    assert!(acknowledged.len() > ROUNDS as usize, "only {} records", acknowledged.len());
}

/// Runs a writer, kills it, and returns what it said was recorded: the number at each index.
fn killed_writer(state: &Path, round: u32) -> Vec<(u64, u64)> {
    let test = "ledger::tests::crash::no_acknowledged_record_is_lost_by_a_kill";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--quiet"])
        .env(CHILD, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // Killed after some answers, at any moment of the write that follows.
    let heard: Vec<_> = said.by_ref().take(1 + round as usize % 40).collect();
    std::thread::sleep(Duration::from_micros(u64::from(round) * 997 % 7_000));
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may have been cut short by the kill; it then lacks its end.
    let acknowledged = heard.into_iter().chain(said).filter_map(|line| {
        let (index, number) = line.strip_prefix("ack ")?.strip_suffix(" end")?.split_once(' ')?;
        Some((index.parse().unwrap(), number.parse().unwrap()))
    });
    acknowledged.collect()
}

fn write_until_killed(state: &Path) -> ! {
    let ledger = Arc::new(Ledger::open(state, || Timestamp(u64::MAX)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for number in 0.. {
        let ledger = Arc::clone(&ledger);
        runtime.spawn(async move {
            let durable = ledger.commit(&record(number), subject(number)).await.unwrap();
            println!("ack {} {number} end", durable.index());
        });
        if number % 40 == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
    std::process::exit(1)
}

/// The files before and after a write, which wrote one line into the history.
struct Write {
    before: Files,
    after: Files,
    sizes: (u64, u64),
}

fn write(state: &State, sizes: (u64, u64)) -> Write {
    state.record(0..sizes.0);
    let before = state.files();
    state.record(sizes.0..sizes.1);
    Write { before, after: state.files(), sizes }
}

impl Write {
    /// The tiles that the write makes, in the order of their names.
    fn tiles(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.after.iter().filter(|(name, _)| !self.before.contains_key(*name))
    }

    /// The state in which all tiles are written, and nothing is signed yet.
    fn unsigned(&self) -> Files {
        let mut files = self.before.clone();
        files.extend(self.tiles().map(|(name, bytes)| (name.clone(), bytes.clone())));
        files
    }

    /// Opening the ledger after this crash brings it back to `size`, and it goes on.
    fn check(&self, state: &State, crashed: &Files, size: u64) {
        state.restore(crashed);
        drop(state.open().unwrap());
        state.assert_holds(size);
        state.record(size..size + 2);
        state.assert_holds(size + 2);
    }
}

/// A ledger of `settled` records that was cut off after `groups` further groups of as many records.
fn cut_off(state: &State, settled: u64, groups: &[u64]) -> Files {
    state.record(0..settled);
    let ledger = state.open().unwrap();
    let mut next = settled;
    for count in groups {
        let last = next + count - 1;
        run(async {
            for number in next..last {
                ledger.append(&record(number), subject(number)).await.unwrap();
            }
            ledger.commit(&record(last), subject(last)).await.unwrap();
        });
        next += count;
    }
    state.files()
}

#[test]
fn what_the_journal_holds_was_recorded() {
    for (settled, groups) in [(0, &[1, 1][..]), (3, &[2]), (250, &[3, 4, 300]), (256, &[1, 256])] {
        let state = State::new();
        let crashed = cut_off(&state, settled, groups);
        let size = settled + groups.iter().sum::<u64>();
        state.restore(&crashed);
        assert!(crashed.contains_key("journal"));
        // Nobody has opened it since.
        state.assert_holds(size);
        let reader = Reader::open(&state.dir()).unwrap();
        for index in 0..size {
            let proof = reader.prove(index).unwrap();
            assert!(proof.verify(&state.key()).is_ok(), "{settled} {groups:?} {index}");
        }
        drop(state.open().unwrap());
        assert!(!state.files().contains_key("journal"));
        state.assert_holds(size);
        state.record(size..size + 2);
        state.assert_holds(size + 2);
    }
}

/// Where the journal ends in the middle of a group, nobody was told of that group.
#[test]
fn a_group_of_the_journal_counts_only_when_it_is_whole() {
    let state = State::new();
    let crashed = cut_off(&state, 5, &[2, 3]);
    let journal = &crashed["journal"];
    let end = 1 + journal.iter().rposition(|byte| *byte != 0).unwrap();
    let second = journal.windows(7).rposition(|it| it == b"history").unwrap();
    let mut sizes = std::collections::BTreeSet::new();
    for length in (0..end).step_by(97).chain([second, end - 1, end]) {
        let mut cut = vec![0; journal.len()];
        cut[..length].copy_from_slice(&journal[..length]);
        let mut crashed = crashed.clone();
        crashed.insert("journal".to_owned(), cut);
        state.restore(&crashed);
        let size = state.verify().unwrap().size;
        assert_eq!(size == 10, length == end, "{length}");
        sizes.insert(size);
        drop(state.open().unwrap());
        state.assert_holds(size);
    }
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [5, 7, 10]);
}

/// Bytes that are merely found are not adopted, by nobody. Where a group was touched that others
/// lead on from, the ledger was cut back, and says so.
#[test]
fn a_group_that_was_touched_counts_for_nothing() {
    let state = State::new();
    let crashed = cut_off(&state, 5, &[2, 3, 4]);
    state.restore(&crashed);
    let known = state.verify().unwrap();
    let bytes = &crashed["journal"];
    let end = 1 + bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let groups: Vec<usize> =
        (0..end).filter(|at| bytes[*at..].starts_with(b"holdpoint.local/")).step_by(2).collect();
    let [_, second, third] = groups[..] else { panic!("{groups:?}") };
    let mut covered = 0;
    for at in (0..end).step_by(211).chain([0, second - 4, second - 1, third - 4]) {
        let mut touched = crashed.clone();
        touched.get_mut("journal").unwrap()[at] ^= 1;
        state.restore(&touched);
        if at < third - 4 {
            let Err(found) = state.verify() else {
                // A signature that a later one covers: not one record is another.
                state.assert_holds(14);
                covered += 1;
                continue;
            };
            assert!(matches!(found.fault, Fault::RolledBack { known: 14, .. }), "{at}: {found}");
            let refused = state.open().unwrap_err();
            assert!(matches!(refused, LedgerError::Damaged(_)), "{at}: {refused}");
            assert_eq!(state.files(), touched, "nothing was changed by trying");
            continue;
        }
        // A crash can leave the last one so: only who remembers the head finds out.
        assert_eq!(state.verify().unwrap().size, 10, "{at}");
        assert_eq!(Reader::open(&state.dir()).unwrap().head().size, 10, "{at}");
        let found = verify(&state.dir(), &state.key(), Some(known)).unwrap_err();
        assert!(matches!(found.fault, Fault::RolledBack { known: 14, .. }), "{found}");
        drop(state.open().unwrap());
        state.assert_holds(10);
    }
    assert!(covered < 3, "{covered}");
    // Of another ledger.
    let other = State::new();
    let foreign = cut_off(&other, 5, &[2]);
    let mut touched = crashed.clone();
    touched.insert("journal".to_owned(), foreign["journal"].clone());
    state.restore(&touched);
    assert_eq!(state.verify().unwrap().size, 5);
    assert_eq!(Reader::open(&state.dir()).unwrap().head().size, 5);
    drop(state.open().unwrap());
    state.assert_holds(5);
}

/// What is no journal is not waited for, and not read to its end.
#[test]
fn something_else_in_place_of_the_journal_is_refused() {
    let state = State::with_records(3);
    let journal = state.dir().join("journal");
    std::os::unix::fs::symlink("/dev/zero", &journal).unwrap();
    for refused in [
        state.verify().unwrap_err().to_string(),
        state.open().unwrap_err().to_string(),
        Reader::open(&state.dir()).unwrap_err().to_string(),
    ] {
        assert!(refused.contains("journal") && refused.contains("it is no file"), "{refused}");
    }
    fs::remove_file(&journal).unwrap();
    // Far too long, and nothing but zeros.
    fs::File::create(&journal).unwrap().set_len(1 << 40).unwrap();
    state.assert_holds(3);
    drop(state.open().unwrap());
    assert!(!journal.exists());
}

/// A journal that is not where it will be looked for keeps nothing.
#[test]
fn a_journal_that_was_taken_away_stops_the_ledger() {
    let state = State::new();
    let ledger = state.open().unwrap();
    run(ledger.commit(&record(0), subject(0))).unwrap();
    fs::remove_file(state.dir().join("journal")).unwrap();
    state.later(60);
    let _settled = run(ledger.commit(&record(1), subject(1)));
    let stopped = run(ledger.commit(&record(2), subject(2))).unwrap_err();
    assert!(matches!(stopped, LedgerError::Stopped { .. }), "{stopped}");
    drop(ledger);
    state.assert_holds(2);
}

/// A ledger that was moved to another disk is read from where its link is.
#[test]
fn a_journal_is_read_where_the_ledger_is_a_link() {
    let state = State::new();
    let crashed = cut_off(&state, 5, &[2]);
    state.restore(&crashed);
    let away = tempfile::tempdir().unwrap();
    let moved = away.path().join("elsewhere");
    let mut cp = Command::new("cp");
    assert!(cp.arg("-r").arg(state.dir()).arg(&moved).status().unwrap().success());
    fs::remove_dir_all(state.dir()).unwrap();
    std::os::unix::fs::symlink(&moved, state.dir()).unwrap();
    state.assert_holds(7);
}

/// A ledger that has nothing but a journal is not begun anew over it.
#[test]
fn a_journal_without_its_key_is_kept() {
    let state = State::new();
    let crashed = cut_off(&state, 0, &[1]);
    state.restore(&crashed);
    fs::remove_file(state.path.join(SIGNING_KEY)).unwrap();
    let refused = state.open().unwrap_err();
    assert!(matches!(refused, LedgerError::Keyless(_)), "{refused}");
    assert_eq!(state.files(), crashed);
}

/// Killed while it settles: whatever of that came to disk, the journal has all of it.
#[test]
fn what_was_being_settled_is_not_lost() {
    let state = State::new();
    let crashed = cut_off(&state, 250, &[3, 4, 300]);
    state.restore(&crashed);
    drop(state.open().unwrap());
    let settled = state.files();
    let made: Vec<_> = settled.iter().filter(|(name, _)| !crashed.contains_key(*name)).collect();
    let (line, note) = (&settled["checkpoints"], &settled["checkpoint"]);
    let mut halfway = crashed.clone();
    for (name, bytes) in made {
        halfway.insert(name.clone(), bytes[..bytes.len() / 2].to_vec());
        let mut crashed = halfway.clone();
        check_again(&state, &crashed, 557);
        halfway.insert(name.clone(), bytes.clone());
        crashed.extend(halfway.clone());
        check_again(&state, &crashed, 557);
    }
    let cut = crashed["checkpoints"].len() + 9;
    for length in [cut, line.len()] {
        halfway.insert("checkpoints".to_owned(), line[..length].to_vec());
        check_again(&state, &halfway, 557);
    }
    halfway.insert("checkpoint.next".to_owned(), note.clone());
    check_again(&state, &halfway, 557);
    halfway.remove("checkpoint.next");
    halfway.insert("checkpoint".to_owned(), note.clone());
    check_again(&state, &halfway, 557);
}

fn check_again(state: &State, crashed: &Files, size: u64) {
    state.restore(crashed);
    assert_eq!(Reader::open(&state.dir()).unwrap().head().size, size);
    drop(state.open().unwrap());
    state.assert_holds(size);
    state.record(size..size + 1);
    state.assert_holds(size + 1);
}

/// More at once than the journal takes.
#[test]
fn a_group_that_is_longer_than_the_journal_is_settled_at_once() {
    let state = State::new();
    drop(cut_off(&state, 1, &[2_000, 2]));
    state.assert_holds(2_003);
}

/// What is settled leaves the journal, and what is left of it there counts for nothing.
#[test]
fn what_is_settled_is_not_recorded_again() {
    let state = State::new();
    let ledger = state.open().unwrap();
    let mut settled = 0;
    for number in 0..2_000 {
        run(ledger.commit(&record(number), subject(number))).unwrap();
        if number % 100 == 99 {
            let reader = ledger.reader().unwrap();
            assert_eq!(reader.head().size, number + 1);
            assert_eq!(reader.record(number).unwrap(), record(number));
            let verified = state.verify().unwrap();
            assert_eq!(verified.size, number + 1);
            let note = fs::read(state.dir().join("checkpoint")).unwrap();
            settled = Checkpoint::read(&note).unwrap().head.size;
        }
    }
    // It was full more than once, and the clock stood still: what was settled by then leaves room.
    assert!(settled > 1_000, "{settled}");
    let history = fs::read_to_string(state.dir().join("checkpoints")).unwrap();
    assert!(history.lines().count() < 6, "{history}");
    let crashed = state.files();
    drop(ledger);
    state.restore(&crashed);
    state.assert_holds(2_000);
    drop(state.open().unwrap());
    state.assert_holds(2_000);
}

const SIZES: [(u64, u64); 5] = [(0, 1), (3, 5), (250, 256), (255, 258), (256, 520)];

#[test]
fn tiles_that_were_written_in_part_are_dropped() {
    for sizes in SIZES {
        let state = State::new();
        let write = write(&state, sizes);
        let mut crashed = write.before.clone();
        for (name, bytes) in write.tiles() {
            for length in [0, 1, bytes.len() / 2, bytes.len() - 1, bytes.len()] {
                crashed.insert(name.clone(), bytes[..length].to_vec());
                write.check(&state, &crashed, sizes.0);
            }
        }
    }
}

#[test]
fn a_history_line_counts_only_when_it_is_whole() {
    let state = State::new();
    let write = write(&state, (255, 258));
    let (old, new) = (&write.before["checkpoints"], &write.after["checkpoints"]);
    for length in (old.len()..new.len()).step_by(9).chain([new.len() - 1, new.len()]) {
        let mut crashed = write.unsigned();
        crashed.insert("checkpoints".to_owned(), new[..length].to_vec());
        let whole = length == new.len();
        write.check(&state, &crashed, if whole { write.sizes.1 } else { write.sizes.0 });
    }
}

#[test]
fn a_checkpoint_counts_only_when_it_is_renamed() {
    let state = State::new();
    let write = write(&state, (255, 258));
    let note = &write.after["checkpoint"];
    let mut crashed = write.unsigned();
    crashed.insert("checkpoints".to_owned(), write.after["checkpoints"].clone());
    for length in (0..=note.len()).step_by(7) {
        crashed.insert("checkpoint.next".to_owned(), note[..length].to_vec());
        write.check(&state, &crashed, write.sizes.1);
    }
    // Renamed, and killed before the outgrown tiles were removed.
    let mut crashed = write.before.clone();
    crashed.extend(write.after.clone());
    write.check(&state, &crashed, write.sizes.1);
}

#[test]
fn a_head_whose_tiles_are_gone_was_cut_back_and_is_not_opened() {
    let state = State::new();
    let write = write(&state, (255, 258));
    let mut crashed = write.before.clone();
    crashed.insert("checkpoints".to_owned(), write.after["checkpoints"].clone());
    state.restore(&crashed);
    let refused = state.open().unwrap_err().to_string();
    assert!(refused.contains("had 258 records, and now has 255"), "{refused}");
    // Nothing was changed by trying.
    assert_eq!(state.files(), crashed);
    assert!(fs::exists(state.path.join(SIGNING_KEY)).unwrap());
}
