//! Random trees, random destruction, and the way back.

mod bounds;

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::{
        ffi::OsStringExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use holdpoint_core::Timestamp;
use holdpoint_store::{State, config::SnapshotTerms};
use proptest::prelude::*;

use crate::{Cause, Snapshots, Terms, looks::attributes};

/// What can be seen of one path.
type Seen = (u32, (i64, i64), Vec<u8>, PathBuf, Vec<(OsString, Vec<u8>)>);

fn tree(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut open = vec![root.to_owned()];
    let mut all = Vec::new();
    while let Some(path) = open.pop() {
        if path.symlink_metadata().unwrap().is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.push(path);
    }
    all.sort();
    let mut first = BTreeMap::new();
    let seen = |path: &PathBuf| {
        let looks = path.symlink_metadata().unwrap();
        let content = match looks.is_symlink() {
            true => fs::read_link(path).unwrap().into_os_string().into_vec(),
            false => fs::read(path).unwrap_or_default(),
        };
        let relative = path.strip_prefix(root).unwrap().to_owned();
        let name = match looks.is_file() {
            true => first.entry(looks.ino()).or_insert(relative.clone()).clone(),
            false => relative.clone(),
        };
        let rights = if looks.is_symlink() { 0 } else { looks.mode() };
        let modified = (looks.mtime(), looks.mtime_nsec());
        (relative, (rights, modified, content, name, attributes(path).unwrap()))
    };
    let mut found = BTreeMap::new();
    let mut seen = seen;
    for path in &all {
        let (path, seen) = seen(path);
        found.insert(path, seen);
    }
    found
}

/// One thing that is done to a tree; paths are chosen among a few names three levels deep.
#[derive(Debug, Clone)]
enum Act {
    Write(Vec<u8>, Vec<u8>),
    Append(Vec<u8>),
    Directory(Vec<u8>),
    Link(Vec<u8>, Vec<u8>),
    HardLink(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Rights(Vec<u8>, u32),
    Attribute(Vec<u8>, Vec<u8>),
    Time(Vec<u8>, i64),
}

/// Names that are text, and one that is none.
const NAMES: [&[u8]; 6] = [b"a", b"b", b"long name\n", b"\xff\xfe\\x", b"\"q\"", b"z"];

fn path(root: &Path, choice: &[u8]) -> PathBuf {
    let mut path = root.to_owned();
    for letter in choice {
        let name = NAMES[usize::from(*letter) % NAMES.len()];
        path.push(OsString::from_vec(name.to_vec()));
    }
    path
}

fn do_it(root: &Path, act: &Act) {
    let at = |choice: &[u8]| path(root, choice);
    // What cannot be done is not done.
    let _ = match act {
        Act::Write(choice, bytes) => fs::write(at(choice), bytes),
        Act::Append(choice) => fs::read(at(choice))
            .and_then(|bytes| fs::write(at(choice), [&bytes[..], b"+"].concat())),
        Act::Directory(choice) => fs::create_dir_all(at(choice)),
        Act::Link(choice, to) => symlink(at(to), at(choice)),
        Act::HardLink(choice, to) => fs::hard_link(at(to), at(choice)),
        Act::Remove(choice) => match at(choice).symlink_metadata() {
            Ok(looks) if looks.is_dir() => fs::remove_dir_all(at(choice)),
            _ => fs::remove_file(at(choice)),
        },
        Act::Rename(choice, to) => fs::rename(at(choice), at(to)),
        Act::Rights(choice, rights) => {
            fs::set_permissions(at(choice), Permissions::from_mode(rights & 0o7777))
        }
        Act::Attribute(choice, value) => {
            rustix::fs::lsetxattr(at(choice), "user.test", value, rustix::fs::XattrFlags::empty())
                .map_err(Into::into)
        }
        Act::Time(choice, seconds) => {
            let time = rustix::fs::Timespec { tv_sec: *seconds, tv_nsec: 123_456_789 };
            let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(rustix::fs::CWD, at(choice), &times, flags).map_err(Into::into)
        }
    };
}

fn choice() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..6, 1..=3)
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = prop::collection::vec(any::<u8>(), 0..2000);
    let short = prop::collection::vec(any::<u8>(), 0..9);
    prop_oneof![
        4 => (choice(), bytes).prop_map(|(at, bytes)| Act::Write(at, bytes)),
        1 => choice().prop_map(Act::Append),
        4 => choice().prop_map(Act::Directory),
        1 => (choice(), choice()).prop_map(|(at, to)| Act::Link(at, to)),
        2 => (choice(), choice()).prop_map(|(at, to)| Act::HardLink(at, to)),
        3 => choice().prop_map(Act::Remove),
        2 => (choice(), choice()).prop_map(|(at, to)| Act::Rename(at, to)),
        1 => (choice(), any::<u32>()).prop_map(|(at, rights)| Act::Rights(at, rights | 0o700)),
        1 => (choice(), short).prop_map(|(at, value)| Act::Attribute(at, value)),
        1 => (choice(), 0_i64..2_000_000_000).prop_map(|(at, time)| Act::Time(at, time)),
    ]
}

