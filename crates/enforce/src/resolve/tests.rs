//! Environments: who says where a resource lies, and whose word counts.

use holdpoint_core::{Resource, Reversibility};

use super::*;

/// Production and staging lie where their names say; nothing else is placed.
struct Inventory;

impl Surroundings for Inventory {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        resource.short_name().parse().ok()
    }

    fn credential(&self, _: &Operation, _: Environment) -> Credential {
        Credential::None
    }

    fn refused_before(&self, _: &Principal, _: &Operation) -> bool {
        false
    }

    fn made_by_run(&self, _: &Principal, _: &Operation) -> bool {
        false
    }

    fn enclosed(&self) -> bool {
        false
    }
}

#[test]
fn what_a_message_says_of_a_place_lowers_nothing_that_takes_away() {
    use Effect::{Destroy, Modify, Remove};
    use Environment::{Production, Staging, Unknown};
    let check = |effect, id: &str, within: &[&str], of_host, expect| {
        let named = |kind: &str, id: &str| ResourceId::of("x", kind, id);
        let resource = Resource {
            id: named("service", id),
            within: within.iter().map(|id| named("environment", id)).collect(),
        };
        let operation = Operation::known("x:y", effect, resource, Reversibility::None);
        let host = Host { environment: of_host, ..Host::unnamed() };
        let destination = Destination { name: "x.example", listed: Some(&host) };
        let found = environment(&Inventory, destination, &operation);
        assert_eq!(found, expect, "{effect} {id} {within:?} {of_host:?}");
    };
    check(Modify, "1", &["staging"], None, Staging);
    check(Destroy, "1", &["staging"], None, Unknown);
    check(Remove, "1", &["staging"], Some(Production), Production);
    check(Destroy, "1", &["staging"], Some(Staging), Staging);
    check(Destroy, "1", &["production"], Some(Staging), Production);
    check(Modify, "1", &["staging", "production"], None, Production);
    check(Destroy, "staging", &["production"], None, Staging);
    check(Modify, "1", &[], None, Unknown);
}

/// Nothing is placed but what a test says, by a human or by the provider.
struct Told {
    inventory: Vec<(&'static str, Environment)>,
    provider: Vec<(&'static str, Vec<(&'static str, Environment)>)>,
}

impl Surroundings for Told {
    fn inventory(&self, resource: &ResourceId) -> Option<Environment> {
        let found = self.inventory.iter().find(|(id, _)| ResourceId::new(*id) == *resource);
        found.map(|(_, environment)| *environment)
    }

    fn provider(&self, resource: &ResourceId) -> Option<Whereabouts> {
        let found = self.provider.iter().find(|(id, _)| ResourceId::new(*id) == *resource);
        let (_, environments) = found?;
        let told = environments.iter().map(|(id, told)| (ResourceId::new(*id), *told));
        Whereabouts::new(told.collect())
    }

    fn credential(&self, _: &Operation, _: Environment) -> Credential {
        Credential::None
    }

    fn refused_before(&self, _: &Principal, _: &Operation) -> bool {
        false
    }

    fn made_by_run(&self, _: &Principal, _: &Operation) -> bool {
        false
    }

    fn enclosed(&self) -> bool {
        false
    }
}

#[test]
fn a_provider_lowers_what_a_human_does_not_raise() {
    use Effect::{Destroy, Modify, Observe};
    use Environment::{Development, Production, Staging, Unknown};
    const VOLUME: &str = "x:volume/v";
    const E1: &str = "x:environment/e1";
    const E2: &str = "x:environment/e2";
    let (one, two) = ((E1, Production), (E2, Staging));
    let staging = vec![(VOLUME, vec![two])];
    let shared = vec![(VOLUME, vec![one, two])];
    let named = vec![(E2, vec![two])];
    let both = vec![shared[0].clone(), named[0].clone()];
    for (effect, within, inventory, provider, expect) in [
        // Nobody says anything: the host, which is unknown.
        (Destroy, &[][..], vec![], vec![], Unknown),
        (Destroy, &[], vec![], staging.clone(), Staging),
        (Observe, &[], vec![], staging.clone(), Staging),
        // In two environments: the stricter.
        (Destroy, &[], vec![], shared.clone(), Production),
        (Observe, &[], vec![], shared.clone(), Production),
        // A human's line about it: the stricter.
        (Destroy, &[], vec![(VOLUME, Production)], staging.clone(), Production),
        (Destroy, &[], vec![(VOLUME, Staging)], shared.clone(), Production),
        (Destroy, &[], vec![(VOLUME, Staging)], vec![], Staging),
        // A human's line about an environment is what that environment is.
        (Destroy, &[], vec![(E1, Development)], shared.clone(), Staging),
        (Destroy, &[], vec![(E2, Production)], staging.clone(), Production),
        // A change is made where the message says, if the provider knows that place.
        (Modify, &[E2], vec![], both.clone(), Staging),
        (Modify, &["x:environment/e9"], vec![], both.clone(), Production),
        (Destroy, &[E2], vec![], both, Production),
        // Where a thing lies that nobody knows: the environment that is named beside it.
        (Modify, &[E2], vec![], named.clone(), Staging),
        (Modify, &[E2], vec![(E2, Production)], named.clone(), Production),
        (Destroy, &[E2], vec![], named, Unknown),
    ] {
        let within: Vec<ResourceId> = within.iter().map(|id| ResourceId::new(*id)).collect();
        let resource = Resource { id: ResourceId::new(VOLUME), within };
        let operation = Operation::known("x:y", effect, resource, Reversibility::None);
        let shown = format!("{effect} {inventory:?} {provider:?} {:?}", operation.resource.within);
        let destination = Destination { name: "x.example", listed: None };
        let told = Told { inventory, provider };
        assert_eq!(environment(&told, destination, &operation), expect, "{shown}");
    }
}
