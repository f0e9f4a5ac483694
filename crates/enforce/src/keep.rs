//! What a step would take away, and whoever saves it first.
//!
//! The same words serve what is done and what is only explained: an explanation takes what this
//! build can save as healthy, and live it is asked whether it is.

use std::{fmt, path::Path};

use holdpoint_core::{Digest, Effect, Environment, policy::Ground};
use holdpoint_wire::shell::{At, Step, volumes::Volumes};

use crate::steps::is_here;

/// The kinds of databases that this build can save.
const DATABASES: &[&str] = &["postgres", "mysql", "mysql2", "mariadb", "redis", "sqlite"];
/// What stands behind a path whose uncommitted changes are meant.
const UNCOMMITTED: &str = "#";

/// What a step would take away, and that can be saved before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Files of a workspace.
    Files {
        /// The workspace.
        workspace: String,
        /// What of it.
        at: String,
    },
    /// A database of this machine.
    Database {
        /// Its address, as the tool was told it; it may hold a password.
        address: String,
        /// The directory from which a file would be named; none where nobody knows it.
        directory: Option<String>,
    },
    /// Volumes of a container engine of this machine.
    Volumes(Volumes),
}

impl Loss {
    /// What `step` would take away in `workspace`, or beyond it. `None` where nothing in this build
    /// could save it.
    pub fn of(step: &Step, workspace: &str) -> Option<Self> {
        if step.operation.effect == Effect::Observe {
            return None;
        }
        let id = step.operation.resource.id.as_str();
        if step.ground == Ground::Workspace {
            let path = id.strip_prefix("file:").unwrap_or(workspace);
            let path = path.split(UNCOMMITTED).next().unwrap_or(path);
            let at = if path.is_empty() { workspace } else { path };
            return Some(Self::Files { workspace: workspace.to_owned(), at: at.to_owned() });
        }
        if let Some(volumes) = &step.volumes {
            return Some(Self::Volumes(volumes.clone()));
        }
        let here = match &step.at {
            At::Here => true,
            At::Host(host) => is_here(host),
            At::Service | At::Somewhere => false,
        };
        let known = DATABASES.contains(&step.operation.resource.id.provider());
        let address = step.address.as_ref().filter(|_| here && known)?;
        Some(Self::Database { address: address.clone(), directory: step.directory.clone() })
    }

    /// Whether a store on this machine may hold it: data of production goes to none.
    pub fn may_stay_here(environment: Environment) -> bool {
        !matches!(environment, Environment::Production | Environment::Unknown)
    }
}

/// Why something is saved.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    /// The run that is about to do it.
    pub run: &'a str,
    /// What it is about to do.
    pub operation: &'a str,
}

/// Why something was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unkept {
    /// It takes longer than anybody waits; it goes on, and whoever asks again finds it done.
    Preparing,
    /// It cannot be saved, for this reason.
    Cannot(String),
}

/// References of a git remote that were fetched.
#[derive(Debug, Clone)]
pub struct Fetched<'a> {
    /// The remote's URL, without credentials.
    pub url: &'a str,
    /// The references, by their full names.
    pub references: &'a [String],
    /// The file that holds them with everything that they reach: a bundle (git's
    /// `Documentation/gitformat-bundle`). Whoever keeps it removes it.
    pub bundle: &'a Path,
}

/// Whoever saves what would be taken away.
pub trait Keep: fmt::Debug + Send + Sync {
    /// Whether there is a store for this; `environment` is where it lies.
    fn can(&self, loss: &Loss, environment: Environment) -> bool;

    /// Saves all of it, whole and on disk when this returns; says by what that is proven.
    fn keep(&self, losses: &[Loss], occasion: &Occasion<'_>) -> Result<Digest, Unkept>;

    /// Saves what was fetched, once it has been seen to be whole.
    fn keep_fetched(
        &self,
        fetched: &Fetched<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<Digest, Unkept>;
}
