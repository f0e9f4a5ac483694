//! The answer of a hook where no gateway is up: judged in this process by the last valid policies,
//! and appended to the spool before it is given.

use std::{collections::BTreeMap, path::Path};

use holdpoint_core::policy::Pdp;
use holdpoint_sandbox::{
    Mark,
    hook::{Answered, Answering, Call},
};
use holdpoint_store::{
    Config,
    config::{Flags, LastGood, RefusalTerms},
    episodes::Episodes,
    spool::Spool,
};
use holdpoint_wire::hook::{Answer, Heard};

use super::told::ToldWhenAsked;
use crate::{
    commands::{now, policy},
    status::CommandError,
};

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

/// What would be said outside of the run that this is inside of. Here nothing of it stops
/// anything: the run does. The state is out of reach, so that nothing is recorded.
pub fn explain(heard: Heard, _mark: &Mark) -> Result<Answer, CommandError> {
    let pdp = Pdp::starter().map_err(CommandError::unable)?;
    let known = ToldWhenAsked::new("/nonexistent".into(), Config::default().into());
    let answering = Answering {
        pdp: &pdp,
        known: &known,
        episodes: None,
        remember_minutes: RefusalTerms::default().remember_minutes,
        keeper: None,
    };
    let question = super::Question::here(Some(heard.agent), Vec::new());
    let call = Call { enclosed: true, environment: BTreeMap::new(), ..question.call(heard, now()) };
    Ok(answering.answer(&call).map_err(CommandError::unable)?.answer)
}
