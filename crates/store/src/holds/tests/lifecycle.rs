//! A hold's way, step by step.

use holdpoint_core::{Effect, Environment, identity::Task, ledger::Meaning};

use super::{HOUR, MINUTE, NOW, Scene, digest, meaning};
use crate::{
    agents::Kill,
    config::{HoldTerms, Limits},
    error::StoreError,
    holds::{ConsumeError, Ending, HoldState, OpenError, Opening},
    payloads::PayloadError,
    state::State,
};

#[test]
fn released_executed_once_and_answered_for_a_while() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    assert_eq!(scene.holds.open(NOW).unwrap(), std::slice::from_ref(&hold));
    assert!(matches!(scene.consume(&hold, NOW), Err(ConsumeError::NotApproved(HoldState::Open))));
    assert_eq!(scene.approve(&hold, &scene.ada, NOW).unwrap().state, HoldState::Approved);
    let consumed = scene.consume(&hold, NOW).unwrap();
    assert_eq!(consumed.approvers(), ["ada"]);
    let payload = consumed.hold().payload.clone().unwrap();
    let bytes = scene.state.payloads().read(&payload).unwrap().unwrap();
    assert_eq!(bytes.as_slice(), b"the stored bytes");
    assert!(matches!(
        scene.consume(&hold, NOW),
        Err(ConsumeError::NotApproved(HoldState::Consuming))
    ));
    assert!(matches!(scene.open("op", NOW), Opening::Joined(_)));
    assert_eq!(scene.holds.answer(digest("op"), NOW).unwrap(), None);
    let done = scene.holds.finish(consumed, Ending::Done { response: Some(b"ok") }, NOW).unwrap();
    assert_eq!(done.state, HoldState::Done);
    let response = done.response.clone().unwrap();
    assert_eq!(scene.state.payloads().read(&response).unwrap().unwrap().as_slice(), b"ok");
    for (later, answered) in [(0, true), (10 * MINUTE - 1, true), (10 * MINUTE, false)] {
        let now = NOW.plus_seconds(later);
        assert_eq!(scene.holds.answer(digest("op"), now).unwrap().is_some(), answered);
        assert_eq!(scene.holds.answer(digest("other"), now).unwrap(), None);
        match scene.open("op", now) {
            Opening::Answered(found) => assert!(answered && found == done),
            Opening::Opened(new) => assert!(!answered && new.id != done.id),
            other => panic!("{other:?}"),
        }
    }
    let again = scene.consume(&hold, NOW);
    assert!(matches!(again, Err(ConsumeError::NotApproved(HoldState::Done))));
}

#[test]
fn the_same_operation_joins_and_another_does_not() {
    let scene = Scene::new();
    let first = scene.opened("op", NOW);
    assert_eq!(scene.open("op", NOW.plus_seconds(HOUR)), Opening::Joined(first.clone()));
    assert_ne!(scene.opened("other", NOW).id, first.id);
    assert_eq!(first.nonce.len(), 32);
    assert_ne!(scene.opened("third", NOW).nonce, first.nonce);
}

#[test]
fn a_hold_for_other_policies_is_void_and_another_is_opened() {
    let scene = Scene::new();
    let first = scene.opened("op", NOW);
    let second = scene.open_with("op", "new policies", NOW).unwrap();
    assert!(matches!(&second, Opening::Opened(hold) if hold.id != first.id));
    assert_eq!(scene.state_of(&first, NOW), HoldState::Void);
}

#[test]
fn what_is_not_answered_or_not_used_in_time_expires() {
    for (answered_after, used_after, expect) in [
        (24 * HOUR - 1, 0, "consumed"),
        (24 * HOUR, 0, "not answered"),
        (0, 5 * MINUTE - 1, "consumed"),
        (0, 5 * MINUTE, "not used"),
    ] {
        let scene = Scene::new();
        let hold = scene.opened("op", NOW);
        let answered = NOW.plus_seconds(answered_after);
        let used = answered.plus_seconds(used_after);
        let outcome = match scene.approve(&hold, &scene.ada, answered) {
            Err(_) => "not answered",
            Ok(_) => match scene.consume(&hold, used) {
                Ok(_) => "consumed",
                Err(ConsumeError::Expired) => "not used",
                Err(other) => panic!("{other}"),
            },
        };
        assert_eq!(outcome, expect, "{answered_after} {used_after}");
        if expect != "consumed" {
            assert_eq!(scene.state_of(&hold, used), HoldState::Expired);
            assert!(matches!(scene.consume(&hold, used), Err(ConsumeError::Expired)));
            assert!(matches!(scene.open("op", used), Opening::Opened(_)));
        }
    }
}

