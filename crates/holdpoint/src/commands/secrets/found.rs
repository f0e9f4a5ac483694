//! `holdpoint secrets found`: the credentials that lie within an agent's reach.

use std::{
    collections::HashSet,
    env,
    path::{Path, PathBuf},
};

use clap::Args;
use holdpoint_catalog::credentials::{Finder, Place, Sink, Use};
use holdpoint_posture::{
    exposed::Exposed,
    kingfisher::{Other, others},
    proposal,
    search::{Cache, Searched, search},
    surroundings,
};
use serde::Serialize;

use super::super::Here;
use crate::status::{CommandError, Ended, Status};

/// Lines that are told of one file, and files that are told, to a human.
const LINES_MAX: usize = 10;
const FILES_MAX: usize = 200;

/// Which credentials lie about: in a directory (this one, with the variables and the login files
/// of the home, if none is named). By file and line, never by value; nothing is sent anywhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint secrets found\n  holdpoint secrets found ~/work/shop --json\n\n\
Ends with 1 if something was found that is no test key, or something could not be searched.")]
pub(super) struct FoundFlags {
    /// A directory or a file.
    path: Option<PathBuf>,
    /// Do not ask `kingfisher` too, where it is installed.
    #[arg(long)]
    alone: bool,
}

/// What was found, with what each would be kept as.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    exposed: &'a Exposed,
    /// The secret that it is kept as.
    secret: Option<String>,
    /// The provider's mark for what acts on tests only.
    test: bool,
    /// `sent`, `local` or `unbound`.
    #[serde(rename = "use")]
    how: &'static str,
}

/// Runs `holdpoint secrets found`.
pub(super) fn run(flags: &FoundFlags, here: &Here) -> Ended {
    let finder = Finder::shared();
    let secrets = here.state.secrets();
    let fingerprint = |value: &str| secrets.fingerprint(value);
    let mut searched = Searched::default();
    let roots = roots(flags)?;
    for root in &roots {
        let mut cache = Cache::open(&here.dir, root);
        let next = search(root, finder, &mut cache, &fingerprint);
        if let Err(error) = cache.save() {
            tracing::warn!(%error, "what was found is not remembered: the next search takes as long");
        }
        searched = searched.and(next);
    }
    if flags.path.is_none() {
        let variables: Vec<(String, String)> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        searched.exposed.extend(surroundings::in_variables(variables, finder, &fingerprint));
    }
    let others = if flags.alone { Ok(None) } else { others(&roots, &searched, &fingerprint) };
    let others = others.unwrap_or_else(|error| {
        eprintln!("holdpoint: kingfisher is installed, and of no use: {error}");
        None
    });
    forget_phantoms(here, &mut searched.exposed)?;
    tell(here, &searched, others.unwrap_or_default())
}

/// What is searched.
fn roots(flags: &FoundFlags) -> Result<Vec<PathBuf>, CommandError> {
    if let Some(path) = &flags.path {
        let path = path
            .canonicalize()
            .map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))?;
        return Ok(vec![path]);
    }
    let here = env::current_dir().map_err(CommandError::unable)?;
    let home = env::var_os("HOME").map(PathBuf::from);
    let login_files = home.iter().flat_map(|home| surroundings::login_files(home));
    let apart = |path: &PathBuf| !path.starts_with(&here);
    Ok([here.clone()].into_iter().chain(login_files.filter(apart)).collect())
}

/// Stand-ins look like what they stand for, and are nobody's loss.
pub(super) fn forget_phantoms(here: &Here, exposed: &mut Vec<Exposed>) -> Result<(), CommandError> {
    let phantoms = phantoms(here)?;
    exposed.retain(|it| it.fingerprint.as_ref().is_none_or(|it| !phantoms.contains(it)));
    Ok(())
}

/// The fingerprints of stand-ins.
fn phantoms(here: &Here) -> Result<HashSet<String>, CommandError> {
    let secrets = here.state.secrets();
    let kept = secrets.list().map_err(CommandError::unable)?;
    Ok(kept.iter().map(|listed| secrets.fingerprint(&listed.phantom)).collect())
}

fn other_line(other: &Other) -> String {
    let path = place(Some(&other.path));
    let rule = other.rule.escape_debug();
    format!(
        "{path}:{}: found by kingfisher ({rule}): masked only where its name tells it\n",
        other.line
    )
}

