//! Aims: what was refused is remembered, so that another road to it is held.

use serde::{Deserialize, Serialize};

use crate::{
    operation::{Effect, Operation, Resource},
    time::Timestamp,
};

/// What a run tried to do and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedAim {
    /// The run that tried.
    pub run: String,
    /// The resource that it tried it on.
    pub resource: Resource,
    /// What it tried to do.
    pub effect: Effect,
    /// When.
    pub at: Timestamp,
}

impl RefusedAim {
    /// Whether `operation` of `run` is the same aim by whatever road: on the same resource or
    /// one that contains it, with no weaker effect, within `remember_seconds`.
    pub fn recurs_in(
        &self,
        run: &str,
        operation: &Operation,
        now: Timestamp,
        remember_seconds: u64,
    ) -> bool {
        self.run == run
            && operation.effect.changes()
            && operation.effect >= self.effect
            && operation.resource.contains(&self.resource)
            && now.seconds_since(self.at) < remember_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{ResourceId, Reversibility};

    #[test]
    fn the_same_aim_by_another_road_recurs() {
        let volume = ResourceId::new("railway:volume/1");
        let project = ResourceId::new("railway:project/1");
        let in_project = Resource { id: volume.clone(), within: vec![project.clone()] };
        let at = Timestamp(1_000_000);
        let refused =
            RefusedAim { run: "r".into(), resource: in_project, effect: Effect::Remove, at };
        let try_again = |run: &str, resource: &ResourceId, effect, seconds| {
            let again = Operation::known("x:y", effect, resource.clone(), Reversibility::None);
            refused.recurs_in(run, &again, at.plus_seconds(seconds), 1800)
        };
        let other = ResourceId::new("railway:volume/2");
        assert!(try_again("r", &volume, Effect::Remove, 0));
        assert!(try_again("r", &volume, Effect::Destroy, 1799));
        assert!(try_again("r", &project, Effect::Remove, 0), "a containing resource");
        assert!(!try_again("r", &other, Effect::Remove, 0), "another resource");
        assert!(!try_again("r", &volume, Effect::Modify, 0), "a weaker effect");
        assert!(!try_again("r", &volume, Effect::Remove, 1800), "long ago");
        assert!(!try_again("s", &volume, Effect::Remove, 0), "another run");
    }
}
