//! What is denied whatever is done, and what is told first.

use super::{Credential, Request, codes, request, starter, told, with};
use crate::{
    operation::{Effect, Environment},
    reason::Code,
};

/// What makes a request one that nothing releases, with the code that is told.
type Hard = (fn(&mut Request), &'static str);

const HARD: [Hard; 8] = [
    (|request| request.principal.killed = true, "killed"),
    (|request| request.facts.tampers = true, "tamper"),
    (|request| request.facts.credential = Credential::Foreign, "foreign_credential"),
    (|request| request.facts.credential = Credential::Leaving, "phantom_leaving"),
    (|request| request.facts.credential = Credential::Unbound, "unbound_credential"),
    (|request| request.facts.credential = Credential::WrongEnvironment, "wrong_environment"),
    (|request| request.facts.credential = Credential::OutsidePurpose, "outside_purpose"),
    (|request| request.facts.host_listed = false, "unlisted_host"),
];

#[test]
fn nothing_releases_what_is_always_denied() {
    let pdp = starter();
    for effect in Effect::ALL {
        for environment in Environment::ALL {
            for (spoil, code) in HARD {
                let mut request = request(effect, environment);
                spoil(&mut request);
                let (decision, evaluations) = pdp.decide_counted(&request);
                assert_eq!(told(&decision), format!("deny {code}"), "{request:?}");
                assert_eq!(evaluations, 1);
                assert_eq!(decision.reasons().len(), 1, "{decision:?}");
                assert!(decision.reasons()[0].policy.starts_with("starter."));
            }
        }
    }
}

#[test]
fn what_was_refused_needs_a_human_whatever_its_road() {
    let pdp = starter();
    let check = |effect, environment, expect: &str| {
        let mut request = request(effect, environment);
        request.facts.refused_before = true;
        assert_eq!(told(&pdp.decide(&request)), expect);
    };
    check(Effect::Observe, Environment::Production, "allow");
    check(Effect::Create, Environment::Local, "hold approval:1 refused_before");
    check(Effect::Destroy, Environment::Local, "hold approval:1 refused_before");
    let both_ways = "hold snapshot approval:1 refused_before";
    check(Effect::Destroy, Environment::Production, both_ways);
    check(Effect::WeakenRecovery, Environment::Staging, "hold approval:1 recovery_path");
}

#[test]
fn the_most_telling_reason_comes_first() {
    let mut request = request(Effect::Destroy, Environment::Production);
    request.principal.task.environment = Some(Environment::Staging);
    request.facts.credential = Credential::Foreign;
    request.facts.refused_before = true;
    let decision = starter().decide(&request);
    // What a human could release is not told where nothing releases it.
    assert_eq!(codes(&decision), [Code::ForeignCredential, Code::WrongEnvironment]);

    request.principal.killed = true;
    request.facts.host_listed = false;
    let expect =
        [Code::Killed, Code::ForeignCredential, Code::UnlistedHost, Code::WrongEnvironment];
    assert_eq!(codes(&starter().decide(&request)), expect);
}

#[test]
fn a_policy_of_ones_own_adds_to_the_starter() {
    let pdp = with(
        r#"@id("no-fridays") @code("outside_task") @text("Not on a Friday.")
           forbid (principal, action, resource in Resource::"railway:project/p1");"#,
    );
    let decision = pdp.decide(&request(Effect::Observe, Environment::Local));
    assert_eq!(told(&decision), "deny outside_task");
    assert_eq!(decision.reasons()[0].policy, "no-fridays");
    assert_eq!(decision.reasons()[0].text, "Not on a Friday.");
    assert_eq!(told(&starter().decide(&request(Effect::Observe, Environment::Local))), "allow");
}

#[test]
fn what_is_learned_passes_where_nobody_listed_the_host_and_nothing_else_does() {
    let pdp = starter();
    let decide = |learned: bool, spoil: fn(&mut Request)| {
        let mut request = request(Effect::Observe, Environment::Unknown);
        request.facts.host_listed = false;
        request.facts.learned = learned;
        spoil(&mut request);
        told(&pdp.decide(&request))
    };
    assert_eq!(decide(true, |_| {}), "allow");
    assert_eq!(decide(false, |_| {}), "deny unlisted_host");
    for (spoil, code) in &HARD[..7] {
        assert_eq!(decide(true, *spoil), format!("deny {code}"));
    }
}
