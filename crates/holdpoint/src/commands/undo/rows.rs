//! Rows of a database, as they were.

use holdpoint_core::Digest;
use holdpoint_gateway::postgres::Undone;
use holdpoint_store::undos::{NewUndo, UndoAnswer};
use serde_json::json;

use super::{
    Here,
    asked::{ask as ask_whether, not_now},
};
use crate::{
    commands::now,
    rows,
    status::{CommandError, Ended, Status},
    terminal,
};

/// Statements that a human is shown, at most.
const SHOWN_MAX: usize = 40;

/// Puts the rows that are kept as `id` back, unless somebody has changed them since.
pub(super) fn put_back(id: &str, yes: bool, here: &Here) -> Ended {
    let mut undone = rows::put_back(here, id, false)?;
    let clear = undone.tables.iter().all(|it| it.changed_since == 0 && it.taken_since == 0);
    let undos = here.state.undos();
    let again = undone.tables.iter().find(|it| it.keyless && it.inserted > 0);
    if let Some(table) = again
        && undos.written(&undone.database, id.as_bytes()).map_err(CommandError::unable)?.is_some()
    {
        let table = &table.table;
        let text =
            format!("{id} was put back before, and {table} has no key: it would have them twice");
        return Err(CommandError::unable(text));
    }
    let what = if undone.tables.is_empty() { "this" } else { "these rows" };
    let question = format!("Put {what} back? (yes) ");
    let agreed = || terminal::ask(&question).is_ok_and(|said| said == "yes");
    if clear {
        if !yes {
            eprintln!("{}", shown(&undone));
        }
        if yes || agreed() {
            match ask_whether(here, &asked(id, &undone))? {
                UndoAnswer::Authorized => {
                    undone = rows::put_back(here, id, true)?;
                    let once = [(id.as_bytes().to_vec(), Digest::of(shown(&undone).as_bytes()))];
                    let noted = undos.will_write(&undone.database, &once, now());
                    noted.map_err(CommandError::unable)?;
                }
                answer => return not_now(here, answer, json!({ "id": id, "undone": undone })),
            }
        }
    }
    here.print(&json!({ "id": id, "undone": undone }), &shown(&undone))?;
    Ok(if undone.done { Status::Done } else { Status::Wanting })
}

/// The undo as it is decided. It overwrites nothing, so that nothing has to be saved before it.
fn asked(id: &str, undone: &Undone) -> NewUndo {
    let changes = undone.tables.iter().map(|it| it.inserted + it.updated + it.deleted);
    NewUndo {
        kind: "rows".to_owned(),
        to: id.to_owned(),
        saved: None,
        what: undone.database.clone(),
        changes: changes.sum(),
        digest: Digest::of(shown(undone).as_bytes()),
        destroys: None,
    }
}

/// What is put back, table by table, and what is left to a human.
fn shown(undone: &Undone) -> String {
    let mut lines: Vec<String> = undone.tables.iter().map(ToString::to_string).collect();
    let made = undone.made.iter().take(SHOWN_MAX);
    lines.extend(made.map(|text| format!("again: {text}")));
    if undone.made.len() > SHOWN_MAX {
        lines.push(format!("and {} more", undone.made.len() - SHOWN_MAX));
    }
    if !undone.not_run.is_empty() {
        lines.push("not made again with them; run what of it fits:".to_owned());
        lines
            .extend(undone.not_run.iter().map(|text| format!("  {};", text.replace('\n', "\n  "))));
    }
    let end = match (undone.done, undone.tables.is_empty()) {
        (false, _) => "nothing is changed",
        (true, false) => "the rows are back",
        (true, true) => "it is back",
    };
    format!("{}\n{end}", lines.join("\n"))
}
