//! The identity of a run: made while its enclosure is, as both wait for others.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use holdpoint_core::identity::Principal;
use holdpoint_sandbox::Mark;
use holdpoint_store::{
    State, StoreError,
    agents::{Agents, Kill},
    run_key::RunKey,
};
use nix::sys::signal::SigSet;

use super::super::{Here, now};
use crate::status::CommandError;

/// An identity that is being made.
pub(super) struct Identity {
    /// Its key, which is nowhere else.
    pub(super) key: Arc<RunKey>,
    /// What it will be.
    pub(super) principal: Principal,
    making: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Identity {
    /// Begins to make one that lives as long as the run of `mark`.
    pub(super) fn begin(here: &Here, mark: &Mark) -> Result<Self, CommandError> {
        let at = now();
        let agent = format!("run-{}-{}", std::process::id(), at.0);
        let (run, task) = (mark.run.clone(), mark.task.clone());
        let key = RunKey::new().map_err(CommandError::unable)?;
        let did = key.did();
        let principal = Principal { agent, run, task, killed: false, did: Some(did) };
        let (dir, limits, new) = (here.dir.clone(), here.config.limits.clone(), principal.clone());
        let make = move || {
            // Signals are for the thread that supervises.
            let _blocked = SigSet::all().thread_block();
            // By a connection of its own, so that nobody waits for its disk.
            let agents = State::open_with(&dir, &limits)?.agents();
            // Its bearer is never used: the listener is the proof.
            agents.add_in(new.run, &new.agent, &new.task, did, at).map(drop)
        };
        let making = thread::Builder::new().name("identity".to_owned()).spawn(make);
        let making = Some(making.map_err(CommandError::unable)?);
        Ok(Self { key: Arc::new(key), principal, making })
    }

    /// Waits until it is made.
    pub(super) fn made(&mut self) -> Result<(), CommandError> {
        let Some(making) = self.making.take() else { return Ok(()) };
        let made = making.join().map_err(|_| CommandError::unable("the identity was not made"))?;
        made.map_err(CommandError::unable)
    }

    /// Forgets it, now that the run is over.
    pub(super) fn end(mut self, here: &Here) -> Result<(), CommandError> {
        self.made()?;
        let condemned = here.state.is_condemned(&self.principal.run);
        forget(here, &self.principal, condemned.map_err(CommandError::unable)?)
    }
}

/// Forgets the identity of a run that is over; one that was killed stays known as such.
pub(super) fn forget(
    here: &Here,
    principal: &Principal,
    condemned: bool,
) -> Result<(), CommandError> {
    let agents: Agents = here.state.agents();
    if condemned {
        return agents.kill(Kill::One(&principal.run)).map(drop).map_err(CommandError::unable);
    }
    let found = agents.of_run(&principal.run).map_err(CommandError::unable)?;
    if found.is_some_and(|agent| !agent.principal.killed) {
        // What it waits for can be released, and is done, whether or not the run is still there.
        here.holds().outlive(&principal.run).map_err(CommandError::unable)?;
        agents.forget(&principal.agent).map_err(CommandError::unable)?;
    }
    Ok(())
}
