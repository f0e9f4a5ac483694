//! A policy that cannot be evaluated denies, whatever the others say.

use proptest::{prelude::*, sample::select};

use super::{Pdp, PolicySource, request, told};
use crate::operation::{Effect, Environment};

/// Conditions that pass strict validation and overflow when they are evaluated.
const OVERFLOWS: [&str; 5] = [
    "9223372036854775807 + 1 > 0",
    "-9223372036854775807 - 2 < 0",
    "9223372036854775807 * 2 > 0",
    "context.known && 9223372036854775807 + 1 > 0",
    "(if context.host_listed then 9223372036854775807 * 3 > 1 else false)",
];

/// Conditions that obligations change, before or after the one that overflows.
const OTHERS: [&str; 4] =
    ["context.snapshot", "context.approvals >= 1", "context.known", "!context.host_listed"];

proptest! {
    #[test]
    fn an_error_always_denies(
        overflow in select(&OVERFLOWS[..]),
        other in select(&OTHERS[..]),
        forbids: bool,
        overflow_first: bool,
        with_starter: bool,
        effect in select(&Effect::ALL[..]),
        environment in select(&Environment::ALL[..]),
    ) {
        let (effect_word, clause) = if forbids { ("forbid", "unless") } else { ("permit", "when") };
        let condition = if overflow_first {
            format!("{overflow} && {other}")
        } else {
            format!("({other} || {overflow}) && {overflow}")
        };
        let broken = format!(
            "permit (principal, action, resource);
             {effect_word} (principal, action, resource) {clause} {{ {condition} }};"
        );
        let mut sources = vec![PolicySource::new("broken.cedar", broken)];
        if with_starter {
            sources.push(PolicySource::starter());
        }
        let pdp = Pdp::load(&sources).unwrap();
        prop_assert_eq!(told(&pdp.decide(&request(effect, environment))), "deny policy_error");
    }
}

#[test]
fn an_error_that_only_obligations_uncover_denies_too() {
    let pdp = super::only(
        "permit (principal, action, resource);
         forbid (principal, action, resource)
         unless { context.snapshot && 9223372036854775807 + 1 > 0 };",
    );
    let decision = pdp.decide(&request(Effect::Create, Environment::Local));
    assert_eq!(told(&decision), "deny policy_error");
    assert!(decision.reasons()[0].text.contains("overflow"), "{decision:?}");
}
