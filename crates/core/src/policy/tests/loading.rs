//! What is refused when policies are loaded, where, and with which mend.

use super::{PolicySource, request, told};
use crate::{
    operation::{Effect, Environment},
    policy::{Delays, LoadError, Pdp},
};

fn load(text: &str) -> Result<Pdp, LoadError> {
    Pdp::load(&[PolicySource::starter(), PolicySource::new("mine.cedar", text)])
}

/// Checks where `text` is refused, and that the error says `words`.
fn check(text: &str, place: (usize, usize), words: &str) {
    let error = load(text).expect_err(text);
    assert_eq!((error.line, error.column), place, "{error}");
    assert_eq!(error.file, "mine.cedar");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.mend.is_empty());
}

#[test]
fn says_where_and_how_to_mend_it() {
    check("permit (principal, action, resource)\nwhen { context. };", (2, 17), "unexpected token");
    check("\n  permit (principal, action, resource) when { context.speed > 1 };", (2, 47), "speed");
    check(
        "forbid (principal, action, resource)\nwhen { context.operation == 3 };",
        (2, 8),
        "types",
    );
    check("forbid (principal, action == Action::\"fly\", resource);", (1, 30), "fly");
    check("forbid (principal, action, resource) when { false };", (1, 1), "guards nothing");
    check("forbid (principal == ?principal, action, resource);", (1, 1), "templates");
    check(
        "forbid (principal, action, resource)\nwhen { Resource::\"a\".provider == \"x\" };",
        (2, 8),
        "dereference",
    );
    let wrong_code = "// mine\n@code(\"because\")\nforbid (principal, action, resource);";
    check(wrong_code, (2, 1), "`because` is no reason code; use one of needs_approval");
    check("@id(\"\") forbid (principal, action, resource);", (1, 1), "empty @id");
}

#[test]
fn ids_are_unique_over_all_sources() {
    let twice = "@id(\"a\") forbid (principal, action, resource);\n";
    check(&twice.repeat(2), (2, 1), "already the id of the policy at mine.cedar:1");
    check(
        "@id(\"starter.killed\") forbid (principal, action, resource);",
        (1, 1),
        "already the id of the policy at starter.cedar:",
    );
}

#[test]
fn a_policy_without_an_id_is_called_by_its_place() {
    let pdp = load("\n\nforbid (principal, action, resource);").unwrap();
    let decision = pdp.decide(&request(Effect::Observe, Environment::Local));
    let reason = &decision.reasons()[0];
    assert_eq!(reason.policy, "mine.cedar:3");
    assert_eq!(reason.text, "The policy `mine.cedar:3` forbids it.");
    assert_eq!(told(&decision), "deny no_policy_applies");
}

#[test]
fn delays_have_to_be_on_the_list() {
    let policy = "forbid (principal, action, resource) unless { context.delay_seconds >= 3600 };";
    check(policy, (1, 1), "a delay of 3600 seconds is not on the list of delays; compare with >=");
    let source = [PolicySource::starter(), PolicySource::new("mine.cedar", policy)];
    let delays = Delays::new([3600, 172_800]).unwrap();
    let pdp = Pdp::load_with(&source, &delays).unwrap();
    let decision = pdp.decide(&request(Effect::Create, Environment::Local));
    assert_eq!(told(&decision), "hold delay:3600 needs_approval");
    for wrong in [vec![0], vec![1, 2, 3, 4, 5], vec![u64::MAX]] {
        assert!(Delays::new(wrong).unwrap_err().to_string().contains("at most 4"));
    }
}

#[test]
fn the_digest_changes_with_every_text_and_their_order() {
    let source = |name: &str, text: &str| PolicySource::new(name, text);
    let permit = "permit (principal, action, resource);";
    let digest = |sources: &[PolicySource]| Pdp::load(sources).unwrap().digest();
    let digests = [
        digest(&[]),
        digest(&[PolicySource::starter()]),
        digest(&[PolicySource::starter(), source("a", permit)]),
        digest(&[source("a", permit), PolicySource::starter()]),
        digest(&[PolicySource::starter(), source("b", permit)]),
        digest(&[PolicySource::starter(), source("a", &format!("{permit}\n"))]),
    ];
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
    assert_eq!(digests[1], digest(&[PolicySource::starter()]));
}

#[test]
fn without_policies_nothing_is_allowed() {
    let pdp = Pdp::load(&[]).unwrap();
    let (decision, evaluations) = pdp.decide_counted(&request(Effect::Observe, Environment::Local));
    assert_eq!(told(&decision), "deny no_policy_applies");
    assert_eq!(evaluations, 1);
}

/// Policies that are as deep as the bounds on their text let them be do not end the process, on
/// a thread with the usual stack and in a debug build; deeper ones are not even parsed.
#[test]
fn deep_policies_do_no_harm() {
    let fill = |piece: &str| piece.repeat(8000 / piece.replace(' ', "").len());
    for condition in [
        format!("{} true", fill("true || ")),
        format!("{} true", fill("context.known && ")),
        format!("{} true", fill("if true then true else ")),
        format!("{} true", fill("if ")),
        format!("context{} == 1", fill(".a")),
        format!("1{} == 1", fill("+1")),
        format!("{}true", fill("!")),
        format!("{}1 == 1", fill("-")),
        format!("context{} == 1", fill("[\"a\"]")),
        format!("context has a{}", fill(".a")),
        format!("principal{}", fill(" is Agent in Agent::\"a\"")),
        format!("{}true{}", "(".repeat(30), ")".repeat(30)),
        format!("[{}1].contains(1)", fill("1,")),
    ] {
        let policy = format!("forbid (principal, action, resource) when {{ {condition} }};");
        // Whether it is valid is not the point; that there is an answer is.
        let answer = load(&policy).map(|pdp| pdp.digest());
        assert!(answer.as_ref().err().is_none_or(|error| error.file == "mine.cedar"));
    }
    let brackets = "(".repeat(100_000);
    let policy = format!("forbid (principal, action, resource) when {{ {brackets} }};");
    check(&policy, (1, 76), "more than 32 brackets are open");
    let chain = "true || ".repeat(100_000);
    let policy = format!("forbid (principal, action, resource) when {{ {chain} true }};");
    check(&policy, (1, 1), "a policy of more than 8192 bytes");
}

#[test]
fn what_was_validated_before_is_loaded_alike_and_nothing_else_is_taken_for_it() {
    let starter = [PolicySource::starter()];
    let pdp = Pdp::load(&starter).unwrap();
    assert_eq!(Pdp::starter().unwrap().digest(), pdp.digest());
    assert_eq!(Pdp::load_again(&starter, pdp.digest()).unwrap().digest(), pdp.digest());
    let nonsense = "permit (principal, action, resource) when { context.nonsense };";
    let other = [PolicySource::new("x.cedar", nonsense)];
    assert!(Pdp::load_again(&other, pdp.digest()).is_err(), "its digest is another one");
}
