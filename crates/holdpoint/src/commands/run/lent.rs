//! What a run is lent: phantoms under the names that tools look for, and git's ways to code hosts.

use std::{collections::HashSet, convert::Infallible, ffi::OsString, str::FromStr};

use holdpoint_catalog::{
    git_hosts::{ANY_USER, GIT_HOSTS},
    hosts::Speaks,
    variables::variables,
};
use holdpoint_sandbox::{
    environment::Environment,
    git::{self, CodeHost},
    layout::Piece,
};
use holdpoint_store::secrets::{AWS_VARIABLES, Listed};

use super::{Here, signing::Signing};
use crate::status::CommandError;

/// A secret whose phantom goes in, as it is named in `--grant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    secret: String,
    /// Under which name; without it, the names under which its provider's tools look.
    variable: Option<String>,
}

impl FromStr for Granted {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (secret, variable) = match text.split_once('=') {
            Some((secret, variable)) => (secret, Some(variable.to_owned())),
            None => (text, None),
        };
        Ok(Self { secret: secret.to_owned(), variable })
    }
}

/// What goes in on top of the layout and the environment.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) pieces: Vec<Piece>,
    variables: Vec<(OsString, OsString)>,
}

impl Lent {
    /// What is granted, and what git needs.
    pub(super) fn of(
        here: &Here,
        granted: &[Granted],
        signing: &Signing,
    ) -> Result<Self, CommandError> {
        let kept = here.state.secrets().list().map_err(CommandError::unable)?;
        let found =
            granted.iter().map(|granted| find(granted, &kept)).collect::<Result<Vec<_>, _>>()?;
        let named = found.iter().map(|(granted, listed)| named(granted, listed));
        let mut variables = named.collect::<Result<Vec<_>, _>>()?.concat();
        variables.extend(git::variables(signing.key()));
        let granted: Vec<&Listed> = found.iter().map(|(_, listed)| *listed).collect();
        let hosts = code_hosts(here, &granted, &kept)?;
        Ok(Self { pieces: git::pieces(&hosts, signing.key()), variables })
    }

    /// Adds its variables to those that go in anyway, of which it replaces none.
    pub(super) fn join(self, environment: &mut Environment) -> Result<(), CommandError> {
        let taken = environment.variables.iter().map(|(name, _)| name).collect::<HashSet<_>>();
        if let Some((name, _)) = self.variables.iter().find(|(name, _)| taken.contains(name)) {
            let name = name.display();
            return Err(CommandError::usage(format!(
                "--grant: {name} is what it is; take another"
            )));
        }
        environment.variables.extend(self.variables);
        Ok(())
    }
}

fn find<'a>(
    granted: &'a Granted,
    kept: &'a [Listed],
) -> Result<(&'a Granted, &'a Listed), CommandError> {
    let found = kept.iter().find(|listed| listed.name == granted.secret);
    found.map(|listed| (granted, listed)).ok_or_else(|| {
        let text = format!("--grant: no secret is called {}", granted.secret);
        CommandError::usage(text + "; `holdpoint secrets list` shows those that are kept")
    })
}

/// A granted phantom under its names.
fn named(granted: &Granted, listed: &Listed) -> Result<Vec<(OsString, OsString)>, CommandError> {
    let phantom = &listed.phantom;
    if let Some(variable) = &granted.variable {
        let first = variable.starts_with(|first: char| first.is_ascii_uppercase());
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        return match first && variable.chars().all(plain) {
            true => Ok(vec![(variable.into(), phantom.into())]),
            false => Err(CommandError::usage(format!(
                "--grant: `{variable}` is no name of a variable, such as API_TOKEN"
            ))),
        };
    }
    let hosts = || listed.bounds.hosts.iter().map(|host| host.as_str());
    if hosts().any(|host| host.ends_with("amazonaws.com")) {
        let parts = AWS_VARIABLES.iter().zip(phantom.splitn(3, ':'));
        return Ok(parts.map(|(name, part)| (name.into(), part.into())).collect());
    }
    let names: Vec<&str> = hosts().flat_map(variables).copied().collect();
    if names.is_empty() && !is_for_git(listed) {
        let name = &listed.name;
        return Err(CommandError::usage(format!(
            "--grant: nothing says under which name tools look for `{name}`: --grant {name}=VARIABLE"
        )));
    }
    Ok(names.into_iter().map(|name| (name.into(), phantom.into())).collect())
}

fn is_for_git(listed: &Listed) -> bool {
    listed.bounds.purposes.iter().any(|purpose| purpose.as_str().starts_with("git:"))
}

/// Every code host that is listed, by a preset or by a human, with the phantom for it: the one
/// that is granted, else the only one that there is.
fn code_hosts(
    here: &Here,
    granted: &[&Listed],
    kept: &[Listed],
) -> Result<Vec<CodeHost>, CommandError> {
    let listed = here.state.hosts().list().map_err(CommandError::unable)?;
    let collaboration = Speaks::Collaboration.as_str();
    let by_hand = listed.iter().filter(|it| it.speaks == collaboration && !it.host.is_wildcard());
    let by_hand = by_hand.map(|it| (it.host.as_str(), ANY_USER));
    let mut hosts: Vec<(&str, &str)> = GIT_HOSTS.into_iter().chain(by_hand).collect();
    hosts.sort_by_key(|(name, _)| *name);
    hosts.dedup_by_key(|(name, _)| *name);
    let host = |(name, user): (&str, &str)| {
        let fits = |it: &&Listed| is_for_git(it) && it.bounds.hosts.iter().any(|b| b.matches(name));
        let granted = granted.iter().copied().find(|it| fits(it));
        let mut all = kept.iter().filter(fits);
        let only = all.next().filter(|_| all.next().is_none());
        let phantom = granted.or(only).map(|listed| listed.phantom.clone());
        CodeHost { name: name.to_owned(), user: user.to_owned(), phantom }
    };
    Ok(hosts.into_iter().map(host).collect())
}
