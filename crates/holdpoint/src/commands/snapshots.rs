//! `holdpoint snapshots`: what was saved, and whether it can be trusted.

use clap::{Args, Subcommand};
use holdpoint_core::Timestamp;
use holdpoint_store::snapshots::Snapshot;
use serde_json::json;

use super::{
    Here, now,
    undo::{
        open,
        preserved::{Take, take},
    },
};
use crate::status::{CommandError, Ended, Status};

const DAY_SECONDS: u64 = 24 * 3600;

/// What was saved, and whether it can be trusted.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint snapshots\n  holdpoint snapshots verify\n  \
restic -r ~/.local/state/holdpoint/snapshots snapshots   # with the key of `snapshots key`")]
pub struct Snapshots {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What there is: what, when, why, size, until when, verified when.
    List,
    /// Save a database of this machine, or references of a git remote.
    Take(Take),
    /// Read everything back; ends with 1 if anything is missing or was changed.
    Verify,
    /// Find out by trying what whoever writes snapshots can do to them; ends with 1 if that is
    /// more than to add and to read.
    Check,
    /// Remove what is older than it is kept, but never what is newest of anything.
    Prune,
    /// A key with which plain restic reads everything here.
    Key,
}

/// Runs `holdpoint snapshots`.
pub fn run(snapshots: &Snapshots, here: &Here) -> Ended {
    match snapshots.verb.as_ref().unwrap_or(&Verb::List) {
        Verb::List => list(here),
        Verb::Take(it) => take(it, here),
        Verb::Verify => verify(here),
        Verb::Check => check(here),
        Verb::Prune => prune(here),
        Verb::Key => key(here),
    }
}

fn list(here: &Here) -> Ended {
    let all = here.state.snapshots().list().map_err(CommandError::unable)?;
    let text: String = all.iter().map(line).collect();
    here.print(&all, if text.is_empty() { "nothing has been saved yet" } else { &text })?;
    Ok(Status::Done)
}

fn line(snapshot: &Snapshot) -> String {
    let Snapshot { id, what, why, at, entries, bytes, until, verified, .. } = snapshot;
    let verified = verified.map_or_else(|| "never".to_owned(), |at| ago(at, now()));
    let size = size(*bytes);
    let omitted = match snapshot.omitted.len() {
        0 => String::new(),
        _ => format!("\n    without {}", snapshot.omitted.join("; ")),
    };
    let (at, left) = (ago(*at, now()), until.seconds_since(now()) / DAY_SECONDS);
    format!(
        "{id}  {at}  {what} {why}: {entries} entries, {size}; kept for {left} more days, verified \
         {verified}{omitted}\n"
    )
}

/// How long ago something was, in the largest unit that says it.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds_since(at);
    let units = [(DAY_SECONDS, "d"), (3600, "h"), (60, "min")];
    let found = units.iter().find(|(length, _)| seconds >= *length);
    found.map_or_else(
        || format!("{seconds} s ago"),
        |(length, unit)| format!("{} {unit} ago", seconds / length),
    )
}

/// Bytes as a human reads them.
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64;
    let mut unit = units.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    while amount >= 1024.0 {
        let Some(next) = unit.next() else { break };
        (amount, name) = (amount / 1024.0, next);
    }
    if name == "B" { format!("{bytes} B") } else { format!("{amount:.1} {name}") }
}

fn verify(here: &Here) -> Ended {
    let verified = open(here)?.verify(now()).map_err(CommandError::unable)?;
    let fact = json!({ "ok": verified.faults.is_empty(), "snapshots": verified.snapshots,
        "faults": verified.faults });
    let text = match verified.faults.is_empty() {
        true => format!("all of {} snapshots was read back", verified.snapshots),
        false => format!("not everything can be read back:\n  {}", verified.faults.join("\n  ")),
    };
    here.print(&fact, &text)?;
    Ok(if verified.faults.is_empty() { Status::Done } else { Status::Wanting })
}

fn check(here: &Here) -> Ended {
    let findings = open(here)?.check().map_err(CommandError::unable)?;
    let ok = findings.iter().all(|finding| finding.ok);
    let line = |it: &holdpoint_snapshots::Finding| {
        let mark = if it.ok { "ok" } else { "WANTING" };
        format!("{mark:<8} {}: {}\n", it.what, it.found)
    };
    let text: String = findings.iter().map(line).collect();
    here.print(&findings, &text)?;
    Ok(if ok { Status::Done } else { Status::Wanting })
}

fn prune(here: &Here) -> Ended {
    let pruned = open(here)?.prune(now()).map_err(CommandError::unable)?;
    let fact = json!({ "removed": pruned.removed, "kept": pruned.kept });
    here.print(&fact, &format!("{} removed, {} kept", pruned.removed, pruned.kept))?;
    Ok(Status::Done)
}

fn key(here: &Here) -> Ended {
    let exported = open(here)?.export_key().map_err(CommandError::unable)?;
    let fact = json!({ "repository": exported.repository, "password": *exported.password });
    let repository = exported.repository.display();
    let text = format!(
        "restic --no-lock -r {repository} snapshots\npassword: {}\nIt opens everything that was \
         ever saved here: keep it away from agents.",
        *exported.password
    );
    here.print(&fact, &text)?;
    Ok(Status::Done)
}
