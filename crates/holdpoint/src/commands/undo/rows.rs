//! Rows of a database, as they were.

use holdpoint_gateway::postgres::Undone;
use serde_json::json;

use super::{Here, record::record};
use crate::{
    rows,
    status::{Ended, Status},
    terminal,
};

/// Puts the rows that are kept as `id` back, unless somebody has changed them since.
pub(super) fn put_back(id: &str, yes: bool, here: &Here) -> Ended {
    let mut undone = rows::put_back(here, id, false)?;
    let clear = undone.tables.iter().all(|it| it.changed_since == 0 && it.taken_since == 0);
    let agreed = || terminal::ask("Put these rows back? (yes) ").is_ok_and(|said| said == "yes");
    if clear {
        if !yes {
            eprintln!("{}", shown(&undone));
        }
        if yes || agreed() {
            let changes = undone.tables.iter().map(|it| it.inserted + it.updated + it.deleted);
            record(here, (id, &undone.database), "", changes.sum())?;
            undone = rows::put_back(here, id, true)?;
        }
    }
    here.print(&json!({ "id": id, "undone": undone }), &shown(&undone))?;
    Ok(if undone.done { Status::Done } else { Status::Wanting })
}

/// What is put back, table by table.
fn shown(undone: &Undone) -> String {
    let lines: Vec<String> = undone.tables.iter().map(ToString::to_string).collect();
    let end = if undone.done { "the rows are back" } else { "nothing is changed" };
    format!("{}\n{end}", lines.join("\n"))
}
