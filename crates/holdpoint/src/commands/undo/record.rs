//! An undo is in the ledger before it changes anything: by the gateway, if one is up.

use std::{
    thread,
    time::{Duration, Instant},
};

use holdpoint_core::{
    Digest,
    ledger::{Record, RecordKind},
};
use holdpoint_store::{ledger::Ledger, snapshots::Undone};

use crate::{
    commands::{Here, now},
    status::CommandError,
};

/// How long a gateway may take to put an undo on record.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at whether it has.
const GLANCE: Duration = Duration::from_millis(10);

/// Puts the undo into the ledger, before it changes anything: by the gateway if one is up.
pub(super) fn record(
    here: &Here,
    (to, what): (&str, &str),
    saved: &str,
    changes: u64,
) -> Result<(), CommandError> {
    let catalogue = here.state.snapshots();
    let id = catalogue.undoing(to, saved, what, changes).map_err(CommandError::unable)?;
    let until = Instant::now() + PATIENCE;
    loop {
        if catalogue.is_recorded(id).map_err(CommandError::unable)? {
            return Ok(());
        }
        // Nobody else is the gateway as long as we hold its lock.
        if let Ok(_lock) = here.state.lock_gateway() {
            return record_here(here);
        }
        if Instant::now() > until {
            let text = "the gateway does not put the undo on record; nothing was undone";
            return Err(CommandError::unable(text));
        }
        thread::sleep(GLANCE);
    }
}

fn record_here(here: &Here) -> Result<(), CommandError> {
    let ledger = Ledger::open(&here.dir, now).map_err(CommandError::unable)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CommandError::unable)?;
    let catalogue = here.state.snapshots();
    for undone in catalogue.unrecorded().map_err(CommandError::unable)? {
        let record = Record::new(now(), None, on_record(&undone));
        let committed = runtime.block_on(ledger.commit(&record, Digest::of(b"undo")));
        committed.map_err(CommandError::unable)?;
        catalogue.recorded(undone.id).map_err(CommandError::unable)?;
    }
    Ok(())
}

/// An undo as the ledger says it.
pub(crate) fn on_record(undone: &Undone) -> RecordKind {
    let Undone { to, saved, what, changes, .. } = undone;
    let before = if saved.is_empty() { String::new() } else { format!("; before it: {saved}") };
    let detail = format!("undo of {what} to {to}: {changes} changes{before}");
    let kind = if to.starts_with(crate::rows::PREFIX) { "rows" } else { "snapshots" };
    RecordKind::Change { what: kind.to_owned(), detail }
}