struct Place {
    _dir: tempfile::TempDir,
    root: PathBuf,
    snapshots: Snapshots,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (root, at) = (dir.path().join("work"), dir.path().join("state"));
    fs::create_dir(&root).unwrap();
    let terms = Terms::new(&SnapshotTerms::default(), &at);
    let snapshots = Snapshots::open(&State::open(&at).unwrap(), terms).unwrap();
    Place { _dir: dir, root, snapshots }
}

impl Place {
    fn save(&self, at: u64) -> holdpoint_store::snapshots::Snapshot {
        let cause = Cause { run: Some("r-1"), why: "before a test".to_owned() };
        let saved = self.snapshots.save_workspace(&self.root, &cause, Timestamp(at)).unwrap();
        assert_eq!(saved.losses, Vec::<String>::new());
        saved.snapshot
    }

    /// Goes back, and names the snapshot that leads forth again.
    fn undo(
        &self,
        to: &holdpoint_store::snapshots::Snapshot,
    ) -> holdpoint_store::snapshots::Snapshot {
        let prepared = self.snapshots.prepare(to, None, Timestamp(9)).unwrap();
        let saved = prepared.saved().clone();
        let restored = prepared.stage().unwrap().carry_out().unwrap();
        assert_eq!(restored.left, Vec::<String>::new());
        saved
    }
}

#[test]
fn what_nobody_had_the_time_to_look_at_does_not_count_as_unchanged() {
    let place = place();
    fs::write(place.root.join("a"), "a").unwrap();
    let cause = Cause { run: None, why: "before a test".to_owned() };
    let seen = place.snapshots.save_workspace(&place.root, &cause, Timestamp(1)).unwrap().seen;
    let now = Instant::now();
    assert!(seen.is_still(&place.root, now + Duration::from_secs(60)));
    assert!(!seen.is_still(&place.root, now.checked_sub(Duration::from_secs(1)).unwrap()));
}

