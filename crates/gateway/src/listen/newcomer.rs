//! Runs of other users, who come to this gateway's door: each has an identity here as long as its
//! supervisor is there, and longer only if it was killed.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use holdpoint_core::{
    Timestamp,
    identity::{Principal, Ring},
};
use holdpoint_store::{State, StoreError, config::HoldTerms, runs::Newcomer};

/// How their runs are called here: by the user, whom the kernel names. So nobody takes the name of
/// another's run, nor what it left.
const RUN: &str = "of-";
/// Runs of one user, with those that were killed.
const NEWCOMERS_MAX: usize = 100;

/// One is counted and made at a time.
static ROOM: Mutex<()> = Mutex::new(());

/// What a run that a `user` calls `said` is called here.
pub(super) fn run_of(user: u32, said: &str) -> String {
    format!("{RUN}{user}-{said}")
}

/// How the agent of a run is called.
fn agent_of(run: &str) -> String {
    format!("run-{run}")
}

/// Makes an identity for a run of `user`. It is not trusted further than a supervised agent, as
/// nobody whose gateway this is has said so.
pub(super) fn welcome(
    state: &State,
    said: &str,
    newcomer: &Newcomer,
    user: u32,
    now: Timestamp,
) -> Result<Principal, String> {
    let Newcomer { task, did } = newcomer;
    let ring = task.ring;
    if ring < Ring::Supervised {
        return Err(format!("ring {ring} is not given at a door: ask for ring 2 or 3"));
    }
    let _room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let agents = state.agents().list().map_err(|error| error.to_string())?;
    let theirs = run_of(user, "");
    if agents.iter().filter(|it| it.principal.run.starts_with(&theirs)).count() >= NEWCOMERS_MAX {
        return Err(format!(
            "user {user} has {NEWCOMERS_MAX} runs here: let some end, or whoever has the gateway \
             remove those that were killed (holdpoint agents remove)"
        ));
    }
    let run = run_of(user, said);
    let made = state.agents().add_in(run.clone(), &agent_of(&run), task, *did, now);
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
    // An agent that a human called so has a run of another name.
    let theirs = agents.into_iter().filter(|agent| {
        let Principal { agent, run, .. } = &agent.principal;
        run.starts_with(RUN) && *agent == agent_of(run)
    });
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

    use super::{NEWCOMERS_MAX, forget_newcomers, part_with, run_of, welcome};

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
        state.agents().kill(Kill::One("of-1002-r-2")).unwrap();
        state.agents().add("run-own", &Task::default(), Timestamp(1)).unwrap();
        state.agents().add("run-of-honour", &Task::default(), Timestamp(1)).unwrap();
        for run in ["r-1", "r-2"] {
            part_with(&state, &run_of(1002, run)).unwrap();
        }
        let left = || -> Vec<String> {
            let all = state.agents().list().unwrap();
            all.into_iter().map(|agent| agent.principal.agent).collect()
        };
        assert_eq!(left(), ["run-of-1002-r-2", "run-of-honour", "run-own"]);
        come("r-3", Ring::Supervised).unwrap();
        forget_newcomers(&state).unwrap();
        assert_eq!(left(), ["run-of-1002-r-2", "run-of-honour", "run-own"]);
    }

    #[test]
    fn no_user_has_the_name_of_another_s_run_or_more_than_its_share() {
        let state = State::in_memory().unwrap();
        let come = |run: &str, user, key| {
            let newcomer = Newcomer {
                task: Task { ring: Ring::Supervised, ..Task::default() },
                did: DidKey::of([key; 32]),
            };
            welcome(&state, run, &newcomer, user, Timestamp(1))
        };
        let runs = [(1002, 1), (1003, 2), (100, 3)].map(|(user, key)| come("r-1", user, key));
        let runs = runs.map(|made| made.unwrap().run);
        assert_eq!(runs, ["of-1002-r-1", "of-1003-r-1", "of-100-r-1"]);
        for number in 1..NEWCOMERS_MAX {
            come(&format!("n-{number}"), 100, 3).unwrap();
        }
        assert!(come("more", 100, 3).unwrap_err().contains("user 100 has 100 runs"));
        come("r-2", 1002, 1).unwrap();
        part_with(&state, "of-1002-r").unwrap();
        assert!(state.agents().of_run("of-1002-r-1").unwrap().is_some());
    }
}
