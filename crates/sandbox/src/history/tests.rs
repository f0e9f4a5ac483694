//! What is remembered of a run's objects has an end, and then nothing is taken for harmless.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use std::{
    fs,
    time::{Duration, SystemTime},
};

use super::{Found, History, path_of};

#[test]
fn what_is_not_remembered_any_more_is_taken_for_made_inside() {
    let room = tempfile::tempdir().unwrap();
    let git = room.path().join(".git");
    fs::create_dir_all(git.join("objects")).unwrap();
    let [one, other] = [[0x11; 20], [0x22; 20]];
    let begun = |since: SystemTime| {
        let private = room.path().join("private");
        let mut history =
            History::masking(&git, room.path(), private, &Found::default(), since).unwrap();
        history.remembered = 1;
        for name in [one, other] {
            let path = git.join("objects").join(path_of(&name).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "an object").unwrap();
            history.made(&path);
        }
        history
    };
    let history = begun(SystemTime::now());
    assert!(history.is_made(&one) && history.is_made(&other));
    assert!(!history.is_made(&[0x33; 20]), "it is not there");
    // What was there before the search is none.
    let history = begun(SystemTime::now() + Duration::from_secs(3600));
    assert!(history.is_made(&one) && !history.is_made(&other));
}
