//! What a hook's process asks the gateway, and what it is answered.

use std::{collections::BTreeMap, io};

use holdpoint_core::Timestamp;
use holdpoint_sandbox::hook::Call;
use holdpoint_wire::hook::{Agent, Answer, Heard};
use serde::{Deserialize, Serialize};

/// One question: where the hook was started, and what its agent said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    around: Around,
    /// As it came.
    said: Vec<u8>,
}

/// What a process knows that its gateway does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Around {
    agent: Option<String>,
    directory: String,
    home: String,
    environment: BTreeMap<String, String>,
}

/// The answer between the processes.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    stdout: String,
    stderr: String,
    status: u8,
}

impl Question {
    /// The question of this process.
    pub fn here(agent: Option<Agent>, said: Vec<u8>) -> Self {
        let directory = std::env::current_dir().unwrap_or_default();
        let text = |value: std::ffi::OsString| value.into_string().ok();
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
            .collect();
        let around = Around {
            agent: agent.map(|agent| agent.as_str().to_owned()),
            directory: directory.display().to_string(),
            home: environment.get("HOME").cloned().unwrap_or_else(|| "/nonexistent".to_owned()),
            environment,
        };
        Self { around, said }
    }

    /// As it is sent: what surrounds it on a line, then what was said.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(&self.around)?;
        bytes.push(b'\n');
        bytes.extend(&self.said);
        Ok(bytes)
    }

    /// Reads what was sent, with what the agent said in it.
    pub fn read(bytes: &[u8]) -> io::Result<(Self, Heard)> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (around, said) = bytes.split_at_checked(end.unwrap_or(0)).unwrap_or_default();
        let around: Around = serde_json::from_slice(around)?;
        let said = said.strip_prefix(b"\n").unwrap_or(said).to_vec();
        let agent = around.agent.as_deref().map(str::parse).transpose();
        let heard = Heard::read(&said, agent.map_err(io::Error::other)?);
        Ok((Self { around, said }, heard.map_err(io::Error::other)?))
    }

    /// The call that it is about.
    pub fn call(self, heard: Heard, now: Timestamp) -> Call {
        let Around { directory, home, environment, .. } = self.around;
        Call { heard, directory, environment, home, enclosed: false, now }
    }
}

/// The answer as it is sent.
pub fn to_bytes(answer: Answer) -> io::Result<Vec<u8>> {
    let Answer { stdout, stderr, status } = answer;
    Ok(serde_json::to_vec(&Said { stdout, stderr, status })?)
}

/// Reads an answer.
pub fn answered(bytes: &[u8]) -> io::Result<Answer> {
    let Said { stdout, stderr, status } = serde_json::from_slice(bytes)?;
    Ok(Answer { stdout, stderr, status })
}
