//! Which signed answers count.

use holdpoint_core::{Digest, Timestamp, identity::Task};
use proptest::prelude::*;

use super::{MINUTE, NOW, Scene, digest};
use crate::{
    approvals::{Approval, ApprovalContext, ApprovalError, Release},
    approvers::ApproverKey,
    holds::HoldState,
};

#[test]
fn two_approvals_are_of_two_humans() {
    let mut scene = Scene::new();
    scene.approvals = 2;
    let hold = scene.opened("op", NOW);
    assert_eq!(scene.approve(&hold, &scene.ada, NOW).unwrap().state, HoldState::Open);
    let twice = scene.approve(&hold, &scene.ada, NOW);
    assert!(matches!(twice, Err(ApprovalError::Answered(name)) if name == "ada"));
    assert!(scene.consume(&hold, NOW).is_err());
    assert_eq!(scene.approve(&hold, &scene.bob, NOW).unwrap().state, HoldState::Approved);
    assert_eq!(scene.consume(&hold, NOW).unwrap().approvers(), ["ada", "bob"]);
}

#[test]
fn an_approval_that_is_void_by_then_does_not_count_towards_two() {
    let mut scene = Scene::new();
    scene.approvals = 2;
    let hold = scene.opened("op", NOW);
    scene.approve(&hold, &scene.ada, NOW).unwrap();
    let later = NOW.plus_seconds(5 * MINUTE);
    assert_eq!(scene.approve(&hold, &scene.bob, later).unwrap().state, HoldState::Open);
    assert_eq!(scene.holds.approvers(&hold.id).unwrap(), ["bob"]);
    let last = later.plus_seconds(MINUTE);
    let released = scene.approve(&hold, &scene.ada, last).unwrap();
    assert_eq!(released.approved_until, Some(later.plus_seconds(5 * MINUTE)));
}

#[test]
fn one_of_two_can_deny() {
    let mut scene = Scene::new();
    scene.approvals = 2;
    let hold = scene.opened("op", NOW);
    scene.approve(&hold, &scene.ada, NOW).unwrap();
    assert_eq!(scene.deny(&hold, &scene.bob, NOW).unwrap().state, HoldState::Denied);
}

#[test]
fn an_answer_releases_once_and_one_hold() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    let answer = scene.answer(&hold, &scene.ada, Release::Approve, NOW);
    scene.holds.apply(&answer, NOW).unwrap();
    let _consumed = scene.consume(&hold, NOW).unwrap();
    let replayed = scene.holds.apply(&answer, NOW);
    assert!(matches!(replayed, Err(ApprovalError::NotOpen(HoldState::Consuming))));
    let other = scene.opened("other", NOW);
    let mut moved = answer.clone();
    moved.context.hold = other.id.clone();
    assert!(matches!(scene.holds.apply(&moved, NOW), Err(ApprovalError::Signature)));
}

#[test]
fn an_answer_is_about_exactly_this_hold_this_card_and_this_gateway() {
    type Change = fn(&mut ApprovalContext);
    let changes: [(Change, &str); 12] = [
        (|c| c.v = 2, "version"),
        (|c| c.hold = "h-none".to_owned(), "no hold"),
        (|c| c.operation_digest = digest("x"), "operation"),
        (|c| c.policy_digest = digest("x"), "policy digest"),
        (|c| c.state_digest = digest("x"), "state digest"),
        (|c| c.nonce = "0".repeat(32), "nonce"),
        (|c| c.audience = "g-other".to_owned(), "gateway"),
        (|c| c.display_digest = Digest::of(b"delete nothing"), "card"),
        (|c| c.at = Timestamp(c.at.0 + 1), "not good now"),
        (|c| c.at = Timestamp(c.at.0 - 1), "not good now"),
        (|c| c.expires_at = Timestamp(c.expires_at.0 + 1), "not good now"),
        (|c| c.expires_at = c.at, "not good now"),
    ];
    for (change, expect) in changes {
        let scene = Scene::new();
        let hold = scene.opened("op", NOW);
        let mut context = scene.context(&hold, &scene.ada, Release::Approve);
        change(&mut context);
        // Signed by the right key, so that it is the context that is refused.
        let refused = scene.holds.apply(&context.sign(&scene.ada).unwrap(), NOW).unwrap_err();
        assert!(refused.to_string().contains(expect), "{expect}: {refused}");
        assert_eq!(scene.state_of(&hold, NOW), HoldState::Open);
    }
}

