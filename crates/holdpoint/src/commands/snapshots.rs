//! `holdpoint snapshots`: what was saved, and whether it can be trusted.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use holdpoint_core::Timestamp;
use holdpoint_snapshots::{Login, Snapshots as Kept, door::server::Server};
use holdpoint_store::{config::StoreUrl, snapshots::Snapshot};
use nix::unistd::{Uid, geteuid, seteuid};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{
    Here, now,
    undo::{
        open,
        preserved::{Take, take},
        terms,
    },
};
use crate::{
    cli::Cli,
    status::{CommandError, Ended, Status},
    terminal::secret,
};

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
    /// Save a database or a volume of this machine, or references of a git remote.
    Take(Take),
    /// Read everything back; ends with 1 if anything is missing or was changed.
    Verify,
    /// Find out by trying what whoever writes snapshots can do to them; ends with 1 if that is
    /// more than to add and to read.
    Check,
    /// Remove what is older than it is kept, but never what is newest of anything.
    Prune(Prune),
    /// Keep snapshots for another user, who can add and read and nothing else: until it is ended.
    Door(Door),
    /// Keep the login of whoever writes to `snapshots_store`: USER:PASSWORD, or KEY-ID:KEY of S3,
    /// from standard input. It should be able to add and read, and no more.
    Login,
    /// A key with which plain restic reads everything here.
    Key,
}

/// Remove what is older than it is kept, but never what is newest of anything.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, once a day (crontab -e):\n  17 4 * * * holdpoint snapshots prune\n\n\
From a bucket that locks, nothing is removed: name another path in `snapshots_store`, and the old one ends.")]
struct Prune {
    /// The directory behind a door: for root, who alone is both users.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["login", "at"])]
    behind: Option<PathBuf>,
    /// With a login that may remove from `snapshots_store`, which is read from standard input and
    /// kept nowhere.
    #[arg(long)]
    login: bool,
    /// The address at which that store lets things be removed, if it is another.
    #[arg(long, value_name = "URL", requires = "login")]
    at: Option<StoreUrl>,
}

/// Keep snapshots for another user, who can add and read and nothing else: until it is ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  sudo -u holdpoint-store holdpoint snapshots door --directory /var/lib/holdpoint-store \\\n    \
--socket /run/holdpoint/snapshots.sock --user 1000\n\n\
Then `snapshots_door = \"/run/holdpoint/snapshots.sock\"` in the holdpoint.toml of user 1000.")]
pub struct Door {
    /// Where the snapshots lie.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// The socket.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The number of the user who may knock.
    #[arg(long, value_name = "UID")]
    user: u32,
}

impl Snapshots {
    /// The door that is to be opened, which needs no state.
    pub fn door(&self) -> Option<&Door> {
        match &self.verb {
            Some(Verb::Door(door)) => Some(door),
            _ => None,
        }
    }
}

/// Does something with the rights of whoever owns `place`, as root can.
fn as_owner_of<T>(
    place: &Path,
    act: impl FnOnce() -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let owner = Uid::from_raw(fs::metadata(place).map_err(CommandError::unable)?.uid());
    let own = geteuid();
    if owner == own {
        return act();
    }
    seteuid(owner).map_err(CommandError::unable)?;
    let done = act();
    seteuid(own).map_err(CommandError::unable)?;
    done
}

/// Opens the state; one that belongs to another user only to prune what is behind a door.
pub(super) fn open_state(own: &Snapshots, cli: &Cli) -> Result<Here, CommandError> {
    match &own.verb {
        Some(Verb::Prune(Prune { behind: Some(_), .. })) => {
            as_owner_of(&cli.state_dir()?, || Here::open(cli))
        }
        _ => Here::open(cli),
    }
}

/// Opens a door, and answers whoever knocks.
pub fn door(door: &Door) -> Ended {
    let Door { directory, socket, user } = door;
    let server = Server::open(directory, socket, *user).map_err(CommandError::unable)?;
    eprintln!("holdpoint: {} is open to user {user}", socket.display());
    server.serve().map_err(CommandError::unable)?;
    Ok(Status::Done)
}

/// Runs `holdpoint snapshots`.
pub fn run(snapshots: &Snapshots, here: &Here) -> Ended {
    match snapshots.verb.as_ref().unwrap_or(&Verb::List) {
        Verb::List => list(here),
        Verb::Take(it) => take(it, here),
        Verb::Verify => verify(here),
        Verb::Check => check(here),
        Verb::Prune(it) => prune(it, here),
        Verb::Door(it) => door(it),
        Verb::Login => login(here),
        Verb::Key => key(here),
    }
}

fn ask_login(whose: &str) -> Result<Login, CommandError> {
    let text = secret(&format!("login of {whose} (USER:PASSWORD, or KEY-ID:KEY of S3): "))?;
    Login::read(text.expose_secret()).map_err(CommandError::usage)
}

/// Keeps the login of whoever writes.
fn login(here: &Here) -> Ended {
    let Some(store) = &here.config.snapshots_store else {
        let text = "snapshots lie in no store: write `snapshots_store = …` into holdpoint.toml";
        return Err(CommandError::usage(text));
    };
    let login = ask_login("whoever writes")?;
    let kept = here.state.snapshots().set_login(login.text().as_bytes());
    kept.map_err(CommandError::unable)?;
    let text = format!("kept for {store}; `holdpoint snapshots check` tries what it can do there");
    here.print(&json!({ "store": store.to_string(), "kept": true }), &text)?;
    Ok(Status::Done)
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

fn prune(prune: &Prune, here: &Here) -> Ended {
    let runs = as_owner_of(&here.dir, || here.state.run_processes().map_err(CommandError::unable))?;
    let runs: HashSet<String> = runs.into_iter().map(|(run, _)| run).collect();
    let pruned = match &prune.behind {
        None if prune.login => {
            let login = ask_login("whoever removes")?;
            let kept = Kept::open_to_remove(&here.state, terms(here), login, prune.at.as_ref());
            kept.and_then(|kept| kept.prune(&runs, now())).map_err(CommandError::unable)?
        }
        None => open(here)?.prune(&runs, now()).map_err(CommandError::unable)?,
        // What is written there has to be theirs who keep it.
        Some(directory) => as_owner_of(directory, || {
            let kept = Kept::open_in(&here.state, terms(here), directory);
            kept.and_then(|kept| kept.prune(&runs, now())).map_err(CommandError::unable)
        })?,
    };
    let fact = json!({ "removed": pruned.removed, "kept": pruned.kept });
    here.print(&fact, &format!("{} removed, {} kept", pruned.removed, pruned.kept))?;
    Ok(Status::Done)
}

fn key(here: &Here) -> Ended {
    let exported = open(here)?.export_key().map_err(CommandError::unable)?;
    let fact = json!({ "repository": exported.repository, "password": *exported.password });
    let repository = &exported.repository;
    let text = format!(
        "restic --no-lock -r {repository} snapshots\npassword: {}\nIt opens everything that was \
         ever saved here: keep it away from agents.",
        *exported.password
    );
    here.print(&fact, &text)?;
    Ok(Status::Done)
}
