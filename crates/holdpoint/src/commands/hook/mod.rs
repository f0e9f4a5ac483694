//! `holdpoint hook`: one call of an agent's hook, JSON on standard input, answered in the agent's
//! own dialect.
//!
//! - [`question`]: what a hook's process asks the gateway
//! - [`inside`]: the answer inside of a run, which explains
//! - [`alone`]: the answer where no gateway is up
//! - [`stack`]: room for the deepest command that is read
//! - [`told`]: what humans have said of the world

pub mod alone;
pub mod inside;
pub mod question;
pub mod stack;
pub mod told;

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use holdpoint_core::Code;
use holdpoint_sandbox::{Mark, hook::undecided};
use holdpoint_store::hooks;
use holdpoint_wire::hook::{Agent, Answer, Heard, heard::SAID_BYTES_MAX, unreadable};

use crate::status::{CommandError, Ended, Status};
use question::Question;

/// How long an answer may take: far less than any agent waits for one, as what they do then is
/// what they were about to do.
pub const DEADLINE: Duration = match cfg!(debug_assertions) {
    // Without optimisations everything takes ten times as long.
    true => Duration::from_millis(3_000),
    false => Duration::from_millis(150),
};

/// One call of an agent's hook: JSON on standard input, the answer in the agent's own dialect.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  echo '{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"rm -rf /\"}}' \\\n    | holdpoint hook --agent claude\n\n`holdpoint init` installs it.")]
pub struct Hook {
    /// Who calls: claude, cursor, codex, gemini, copilot, vscode, opencode, windsurf or cline;
    /// without it, told by what is said.
    #[arg(long, value_name = "NAME")]
    agent: Option<Agent>,
}

/// Answers, and ends with the exit status that the agent obeys. Whatever goes wrong is no yes.
pub fn run(hook: &Hook, state: Result<PathBuf, CommandError>) -> Ended {
    let started = Instant::now();
    let mut said = Vec::new();
    let read = io::stdin().lock().take(SAID_BYTES_MAX as u64 + 1).read_to_end(&mut said);
    let heard = match read {
        Ok(_) => Heard::read(&said, hook.agent).map_err(|error| error.text),
        Err(error) => Err(error.to_string()),
    };
    let answer = match heard {
        Ok(heard) => in_time(&heard, said, hook.agent, state, started),
        Err(why) => unreadable(
            hook.agent,
            &format!("Holdpoint cannot read what was said to its hook: {why}. Nothing was done."),
        ),
    };
    give(&answer)
}

/// The answer, if it comes in time; else a no.
fn in_time(
    heard: &Heard,
    said: Vec<u8>,
    agent: Option<Agent>,
    state: Result<PathBuf, CommandError>,
    started: Instant,
) -> Answer {
    let (sender, receiver) = mpsc::sync_channel(1);
    let own = heard.clone();
    let answering = move || {
        // Nobody listens any more once it is too late.
        let _late = sender.send(answer(own, said, agent, state));
    };
    let spawned = thread::Builder::new().stack_size(stack::STACK_BYTES).spawn(answering);
    if let Err(error) = spawned {
        return undecided(heard, Code::Unresolved, &error.to_string());
    }
    match receiver.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => undecided(heard, Code::LedgerUnavailable, &error.to_string()),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            undecided(heard, Code::OverLimit, "it took too long")
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            undecided(heard, Code::Unresolved, "a part of Holdpoint failed on it")
        }
    }
}

/// What the gateway answers, or this process alone.
fn answer(
    heard: Heard,
    said: Vec<u8>,
    agent: Option<Agent>,
    state: Result<PathBuf, CommandError>,
) -> Result<Answer, CommandError> {
    if Mark::here().is_some() {
        return inside::explain(heard);
    }
    let state = state?;
    let question = Question::here(agent, said);
    match asked(&state, &question)? {
        Some(answer) => Ok(answer),
        None => alone::answer(question.call(heard, super::now()), &state),
    }
}

fn asked(state: &Path, question: &Question) -> Result<Option<Answer>, CommandError> {
    let bytes = question.to_bytes().map_err(CommandError::unable)?;
    let answer = hooks::ask(state, &bytes, DEADLINE).map_err(CommandError::unable)?;
    answer.map(|bytes| question::answered(&bytes).map_err(CommandError::unable)).transpose()
}

/// Says it. What cannot be said is said by the exit status that most agents take for a no.
fn give(answer: &Answer) -> Ended {
    let mut output = io::stdout().lock();
    let said = output.write_all(answer.stdout.as_bytes()).and_then(|()| output.flush());
    let explained = io::stderr().lock().write_all(answer.stderr.as_bytes());
    Ok(Status::Of(if said.and(explained).is_ok() { answer.status } else { 2 }))
}
