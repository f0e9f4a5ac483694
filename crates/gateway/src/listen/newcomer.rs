//! Runs of other users, who come to this gateway's door: each has an identity here as long as its
//! supervisor is there, and longer only if it was killed.

use std::io;

use holdpoint_core::{
    Timestamp,
    identity::{Principal, Ring},
};
use holdpoint_store::{State, StoreError, config::HoldTerms, runs::Newcomer};

/// How their agents are called: by the user, whom the kernel names.
const NAME: &str = "run-of-";

/// Makes an identity for a run of `user`. It is not trusted further than a supervised agent, as
/// nobody whose gateway this is has said so.
pub(super) fn welcome(
    state: &State,
    run: &str,
    newcomer: &Newcomer,
    user: u32,
    now: Timestamp,
) -> Result<Principal, String> {
    let Newcomer { task, did } = newcomer;
    let ring = task.ring;
    if ring < Ring::Supervised {
        return Err(format!("ring {ring} is not given at a door: ask for ring 2 or 3"));
    }
    let name = format!("{NAME}{user}-{run}");
    let made = state.agents().add_in(run.to_owned(), &name, task, *did, now);
    made.map(|made| made.agent.principal).map_err(|error| error.to_string())
}

/// Forgets one whose supervisor has gone. What was released of it is done at its time.
pub(super) fn part_with(state: &State, run: &str) -> Result<(), StoreError> {
    let Some(agent) = state.agents().of_run(run)?.filter(|agent| !agent.principal.killed) else {
        return Ok(());
    };
    state.holds(HoldTerms::default()).outlive(run)?;
    state.agents().forget(&agent.principal.agent)
}

/// Forgets those that a gateway which died could not: whoever is still there comes again.
pub fn forget_newcomers(state: &State) -> io::Result<()> {
    let agents = state.agents().list().map_err(io::Error::other)?;
    let theirs = agents.into_iter().filter(|agent| agent.principal.agent.starts_with(NAME));
    for agent in theirs {
        part_with(state, &agent.principal.run).map_err(io::Error::other)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{
        Timestamp,
        identity::{DidKey, Ring, Task},
    };
    use holdpoint_store::{State, agents::Kill, runs::Newcomer};

    use super::{forget_newcomers, part_with, welcome};

    #[test]
    fn a_newcomer_is_what_it_says_but_never_trusted_and_stays_only_if_it_was_killed() {
        let state = State::in_memory().unwrap();
        let newcomer =
            |ring| Newcomer { task: Task { ring, ..Task::default() }, did: DidKey::of([7; 32]) };
        let come = |run: &str, ring| welcome(&state, run, &newcomer(ring), 1002, Timestamp(1));
        for ring in [Ring::Human, Ring::Trusted] {
            assert!(come("r-1", ring).unwrap_err().contains("not given at a door"));
        }
        let known = come("r-1", Ring::Supervised).unwrap();
        assert_eq!(
            (known.agent.as_str(), known.did),
            ("run-of-1002-r-1", Some(DidKey::of([7; 32])))
        );
        assert!(come("r-1", Ring::Supervised).is_err(), "there is one already");
        come("r-2", Ring::Untrusted).unwrap();
        state.agents().kill(Kill::One("r-2")).unwrap();
        state.agents().add("run-own", &Task::default(), Timestamp(1)).unwrap();
        for run in ["r-1", "r-2"] {
            part_with(&state, run).unwrap();
        }
        let left = || -> Vec<String> {
            let all = state.agents().list().unwrap();
            all.into_iter().map(|agent| agent.principal.agent).collect()
        };
        assert_eq!(left(), ["run-of-1002-r-2", "run-own"]);
        come("r-3", Ring::Supervised).unwrap();
        forget_newcomers(&state).unwrap();
        assert_eq!(left(), ["run-of-1002-r-2", "run-own"]);
    }
}