/// Tells what was found: all of it to programs, the first of many to a human.
fn tell(here: &Here, searched: &Searched, mut others: Vec<Other>) -> Ended {
    let phantoms = phantoms(here)?;
    others.retain(|other| !phantoms.contains(&other.fingerprint));
    let told = searched.exposed.iter().map(|exposed| told(here, exposed));
    let told = told.collect::<Result<Vec<_>, CommandError>>()?;
    let fact = serde_json::json!({
        "found": told,
        "by_kingfisher": others,
        "untold": searched.untold,
        "unsearched": searched.unsearched,
        "files": searched.files,
        "read": searched.read,
        "bytes": searched.bytes,
    });
    let by_others: String = others.iter().take(FILES_MAX).map(other_line).collect();
    here.print(&fact, &(by_others + &text(&told, searched)))?;
    let unknown = !searched.unsearched.is_empty() || !others.is_empty();
    let real = told.iter().any(|it| !it.test) || unknown;
    Ok(if real { Status::Wanting } else { Status::Done })
}

fn told<'a>(here: &Here, exposed: &'a Exposed) -> Result<Told<'a>, CommandError> {
    let secrets = here.state.secrets();
    let kept = exposed.fingerprint.as_deref().map(|it| secrets.of_fingerprint(it)).transpose();
    let how = match exposed.binding(place_of(exposed)).how {
        Use::Sent => "sent",
        Use::Local => "local",
        Use::Unbound => "unbound",
    };
    Ok(Told {
        exposed,
        secret: kept.map_err(CommandError::unable)?.flatten(),
        test: exposed.is_test(),
        how,
    })
}

/// Where it lies, for what it is for: in this directory, or in the home.
fn place_of(exposed: &Exposed) -> Place {
    let below = |root: Option<PathBuf>| {
        let below = exposed.path.as_deref()?.strip_prefix(root?).ok()?;
        Some(below.to_string_lossy().into_owned())
    };
    match below(env::current_dir().ok()) {
        Some(path) => Place::in_workspace(&path),
        None => below(env::var_os("HOME").map(PathBuf::from))
            .map_or(Place::Anywhere, |path| Place::in_home(&path)),
    }
}

fn text(told: &[Told<'_>], searched: &Searched) -> String {
    let mut text = String::new();
    let mut files = 0;
    for file in told.chunk_by(|one, other| one.exposed.path == other.exposed.path) {
        files += 1;
        if files > FILES_MAX {
            continue;
        }
        file.iter().take(LINES_MAX).for_each(|it| text += &line(it));
        let place = file.first().map_or_else(String::new, |it| place(it.exposed.path.as_deref()));
        match file.len().saturating_sub(LINES_MAX) {
            0 => {}
            more => text += &format!("{place}: {more} more\n"),
        }
    }
    if files > FILES_MAX {
        text += &format!("and {} more files; --json tells all\n", files - FILES_MAX);
    }
    for unsearched in &searched.unsearched {
        text += &format!("{}: not searched: {}\n", unsearched.path.display(), unsearched.why);
    }
    let tests = told.iter().filter(|it| it.test).count();
    let (real, untold) = (told.len() - tests, searched.untold);
    let tests = if tests == 0 { String::new() } else { format!(", and {tests} for tests only") };
    let untold = if untold == 0 { String::new() } else { format!(", and {untold} untold") };
    let read = format!("{} files, {} of them read", searched.files, searched.read);
    format!("{text}{real} credentials{tests}{untold} in {read}")
}

fn line(told: &Told<'_>) -> String {
    let Told { exposed, secret, test, how } = told;
    let place = place(exposed.path.as_deref());
    let line = if exposed.path.is_some() { format!(":{}", exposed.line) } else { String::new() };
    let name = exposed.name.escape_debug();
    let mark = if *test { ", for tests only" } else { "" };
    let sink = match &exposed.sink {
        Sink::Hosts(hosts) => hosts.first().map_or_else(String::new, |host| format!(" to {host}")),
        Sink::Here => " on this machine".to_owned(),
        Sink::Unknown => String::new(),
    };
    let kept = match (secret, &exposed.fingerprint) {
        (Some(name), _) => format!(", kept as {name}"),
        (None, Some(it)) => format!(", would be kept as {}", proposal::name(&exposed.name, it)),
        (None, None) => String::new(),
    };
    let (kind, confidence) = (exposed.kind.name, exposed.confidence.as_str());
    format!("{place}{line}: {name} ({kind}, {confidence}{mark}): {how}{sink}{kept}\n")
}

fn place(path: Option<&Path>) -> String {
    path.map_or_else(
        || "environment".to_owned(),
        |path| path.display().to_string().escape_debug().to_string(),
    )
}
