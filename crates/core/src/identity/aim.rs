//! Aims: what was refused is remembered, so that another road to it is held.

use serde::{Deserialize, Serialize};

use crate::{
    operation::{Effect, Resource},
    reason::Code,
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
    /// Why it was refused.
    pub code: Code,
    /// When.
    pub at: Timestamp,
}

impl RefusedAim {
    /// Whether this is remembered at all: what only observes is not, nor what failed for a reason
    /// of our own, nor an echo of a memory, lest it never end.
    pub fn counts(&self) -> bool {
        let our_own = matches!(
            self.code,
            Code::RefusedBefore
                | Code::PolicyError
                | Code::LedgerUnavailable
                | Code::Unresolved
                | Code::UpstreamUnreachable
                | Code::OutcomeUnknown
                | Code::OverLimit
                | Code::Unidentified
        );
        self.effect.changes() && !our_own
    }

    /// Whether `effect` on `resource` in `run` is the same aim by whatever road: on the same
    /// resource or one that contains it, and no weaker.
    pub fn recurs_in(&self, run: &str, resource: &Resource, effect: Effect) -> bool {
        self.run == run
            && effect.changes()
            && effect >= self.effect
            && resource.contains(&self.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::ResourceId;

    fn refused(code: Code, effect: Effect) -> RefusedAim {
        let id = ResourceId::new("railway:volume/1");
        let within = vec![ResourceId::new("railway:project/1")];
        let resource = Resource { id, within };
        RefusedAim { run: "r".into(), resource, effect, code, at: Timestamp(0) }
    }

    #[test]
    fn the_same_aim_by_another_road_recurs() {
        let refused = refused(Code::NeedsApproval, Effect::Remove);
        for (run, id, effect, expect) in [
            ("r", "railway:volume/1", Effect::Remove, true),
            ("r", "railway:volume/1", Effect::Destroy, true),
            ("r", "railway:project/1", Effect::Remove, true),
            ("r", "railway:volume/2", Effect::Remove, false),
            ("r", "railway:volume/1", Effect::Modify, false),
            ("s", "railway:volume/1", Effect::Remove, false),
        ] {
            let again = Resource::from(ResourceId::new(id));
            assert_eq!(refused.recurs_in(run, &again, effect), expect, "{run} {id} {effect}");
        }
    }

    #[test]
    fn failures_of_our_own_and_echoes_are_not_remembered() {
        assert!(refused(Code::ForeignCredential, Effect::Remove).counts());
        assert!(!refused(Code::ForeignCredential, Effect::Observe).counts());
        assert!(!refused(Code::LedgerUnavailable, Effect::Destroy).counts());
        assert!(!refused(Code::RefusedBefore, Effect::Destroy).counts());
    }
}
