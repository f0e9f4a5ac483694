//! How a verb ends: 0 done, 1 refused or found wanting, 2 called wrongly, 3 could not.

use std::{fmt::Display, process::ExitCode};

use thiserror::Error;

/// How a verb that ran to its end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is done.
    Done,
    /// It was refused, or something was found wanting.
    Wanting,
    /// The command that it ran ended like this.
    Of(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => Self::SUCCESS,
            Status::Wanting => Self::from(1),
            Status::Of(code) => Self::from(code),
        }
    }
}

/// Why a verb did not run to its end. The text says what to do.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Called wrongly: the words of the call are off.
    #[error("{0}")]
    Usage(String),
    /// Could not: no state, no upstream, no disk.
    #[error("{0}")]
    Unable(String),
}

impl CommandError {
    /// The words of the call are off.
    pub fn usage(text: impl Display) -> Self {
        Self::Usage(text.to_string())
    }

    /// Something that is needed is not there.
    pub fn unable(text: impl Display) -> Self {
        Self::Unable(text.to_string())
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unable(_) => 3,
        }
    }
}

/// How a verb ends.
pub type Ended = Result<Status, CommandError>;
