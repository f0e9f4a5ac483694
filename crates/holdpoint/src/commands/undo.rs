//! `holdpoint undo`: a workspace as it was before a run, or as any snapshot has it.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use holdpoint_core::{
    Digest,
    ledger::{Record, RecordKind},
};
use holdpoint_snapshots::{Plan, Snapshots, Terms, WORKSPACE};
use holdpoint_store::{
    ledger::Ledger,
    snapshots::{Snapshot, Undone},
};
use serde_json::json;

use super::{Here, now, preserved};
use crate::{
    status::{CommandError, Ended, Status},
    terminal::ask,
};

/// How many changes are shown when nobody asks for all of them as JSON.
const SHOWN: usize = 40;
/// How long a gateway may take to put an undo on record.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at whether it has.
const GLANCE: Duration = Duration::from_millis(10);

/// Take back what was done.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint undo --last\n  holdpoint undo r-4k2m9 --path src --yes\n\n\
It shows what would change and asks. What is there now is saved first, so that an undo can be \
undone: by the name of that snapshot, which it tells. Exit status 1 if it was not done.")]
pub struct Undo {
    /// A run, to go back to before it, or a snapshot.
    #[arg(required_unless_present = "last", conflicts_with = "last", value_name = "RUN|ID")]
    to: Option<String>,
    /// The newest run in this workspace, or anywhere if this is none.
    #[arg(long)]
    last: bool,
    /// Only this file or directory.
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs `holdpoint undo`.
pub fn run(undo: &Undo, here: &Here) -> Ended {
    let to = target(undo, here)?;
    if to.kind != WORKSPACE {
        return preserved::bring_back(&to, undo.yes, here);
    }
    let snapshots = open(here)?;
    let within = undo.path.as_deref().map(|path| within(path, Path::new(&to.what))).transpose()?;
    let goes_on = goes_on(&to, here)?;
    let prepared =
        snapshots.prepare(&to, within.as_deref(), now()).map_err(CommandError::unable)?;
    let plan = prepared.plan();
    if plan.is_empty() {
        let text = format!("{} is as it was: nothing is to be undone", to.what);
        here.print(&json!({ "to": to.id, "changes": [], "undone": false }), &text)?;
        return Ok(Status::Done);
    }
    if !here.json {
        here.print(&json!({}), &shown(plan, &to))?;
    }
    if !undo.yes && !confirmed(plan, &to, goes_on)? {
        let fact = json!({ "to": to.id, "saved": prepared.saved().id, "changes": plan.changes,
            "undone": false });
        here.print(&fact, "nothing was undone; `--yes` does it without asking")?;
        return Ok(Status::Wanting);
    }
    let staged = prepared.stage().map_err(CommandError::unable)?;
    record(here, &to, &staged.saved().id, staged.plan().changes.len())?;
    let changes = staged.plan().changes.clone();
    let saved = staged.saved().id.clone();
    let restored = staged.carry_out().map_err(CommandError::unable)?;
    let fact = json!({ "to": to.id, "saved": saved, "changes": changes, "undone": true,
        "left": restored.left });
    let left: String = restored.left.iter().map(|left| format!("\n  {left}")).collect();
    let left = if left.is_empty() { left } else { format!("\nnot as it was:{left}") };
    let text = format!(
        "{} is as it was {}; `holdpoint undo {saved}` takes this back{left}",
        to.what, to.why
    );
    here.print(&fact, &text)?;
    Ok(if restored.left.is_empty() { Status::Done } else { Status::Wanting })
}

/// The snapshots of this state.
pub(super) fn open(here: &Here) -> Result<Snapshots, CommandError> {
    Snapshots::open(&here.state, terms(here)).map_err(CommandError::unable)
}

/// How much is saved here.
pub(super) fn terms(here: &Here) -> Terms {
    Terms::new(&here.config.snapshots, &here.dir)
}

/// The snapshot that is gone back to.
fn target(undo: &Undo, here: &Here) -> Result<Snapshot, CommandError> {
    let catalogue = here.state.snapshots();
    if let Some(name) = undo.to.as_deref() {
        let found = match catalogue.find(name).map_err(CommandError::unable)? {
            Some(found) => Some(found),
            None => catalogue.of_run(name).map_err(CommandError::unable)?,
        };
        return found.ok_or_else(|| {
            CommandError::usage(format!(
                "no run and no snapshot is called {name}; `holdpoint snapshots` shows what there is"
            ))
        });
    }
    let all = catalogue.list().map_err(CommandError::unable)?;
    let directory = std::env::current_dir().and_then(std::fs::canonicalize);
    let directory = directory.map_err(CommandError::unable)?;
    let of_runs = || all.iter().filter(|it| it.run.is_some() && it.kind == WORKSPACE);
    let newest = of_runs().find(|it| directory.starts_with(&it.what)).or_else(|| of_runs().next());
    let run = newest.and_then(|it| it.run.as_deref());
    let first = run.map(|run| catalogue.of_run(run)).transpose().map_err(CommandError::unable)?;
    first.flatten().ok_or_else(|| CommandError::usage("no run has been saved yet"))
}

/// What `--path` means: from where we are, or from the workspace.
fn within(path: &Path, root: &Path) -> Result<PathBuf, CommandError> {
    let here = std::env::current_dir().map_err(CommandError::unable)?;
    let candidates = [here.join(path), root.join(path)];
    let plain = |path: &PathBuf| {
        // A path that is gone cannot be resolved; its directory may be.
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::ParentDir => drop(plain.pop()),
                std::path::Component::CurDir => {}
                part => plain.push(part),
            }
        }
        plain
    };
    let found = candidates.iter().map(plain).find(|path| path.starts_with(root));
    found.ok_or_else(|| {
        CommandError::usage(format!("--path {}: not in {}", path.display(), root.display()))
    })
}

