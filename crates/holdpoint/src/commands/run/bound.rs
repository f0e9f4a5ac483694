//! What found credentials are for: known names bind themselves, for the rest a human is asked once,
//! and the run is lent the phantoms of all.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::mpsc,
};

use holdpoint_catalog::credentials::{Place, Use};
use holdpoint_posture::proposal::Proposal;
use holdpoint_sandbox::masks::{Masks, Stood};
use holdpoint_store::{
    StoreError,
    secrets::{Bounds, Offer, Secrets},
};
use secrecy::ExposeSecret as _;

use super::{
    super::{Here, now},
    Ground,
};
use crate::{status::CommandError, terminal::ask};

/// Credentials that a human is asked about at a time.
const ASKED_MAX: usize = 8;
/// Commands that are told where nobody can be asked.
const TOLD_MAX: usize = 3;

/// Where things are found.
pub(super) struct Grounds {
    /// The workspace of the run.
    workspace: PathBuf,
    /// The human's home.
    home: PathBuf,
}

impl Grounds {
    /// Those of a run on `ground`.
    pub(super) fn of(ground: &Ground) -> Self {
        Self { workspace: ground.workspace.clone(), home: ground.home.path.clone() }
    }

    fn place(&self, path: &Path) -> Place {
        let below =
            |root: &Path| Some(path.strip_prefix(root).ok()?.to_string_lossy().into_owned());
        match below(&self.workspace) {
            Some(path) => Place::in_workspace(&path),
            None => below(&self.home).map_or(Place::Anywhere, |path| Place::in_home(&path)),
        }
    }
}

/// Lends `run` what is masked for it, now and as more is found; and what is told of it.
pub(super) fn lend(
    here: &Here,
    run: &str,
    masks: &Masks,
    grounds: Grounds,
) -> Result<Vec<String>, CommandError> {
    let (secrets, run) = (here.state.secrets(), run.to_owned());
    let (send, drawn) = mpsc::channel();
    let later = secrets.clone();
    masks.take(Box::new(move |stood| {
        let lent = proposals(&later, &grounds, stood).and_then(|proposals| {
            let offers = proposals.iter().map(|(proposal, phantom)| offer(proposal, phantom));
            let left = later.lend(&run, &offers.collect::<Vec<_>>(), now())?;
            // Later ones are nobody's question: the run goes on.
            let _ = send.send(proposals);
            Ok(left)
        });
        match lent {
            Ok(0) => {}
            Ok(left) => tracing::warn!(left, "found credentials that no message can carry"),
            // A phantom that stands for nothing opens nothing.
            Err(error) => tracing::error!(%error, "what was found is not lent"),
        }
    }));
    let drawn = drawn.try_iter().flatten().map(|(proposal, _)| proposal).collect();
    let (open, local) = still_open(&secrets, drawn)?;
    let mut lines = Vec::new();
    if let Some(command) = local.first().and_then(Proposal::command) {
        let count = local.len();
        lines.push(format!(
            "{count} that sign here are development values inside; to have one real, \
             and unprotected: {command}"
        ));
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return ask_all(&secrets, &open).map(|()| lines);
    }
    let more = open.len().saturating_sub(TOLD_MAX);
    let commands = open.iter().take(TOLD_MAX).filter_map(Proposal::command);
    lines.extend(commands.map(|command| format!("unbound: {command}")));
    if more > 0 {
        lines.push(format!("unbound: {more} more are sent nowhere: holdpoint secrets list"));
    }
    Ok(lines)
}

/// What each would be kept as, and its phantom.
fn proposals(
    secrets: &Secrets,
    grounds: &Grounds,
    stood: Vec<Stood>,
) -> Result<Vec<(Proposal, String)>, StoreError> {
    let one = |Stood { found, value, phantom, path }: Stood| {
        let fingerprint = secrets.fingerprint(value.expose_secret());
        let place = path.map_or(Place::Anywhere, |path| grounds.place(&path));
        Ok((Proposal::of(&found, place, value, &fingerprint)?, phantom))
    };
    stood.into_iter().map(one).collect()
}

fn offer(proposal: &Proposal, phantom: &str) -> Offer {
    let Proposal { name, value, bounds, .. } = proposal;
    let (name, value, bounds) = (name.clone(), value.clone(), bounds.clone());
    Offer { name, value, bounds, phantom: phantom.to_owned() }
}

/// Of those, what is bound to nothing yet and nobody was asked about, once each: what is to be sent,
/// and what signs here.
fn still_open(
    secrets: &Secrets,
    drawn: Vec<Proposal>,
) -> Result<(Vec<Proposal>, Vec<Proposal>), CommandError> {
    let asked = secrets.unasked().map_err(CommandError::unable)?;
    let mut seen = BTreeSet::new();
    let open = drawn.into_iter().filter(|proposal| {
        let fingerprint = secrets.fingerprint(proposal.value.expose_secret());
        let name = asked.get(&fingerprint);
        name.is_some_and(|name| *name == proposal.name && seen.insert(name.clone()))
    });
    Ok(open
        .filter(|proposal| proposal.how != Use::Sent)
        .partition(|proposal| proposal.how == Use::Unbound))
}

/// The card: for each, once, hosts, purpose and environment.
fn ask_all(secrets: &Secrets, open: &[Proposal]) -> Result<(), CommandError> {
    if open.is_empty() {
        return Ok(());
    }
    let count = open.len();
    eprintln!(
        "holdpoint: {count} credentials were found that are bound to nothing. What is each for? With no \
         host it is sent nowhere; `holdpoint secrets bind NAME` says it anew."
    );
    for Proposal { name, hosts, .. } in open.iter().take(ASKED_MAX) {
        let bounds = loop {
            match asked(name, hosts) {
                Ok(bounds) => break bounds,
                Err(error) => eprintln!("  {error}"),
            }
        };
        secrets.bind(name, &bounds).map_err(CommandError::unable)?;
    }
    Ok(())
}

fn asked(name: &str, hosts: &[String]) -> Result<Bounds, CommandError> {
    let proposed = hosts.first().map_or_else(String::new, |host| format!(", such as {host}"));
    let words = |question: &str| -> Result<Vec<String>, CommandError> {
        Ok(ask(question)?.split_whitespace().map(str::to_owned).collect())
    };
    let hosts = words(&format!("  {name}\n    hosts (none{proposed}): "))?;
    if hosts.is_empty() {
        return Ok(Bounds::default());
    }
    let purposes = words("    purpose (rest:read): ")?;
    let purposes = if purposes.is_empty() { vec!["rest:read".to_owned()] } else { purposes };
    let environment = words("    environment (any): ")?;
    let usage = |error: &dyn std::fmt::Display| CommandError::usage(error.to_string());
    let environment = environment.first().map(|word| word.parse()).transpose();
    Ok(Bounds {
        hosts: hosts
            .iter()
            .map(|host| host.parse())
            .collect::<Result<_, StoreError>>()
            .map_err(|error| usage(&error))?,
        purposes: purposes
            .iter()
            .map(|purpose| purpose.parse())
            .collect::<Result<_, StoreError>>()
            .map_err(|error| usage(&error))?,
        environment: environment.map_err(|error| usage(&error))?,
        ..Bounds::default()
    })
}
