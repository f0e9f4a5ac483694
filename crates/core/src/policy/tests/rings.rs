//! What the ring of an agent changes.

use super::{Request, request, starter, told};
use crate::{
    identity::Ring,
    operation::{Effect, Environment},
};

fn in_ring(ring: Ring, effect: Effect, operation: &str) -> Request {
    let mut request = request(effect, Environment::None);
    request.principal.task.ring = ring;
    request.operation.name = operation.to_owned();
    request
}

#[test]
fn the_untrusted_only_look_and_only_where_a_human_said() {
    let pdp = starter();
    for (effect, operation, known, preset, expect) in [
        (Effect::Observe, "rest:GET", true, false, "allow"),
        (Effect::Observe, "rest:GET", true, true, "deny outside_ring"),
        (Effect::Create, "model:messages", true, false, "allow"),
        (Effect::Create, "model:messages", true, true, "deny outside_ring"),
        (Effect::Create, "model:messages", false, false, "deny outside_ring"),
        (Effect::Remove, "model:file", true, false, "deny outside_ring"),
        (Effect::Create, "rest:POST", true, false, "deny outside_ring"),
        (Effect::Execute, "rest:websocket", true, false, "deny outside_ring"),
    ] {
        let mut request = in_ring(Ring::Untrusted, effect, operation);
        request.operation.known = known;
        request.facts.host_preset = preset;
        assert_eq!(told(&pdp.decide(&request)), expect, "{effect} {operation} {known} {preset}");
    }
}

#[test]
fn the_table_is_that_of_rings_one_and_two() {
    let pdp = starter();
    for effect in Effect::ALL {
        for environment in Environment::ALL {
            let decide = |ring| {
                let mut request = in_ring(ring, effect, "rest:any");
                request.facts.environment = environment;
                request.facts.host_preset = true;
                pdp.decide(&request)
            };
            assert_eq!(decide(Ring::Trusted), decide(Ring::Supervised));
            let untrusted = told(&decide(Ring::Untrusted));
            assert_eq!(untrusted, "deny outside_ring", "{effect} {environment}");
        }
    }
}
