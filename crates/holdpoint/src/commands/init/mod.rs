//! `holdpoint init`: puts the hooks of agents in place, and takes back exactly what it put.
//!
//! - [`places`]: where each agent reads which hooks to ask
//! - [`insert`]: something put into a JSON file as text
//! - [`canary`]: whether a hook that is in place refuses
//! - `databases`: what the workspace's own settings name, offered

pub mod canary;
mod databases;
pub mod insert;
pub mod places;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use holdpoint_wire::hook::Agent;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    cli::Cli,
    status::{CommandError, Ended, Status},
    terminal,
};
use places::{Place, Root, What, place};

/// Where it is written down what was put where, in the state directory.
const PUT: &str = "init.json";
/// The longest file that something is put into.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Put the hooks of agents in place, or take them back.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint init\n  holdpoint init --agent claude --yes\n  holdpoint init --remove\n\n\
Without --agent: every agent that is found in the home, on the path or in this repository. The hooks \
are put into the home, so that they hold in every repository; with --project into this repository.")]
pub struct Init {
    /// Only this agent; repeatable.
    #[arg(long, value_name = "NAME")]
    agent: Vec<Agent>,
    /// Put them into the repository that this directory is in, not into the home.
    #[arg(long, conflicts_with = "remove")]
    project: bool,
    /// Take back exactly what was put.
    #[arg(long)]
    remove: bool,
    /// Ask nothing.
    #[arg(long)]
    yes: bool,
}

/// What was put into one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// Whose hook it is.
    pub agent: String,
    /// The file.
    pub file: PathBuf,
    /// Its text before; none if there was no file.
    before: Option<String>,
    /// Its text afterwards.
    after: String,
    /// What was put in, piece by piece.
    added: Vec<String>,
    /// Directories that were made for it, the outermost first.
    made: Vec<PathBuf>,
}

/// A change that has not been made yet.
struct Change {
    put: Put,
    runs: bool,
}

/// Runs `holdpoint init` on the state that `cli` names.
pub fn run(init: &Init, cli: &Cli) -> Ended {
    let dir = cli.state_dir()?;
    match init.remove {
        true => remove(init, &dir, cli.json),
        false => install(init, &dir, cli.state.is_some(), cli.json),
    }
}

/// `chosen`: a human chose the state directory, so that the hooks have to name it.
fn install(init: &Init, dir: &Path, chosen: bool, json: bool) -> Ended {
    let home = home()?;
    let here = std::env::current_dir().map_err(CommandError::unable)?;
    let repository = here.ancestors().find(|it| it.join(".git").exists()).unwrap_or(&here);
    let root = if init.project { Root::Repository(repository) } else { Root::Home(&home) };
    let offers = databases::found(&here, dir);
    if !json {
        eprint!("{}", databases::shown(&offers));
    }
    let agents = match init.agent.as_slice() {
        [] => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
            places::found(&home, repository, &path)
        }
        named => named.to_vec(),
    };
    if agents.is_empty() {
        let text = "no agent with hooks is found here; name one with --agent";
        return Err(CommandError::usage(text));
    }
    let program = std::env::current_exe().map_err(CommandError::unable)?;
    let mut known = read(dir)?;
    let mut changes = Vec::new();
    for agent in agents {
        let place = place(agent, root, &program, &words(agent, dir, chosen));
        let change = change(&place)
            .map_err(|error| CommandError::unable(format!("{}: {error}", place.file.display())))?;
        changes.extend(change);
    }
    for Change { put, .. } in &changes {
        show(put, '+', json);
    }
    if changes.is_empty() {
        say(json, &json!({ "put": [], "databases": offers }), "every hook is in place");
        return Ok(Status::Done);
    }
    if !init.yes && terminal::ask("Put these in place? [y/N] ")?.trim() != "y" {
        return Ok(Status::Wanting);
    }
    let mut files = Vec::new();
    for Change { mut put, runs } in changes {
        put.made = made(&put.file)?;
        write(&put.file, &put.after, runs).map_err(failed(&put.file))?;
        files.push(put.file.clone());
        known.push(put);
        keep(dir, &known)?;
    }
    let codex = files.iter().any(|it| it.ends_with(".codex/hooks.json"));
    let mut text = format!("{} in place; `holdpoint doctor` tries them", files.len());
    if codex {
        text += "\nCodex runs a hook only once you have reviewed it: say /hooks to it";
    }
    say(json, &json!({ "put": files, "databases": offers }), &text);
    Ok(Status::Done)
}

