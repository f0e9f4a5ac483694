//! Why something could not be saved, read back or undone.

use std::{io, path::PathBuf};

use holdpoint_store::StoreError;
use rustic_core::RusticError;
use thiserror::Error;

/// Why something could not be saved, read back or undone.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The file system said no.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's own reason.
        source: io::Error,
    },
    /// There is more than may be saved.
    #[error(
        "{root} has more than {max} {what}: raise `snapshots.{what}` in holdpoint.toml, or go into \
         the part that is worked on",
        root = root.display()
    )]
    TooMuch {
        /// The workspace.
        root: PathBuf,
        /// What there is too much of, as its setting is called.
        what: &'static str,
        /// The maximum.
        max: u64,
    },
    /// What was written out did not all get in.
    #[error("{what} was not saved, as a part of it would be missing: {left_out}")]
    Incomplete {
        /// What was to be saved.
        what: String,
        /// The part, and why.
        left_out: String,
    },
    /// The repository said no.
    #[error("the snapshots in {place} cannot be used: {text}", place = place.display())]
    Repository {
        /// Where they are.
        place: PathBuf,
        /// The reason.
        text: String,
    },
    /// Somebody else keeps the repository, and removes from it.
    #[error(
        "whoever writes these snapshots cannot remove any: run `holdpoint snapshots prune --behind \
         DIR` as root where they lie behind a door, `prune --login` with a login that may remove \
         where they lie in a store"
    )]
    NoPower,
    /// It is no login.
    #[error("a login is written USER:PASSWORD, or KEY-ID:KEY of S3, without spaces")]
    Login,
    /// The catalogue said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something changed while it was being undone.
    #[error(
        "{path} changed while it was being undone, and nothing more was done; stop what works \
         there, then undo again",
        path = .0.display()
    )]
    Moving(PathBuf),
    /// Its path is no text.
    #[error(
        "the path {path:?} is no text, and a workspace that is saved needs one: rename it",
        path = .0
    )]
    NoText(PathBuf),
    /// The key is not one.
    #[error("the key of the snapshots cannot be read: {0}")]
    Key(String),
    /// The program that would do it is not there, or failed.
    #[error("{program} {text}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What became of it.
        text: String,
    },
    /// There is no such thing in the snapshot.
    #[error("the snapshot has no {path}", path = .0.display())]
    NotInSnapshot(PathBuf),
}

/// What the functions of this room return.
pub(crate) type Result<T, E = SnapshotError> = std::result::Result<T, E>;

impl SnapshotError {
    /// An error of the file system while `doing` something to `path`.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    /// An error of the repository in `place`.
    pub(crate) fn repository(place: &std::path::Path) -> impl Fn(Box<RusticError>) -> Self + use<> {
        let place = place.to_owned();
        move |error| Self::Repository { place: place.clone(), text: error.display_log() }
    }
}
