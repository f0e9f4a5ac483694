//! What a call would take away is saved before it is answered, by whoever keeps.

use holdpoint_core::{
    Code, Environment, Judged, Reason,
    identity::Principal,
    ledger::{Decided, Record, RecordKind},
    policy::Verdict,
};
use holdpoint_enforce::keep::{Keep, Loss, Occasion, Unkept};
use holdpoint_wire::{
    hook::{Reply, answer},
    shell::Step,
};

use super::{Answered, Call, Said, decided, reference};
use crate::machine::ThisMachine;

/// What is saved before a call takes it away, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Keeping<'a> {
    pub(super) keeper: Option<&'a dyn Keep>,
    pub(super) machine: &'a ThisMachine<'a>,
    pub(super) call: &'a Call,
    pub(super) workspace: &'a str,
}

impl Keeping<'_> {
    /// Whether nothing of what `step` takes away in `environment` would be lost.
    pub(super) fn saves(&self, step: &Step, environment: Environment) -> bool {
        self.call.enclosed
            || self.machine.gives_back(step)
            || self
                .loss(step)
                .zip(self.keeper)
                .is_some_and(|(loss, keeper)| keeper.can(&loss, environment))
    }

    fn loss(&self, step: &Step) -> Option<Loss> {
        Loss::of(step, self.workspace)
    }

    /// Saves what policy, or a human, lets pass only if it is saved, unless something else gives
    /// it back.
    pub(super) fn keep(
        &self,
        judged: &Judged<Said>,
        steps: &[Step],
        principal: &Principal,
    ) -> Result<(), Unkept> {
        if !judged.decision().obligations().snapshot || self.call.enclosed {
            return Ok(());
        }
        // One judgement a step, in their order.
        let pairs = judged.judgements().iter().zip(steps);
        let wanted: Vec<&Step> = pairs
            .filter(|(judgement, _)| judgement.decision.obligations().snapshot)
            .map(|(_, step)| step)
            .filter(|step| !self.machine.gives_back(step))
            .collect();
        let Some(first) = wanted.first() else { return Ok(()) };
        let losses: Option<Vec<Loss>> = wanted.iter().map(|step| self.loss(step)).collect();
        let cannot = || Unkept::Cannot("nobody here can save it".to_owned());
        let (losses, keeper) = losses.zip(self.keeper).ok_or_else(cannot)?;
        let occasion = Occasion { run: &principal.run, operation: &first.operation.name };
        keeper.keep(&losses, &occasion).map(drop)
    }
}

/// It is held until what it takes away is saved, which goes on.
pub(super) fn preparing(call: &Call, principal: Principal, judged: &Judged<Said>) -> Answered {
    let subject = judged.digest();
    let told = format!(
        "Holdpoint holds this ({}): what it would take away is being saved first. Nothing was \
         done. Send exactly the same again in a moment; nobody has to be asked. Ref {}.",
        Code::Preparing,
        reference(subject)
    );
    let reason = Reason::new(Code::Preparing, "what it would take away is being saved first");
    let decided = Decided {
        verdict: Verdict::Hold.as_str().into(),
        reasons: vec![reason],
        forwarded: false,
        // It is not policy that holds it.
        circumstances: Vec::new(),
        ..decided(judged)
    };
    let record = Record::new(call.now, Some(principal), RecordKind::Decision(decided));
    let answer = answer(&call.heard, Reply::Deny(&told));
    Answered { answer, record: Some(record), durable: true, subject }
}
