//! Why an enclosure could not be made: then nothing is started.

use std::{borrow::Cow, fmt::Display, io};

use thiserror::Error;

/// A step of the enclosure that failed.
#[derive(Debug, Error)]
#[error("{step}: {cause}{}", mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default())]
pub struct SandboxError {
    step: String,
    cause: String,
    mend: Option<Cow<'static, str>>,
}

/// What a step comes to.
pub type Result<T> = std::result::Result<T, SandboxError>;

impl SandboxError {
    /// `step` is what could not be done, such as "cannot mount /proc".
    pub fn new(step: impl Into<String>, cause: impl Display) -> Self {
        Self { step: step.into(), cause: cause.to_string(), mend: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn mend(self, mend: impl Into<Cow<'static, str>>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// Names the step that an error of the system ended.
pub(crate) trait During<T> {
    /// Says which step it was.
    fn during(self, step: &str) -> Result<T>;
}

impl<T, E: Into<io::Error>> During<T> for std::result::Result<T, E> {
    fn during(self, step: &str) -> Result<T> {
        self.map_err(|error| SandboxError::new(step, error.into()))
    }
}