/// The words behind the program: the agent, and the state where it is not the usual one.
fn words(agent: Agent, dir: &Path, chosen: bool) -> Vec<String> {
    let state = chosen.then(|| ["--state".to_owned(), dir.display().to_string()]);
    let own = ["hook", "--agent", agent.as_str()].map(str::to_owned);
    state.into_iter().flatten().chain(own).collect()
}

/// What would be changed to have a hook in its place; nothing if it is there.
fn change(place: &Place) -> Result<Option<Change>, CommandError> {
    let before = text(&place.file)?;
    let (after, added, runs) = match &place.what {
        What::Whole { text, runs } => match &before {
            Some(before) if before == text => return Ok(None),
            Some(_) => {
                let error = "another hook is there; have it call Holdpoint's as well";
                return Err(CommandError::unable(error));
            }
            None => (text.clone(), vec![text.clone()], *runs),
        },
        What::Elements { empty, elements } => {
            let mut after = before.clone().unwrap_or_else(|| (*empty).to_owned());
            let mut added = Vec::new();
            for (path, element) in elements {
                let element = element.to_string();
                if after.contains(&element) && has(&after, path, &element) {
                    continue;
                }
                let (text, piece) =
                    insert::into_array(&after, path, &element).map_err(CommandError::unable)?;
                after = text;
                added.push(piece);
            }
            if added.is_empty() {
                return Ok(None);
            }
            (after, added, false)
        }
    };
    let (agent, file) = (place.agent.as_str().to_owned(), place.file.clone());
    Ok(Some(Change { put: Put { agent, file, before, after, added, made: Vec::new() }, runs }))
}

/// Whether exactly this element stands in the array at `path`.
fn has(text: &str, path: &[&str], element: &str) -> bool {
    let (Ok(text), Ok(element)) = (
        serde_json::from_str::<serde_json::Value>(text),
        serde_json::from_str::<serde_json::Value>(element),
    ) else {
        return false;
    };
    let pointer: String = path.iter().map(|key| format!("/{key}")).collect();
    let array = text.pointer(&pointer).and_then(serde_json::Value::as_array);
    array.is_some_and(|array| array.contains(&element))
}

fn remove(init: &Init, dir: &Path, json: bool) -> Ended {
    let known = read(dir)?;
    let named = |put: &Put| {
        init.agent.is_empty() || init.agent.iter().any(|agent| agent.as_str() == put.agent)
    };
    let (taken, stays): (Vec<Put>, Vec<Put>) = known.into_iter().partition(named);
    if taken.is_empty() {
        say(json, &json!({ "taken": [] }), "there is nothing of ours to take back");
        return Ok(Status::Done);
    }
    taken.iter().for_each(|put| show(put, '-', json));
    if !init.yes && terminal::ask("Take these back? [y/N] ")?.trim() != "y" {
        return Ok(Status::Wanting);
    }
    let (files, left) = take_each_back(taken);
    keep(dir, &stays.into_iter().chain(left.iter().cloned()).collect::<Vec<_>>())?;
    for put in &left {
        eprintln!(
            "{}: changed since, or out of reach; take our lines out by hand",
            put.file.display()
        );
    }
    say(json, &json!({ "taken": files }), &format!("{} taken back", files.len()));
    Ok(if left.is_empty() { Status::Done } else { Status::Wanting })
}

/// Takes back everything that was put anywhere, by the word of the state in `dir`; gives the files
/// of what could not be found any more.
pub fn take_all_back(dir: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let known = read(dir)?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let (_, left) = take_each_back(known);
    keep(dir, &left)?;
    Ok(left.into_iter().map(|put| put.file).collect())
}

