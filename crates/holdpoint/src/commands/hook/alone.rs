//! The answer of a hook where no gateway is up: judged in this process by the last valid policies,
//! and appended to the spool before it is given.

use std::path::Path;

use holdpoint_sandbox::hook::{Answered, Answering, Call};
use holdpoint_store::{
    config::{Flags, LastGood},
    episodes::Episodes,
    spool::Spool,
};
use holdpoint_wire::hook::Answer;

use super::told::ToldWhenAsked;
use crate::{commands::policy, status::CommandError};

/// Judges a call, records it and answers it.
pub fn answer(call: Call, dir: &Path) -> Result<Answer, CommandError> {
    let config = LastGood::load(dir, Flags::default()).map_err(CommandError::usage)?.config();
    let pdp = policy::in_modes(policy::last_valid(dir, &config.policies)?, &config)?;
    let (known, episodes) = (ToldWhenAsked::new(dir.to_owned(), config.clone()), Episodes::of(dir));
    let answering = Answering {
        pdp: &pdp,
        known: &known,
        episodes: Some(&episodes),
        remember_minutes: config.refusals.remember_minutes,
        // It would end with this process.
        keeper: None,
    };
    let Answered { answer, record, durable, .. } =
        answering.answer(&call).map_err(CommandError::unable)?;
    if let Some(record) = record {
        Spool::of(dir).append(&record, durable).map_err(CommandError::unable)?;
    }
    Ok(answer)
}