#[test]
fn what_changed_since_makes_a_release_void() {
    type Change = fn(&Scene);
    let unchanged: Change = |_| {};
    let killed: Change = |scene| {
        scene.state.agents().kill(Kill::One("fixer")).unwrap();
    };
    let approver_gone: Change = |scene| scene.state.approvers().remove("ada").unwrap();
    let other_key: Change = |scene| {
        scene.state.approvers().remove("ada").unwrap();
        let key = crate::approvers::ApproverKey::generate("ada").unwrap();
        scene.state.approvers().register("ada", key.public_key(), NOW).unwrap();
    };
    for (change, policies, state, expect) in [
        (unchanged, "policies", "state", None),
        (unchanged, "other", "state", Some("the policies")),
        (unchanged, "policies", "other", Some("the resources' state")),
        (killed, "policies", "state", Some("whether the agent may act")),
        (approver_gone, "policies", "state", Some("who may approve")),
        (other_key, "policies", "state", Some("who may approve")),
    ] {
        let scene = Scene::new();
        scene.state.agents().add("fixer", &Task::default(), NOW).unwrap();
        let hold = scene.opened("op", NOW);
        scene.approve(&hold, &scene.ada, NOW).unwrap();
        change(&scene);
        let consumed = scene.holds.consume(&hold.id, NOW, digest(policies), digest(state));
        match (consumed, expect) {
            (Ok(_), None) => {}
            (Err(ConsumeError::Void(what)), Some(expect)) => {
                assert_eq!(what, expect);
                assert_eq!(scene.state_of(&hold, NOW), HoldState::Void);
                let again = scene.consume(&hold, NOW);
                assert!(matches!(again, Err(ConsumeError::NotApproved(HoldState::Void))));
            }
            (consumed, expect) => panic!("{consumed:?}, not {expect:?}"),
        }
    }
}

#[test]
fn a_denial_stands_for_the_same_operation() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    assert_eq!(scene.deny(&hold, &scene.ada, NOW).unwrap().state, HoldState::Denied);
    assert!(scene.approve(&hold, &scene.bob, NOW).is_err());
    assert!(scene.consume(&hold, NOW).is_err());
    for (operation, later, denied) in [
        ("op", 0, true),
        ("other", 0, false),
        ("op", 30 * MINUTE - 1, true),
        ("op", 30 * MINUTE, false),
    ] {
        let opening = scene.open(operation, NOW.plus_seconds(later));
        assert_eq!(matches!(opening, Opening::Denied(_)), denied, "{operation} {later}");
    }
}

#[test]
fn until_it_is_used_a_release_can_be_taken_back() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    scene.approve(&hold, &scene.ada, NOW).unwrap();
    assert_eq!(scene.deny(&hold, &scene.ada, NOW).unwrap().state, HoldState::Denied);
    assert!(scene.consume(&hold, NOW).is_err());
}