/// Whether the run still goes on that is to be undone.
fn goes_on(to: &Snapshot, here: &Here) -> Result<bool, CommandError> {
    let runs = here.state.run_processes().map_err(CommandError::unable)?;
    Ok(to.run.as_ref().is_some_and(|run| runs.iter().any(|(other, _)| other == run)))
}

fn shown(plan: &Plan, to: &Snapshot) -> String {
    let root = Path::new(&to.what);
    let line = |change: &holdpoint_snapshots::Change| {
        let path = change.path.strip_prefix(root).unwrap_or(&change.path);
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let newer = if change.newer { "  (changed after the run)" } else { "" };
        let name = path.to_string_lossy();
        format!("  {} {}{newer}\n", change.action.letter(), name.escape_debug())
    };
    let lines: String = plan.changes.iter().take(SHOWN).map(line).collect();
    let more = plan.changes.len().saturating_sub(SHOWN);
    let more =
        if more > 0 { format!("  and {more} more (--json shows all)\n") } else { String::new() };
    format!(
        "{} back to {} ({}): + comes back, ~ its content, . its rights or times, - is removed\n{lines}{more}",
        to.what, to.id, to.why
    )
}

/// Asks. Newer work that the run did not do is named.
fn confirmed(plan: &Plan, to: &Snapshot, goes_on: bool) -> Result<bool, CommandError> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    if goes_on {
        eprintln!(
            "its run still goes on: `holdpoint kill {}` first, or it writes on",
            to.run.as_deref().unwrap_or_default()
        );
    }
    let newer = match plan.newer() {
        0 => String::new(),
        newer => {
            format!("{newer} of these were changed after the run had ended, by somebody else. ")
        }
    };
    let count = plan.changes.len();
    let answer =
        ask(&format!("{newer}Make these {count} changes? What is there now is saved. [y/N] "))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Puts the undo into the ledger, before it changes anything: by the gateway if one is up.
pub(super) fn record(
    here: &Here,
    to: &Snapshot,
    saved: &str,
    changes: usize,
) -> Result<(), CommandError> {
    let catalogue = here.state.snapshots();
    let id =
        catalogue.undoing(&to.id, saved, &to.what, changes as u64).map_err(CommandError::unable)?;
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
    let detail = format!("undo of {what} to {to}: {changes} changes; before it: {saved}");
    RecordKind::Change { what: "snapshots".to_owned(), detail }
}
