//! The walk up to the decision, for what has not been done yet: episodes in, verdicts out. The
//! same interpretation, resolution and policies as live traffic; nothing is touched.
//!
//! - [`episode`]: what one agent did, in order, and the fixtures around it
//! - `fixtures`: the surroundings that an episode describes
//! - [`machine`]: the files and the repository that it describes
//! - `recorded`: what a ledger holds, judged again
//! - [`answer`]: the verdicts

pub mod answer;
pub mod episode;
mod fixtures;
mod http;
pub mod machine;
mod recorded;
mod shell;
mod sql;

use std::time::Instant;

use holdpoint_core::{
    Reason, Timestamp,
    identity::{Principal, RefusedAim, Task},
    policy::{Pdp, Verdict},
};

pub use recorded::{Recorded, replay};

use answer::{Answer, Judged};
use episode::{Attempt, Episode, MalformedError};
use fixtures::Fixtures;
use machine::{State, Surrounded};

/// Answers one line of JSON: an episode's verdicts, or what is wrong with the line. `micros`
/// adds to each operation the time that it took to interpret and decide it.
pub fn explain(
    pdp: &Pdp,
    line: &str,
    number: usize,
    micros: bool,
) -> Result<Answer, MalformedError> {
    let episode = Episode::read(line, number)?;
    Ok(judge(pdp, &episode, micros))
}

/// Judges the operations of an episode in order. Those after the first that is stopped are
/// judged as if it had not happened, but it is remembered as refused.
fn judge(pdp: &Pdp, episode: &Episode, micros: bool) -> Answer {
    let principal = principal(episode);
    let mut refused: Vec<RefusedAim> = Vec::new();
    let mut operations = Vec::new();
    let mut state = State::new(episode);
    for (index, attempt) in episode.operations.iter().enumerate() {
        let started = Instant::now();
        let fixtures = Fixtures::new(episode, &refused);
        let mut judged = match attempt {
            Attempt::Http(http) => http::judge(pdp, &fixtures, &principal, index, http),
            Attempt::Shell(command) => {
                let machine = Surrounded { fixtures: &fixtures, episode, state: &state };
                let outcome = shell::command(pdp, &machine, &principal, index, attempt, command);
                happened(&mut state, outcome)
            }
            Attempt::File(file) => {
                if let ("read", Some(text)) = (file.op.as_str(), &file.content) {
                    state.holds(&file.path, text);
                }
                let machine = Surrounded { fixtures: &fixtures, episode, state: &state };
                let outcome = shell::file(pdp, &machine, &principal, index, attempt, file);
                happened(&mut state, outcome)
            }
            Attempt::Recorded(it) => recorded::judge(pdp, &principal, index, it),
            Attempt::Sql(sql) => sql::judge(pdp, &fixtures, &principal, index, sql),
            Attempt::Mcp(call) => {
                let machine = Surrounded { fixtures: &fixtures, episode, state: &state };
                let outcome = shell::tool(pdp, &machine, &principal, index, attempt, call);
                happened(&mut state, outcome)
            }
        };
        judged.micros = micros.then(|| started.elapsed().as_micros() as u64);
        if judged.verdict != Verdict::Allow {
            refused.extend(judged.aims(&principal.run));
        }
        operations.push(judged);
    }
    Answer::new(episode.id.clone(), operations)
}

/// What is let through has happened for the operations after it.
fn happened(state: &mut State, (judged, written): shell::Outcome) -> Judged {
    if judged.verdict == Verdict::Allow {
        state.apply(written);
    }
    judged
}

/// Who an episode is about.
fn principal(episode: &Episode) -> Principal {
    let task = episode.task.as_ref();
    Principal {
        agent: "explain".into(),
        run: "explain".into(),
        task: Task {
            description: task.and_then(|task| task.description.clone()),
            environment: task.and_then(|task| task.environment),
            ..Task::default()
        },
        killed: false,
        did: None,
    }
}

/// Nothing recorded in an episode has a time; all of it is now.
const NOW: Timestamp = Timestamp(0);

/// How an unreadable message is judged.
fn unreadable(index: usize, reason: Reason) -> Judged {
    Judged::unreadable(index, reason)
}
