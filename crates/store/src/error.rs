//! What can go wrong with the store itself, and what to do about it.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why the store could not do what it was asked. No variant carries a secret.
#[derive(Debug, Error)]
pub enum StoreError {
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
    /// SQLite said no.
    #[error("state.db cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// Others can put things into the state directory.
    #[error(
        "others can write to {path}; see what they left there, then `chmod go-w {path}`",
        path = .0.display()
    )]
    OthersCanWrite(PathBuf),
    /// The state directory is somebody else's.
    #[error(
        "{path} belongs to another user; give a directory of your own with --state",
        path = .0.display()
    )]
    OtherOwner(PathBuf),
    /// A gateway holds the lock.
    #[error(
        "a gateway already runs on {dir} (process {process}); stop it, or use another --state",
        dir = dir.display()
    )]
    Running {
        /// The state directory.
        dir: PathBuf,
        /// The other gateway's process id, as it wrote it.
        process: String,
    },
    /// The database has migrations that this build does not know.
    #[error("state.db is of version {found}, this Holdpoint knows {known}; update Holdpoint")]
    NewerSchema {
        /// What the database says.
        found: usize,
        /// What this build knows.
        known: usize,
    },
    /// The key beside the database is not the one that sealed it.
    #[error("store.key does not fit state.db; put the store.key back that was made with it")]
    WrongKey,
    /// A sealed value was changed, or sealed for another place.
    #[error("the sealed {0} does not open: state.db was changed from outside; restore it")]
    Unsealed(&'static str),
    /// A row that this build cannot read.
    #[error("{0} in state.db cannot be read; restore state.db, or remove that entry")]
    Corrupt(&'static str),
    /// The system gave no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// Something of that name is there.
    #[error("there is already {what} `{name}`; remove it first, or choose another name")]
    Exists {
        /// The kind of thing, with its article.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Nothing of that name is there.
    #[error("there is no {what} `{name}`")]
    Missing {
        /// The kind of thing.
        what: &'static str,
        /// The name that was looked for.
        name: String,
    },
    /// A maximum was reached.
    #[error("there are already {max} {what}; remove some, or raise `limits.{what}`")]
    Full {
        /// The kind of thing, as its limit is called.
        what: &'static str,
        /// The maximum.
        max: u64,
    },
    /// A word that cannot be what it should be.
    #[error("`{value}` is no {what}; write {expected}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What it is; never a secret.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}

impl StoreError {
    /// An error of the file system while `doing` something to `path`.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// What the store's functions return.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;