#[test]
fn only_enrolled_humans_answer() {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    let stranger = ApproverKey::generate("eve").unwrap();
    let unknown = scene.approve(&hold, &stranger, NOW);
    assert!(matches!(unknown, Err(ApprovalError::UnknownApprover(name)) if name == "eve"));
    let impostor = ApproverKey::generate("ada").unwrap();
    assert!(matches!(scene.approve(&hold, &impostor, NOW), Err(ApprovalError::Signature)));
    let context = scene.context(&hold, &scene.ada, Release::Approve);
    assert!(matches!(context.sign(&scene.bob), Err(ApprovalError::UnknownApprover(_))));
    // The agent's own name: not registered as an agent here, and still no approver of its hold.
    let fixer = ApproverKey::generate("Fixer").unwrap();
    scene.state.approvers().register("Fixer", fixer.public_key(), NOW).unwrap();
    assert!(matches!(scene.approve(&hold, &fixer, NOW), Err(ApprovalError::Agent(_))));
    assert!(scene.state.agents().add("fixer", &Task::default(), NOW).is_err());
    assert_eq!(scene.state_of(&hold, NOW), HoldState::Open);
}

fn signed() -> (Scene, Approval) {
    let scene = Scene::new();
    let hold = scene.opened("op", NOW);
    let answer = scene.answer(&hold, &scene.ada, Release::Approve, NOW);
    (scene, answer)
}

#[test]
fn an_answer_survives_being_written_and_read() {
    let (scene, answer) = signed();
    let bytes = answer.to_bytes().unwrap();
    assert_eq!(Approval::from_bytes(&bytes).unwrap(), answer);
    assert!(answer.verify(&scene.ada.public_key()).is_ok());
    assert!(matches!(answer.verify(&scene.bob.public_key()), Err(ApprovalError::Signature)));
    let spaced = [bytes.as_slice(), b" "].concat();
    assert!(matches!(Approval::from_bytes(&spaced), Err(ApprovalError::Unreadable)));
    assert!(Approval::from_bytes(&vec![b'1'; 10_000]).is_err());
}

#[test]
fn every_flipped_bit_makes_an_answer_invalid() {
    let (scene, answer) = signed();
    let bytes = answer.to_bytes().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let applied = Approval::from_bytes(&flipped)
                .and_then(|answer| answer.verify(&scene.ada.public_key()));
            assert!(applied.is_err(), "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn every_changed_field_makes_an_answer_invalid(
        field in 0..12usize, text in "[a-z0-9-]{1,32}", number in any::<u32>(),
    ) {
        let (scene, answer) = signed();
        let mut changed = answer.clone();
        let context = &mut changed.context;
        match field {
            0 => context.v = number as u8,
            1 => context.hold = text,
            2 => context.operation_digest = digest(&text),
            3 => context.policy_digest = digest(&text),
            4 => context.state_digest = digest(&text),
            5 => context.nonce = text,
            6 => context.approver = text,
            7 => context.decision = Release::Deny,
            8 => context.at = Timestamp(number.into()),
            9 => context.expires_at = Timestamp(number.into()),
            10 => context.audience = text,
            _ => context.display_digest = digest(&text),
        }
        prop_assume!(changed != answer);
        prop_assert!(changed.verify(&scene.ada.public_key()).is_err());
        prop_assert!(scene.holds.apply(&changed, NOW).is_err());
    }
}