/// Takes back what was put, the last first: the files of what is gone, and what is left.
fn take_each_back(puts: Vec<Put>) -> (Vec<PathBuf>, Vec<Put>) {
    let (mut files, mut left) = (Vec::new(), Vec::new());
    for put in puts.into_iter().rev() {
        match take_back(&put) {
            Ok(true) => files.push(put.file),
            // What cannot be read or written now stays on the list.
            Ok(false) | Err(_) => left.push(put),
        }
    }
    left.reverse();
    (files, left)
}

/// Takes back what was put into a file; whether all of it could be found.
fn take_back(put: &Put) -> Result<bool, CommandError> {
    let now = text(&put.file)?;
    let restored = match (&now, &put.before) {
        (None, _) => return Ok(true),
        (Some(now), before) if *now == put.after => before.clone(),
        (Some(now), before) => {
            let rest = put
                .added
                .iter()
                .rev()
                .try_fold(now.clone(), |text, piece| insert::without(&text, piece));
            match rest {
                Some(rest) if before.is_none() && rest.trim().is_empty() => None,
                Some(rest) => Some(rest),
                None => return Ok(false),
            }
        }
    };
    match restored {
        Some(text) => write(&put.file, &text, false).map_err(failed(&put.file))?,
        None => {
            fs::remove_file(&put.file).map_err(failed(&put.file))?;
            for directory in put.made.iter().rev() {
                // Somebody else may have put something there.
                let _empty = fs::remove_dir(directory);
            }
        }
    }
    Ok(true)
}

/// What is in place by the word of the state in `dir`.
pub fn read(dir: &Path) -> Result<Vec<Put>, CommandError> {
    match fs::read(dir.join(PUT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => {
            let text = read.map_err(CommandError::unable)?;
            serde_json::from_slice(&text).map_err(CommandError::unable)
        }
    }
}

fn keep(dir: &Path, puts: &[Put]) -> Result<(), CommandError> {
    let text = serde_json::to_vec_pretty(puts).map_err(CommandError::unable)?;
    let make = || {
        fs::create_dir_all(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        super::policy::replace(&dir.join(PUT), &text)
    };
    make().map_err(CommandError::unable)
}

/// The text of a file; none if there is no file.
fn text(file: &Path) -> Result<Option<String>, CommandError> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if found.len() > FILE_BYTES_MAX => {
            return Err(CommandError::unable("it is too large to be an agent's settings"));
        }
        _ => {}
    }
    fs::read_to_string(file).map(Some).map_err(CommandError::unable)
}

/// Makes the directories of a file, and says which.
fn made(file: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let Some(directory) = file.parent() else { return Ok(Vec::new()) };
    let mut missing: Vec<PathBuf> =
        directory.ancestors().take_while(|it| !it.exists()).map(Path::to_owned).collect();
    missing.reverse();
    fs::create_dir_all(directory).map_err(failed(directory))?;
    Ok(missing)
}

/// Writes a file as a whole, with the rights that it had.
fn write(file: &Path, text: &str, runs: bool) -> io::Result<()> {
    let mode = match fs::metadata(file) {
        Ok(found) => found.permissions().mode(),
        Err(_) if runs => 0o755,
        Err(_) => 0o644,
    };
    // A link is followed: settings are often kept elsewhere.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let new = file.with_extension(format!("holdpoint.{}", std::process::id()));
    fs::write(&new, text)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
    fs::rename(&new, &file)
}

fn failed(file: &Path) -> impl Fn(io::Error) -> CommandError {
    move |error| CommandError::unable(format!("{}: {error}", file.display()))
}

/// Shows what is put into a file, or taken out of it.
fn show(put: &Put, sign: char, json: bool) {
    if json {
        return;
    }
    eprintln!("{} ({})", put.file.display(), put.agent);
    for line in put.added.iter().flat_map(|piece| piece.lines()).filter(|line| !line.is_empty()) {
        eprintln!("{sign} {line}");
    }
}

fn say(json: bool, fact: &serde_json::Value, text: &str) {
    println!("{}", if json { fact.to_string() } else { text.to_owned() });
}

fn home() -> Result<PathBuf, CommandError> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    home.map(PathBuf::from).ok_or_else(|| CommandError::usage("there is no home directory"))
}
