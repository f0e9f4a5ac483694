//! A workspace as it was before a run, or as any snapshot has it.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use holdpoint_snapshots::{Change, Plan, WORKSPACE};
use holdpoint_store::{
    snapshots::Snapshot,
    undos::{NewUndo, UndoAnswer},
};
use serde_json::json;

use super::{
    Undo,
    asked::{ask as ask_whether, not_now},
    open,
};
use crate::{
    commands::{Here, now},
    status::{CommandError, Ended, Status},
    terminal::ask,
};

/// How many changes are shown when nobody asks for all of them as JSON.
const SHOWN: usize = 40;
/// How much newer work is named to whoever approves.
const NAMED: usize = 5;

/// Shows what going back `to` a snapshot changes, asks, and does it.
pub(super) fn undo(undo: &Undo, to: &Snapshot, here: &Here) -> Ended {
    let snapshots = open(here)?;
    let within = undo.path.as_deref().map(|path| within(path, Path::new(&to.what))).transpose()?;
    let goes_on = goes_on(to, here)?;
    let prepared = snapshots.prepare(to, within.as_deref(), now()).map_err(CommandError::unable)?;
    let plan = prepared.plan();
    if plan.is_empty() {
        let text = format!("{} is as it was: nothing is to be undone", to.what);
        here.print(&json!({ "to": to.id, "changes": [], "undone": false }), &text)?;
        return Ok(Status::Done);
    }
    if !here.json {
        here.print(&json!({}), &shown(plan, to))?;
    }
    if !undo.yes && !confirmed(plan, to, goes_on)? {
        let fact = json!({ "to": to.id, "saved": prepared.saved().id, "changes": plan.changes,
            "undone": false });
        here.print(&fact, "nothing was undone; `--yes` does it without asking")?;
        return Ok(Status::Wanting);
    }
    let staged = prepared.stage().map_err(CommandError::unable)?;
    let changes = staged.plan().changes.clone();
    let saved = staged.saved().id.clone();
    let asked = NewUndo {
        kind: to.kind.clone(),
        to: to.id.clone(),
        saved: Some(saved.clone()),
        what: to.what.clone(),
        changes: changes.len() as u64,
        digest: staged.plan().digest(),
        destroys: destroys(staged.plan(), to, goes_on),
    };
    match ask_whether(here, &asked)? {
        UndoAnswer::Authorized => {}
        answer => {
            let fact = json!({ "to": to.id, "saved": saved, "changes": changes });
            return not_now(here, answer, fact);
        }
    }
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

/// The snapshot that is gone back to.
pub(super) fn target(name: Option<&str>, here: &Here) -> Result<Snapshot, CommandError> {
    let catalogue = here.state.snapshots();
    if let Some(name) = name {
        let found = match catalogue.find(name).map_err(CommandError::unable)? {
            Some(found) => Some(found),
            None => catalogue.of_run(name).map_err(CommandError::unable)?,
        };
        return found.ok_or_else(|| {
            CommandError::usage(format!(
                "no run and no snapshot is called {name}, and nothing that is scheduled; `holdpoint \
                 snapshots` and `holdpoint holds --scheduled` show what there is"
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

/// What newer work is taken away that the run did not do, in words.
fn destroys(plan: &Plan, to: &Snapshot, goes_on: bool) -> Option<String> {
    let root = Path::new(&to.what);
    let name = |change: &Change| {
        let path = change.path.strip_prefix(root).unwrap_or(&change.path);
        path.to_string_lossy().escape_debug().to_string()
    };
    let count = plan.newer().count();
    if count > 0 {
        let named: Vec<String> = plan.newer().take(NAMED).map(name).collect();
        let more = count.saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Some(format!("what somebody else than the run did: {}{more}", named.join(", ")));
    }
    let run = to.run.as_deref().unwrap_or_default();
    goes_on.then(|| {
        format!("what run {run}, which still goes on, works on: `holdpoint kill {run}` ends it")
    })
}

fn shown(plan: &Plan, to: &Snapshot) -> String {
    let root = Path::new(&to.what);
    let line = |change: &Change| {
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
    let newer = match plan.newer().count() {
        0 => String::new(),
        newer => format!(
            "{newer} of these take away what was changed after the run had ended, by somebody \
             else: that waits for an approval. "
        ),
    };
    let count = plan.changes.len();
    let answer =
        ask(&format!("{newer}Make these {count} changes? What is there now is saved. [y/N] "))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
