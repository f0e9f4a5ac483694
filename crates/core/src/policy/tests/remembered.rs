//! What was decided is remembered, and is what would be decided anew.

use proptest::prelude::*;

use super::{request, starter, with};
use crate::{
    operation::{Effect, Environment, ResourceId},
    policy::{Changes, Credential, Request},
};

/// Requests that differ in one thing or another that policies can look at.
fn requests() -> impl Strategy<Value = Request> {
    let effects = prop::sample::select(Effect::ALL.to_vec());
    let environments = prop::sample::select(vec![
        Environment::Local,
        Environment::Staging,
        Environment::Production,
        Environment::Unknown,
    ]);
    let credentials = prop::sample::select(vec![Credential::Granted, Credential::Unbound]);
    let names = prop::sample::select(vec!["railway:thing", "git:push", "postgres:select"]);
    let flags = prop::array::uniform8(any::<bool>());
    (effects, environments, credentials, names, flags, 0..3_u64).prop_map(
        |(effect, environment, credential, name, flags, rows)| {
            let mut asked = request(effect, environment);
            let [listed, killed, tampers, refused, snapshot, delay, task, known] = flags;
            asked.facts.credential = credential;
            asked.facts.host_listed = listed;
            asked.facts.tampers = tampers;
            asked.facts.refused_before = refused;
            asked.facts.can_snapshot = snapshot;
            asked.facts.can_delay = delay;
            asked.facts.changes =
                (rows > 0).then(|| Changes { rows_deleted: rows * 10, ..Changes::default() });
            asked.principal.killed = killed;
            asked.principal.task.environment = task.then_some(Environment::Staging);
            asked.operation.known = known;
            asked.operation.name = name.to_owned();
            if task {
                asked.operation.resource.id = ResourceId::of("railway", "volume", "v2");
            }
            asked
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_remembered_is_what_would_be_decided(
        asked in prop::collection::vec(requests(), 1..40),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let pdp = starter();
        for turn in turns {
            let request = turn.get(&asked);
            let fresh = pdp.decide_counted(request).0;
            prop_assert_eq!(pdp.decide(request), fresh, "{:?}", request);
        }
    }
}

#[test]
fn other_policies_remember_nothing() {
    let asked = request(Effect::Observe, Environment::Production);
    let all = starter().decide(&asked);
    let none = with("@code(\"tamper\") forbid (principal, action, resource);").decide(&asked);
    assert_ne!(all.verdict(), none.verdict());
}
