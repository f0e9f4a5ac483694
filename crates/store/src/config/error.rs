//! Why a configuration was refused: where, and what to write instead.

use std::{ops::Range, path::PathBuf};

use thiserror::Error;

/// A configuration that was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's own reason.
        source: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("{path} is larger than {max} bytes; this is no configuration", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The greatest size in bytes.
        max: u64,
    },
    /// Something in the file is wrong.
    #[error("{path}:{line}:{column}: {message}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong and what to write instead.
        message: String,
    },
}

/// What is wrong, and at which bytes of the text.
#[derive(Debug)]
pub(super) struct Fault {
    span: Range<usize>,
    message: String,
}

impl Fault {
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// The error about this fault in `text`, which was read from `path`.
    pub(super) fn in_file(self, path: PathBuf, text: &str) -> ConfigError {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or(before);
        let column = last.chars().count() + 1;
        ConfigError::Invalid { path, line, column, message: self.message }
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        Self::at(error.span().unwrap_or(0..0), error.message())
    }
}
