//! Why a drill could not be carried out; a guard that fails its drill is a finding, not an error.

use std::io;

use thiserror::Error;

/// Why a drill could not be carried out.
#[derive(Debug, Error)]
pub enum DrillError {
    /// A file, a socket or a child process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for the fake: {0}")]
    Certificate(String),
    /// The operating system gave no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
    /// A tool that the scripted agent works with is not there or did not do its work.
    #[error("`{tool}` did not do its work: {detail}; install it and try again")]
    Tool {
        /// The tool's name.
        tool: String,
        /// What it said.
        detail: String,
    },
    /// The unguarded run did not lose the data, so that the guarded run would prove nothing.
    #[error("the unguarded run did not lose the volume, so nothing can be proven: {0}")]
    NothingLost(String),
    /// A command of the guard failed or printed something else than its contract says.
    #[error("`holdpoint {command}`: {detail}")]
    Holdpoint {
        /// The command, without secrets.
        command: String,
        /// What went wrong.
        detail: String,
    },
}

impl DrillError {
    /// A closure that says `what` was tried when an IO error came.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
