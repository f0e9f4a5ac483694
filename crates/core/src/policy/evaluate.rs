//! Cedar's evaluator, asked about one policy after the other.

use cedar_policy::{Context, EntityUid, Request};
use cedar_policy_core::{
    ast::{Literal, SlotEnv, ValueKind},
    evaluator::Evaluator,
    extensions::Extensions,
};

use super::{entities::Located, load::Rule};

/// One request with one set of obligations, before Cedar.
pub(super) struct Evaluation<'a> {
    evaluator: Evaluator<'a>,
    /// Templates are refused at load, so that no policy has slots.
    no_slots: SlotEnv,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(
        principal: EntityUid,
        action: EntityUid,
        resource: &'a Located,
        context: Context,
    ) -> Result<Self, String> {
        let request = Request::new(principal, action, resource.uid.clone(), context, None)
            .map_err(|error| error.to_string())?;
        let entities = resource.entities.as_ref();
        let evaluator =
            Evaluator::new(request.as_ref().clone(), entities, Extensions::all_available());
        Ok(Self { evaluator, no_slots: SlotEnv::new() })
    }

    /// Whether scope and conditions of `rule` hold, or why that cannot be said.
    pub(super) fn satisfies(&self, rule: &Rule) -> Result<bool, String> {
        let value = self.evaluator.interpret(&rule.condition, &self.no_slots);
        match value.map(|value| value.value) {
            Ok(ValueKind::Lit(Literal::Bool(holds))) => Ok(holds),
            Ok(_) => Err(format!("`{}` is neither true nor false", rule.id())),
            Err(error) => Err(format!("`{}`: {error}", rule.id())),
        }
    }
}