#[test]
fn what_a_tool_wrote_out_is_saved_whole_or_not_at_all() {
    let place = place();
    let cause = Cause { run: None, why: "before a test".to_owned() };
    let save = |terms: SnapshotTerms| {
        let terms = Terms::new(&terms, &place.root);
        let snapshots = Snapshots {
            terms,
            ..Snapshots::open(&place.snapshots.state, place.snapshots.terms.clone()).unwrap()
        };
        let what = "a database".to_owned();
        snapshots.save_as(&place.root, "sqlite", what, &cause, Timestamp(1))
    };
    fs::create_dir(place.root.join("target")).unwrap();
    for name in ["target/a", "dump", ".gitignore"] {
        fs::write(place.root.join(name), "dump\n".repeat(20)).unwrap();
    }
    let small = SnapshotTerms { file_bytes: 10, ignored_bytes: 10, ..SnapshotTerms::default() };
    let saved = save(small.clone()).unwrap();
    assert_eq!((saved.entries, saved.bytes), (5, 300));
    assert!(save(SnapshotTerms { bytes: 200, ..small.clone() }).is_err());
    let made = std::process::Command::new("mkfifo").arg(place.root.join("pipe")).status();
    assert!(made.unwrap().success());
    let refused = save(small).unwrap_err().to_string();
    assert!(refused.contains("pipe (no file"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_undo_is_exact_and_so_is_its_undo(
        made in prop::collection::vec(act(), 1..40),
        done in prop::collection::vec(act(), 1..40),
    ) {
        let place = place();
        made.iter().for_each(|act| do_it(&place.root, act));
        let before = tree(&place.root);
        let snapshot = place.save(1);
        prop_assert_eq!(&tree(&place.root), &before);
        done.iter().for_each(|act| do_it(&place.root, act));
        let after = tree(&place.root);
        let forth = place.undo(&snapshot);
        prop_assert_eq!(&tree(&place.root), &before);
        let back = place.undo(&forth);
        prop_assert_eq!(&tree(&place.root), &after);
        place.undo(&back);
        prop_assert_eq!(&tree(&place.root), &before);
        let verified = place.snapshots.verify(Timestamp(10)).unwrap();
        prop_assert_eq!(verified.faults, Vec::<String>::new());
    }
}

#[test]
fn what_did_not_change_is_stored_once() {
    let place = place();
    fs::write(place.root.join("file"), "text").unwrap();
    let (first, second) = (place.save(1), place.save(2));
    assert_ne!(first.id, second.id);
    assert_eq!(first.stored, second.stored);
    fs::write(place.root.join("file"), "other").unwrap();
    assert_ne!(place.save(3).stored, first.stored);
}

#[test]
fn prune_keeps_the_newest_and_what_is_not_over() {
    const DAY: u64 = 24 * 3600 * 1000;
    let place = place();
    let save = |text: &str, at: u64| {
        fs::write(place.root.join("file"), text).unwrap();
        place.save(at)
    };
    let old = save("old", DAY);
    let recent = save("recent", 20 * DAY);
    let newest = save("newest", 21 * DAY);
    let pruned = place.snapshots.prune(&HashSet::new(), Timestamp(22 * DAY)).unwrap();
    assert_eq!((pruned.removed, pruned.kept), (1, 2));
    let undo = place.snapshots.prepare(&recent, None, Timestamp(22 * DAY)).unwrap();
    drop(undo.stage().unwrap().carry_out().unwrap());
    assert_eq!(fs::read_to_string(place.root.join("file")).unwrap(), "recent");
    assert!(place.snapshots.state.snapshots().find(&old.id).unwrap().is_none());
    assert!(place.snapshots.state.snapshots().find(&newest.id).unwrap().is_some());
    let verified = place.snapshots.verify(Timestamp(22 * DAY)).unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    // All of it is over: the newest stays all the same.
    let pruned = place.snapshots.prune(&HashSet::new(), Timestamp(99 * DAY)).unwrap();
    assert_eq!(pruned.kept, 1);
}

#[test]
fn what_moves_under_an_undo_stops_it_and_keeps_the_newer() {
    let place = place();
    for name in ["one", "two"] {
        fs::write(place.root.join(name), "before").unwrap();
    }
    let snapshot = place.save(1);
    for name in ["one", "two"] {
        fs::write(place.root.join(name), "agent").unwrap();
    }
    let staged = place.snapshots.prepare(&snapshot, None, Timestamp(2)).unwrap().stage().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(place.root.join("two"), "newer than what was saved").unwrap();
    let stopped = staged.carry_out().unwrap_err();
    assert!(matches!(stopped, crate::SnapshotError::Moving(_)), "{stopped}");
    let two = fs::read_to_string(place.root.join("two")).unwrap();
    assert_eq!(two, "newer than what was saved");
    place.undo(&snapshot);
    assert_eq!(fs::read_to_string(place.root.join("two")).unwrap(), "before");
}

#[test]
fn a_fault_in_the_repository_is_found() {
    let place = place();
    fs::write(place.root.join("file"), vec![7; 100_000]).unwrap();
    place.save(1);
    let data = place.snapshots.repository.directory().join("data");
    let mut packs = Vec::new();
    for folder in fs::read_dir(data).unwrap() {
        packs.extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|it| it.unwrap().path()));
    }
    for pack in packs {
        let mut bytes = fs::read(&pack).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 1;
        fs::set_permissions(&pack, Permissions::from_mode(0o600)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    assert!(!place.snapshots.verify(Timestamp(2)).unwrap().faults.is_empty());
}

/// What an undo of everything would take away that nobody has saved, by name.
fn newer(place: &Place, to: &holdpoint_store::snapshots::Snapshot) -> Vec<String> {
    let prepared = place.snapshots.prepare(to, None, Timestamp(9)).unwrap();
    let name = |change: &crate::Change| {
        change.path.strip_prefix(&place.root).unwrap().display().to_string()
    };
    prepared.plan().newer().map(name).collect()
}

#[test]
fn what_an_undo_wrote_is_no_newer_work_and_what_a_human_did_beside_it_is() {
    let place = place();
    let wall = || {
        std::thread::sleep(Duration::from_millis(20));
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp(u64::try_from(since.as_millis()).unwrap())
    };
    let write = |name: &str, text: &str| fs::write(place.root.join(name), text).unwrap();
    for name in ["a", "b", "c"] {
        write(name, "before");
    }
    let first = place.save(1);
    for name in ["a", "b", "c"] {
        write(name, "agent");
    }
    place.snapshots.state.snapshots().run_ended("r-1", wall()).unwrap();
    let first = place.snapshots.state.snapshots().find(&first.id).unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    write("b", "a human's");
    assert_eq!(newer(&place, &first), ["b"]);
    // Only `a` goes back: `b` is a human's as before, and `c` the agent's.
    let within = place.root.join("a");
    let prepared = place.snapshots.prepare(&first, Some(&within), wall()).unwrap();
    let present = prepared.saved().clone();
    prepared.stage().unwrap().carry_out().unwrap();
    assert_eq!(fs::read_to_string(&within).unwrap(), "before");
    assert_eq!(newer(&place, &first), ["b"]);
    // There and back, as often as you like: what undos wrote is nobody's.
    assert_eq!(newer(&place, &present), Vec::<String>::new());
    let back = place.snapshots.prepare(&present, Some(&within), wall()).unwrap();
    back.stage().unwrap().carry_out().unwrap();
    assert_eq!(fs::read_to_string(&within).unwrap(), "agent");
    assert_eq!(newer(&place, &first), ["b"]);
    // What a human did after the undo stands against undoing that one, too.
    write("a", "a human's");
    assert_eq!(newer(&place, &present), ["a"]);
    assert_eq!(newer(&place, &first), ["a", "b"]);
}
