//! Which obligations are found, in which order, and with how few evaluations.

use super::{only, request, starter, told, with};
use crate::{
    authorized::Message,
    digest::Digest,
    operation::{Effect, Environment},
    reason::Code,
};

const PERMIT: &str = "permit (principal, action, resource);\n";

/// Checks what is asked for where `guard` forbids everything unless something is done first.
fn check(guard: &str, can_snapshot: bool, can_delay: bool, expect: &str) {
    let pdp = only(&format!("{PERMIT} forbid (principal, action, resource) {guard};"));
    let mut request = request(Effect::Create, Environment::Local);
    request.facts.can_snapshot = can_snapshot;
    request.facts.can_delay = can_delay;
    assert_eq!(told(&pdp.decide(&request)), expect, "{guard}");
}

#[test]
fn the_least_burden_that_can_be_borne() {
    let any =
        "unless { context.snapshot || context.delay_seconds >= 172800 || context.approvals >= 1 }";
    check(any, true, true, "allow snapshot");
    check(any, false, true, "hold delay:172800 needs_approval");
    check(any, false, false, "hold approval:1 needs_approval");

    let either_net = "unless { context.snapshot || context.delay_seconds >= 172800 }";
    check(either_net, true, false, "allow snapshot");
    check(either_net, false, false, "deny no_way_back");

    let two = "unless { context.approvals >= 2 && context.snapshot }";
    check(two, true, false, "hold snapshot approval:2 needs_approval");
    check(two, false, true, "deny no_way_back");

    let three = "unless { context.approvals > 2 }";
    check(three, false, false, "hold approval:3 needs_approval");

    let both_nets = "unless { context.snapshot && context.delay_seconds >= 172800 }";
    check(both_nets, true, true, "hold snapshot delay:172800 needs_approval");
    check(both_nets, true, false, "deny no_way_back");

    let unproven = "unless { context.approvals >= 1 && context.assurance >= 2 }";
    check(unproven, true, true, "deny needs_approval");

    let never = "unless { context.killed }";
    check(never, true, true, "deny no_policy_applies");
    check("unless { context.known }", false, false, "allow");
}

#[test]
fn two_guards_that_each_need_a_net_need_both() {
    let pdp = only(&format!(
        "{PERMIT} forbid (principal, action, resource) unless {{ context.snapshot }};
         forbid (principal, action, resource) unless {{ context.delay_seconds >= 172800 }};"
    ));
    let decision = pdp.decide(&request(Effect::Create, Environment::Local));
    assert_eq!(told(&decision), "hold snapshot delay:172800 needs_approval");
    assert_eq!(decision.reasons().len(), 2);
}

#[test]
fn a_permit_may_ask_for_something_too() {
    let pdp = only("permit (principal, action, resource) when { context.approvals >= 1 };");
    let (decision, evaluations) = pdp.decide_counted(&request(Effect::Create, Environment::Local));
    assert_eq!(told(&decision), "hold approval:1 no_policy_applies");
    assert_eq!(evaluations, 2);
}

#[test]
fn what_cannot_help_is_not_tried() {
    let pdp = starter();
    let check = |effect, environment, can: bool, expect: &str, evaluations: usize| {
        let mut request = request(effect, environment);
        request.facts.can_snapshot = can;
        request.facts.can_delay = can;
        let (decision, counted) = pdp.decide_counted(&request);
        assert_eq!((told(&decision).as_str(), counted), (expect, evaluations), "{request:?}");
    };
    let held = "hold approval:1 needs_approval";
    check(Effect::Observe, Environment::Production, true, "allow", 1);
    check(Effect::Spend, Environment::Production, true, held, 2);
    check(Effect::Destroy, Environment::Staging, true, "allow snapshot", 2);
    check(Effect::Destroy, Environment::Staging, false, held, 2);
    let with_both = "hold snapshot approval:1 needs_approval";
    check(Effect::Destroy, Environment::Production, true, with_both, 5);
    check(Effect::Destroy, Environment::Production, false, "deny no_way_back", 5);
}

#[test]
fn a_stricter_guard_of_ones_own_joins_in() {
    let pdp = with(
        "@id(\"four-eyes\") forbid (principal, action == Action::\"destroy\", resource)
         unless { context.approvals >= 2 };",
    );
    let decision = pdp.decide(&request(Effect::Destroy, Environment::Production));
    assert_eq!(told(&decision), "hold snapshot approval:2 needs_approval");
    let policies: Vec<&str> =
        decision.reasons().iter().map(|reason| reason.policy.as_str()).collect();
    assert_eq!(policies, ["four-eyes", "starter.destroy_in_production"]);
}

#[derive(Debug)]
struct Letter;

impl Message for Letter {
    fn digest(&self) -> Digest {
        Digest::of(b"letter")
    }
}

#[test]
fn the_strictest_operation_decides_about_a_message() {
    let pdp = starter();
    let observe = || request(Effect::Observe, Environment::Production);
    let destroy = || request(Effect::Destroy, Environment::Staging);
    let spend = || request(Effect::Spend, Environment::Staging);
    let check = |requests: Vec<_>, expect: &str| {
        let judgements = requests.len();
        let judged = pdp.judge(Letter, requests);
        assert_eq!(told(judged.decision()), expect);
        assert_eq!(judged.judgements().len(), judgements);
        assert_eq!(judged.digest(), Letter.digest());
        assert_eq!(judged.policy_digest(), pdp.digest());
    };
    check(vec![observe()], "allow");
    check(vec![observe(), destroy()], "allow snapshot");
    check(vec![observe(), destroy(), spend()], "hold snapshot approval:1 needs_approval");
    let mut foreign = observe();
    foreign.facts.credential = super::Credential::Foreign;
    check(vec![spend(), foreign, destroy()], "deny foreign_credential");
    check(vec![], "deny unparsed");
}

#[test]
fn the_pdp_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let pdp = starter();
    shared(&pdp);
    std::thread::scope(|scope| {
        for effect in Effect::ALL {
            let pdp = &pdp;
            scope.spawn(move || {
                for environment in Environment::ALL {
                    let decision = pdp.decide(&request(effect, environment));
                    assert_ne!(decision.reasons().first().map(|r| r.code), Some(Code::PolicyError));
                }
            });
        }
    });
}
