//! What a call would come to: nothing of it is remembered, saved or recorded.

use holdpoint_core::{Judgement, Reason, policy::Decision};
use holdpoint_enforce::steps::Around;
use holdpoint_store::episodes::Episode;

use super::{
    Answering, Call, Remembered, Said, digest, keeping::Keeping, listed, principal, read, workspace,
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
            machine: &machine,
            listed: &|host| listed(self.known, host),
            saves: &|step, environment| keeping.saves(step, environment),
        };
        let said = Said { digest: digest(&call.heard) };
        let principal = principal(&call.heard, Some(&workspace));
        let judged = around.judge(self.pdp, &principal, said, &read.steps);
        Ok(Explained {
            judgements: judged.judgements().to_vec(),
            decision: judged.decision().clone(),
        })
    }
}
