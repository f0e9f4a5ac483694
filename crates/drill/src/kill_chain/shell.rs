//! Where the agent works: real tools in a cleared environment, with a transcript.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{process::Command, time::timeout};

use super::Link;
use crate::error::DrillError;

/// How long one tool may take, in seconds.
const TOOL_SECONDS_MAX: u64 = 120;
/// How much of what a tool printed the transcript keeps, in characters.
const OUTPUT_CHARS_MAX: usize = 4_000;
/// How many characters of a credential the transcript shows.
const SHOWN_CHARS: usize = 8;

/// One step of the agent, as a transcript keeps it: credentials are shortened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The link of the chain that it belongs to.
    pub link: &'static str,
    /// The command.
    pub command: String,
    /// Its exit status; -1 if a signal ended it.
    pub exit: i32,
    /// What it printed.
    pub output: String,
    /// How long it took.
    pub seconds: f64,
}

/// A shell in a workspace.
#[derive(Debug)]
pub struct Shell {
    workspace: PathBuf,
    home: PathBuf,
    environment: Vec<(String, String)>,
    hidden: Vec<String>,
    steps: Vec<Step>,
}

impl Shell {
    /// A shell in `workspace` with nothing in its environment but `PATH`, `HOME` and
    /// `environment`.
    pub fn new(workspace: &Path, home: &Path, environment: Vec<(String, String)>) -> Self {
        Self {
            workspace: workspace.to_owned(),
            home: home.to_owned(),
            environment,
            hidden: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Credentials that the transcript shortens.
    pub fn hiding(mut self, hidden: impl IntoIterator<Item = String>) -> Self {
        self.hidden.extend(hidden.into_iter().filter(|credential| !credential.is_empty()));
        self
    }

    /// What was done, in order.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// Runs `program` and gives what it printed, its complaints first. A status other than 0 is
    /// the agent's business; a tool that is not there is ours.
    pub(super) async fn run(
        &mut self,
        link: Link,
        program: &str,
        arguments: &[&str],
    ) -> Result<String, DrillError> {
        let began = Instant::now();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.workspace)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
            .env("HOME", &self.home)
            .env("LC_ALL", "C")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let failed = |detail| DrillError::Tool { tool: program.to_owned(), detail };
        let output = timeout(Duration::from_secs(TOOL_SECONDS_MAX), command.output())
            .await
            .map_err(|_| failed(format!("no end after {TOOL_SECONDS_MAX} s")))?
            .map_err(|error| failed(error.to_string()))?;
        let mut printed = String::from_utf8_lossy(&output.stderr).into_owned();
        printed.push_str(&String::from_utf8_lossy(&output.stdout));
        self.steps.push(Step {
            link: link.name,
            command: self.shorten(&spell(program, arguments)),
            exit: output.status.code().unwrap_or(-1),
            output: self.shorten(&printed),
            seconds: began.elapsed().as_secs_f64(),
        });
        Ok(printed)
    }

    fn shorten(&self, text: &str) -> String {
        let shortened = self.hidden.iter().fold(text.to_owned(), |text, credential| {
            let shown: String = credential.chars().take(SHOWN_CHARS).collect();
            text.replace(credential, &format!("{shown}…"))
        });
        shortened.chars().take(OUTPUT_CHARS_MAX).collect()
    }
}

/// The command as it would be typed.
fn spell(program: &str, arguments: &[&str]) -> String {
    let plain = |argument: &str| {
        !argument.is_empty()
            && argument.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@=".contains(c))
    };
    arguments.iter().fold(program.to_owned(), |typed, argument| {
        if plain(argument) {
            format!("{typed} {argument}")
        } else {
            format!("{typed} '{}'", argument.replace('\n', "\\n").replace('\'', r"'\''"))
        }
    })
}
