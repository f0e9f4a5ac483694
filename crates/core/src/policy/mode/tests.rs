//! Modes: for every rule, for one, and for one operation on one resource.

use super::{Mode, Modes, Spared};
use crate::{
    authorized::Judgement,
    obligation::Obligations,
    operation::{Effect, Environment, Operation, ResourceId},
    policy::{Decision, Verdict, tests::request},
    reason::{Code, Reason},
};

fn modes(all: Mode, rules: &[(&str, Mode)]) -> Modes {
    Modes { all, rules: rules.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect() }
}

/// `rest:DELETE` of this resource, about which policy has decided.
fn judged(resource: &str, decision: Decision) -> Judgement {
    let facts = request(Effect::Remove, Environment::Production).facts;
    let resource = ResourceId::new(resource);
    let operation = Operation::guessed("rest:DELETE", Effect::Remove, resource);
    Judgement { operation, facts, decision }
}

fn because(policy: &str, code: Code) -> Reason {
    Reason { policy: policy.into(), ..Reason::new(code, "why") }
}

fn held(policy: &str, code: Code) -> Decision {
    let obligations = Obligations { approvals: 1, snapshot: true, ..Obligations::NONE };
    Decision::Hold { obligations, reasons: vec![because(policy, code)] }
}

fn spare(modes: &Modes, judgements: &[Judgement]) -> (Decision, Option<Spared>) {
    modes.spare(judgements).unwrap()
}

#[test]
fn the_strictest_reason_decides_and_some_are_always_strict() {
    use Code::{ForeignCredential, Killed, NeedsApproval, Tamper, UnlistedHost};
    use Mode::{Enforce, Observe, Warn};
    for (all, rules, codes, expect) in [
        (Enforce, &[][..], &[NeedsApproval][..], None),
        (Observe, &[], &[NeedsApproval], Some(Observe)),
        (Warn, &[], &[UnlistedHost, NeedsApproval], Some(Warn)),
        (Observe, &[], &[NeedsApproval, ForeignCredential], None),
        (Observe, &[], &[Tamper], None),
        (Observe, &[("killed", Observe)], &[Killed], None),
        (Observe, &[("unlisted_host", Enforce)], &[UnlistedHost, NeedsApproval], None),
        (Enforce, &[("unlisted_host", Warn)], &[UnlistedHost], Some(Warn)),
        (Enforce, &[("a-rule", Observe)], &[UnlistedHost], Some(Observe)),
    ] {
        let reasons: Vec<Reason> = codes.iter().map(|code| because("a-rule", *code)).collect();
        for decision in [
            Decision::Deny { reasons: reasons.clone() },
            Decision::Hold {
                obligations: Obligations { approvals: 1, snapshot: true, ..Obligations::NONE },
                reasons: reasons.clone(),
            },
        ] {
            let (becomes, spared) =
                spare(&modes(all, rules), &[judged("rest:a/1", decision.clone())]);
            assert_eq!(spared.as_ref().map(|it| it.mode), expect, "{all} {rules:?} {codes:?}");
            let Some(spared) = spared else {
                assert_eq!(becomes, decision);
                continue;
            };
            assert_eq!((becomes.verdict(), spared.verdict), (Verdict::Allow, decision.verdict()));
            assert_eq!(becomes.obligations().snapshot, decision.obligations().snapshot);
            assert_eq!((becomes.obligations().approvals, spared.reasons), (0, reasons.clone()));
        }
    }
}

#[test]
fn a_mode_can_be_about_one_operation_on_one_resource() {
    use Mode::{Enforce, Observe, Warn};
    for (rules, expect) in [
        (&[("a-rule rest:DELETE rest:a/1", Warn)][..], Some(Warn)),
        (&[("needs_approval rest:DELETE rest:a/1", Warn)], Some(Warn)),
        (&[("a-rule rest:DELETE", Observe)], Some(Observe)),
        (&[("a-rule rest:DELETE", Observe), ("a-rule rest:DELETE rest:a/1", Enforce)], None),
        (&[("a-rule", Enforce), ("needs_approval rest:DELETE rest:a/1", Warn)], Some(Warn)),
        (&[("a-rule rest:DELETE rest:a/2", Warn)], None),
        (&[("a-rule rest:DELETE rest:a", Warn)], None),
        (&[("a-rule rest:POST rest:a/1", Warn)], None),
        (&[("another rest:DELETE rest:a/1", Warn)], None),
    ] {
        let judgements = [judged("rest:a/1", held("a-rule", Code::NeedsApproval))];
        let (_, spared) = spare(&modes(Enforce, rules), &judgements);
        assert_eq!(spared.map(|it| it.mode), expect, "{rules:?}");
    }
}

#[test]
fn what_passes_by_its_mode_takes_nothing_else_along() {
    let denied = Decision::Deny { reasons: vec![because("lax", Code::UnlistedHost)] };
    let waits = held("strict", Code::NeedsApproval);
    let judgements = [judged("rest:a/1", denied.clone()), judged("rest:a/2", waits.clone())];
    let (decision, spared) = spare(&modes(Mode::Enforce, &[("lax", Mode::Observe)]), &judgements);
    assert_eq!((decision.verdict(), spared), (Verdict::Hold, None));
    assert_eq!(decision.reasons(), waits.reasons());
    let (decision, spared) = spare(&modes(Mode::Warn, &[]), &judgements);
    let spared = spared.unwrap();
    assert_eq!((decision.verdict(), spared.verdict), (Verdict::Allow, Verdict::Deny));
    assert_eq!(spared.reasons, denied.reasons());
}

#[test]
fn a_name_with_a_blank_is_in_no_key() {
    let modes = modes(
        Mode::Enforce,
        &[
            ("needs_approval a", Mode::Observe),
            ("needs_approval a b c", Mode::Observe),
            ("needs_approval b c", Mode::Observe),
        ],
    );
    let spared = |name: &str, resource: &str| {
        let mut judgement = judged(resource, held("p", Code::NeedsApproval));
        let resource = ResourceId::new(resource);
        judgement.operation = Operation::guessed(name, Effect::Remove, resource);
        spare(&modes, &[judgement]).1.is_some()
    };
    for (name, resource, expect) in [
        ("a", "c", true),
        ("b", "c", true),
        ("a b", "c", false),
        ("b c", "d", false),
        ("c", "b c", false),
        ("a\u{a0}b", "c", false),
        ("", "a", false),
    ] {
        assert_eq!(spared(name, resource), expect, "{name:?} on {resource:?}");
    }
    assert!(spared("a", "b c"), "by the key of the operation alone");
}
