//! What is put to Cedar without a look at the schema is valid by the schema.

use cedar_policy::{Entities, Request as CedarRequest};
use proptest::prelude::*;

use super::slicing::any_request;
use crate::policy::{
    context::ContextCache,
    entities::{Names, Resources},
    lattice::Lattice,
    load,
};

proptest! {
    #[test]
    fn every_request_is_strictly_valid(request in any_request()) {
        let schema = load::schema().unwrap();
        let names = Names::new().unwrap();
        let environment = request.facts.environment;
        let resource =
            Resources::new().located(&names, &request.operation, environment).unwrap();
        let valid = Entities::from_entities(resource.entities.iter().cloned(), Some(&schema));
        prop_assert!(valid.is_ok(), "{:?}", valid);

        let lattice = Lattice::of(std::iter::empty());
        let contexts = ContextCache::new(&lattice).contexts(&request);
        for (index, obligations) in lattice.candidates().iter().enumerate() {
            let context = contexts.with(index, *obligations).unwrap();
            let principal = names.agent(&request.principal.agent);
            let action = names.action(request.operation.effect).unwrap().clone();
            let resource = resource.uid.clone();
            let asked = CedarRequest::new(principal, action, resource, context, Some(&schema));
            prop_assert!(asked.is_ok(), "{:?}", asked);
        }
    }
}
