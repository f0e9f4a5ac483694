//! `holdpoint merge`: what a run wrote where writing could make programs of the outside run
//! something, and what becomes of it.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use clap::Args;
use holdpoint_sandbox::kept::{self, Shelf};
use serde_json::json;

use super::Here;
use crate::{
    status::{CommandError, Ended, Status},
    terminal::agrees,
};

/// Where it is, in the state directory.
const KEPT: &str = "kept";

/// Take over what a run wrote to hooks, settings of git and of agents, CI files.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint merge r-4k2m9\n\n\
Without a run: the runs that left something. With one: what it would change, which is taken once \
you say yes, or at once with --yes.")]
pub struct Merge {
    /// The run.
    run: Option<String>,
    /// Take it.
    #[arg(long, requires = "run")]
    yes: bool,
    /// Throw it away.
    #[arg(long, requires = "run", conflicts_with = "yes")]
    drop: bool,
}

/// Where what a run keeps beside is.
pub(super) fn shelf(here: &Here, run: &str) -> PathBuf {
    here.dir.join(KEPT).join(run)
}

/// Throws it away.
pub(super) fn clear(shelf: &Shelf) -> Result<(), CommandError> {
    match fs::remove_dir_all(shelf.dir()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CommandError::unable(error)),
        _ => Ok(()),
    }
}

/// Runs `holdpoint merge`.
pub fn run(merge: &Merge, here: &Here) -> Ended {
    let Some(run) = &merge.run else { return list(here) };
    let plain = run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let found = plain.then(|| Shelf::open(shelf(here, run)).ok()).flatten();
    let shelf = found.ok_or_else(|| {
        CommandError::usage(format!(
            "run {run} left nothing; `holdpoint merge` lists those that did"
        ))
    })?;
    let goes_on = here.state.run_processes().map_err(CommandError::unable)?;
    if goes_on.iter().any(|(other, _)| other == run) {
        return Err(CommandError::usage(format!("run {run} still goes on: end it first")));
    }
    // Of a run that was cut short, what it wrote in the open is taken back now.
    shelf.withdraw().and_then(|()| shelf.save()).map_err(CommandError::unable)?;
    if merge.drop {
        clear(&shelf)?;
        here.print(&json!({ "dropped": run }), "thrown away")?;
        return Ok(Status::Done);
    }
    let differences = kept::differences(&shelf).map_err(CommandError::unable)?;
    if !merge.yes {
        here.print(&json!({ "run": run, "differences": differences }), &differences)?;
        let asks = io::stdin().is_terminal() && !here.json;
        if !asks || !agrees("holdpoint: take these?").map_err(CommandError::unable)? {
            return Ok(Status::Wanting);
        }
    }
    kept::take(&shelf).map_err(CommandError::unable)?;
    here.print(&json!({ "taken": run }), "taken over")?;
    Ok(Status::Done)
}

fn list(here: &Here) -> Ended {
    let mut runs = Vec::new();
    for entry in fs::read_dir(here.dir.join(KEPT)).into_iter().flatten().flatten() {
        if let Ok(shelf) = Shelf::open(entry.path()) {
            let files: Vec<_> = shelf.all().into_iter().map(|kept| kept.at).collect();
            runs.push((entry.file_name().to_string_lossy().into_owned(), files));
        }
    }
    runs.sort();
    let lines = runs.iter().map(|(run, files)| {
        let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        format!("{run}  {}", files.join(" "))
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = if text.is_empty() { "no run left anything to merge".to_owned() } else { text };
    here.print(&json!(runs), &text)?;
    Ok(Status::Done)
}
