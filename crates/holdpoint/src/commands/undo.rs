//! `holdpoint undo`: rows of a database as they were.

use clap::Args;
use holdpoint_gateway::postgres::Undone;
use serde_json::json;

use super::Here;
use crate::{
    rows,
    status::{Ended, Status},
    terminal,
};

/// Put back what a transaction took away.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint undo p-3k5vq2m7")]
pub struct Undo {
    /// What the rows were kept as, or the hold that was released.
    #[arg(value_name = "ID")]
    to: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs `holdpoint undo`.
pub fn run(undo: &Undo, here: &Here) -> Ended {
    let Undo { to, yes } = undo;
    let mut undone = rows::put_back(here, to, false)?;
    let clear = undone.tables.iter().all(|it| it.changed_since == 0 && it.taken_since == 0);
    let agreed = || terminal::ask("Put these rows back? (yes) ").is_ok_and(|said| said == "yes");
    if clear {
        if !*yes {
            eprintln!("{}", shown(&undone));
        }
        if *yes || agreed() {
            undone = rows::put_back(here, to, true)?;
        }
    }
    here.print(&json!({ "id": to, "undone": undone }), &shown(&undone))?;
    Ok(if undone.done { Status::Done } else { Status::Wanting })
}

/// What is put back, table by table.
fn shown(undone: &Undone) -> String {
    let lines: Vec<String> = undone.tables.iter().map(ToString::to_string).collect();
    let end = if undone.done { "the rows are back" } else { "nothing is changed" };
    format!("{}\n{end}", lines.join("\n"))
}
