//! What a call would come to: nothing of it is remembered, saved or recorded.

use holdpoint_core::{
    Judged, Judgement, Reason,
    policy::{Decision, Verdict},
};
use holdpoint_enforce::steps::{Around, listed};
use holdpoint_store::episodes::Episode;
use holdpoint_wire::{
    explain::Explanation,
    hook::{Answer, Moment, Reply, answer},
    shell::{self, Step},
};

use super::{
    Answering, Call, Remembered, Said, digest, keeping::Keeping, principal, read, told, workspace,
};
use crate::machine::ThisMachine;

/// What a call would come to.
#[derive(Debug)]
pub struct Explained {
    /// Everything that it would do, and what policy says of each.
    pub judgements: Vec<Judgement>,
    /// What policy says of the whole.
    pub decision: Decision,
}

impl Answering<'_> {
    /// What a call would come to, at the beginning of a session; or why nobody can read it.
    pub fn explained(&self, call: &Call) -> Result<Explained, Reason> {
        let (_, judged) = self.read_and_judged(call)?;
        Ok(Explained {
            judgements: judged.judgements().to_vec(),
            decision: judged.decision().clone(),
        })
    }

    /// What is said of a call inside of a run, where it stops nothing: what `gateway` says of its
    /// steps; where it says nothing, what these policies say.
    pub fn explained_inside(
        &self,
        call: &Call,
        gateway: &dyn Fn(&[Step]) -> Option<Explanation>,
    ) -> Answer {
        if !matches!(call.heard.moment, Moment::Before | Moment::Permission) {
            return answer(&call.heard, Reply::Allow);
        }
        let explanation = match self.read_and_judged(call) {
            Ok((steps, judged)) => gateway(&steps).unwrap_or_else(|| Explanation::of(&judged)),
            Err(reason) => {
                Explanation { verdict: Verdict::Deny, reason: Some(reason), meaning: None }
            }
        };
        match explanation.verdict {
            Verdict::Allow => answer(&call.heard, Reply::Allow),
            _ => answer(&call.heard, Reply::Explain(&told::inside(&explanation))),
        }
    }

    fn read_and_judged(&self, call: &Call) -> Result<(Vec<Step>, Judged<Said>), Reason> {
        let (episode, workspace) = (Episode::default(), workspace(call));
        let machine =
            ThisMachine::new(&call.home, Some(&workspace), call.enclosed, self.known, &episode);
        let read = read(call, &workspace, &machine)?;
        let surroundings = Remembered {
            known: self.known,
            episode: &episode,
            since: call.now,
            enclosed: call.enclosed,
        };
        let keeping = Keeping { keeper: None, machine: &machine, call, workspace: &workspace };
        let around = Around {
            surroundings: &surroundings,
            in_reach: &|step| shell::in_reach(step, &machine),
            listed: &|host| listed(self.known.host(host), host),
            saves: &|step, environment| keeping.saves(step, environment),
        };
        let said = Said { digest: digest(&call.heard) };
        let principal = principal(&call.heard, Some(&workspace));
        let judged = around.judge(self.pdp, &principal, said, &read.steps);
        Ok((read.steps, judged))
    }
}
