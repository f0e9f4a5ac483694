//! One directory, one owner, one key, one gateway.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use holdpoint_core::{Timestamp, identity::Task};

use super::State;
use crate::error::StoreError;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_enter() {
    for before in [0o755, 0o700, 0o500, 0o750] {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("state");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(before)).unwrap();
        State::open(&dir).unwrap().agents().add("a", &Task::default(), Timestamp(0)).unwrap();
        assert_eq!(mode(&dir), 0o700);
        for file in fs::read_dir(&dir).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[test]
fn a_directory_is_made_with_its_parents() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/b/state");
    State::open(&dir).unwrap();
    assert_eq!((mode(&dir), mode(&parent.path().join("a"))), (0o700, 0o700));
    assert_eq!(fs::read(dir.join("store.key")).unwrap().len(), 32);
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    for before in [0o777, 0o770, 0o702] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(before)).unwrap();
        let opened = State::open(dir.path());
        assert!(matches!(opened, Err(StoreError::OthersCanWrite(_))), "{before:o}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_second_gateway_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (State::open(dir.path()).unwrap(), State::open(dir.path()).unwrap());
    let lock = one.lock_gateway().unwrap();
    let refused = two.lock_gateway().unwrap_err();
    assert!(matches!(&refused, StoreError::Running { .. }));
    assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
    drop(lock);
    two.lock_gateway().unwrap();
}

#[test]
fn another_key_is_refused_and_the_right_one_opens_again() {
    let dir = tempfile::tempdir().unwrap();
    let id = State::open(dir.path()).unwrap().gateway_id().to_owned();
    let key = dir.path().join("store.key");
    let right = fs::read(&key).unwrap();
    fs::write(&key, [7; 32]).unwrap();
    assert!(matches!(State::open(dir.path()), Err(StoreError::WrongKey)));
    fs::write(&key, [7; 31]).unwrap();
    assert!(matches!(State::open(dir.path()), Err(StoreError::WrongKey)));
    fs::remove_file(&key).unwrap();
    assert!(matches!(State::open(dir.path()), Err(StoreError::WrongKey)));
    fs::write(&key, right).unwrap();
    assert_eq!(State::open(dir.path()).unwrap().gateway_id(), id);
}

#[test]
fn a_newer_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(State::open(dir.path()).unwrap());
    let raw = rusqlite::Connection::open(dir.path().join("state.db")).unwrap();
    raw.pragma_update(None, "user_version", 1000).unwrap();
    let opened = State::open(dir.path());
    assert!(matches!(opened, Err(StoreError::NewerSchema { found: 1000, .. })));
}

#[test]
fn many_open_it_at_once_and_see_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let open = || State::open(dir.path()).unwrap().gateway_id().to_owned();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{names:?}");
}

#[test]
fn to_open_it_again_takes_no_lock_from_who_has_it_open() {
    let dir = tempfile::tempdir().unwrap();
    let first = State::open(dir.path()).unwrap();
    let inode = format!(":{} ", fs::metadata(dir.path().join("state.db")).unwrap().ino());
    let locks = || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().filter(|lock| lock.contains(&inode)).count()
    };
    let before = locks();
    assert!(before > 0);
    let second = State::open(dir.path()).unwrap();
    assert!(locks() >= before);
    assert_eq!(first.gateway_id(), second.gateway_id());
}

#[test]
fn a_panic_within_a_write_leaves_nothing_behind_and_the_store_alive() {
    let state = State::in_memory().unwrap();
    let reached = AtomicUsize::new(0);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        state.0.database.write(|transaction| -> Result<(), StoreError> {
            transaction.execute("INSERT INTO meta VALUES ('x', 'y')", [])?;
            reached.fetch_add(1, Ordering::Relaxed);
            panic!("in the middle of a write")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(reached.into_inner(), 1);
    state.agents().add("a", &Task::default(), Timestamp(0)).unwrap();
    let left: i64 = state
        .0
        .database
        .read(|connection| -> Result<i64, StoreError> {
            let sql = "SELECT count(*) FROM meta WHERE key = 'x'";
            Ok(connection.query_row(sql, [], |row| row.get(0))?)
        })
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn what_is_committed_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    for (pragma, expect) in [
        ("synchronous", "2"),
        ("journal_mode", "wal"),
        ("foreign_keys", "1"),
        ("secure_delete", "1"),
    ] {
        let value: rusqlite::types::Value = state
            .0
            .database
            .read(|connection| -> Result<_, StoreError> {
                Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
            })
            .unwrap();
        let text = match value {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text, expect, "{pragma}");
    }
}

#[test]
fn state_is_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<State>();
    shared::<crate::Holds>();
    assert!(State::in_memory().unwrap().dir().is_none());
}