#[test]
fn endings_are_kept_apart() {
    for (ending, state, response) in [
        (Ending::Done { response: Some(b"ok") }, HoldState::Done, true),
        (Ending::Done { response: None }, HoldState::Done, false),
        (Ending::Done { response: Some(&[0; 2000]) }, HoldState::Done, false),
        (Ending::NotSent, HoldState::Void, false),
        (Ending::Unknown, HoldState::Unknown, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { stored_body_bytes: 1024, ..Limits::default() };
        let scene = Scene::on(State::open_with(dir.path(), &limits).unwrap());
        let hold = scene.opened("op", NOW);
        scene.approve(&hold, &scene.ada, NOW).unwrap();
        let consumed = scene.consume(&hold, NOW).unwrap();
        let ended = scene.holds.finish(consumed, ending, NOW).unwrap();
        assert_eq!((ended.state, ended.response.is_some()), (state, response));
        assert!(scene.consume(&hold, NOW).is_err());
    }
}

#[test]
fn there_is_a_greatest_number_and_a_greatest_size() {
    for (limits, expect) in [
        (Limits { holds_open: 2, ..Limits::default() }, "holds_open"),
        (Limits { holds_open_each: 2, ..Limits::default() }, "holds_open_each"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::on(State::open_with(dir.path(), &limits).unwrap());
        let first = scene.opened("1", NOW);
        scene.opened("2", NOW);
        let full = scene.open_with("3", "policies", NOW);
        let Err(OpenError::Store(StoreError::Full { what, max: 2 })) = full else {
            panic!("{full:?}");
        };
        assert_eq!(what, expect);
        assert!(matches!(scene.open("2", NOW), Opening::Joined(_)));
        scene.deny(&first, &scene.ada, NOW).unwrap();
        scene.opened("3", NOW);
    }
    let small = Limits { stored_body_bytes: 10, ..Limits::default() };
    let scene = Scene::on(State::open_with(tempfile::tempdir().unwrap().path(), &small).unwrap());
    let large = scene.open_with("1", "policies", NOW);
    assert!(matches!(large, Err(OpenError::Payload(PayloadError::TooLarge { .. }))));
    assert_eq!(scene.holds.open(NOW).unwrap(), []);
}

#[test]
fn only_the_gateway_says_that_an_execution_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::on(State::open(dir.path()).unwrap());
    let hold = scene.opened("op", NOW);
    scene.approve(&hold, &scene.ada, NOW).unwrap();
    let consumed = scene.consume(&hold, NOW).unwrap();
    // A command that opens the same state changes nothing.
    let command = State::open(dir.path()).unwrap().holds(HoldTerms::default());
    let seen = command.find(&hold.id, NOW).unwrap().unwrap();
    assert_eq!(seen.state, HoldState::Consuming);
    // As if the process had been killed: nothing is dropped.
    std::mem::forget(consumed);
    let lock = scene.state.lock_gateway().unwrap();
    let lost = scene.holds.recover(&lock, NOW).unwrap();
    assert_eq!(lost.iter().map(|hold| hold.state).collect::<Vec<_>>(), [HoldState::Unknown]);
    let again = scene.consume(&hold, NOW);
    assert!(matches!(again, Err(ConsumeError::NotApproved(HoldState::Unknown))));
    assert_eq!(scene.holds.recover(&lock, NOW).unwrap(), []);
}

#[test]
fn an_execution_that_is_cancelled_or_panics_is_unknown() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    scene.approve(&hold, &scene.ada, NOW).unwrap();
    drop(scene.consume(&hold, NOW).unwrap());
    assert_eq!(scene.state_of(&hold, NOW), HoldState::Unknown);
    let again = scene.consume(&hold, NOW);
    assert!(matches!(again, Err(ConsumeError::NotApproved(HoldState::Unknown))));
    assert!(matches!(scene.open("op", NOW), Opening::Opened(_)));
}

#[test]
fn pruning_takes_what_is_over_with_its_payloads_and_nothing_that_waits() {
    let scene = Scene::new();
    let over = scene.opened("over", NOW);
    scene.deny(&over, &scene.ada, NOW).unwrap();
    let waits = scene.opened("waits", NOW);
    let later = NOW.plus_seconds(HOUR);
    assert_eq!(scene.holds.prune(NOW).unwrap(), 0);
    assert_eq!(scene.holds.prune(later).unwrap(), 1);
    assert_eq!(scene.holds.find(&over.id, later).unwrap(), None);
    let payloads = scene.state.payloads();
    assert!(payloads.read(&over.payload.unwrap()).unwrap().is_none());
    assert!(payloads.read(&waits.payload.unwrap()).unwrap().is_some());
}

#[test]
fn a_card_says_what_would_happen_and_cannot_be_forged_by_what_it_shows() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    let card = hold.card();
    for text in [
        "fixer",
        "tidy the volumes",
        "DESTROY railway:volume/3d2c",
        "PRODUCTION",
        "it destroys data in production (needs_approval)",
        "approval:1",
        "railway",
    ] {
        assert!(card.contains(text), "{text}: {card}");
    }
    let mut both = hold.clone();
    let elsewhere = |environment| Meaning { environment, ..meaning() };
    let little = Meaning { effect: Effect::Modify, ..meaning() };
    both.meanings = vec![elsewhere(Environment::Staging), little];
    let both = both.card();
    assert!(both.contains("\nin          PRODUCTION\n"), "the strictest of them: {both}");
    assert!(both.contains("DESTROY railway:volume/3d2c in staging\n"), "{both}");
    let resource = holdpoint_core::ResourceId::new("a:b/c\nwould       observe nothing");
    let mut forged = hold.clone();
    forged.meanings = vec![Meaning { resource, ..meaning() }];
    assert_eq!(forged.card().lines().count(), card.lines().count());
    assert_ne!(forged.card(), card);
}
