//! What was issued is known to its run, for its time, and no longer than what it was obtained with.

use std::collections::BTreeSet;

use holdpoint_core::{Timestamp, identity::Task};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Kind, NewCaptured, NewIssued, Reach};
use crate::{agents::Kill, config::Limits, secrets::Bounds, state::State};

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(9_000_000);

fn run(state: &State, name: &str) -> String {
    state.agents().add(name, &Task::default(), NOW).unwrap().agent.principal.run
}

fn at(host: &str) -> Reach {
    Reach { hosts: vec![host.to_owned()], tls: true, ..Reach::default() }
}

fn new(kind: Kind, name: &str, value: &str) -> NewIssued {
    let (name, value) = (name.to_owned(), value.to_owned());
    NewIssued { kind, name, value, reach: at("a.example"), expires_at: LATER }
}

fn via(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn token(kind: Kind, value: &str) -> NewCaptured {
    let name = kind.as_str().to_owned();
    NewCaptured { kind, name, value: value.into(), reach: at("a.example"), expires_at: LATER }
}

#[test]
fn what_was_issued_is_known_to_its_run_and_by_its_own_name() {
    let state = State::in_memory().unwrap();
    let (own, other) = (run(&state, "own"), run(&state, "other"));
    let issued = state.issued();
    let all = [
        new(Kind::Cookie, "sid", "v1"),
        new(Kind::Access, "token", "t1"),
        new(Kind::Link, "", "u1"),
    ];
    issued.record(&own, &all, &via(&[]), NOW).unwrap();
    let check = |run: &str, kind, name: &str, value: &str, now, expect: usize| {
        let found = issued.find(run, kind, name, value, now).unwrap();
        assert_eq!(found.len(), expect, "{run} {kind:?} {name} {value}");
    };
    check(&own, Kind::Cookie, "sid", "v1", NOW, 1);
    check(&own, Kind::Cookie, "sid", "v2", NOW, 0);
    check(&own, Kind::Cookie, "id", "v1", NOW, 0);
    check(&own, Kind::Access, "", "v1", NOW, 0);
    check(&own, Kind::Access, "anything", "t1", NOW, 1);
    check(&own, Kind::Link, "", "u1", NOW, 1);
    check(&own, Kind::Access, "", "t1", LATER, 0);
    check(&other, Kind::Access, "", "t1", NOW, 0);

    issued.end_cookie(&own, "sid", &at("b.example")).unwrap();
    check(&own, Kind::Cookie, "sid", "v1", NOW, 1);
    issued.end_cookie(&own, "sid", &at("a.example")).unwrap();
    check(&own, Kind::Cookie, "sid", "v1", NOW, 0);
    state.agents().kill(Kill::One("own")).unwrap();
    state.agents().revive(Kill::One("own")).unwrap();
    check(&own, Kind::Access, "", "t1", NOW, 0);
    issued.record(&other, &all, &via(&[]), NOW).unwrap();
    state.agents().remove("other").unwrap();
    check(&other, Kind::Access, "", "t1", NOW, 0);
}

#[test]
fn nothing_is_issued_to_a_run_that_is_killed() {
    let state = State::in_memory().unwrap();
    let own = run(&state, "own");
    state.agents().kill(Kill::All).unwrap();
    state.issued().record(&own, &[new(Kind::Access, "", "t1")], &via(&[]), NOW).unwrap();
    let tokens = [token(Kind::Access, "at_12345678abcdefgh")];
    assert!(state.issued().capture(&own, &tokens, &via(&[]), None, NOW).is_err());
    state.agents().revive(Kill::All).unwrap();
    assert_eq!(state.issued().list(NOW).unwrap(), []);
}

#[test]
fn what_a_secret_obtained_ends_with_it_and_never_loses_its_bounds() {
    let state = State::in_memory().unwrap();
    let own = run(&state, "own");
    let secret: SecretString = "sk_live_0123456789abcdef".into();
    state.secrets().add("login", &secret, &Bounds::default(), NOW).unwrap();
    let issued = state.issued();
    let t1 = [new(Kind::Access, "", "t1")];
    issued.record(&own, &t1, &via(&["login"]), NOW).unwrap();
    // Given again without the secret, and at another place.
    issued.record(&own, &t1, &via(&[]), NOW).unwrap();
    let there = NewIssued { reach: at("b.example"), ..new(Kind::Access, "", "t1") };
    issued.record(&own, &[there, new(Kind::Access, "", "t2")], &via(&["b"]), NOW).unwrap();
    let found = issued.find(&own, Kind::Access, "", "t1", NOW).unwrap();
    let vias: Vec<_> = found.into_iter().map(|found| found.via).collect();
    assert_eq!(vias, [via(&["b", "login"]), via(&["b", "login"])]);
    state.secrets().remove("login").unwrap();
    assert_eq!(issued.find(&own, Kind::Access, "", "t1", NOW).unwrap(), []);
    assert_eq!(issued.find(&own, Kind::Access, "", "t2", NOW).unwrap().len(), 1);
}

#[test]
fn the_oldest_make_room() {
    let limits = Limits { issued: 10, ..Limits::default() };
    let dir = tempfile::tempdir().unwrap();
    let state = State::open_with(dir.path(), &limits).unwrap();
    let own = run(&state, "own");
    let captured = [token(Kind::Refresh, "rt_12345678abcdefgh")];
    let phantom = state.issued().capture(&own, &captured, &via(&[]), None, NOW).unwrap();
    for number in 0..100 {
        let cookie = new(Kind::Cookie, &format!("c{number}"), "value");
        state.issued().record(&own, &[cookie], &via(&[]), NOW).unwrap();
    }
    let left: Vec<String> =
        state.issued().list(NOW).unwrap().into_iter().map(|found| found.name).collect();
    let newest = (90..100).map(|number| format!("c{number}"));
    assert_eq!(left, std::iter::once("refresh".to_owned()).chain(newest).collect::<Vec<_>>());
    assert!(state.issued().captured_by(&own, &phantom[0], NOW).unwrap().is_some());
}

#[test]
fn every_phantom_of_a_login_stands_for_its_latest_token() {
    let state = State::in_memory().unwrap();
    let own = run(&state, "own");
    let issued = state.issued();
    let capture = |value: &str, family: Option<&str>| {
        let tokens = [token(Kind::Refresh, value)];
        issued.capture(&own, &tokens, &via(&["s"]), family, NOW).unwrap().remove(0)
    };
    let real = |phantom: &str| {
        let found = issued.captured_by(&own, phantom, NOW).unwrap();
        found.map(|token| token.value.expose_secret().to_owned())
    };
    let first = capture("rt_first_0123456789", None);
    assert_ne!(first, "rt_first_0123456789");
    assert_eq!(first, capture("rt_first_0123456789", None), "the same token has one phantom");
    let family = issued.captured_by(&own, &first, NOW).unwrap().unwrap().family;
    let mut phantoms = vec![first];
    for number in 0..40 {
        phantoms.push(capture(&format!("rt_later_0123456{number:03}"), Some(&family)));
    }
    let stands: Vec<bool> = phantoms.iter().map(|phantom| real(phantom).is_some()).collect();
    assert_eq!(stands.iter().filter(|stands| **stands).count(), 32);
    for phantom in phantoms.iter().skip(9) {
        assert_eq!(real(phantom).as_deref(), Some("rt_later_0123456039"), "{phantom}");
    }
    let separate = capture("rt_other_0123456789", None);
    assert_eq!(real(&separate).as_deref(), Some("rt_other_0123456789"));
    assert_eq!(issued.captured_at(&own, "b.example").unwrap().len(), 0);
    assert_eq!(issued.captured_at(&own, "a.example").unwrap().len(), 33);
    let found = issued.find(&own, Kind::Access, "", "rt_other_0123456789", NOW).unwrap();
    assert_eq!(found, [], "the real one is foreign");
}
