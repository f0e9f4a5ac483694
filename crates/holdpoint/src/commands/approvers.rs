//! `holdpoint approvers`: who may release what is held.

use clap::{Args, Subcommand};
use holdpoint_store::approvers::WorkFactor;
use serde_json::{Value, json};

use super::{Here, now, unlocked};
use crate::{
    status::{CommandError, Ended, Status},
    terminal,
};

/// Who may release what is held: humans, each with a key behind a passphrase.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdpoint approvers enrol ada")]
pub struct Approvers {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every approver.
    List,
    /// Make a key for a human; asks for its passphrase.
    Enrol {
        /// Who. Never the name of an agent.
        name: String,
    },
    /// Lock every key that an approval has left unlocked, in whichever terminal.
    Lock,
    /// Take an approver away; what they released and was not executed yet is void.
    Remove {
        /// Who.
        name: String,
    },
}

/// Runs `holdpoint approvers`.
pub fn run(approvers: Approvers, here: &Here) -> Ended {
    let store = here.state.approvers();
    match approvers.verb {
        Verb::List => {
            let listed = store.list().map_err(CommandError::unable)?;
            let facts: Vec<Value> = listed
                .iter()
                .map(|it| json!({ "approver": it.name, "enrolled_at": it.enrolled_at }))
                .collect();
            let names: String = listed.iter().map(|it| format!("{}\n", it.name)).collect();
            let none = "nobody can release anything yet: holdpoint approvers enrol NAME";
            here.print(&facts, if names.is_empty() { none } else { &names })?;
        }
        Verb::Enrol { name } => {
            let passphrase = terminal::passphrase("A passphrase for releasing what is held: ")?;
            let enrolled = store
                .enrol(&name, &passphrase, WorkFactor::DEFAULT, now())
                .map_err(CommandError::unable)?;
            let fact = json!({ "approver": enrolled.name });
            here.print(&fact, &format!("{} can release what is held", enrolled.name))?;
        }
        Verb::Lock => {
            let locked = unlocked::lock(here)?;
            let text = if locked == 0 { "none was unlocked" } else { "locked" };
            here.print(&json!({ "locked": locked }), text)?;
        }
        Verb::Remove { name } => {
            store.remove(&name).map_err(CommandError::unable)?;
            here.print(&json!({ "removed": name }), "removed")?;
        }
    }
    Ok(Status::Done)
}
