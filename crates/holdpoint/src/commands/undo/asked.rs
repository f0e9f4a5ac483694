//! An undo is decided and on record before it changes anything: by the gateway, if one is up.

use std::{
    thread,
    time::{Duration, Instant},
};

use holdpoint_snapshots::asking::{Alone, Asking};
use holdpoint_store::{
    ledger::Ledger,
    undos::{NewUndo, UndoAnswer},
};
use serde_json::{Value, json};

use crate::{
    commands::{Here, now, policy},
    status::{CommandError, Ended, Status},
};

/// How long a gateway may take to decide about an undo, and to put it on record.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at whether it has.
const GLANCE: Duration = Duration::from_millis(10);

/// Asks whether `undo` may be carried out.
pub(super) fn ask(here: &Here, undo: &NewUndo) -> Result<UndoAnswer, CommandError> {
    let undos = here.state.undos();
    let id = undos.ask(undo).map_err(CommandError::unable)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match undos.answer_of(id).map_err(CommandError::unable)? {
            UndoAnswer::Open => {}
            answer => return Ok(answer),
        }
        // Nobody else is the gateway as long as we hold its lock.
        if let Ok(_lock) = here.state.lock_gateway() {
            answer_here(here)?;
            return undos.answer_of(id).map_err(CommandError::unable);
        }
        if Instant::now() > until {
            let text = "the gateway does not put the undo on record; nothing was undone";
            let withdrawn = undos.answer(id, &UndoAnswer::Refused(text.to_owned()));
            if withdrawn.map_err(CommandError::unable)? {
                return Err(CommandError::unable(text));
            }
        }
        thread::sleep(GLANCE);
    }
}

fn answer_here(here: &Here) -> Result<(), CommandError> {
    let ledger = Alone(Ledger::open(&here.dir, now).map_err(CommandError::unable)?);
    let policies = policy::last_valid(&here.dir, &here.config.policies)?.into();
    let (state, holds) = (&here.state, here.holds());
    let asking = Asking { ledger: &ledger, policies, state, holds, clock: now };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CommandError::unable)?;
    runtime.block_on(asking.answer_all()).map_err(CommandError::unable)
}

/// Says that it may not be carried out now; `fact` is what else is known of it.
pub(super) fn not_now(here: &Here, answer: UndoAnswer, mut fact: Value) -> Ended {
    let (hold, text) = match answer {
        UndoAnswer::Held(hold) => {
            let text = format!(
                "held: nothing was undone. `holdpoint approve {hold}` releases exactly this; then \
                 undo once more"
            );
            (Some(hold), text)
        }
        UndoAnswer::Refused(why) => (None, format!("refused: nothing was undone. {why}")),
        UndoAnswer::Open | UndoAnswer::Authorized => {
            return Err(CommandError::unable("the undo has no answer; nothing was undone"));
        }
    };
    if let Some(fact) = fact.as_object_mut() {
        fact.insert("undone".to_owned(), false.into());
        fact.insert("hold".to_owned(), json!(hold));
    }
    here.print(&fact, &text)?;
    Ok(Status::Wanting)
}
