//! The first run: who will release what is held is asked once, and never again.

use holdpoint_store::approvers::{ApproverError, WorkFactor};

use super::super::{Here, now, policy::replace};
use crate::{status::CommandError, terminal};

/// The file that says that it was asked.
const ASKED: &str = "enrol.asked";
/// How often a passphrase that is refused may be typed anew.
const TRIES: usize = 3;
/// How somebody is called of whom nobody knows the name.
const SOMEBODY: &str = "owner";

/// Asks whoever sits at the terminal, unless somebody can release, or was asked before.
pub(super) fn once(here: &Here) -> Result<(), CommandError> {
    let file = here.dir.join(ASKED);
    if file.exists() || !terminal::is_attended() {
        return Ok(());
    }
    if !here.state.approvers().list().map_err(CommandError::unable)?.is_empty() {
        return Ok(());
    }
    let question = "You will release what is held. Enrol this device now? [y, or later] ";
    let answer = terminal::ask(question)?;
    let enrolled = match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => enrol(here)?,
        _ => false,
    };
    if !enrolled {
        eprintln!(
            "Later: `holdpoint approvers enrol NAME`. What is held waits; all else needs nobody."
        );
    }
    replace(&file, answer.trim().as_bytes()).map_err(CommandError::unable)
}

/// Makes a key for whoever sits there; whether there is one now.
fn enrol(here: &Here) -> Result<bool, CommandError> {
    let name = std::env::var("USER").ok().filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| SOMEBODY.to_owned());
    for _ in 0..TRIES {
        let passphrase = terminal::passphrase("A passphrase for releasing what is held: ")?;
        let approvers = here.state.approvers();
        match approvers.enrol(&name, &passphrase, WorkFactor::DEFAULT, now()) {
            Ok(approver) => {
                eprintln!("{} can release what is held: `holdpoint` shows it.", approver.name);
                return Ok(true);
            }
            Err(error @ ApproverError::WeakPassphrase) => eprintln!("holdpoint: {error}"),
            Err(error) => {
                eprintln!("holdpoint: {error}");
                return Ok(false);
            }
        }
    }
    Ok(false)
}
