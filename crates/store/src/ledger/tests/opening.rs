//! Opening: keys, the lock, and what is refused.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

#[test]
fn the_first_opening_makes_keys_and_an_empty_signed_ledger() {
    let state = State::new();
    let key = state.open().unwrap().verifier_key().to_string();
    assert_eq!(state.verify().map(|head| head.size), Ok(0));
    assert_eq!(state.key().to_string(), key);
    assert!(state.key().origin().starts_with("holdpoint.local/"), "{key}");
    let mode = fs::metadata(state.path.join(SIGNING_KEY)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(state.open().unwrap().verifier_key().to_string(), key);
}

#[test]
fn there_is_one_writer() {
    let state = State::new();
    let first = state.open().unwrap();
    let second = state.open().unwrap_err();
    assert!(matches!(second, LedgerError::Locked(_)));
    assert!(second.to_string().contains("another process writes"), "{second}");
    drop(first);
    state.record(0..1);
    state.assert_holds(1);
}

#[test]
fn what_does_not_belong_together_is_not_opened() {
    let check = |break_it: fn(&State), expect: &str| {
        let state = State::with_records(3);
        break_it(&state);
        let refused = state.open().unwrap_err().to_string();
        assert!(refused.contains(expect), "{refused}");
    };
    check(|state| fs::remove_file(state.path.join(SIGNING_KEY)).unwrap(), "signing key is missing");
    check(|state| fs::remove_file(state.path.join(VERIFIER_KEY)).unwrap(), "ledger.vkey");
    check(|state| fs::remove_dir_all(state.dir()).unwrap(), "is gone");
    check(|state| fs::remove_file(state.dir().join("checkpoint")).unwrap(), "is gone");
    check(|state| fs::remove_file(state.dir().join("checkpoints")).unwrap(), "is missing");
    check(|state| fs::write(state.path.join(SIGNING_KEY), "nonsense").unwrap(), "ledger.key");
    check(
        |state| {
            let key = state.path.join(SIGNING_KEY);
            fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap();
        },
        "0600",
    );
    check(
        |state| {
            let other = State::with_records(0);
            fs::copy(other.path.join(SIGNING_KEY), state.path.join(SIGNING_KEY)).unwrap();
        },
        "does not fit `ledger.vkey`",
    );
    check(
        |state| {
            let other = State::with_records(0);
            fs::copy(other.path.join(SIGNING_KEY), state.path.join(SIGNING_KEY)).unwrap();
            fs::copy(other.path.join(VERIFIER_KEY), state.path.join(VERIFIER_KEY)).unwrap();
        },
        "another ledger or key",
    );
}

#[test]
fn a_changed_edge_is_not_built_upon() {
    for name in ["tile/0/000.p/3", "tile/entries/000.p/3", "checkpoint", "checkpoints"] {
        let state = State::with_records(3);
        let whole = state.files();
        for at in [0, 40, whole[name].len() - 1] {
            let mut files = whole.clone();
            files.get_mut(name).unwrap()[at] ^= 4;
            state.restore(&files);
            let refused = state.open().unwrap_err();
            assert!(matches!(refused, LedgerError::Damaged(_)), "{name}[{at}]: {refused}");
        }
    }
}

#[test]
fn a_missing_edge_is_named() {
    for name in ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
        let state = State::with_records(300);
        fs::remove_file(state.dir().join(name)).unwrap();
        let refused = state.open().unwrap_err().to_string();
        assert!(refused.contains(&format!("`{name}`: is missing")), "{refused}");
    }
}

#[test]
fn a_first_opening_that_was_cut_short_is_begun_again() {
    let state = State::new();
    drop(state.open().unwrap());
    fs::remove_file(state.path.join(SIGNING_KEY)).unwrap();
    state.record(0..2);
    state.assert_holds(2);
}
