//! The guard as it is driven from outside: by its commands, as a human or a script would.

use std::{
    ffi::OsStr,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::error::DrillError;

/// How long `holdpoint up` may take until it listens.
const UP_SECONDS_MAX: u64 = 30;
/// How long any other command may take.
const COMMAND_SECONDS_MAX: u64 = 30;
/// How long it may take to end after SIGTERM.
const END_SECONDS_MAX: u64 = 5;
/// The configuration of a drill: a held message is answered at once.
const CONFIGURATION: &str = "[hold]\nwait_seconds = 0\n";

/// The binary, with a state directory of its own.
#[derive(Debug, Clone)]
pub struct Holdpoint {
    binary: PathBuf,
    state: PathBuf,
}

/// What `up --json` prints once it listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listening {
    /// Where the proxy listens: `127.0.0.1:PORT`.
    pub proxy: String,
    /// The file with the CA that is trusted inside runs.
    pub ca: PathBuf,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    /// Where it listens.
    pub listening: Listening,
    child: Child,
}

/// What `agents new --json` prints: the environment that makes an agent go through the guard.
#[derive(Debug, Deserialize)]
struct NewAgent {
    env: std::collections::BTreeMap<String, String>,
}

/// What `secrets add --json` prints.
#[derive(Debug, Deserialize)]
struct NewSecret {
    phantom: String,
}

impl Holdpoint {
    /// The guard `binary`, with its state in `state`, which is made.
    pub fn new(binary: &Path, state: &Path) -> Result<Self, DrillError> {
        let cannot = || DrillError::io(format!("cannot prepare {}", state.display()));
        let mut directory = DirBuilder::new();
        directory.recursive(true).mode(0o700).create(state).map_err(cannot())?;
        std::fs::write(state.join("holdpoint.toml"), CONFIGURATION).map_err(cannot())?;
        Ok(Self { binary: binary.to_owned(), state: state.to_owned() })
    }

    /// `holdpoint up`: dials `addr` for each of `hosts`, and trusts `upstream_ca` there.
    pub async fn up(
        &self,
        hosts: &[&str],
        addr: &str,
        upstream_ca: &Path,
    ) -> Result<Gateway, DrillError> {
        let mut command = self.command(&["up", "--proxy", "127.0.0.1:0"]);
        for host in hosts {
            command.arg("--resolve").arg(format!("{host}:443:{addr}"));
        }
        command.arg("--upstream-ca").arg(upstream_ca).arg("--json");
        let mut child = command.spawn().map_err(|error| failed("up", error))?;
        let output = child.stdout.take().ok_or_else(|| failed("up", "has no output"))?;
        let mut lines = BufReader::new(output).lines();
        match timeout(Duration::from_secs(UP_SECONDS_MAX), lines.next_line()).await {
            Ok(Ok(Some(line))) => {
                // Whatever else it prints must not fill the pipe and stop it.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                let complaints = child.stderr.take();
                tokio::spawn(async move { drain(complaints).await });
                Ok(Gateway { listening: read("up", &line)?, child })
            }
            _ => {
                end(&mut child).await;
                Err(failed("up", format!("did not listen: {}", drain(child.stderr.take()).await)))
            }
        }
    }

    /// `holdpoint agents new`: the environment of an agent with this task.
    pub async fn new_agent(
        &self,
        name: &str,
        task: &str,
        environment: Option<&str>,
    ) -> Result<Vec<(String, String)>, DrillError> {
        let mut arguments = vec!["agents", "new", name, "--task", task];
        arguments.extend(environment.into_iter().flat_map(|name| ["--environment", name]));
        let agent: NewAgent = self.ask(&arguments, None).await?;
        Ok(agent.env.into_iter().collect())
    }

    /// `holdpoint secrets add`: the phantom that stands for `credential`.
    pub async fn add_secret(
        &self,
        name: &str,
        hosts: &[&str],
        purpose: &str,
        credential: &str,
    ) -> Result<String, DrillError> {
        let mut arguments = vec!["secrets", "add", name, "--purpose", purpose];
        arguments.extend(hosts.iter().flat_map(|host| ["--host", *host]));
        let secret: NewSecret = self.ask(&arguments, Some(credential)).await?;
        Ok(secret.phantom)
    }

    /// `holdpoint hosts add`: a host that speaks GraphQL.
    pub async fn add_host(&self, host: &str) -> Result<(), DrillError> {
        self.tell(&["hosts", "add", host, "--speaks", "graphql"]).await
    }

    /// `holdpoint inventory add`: where a resource lives.
    pub async fn add_resource(&self, resource: &str, environment: &str) -> Result<(), DrillError> {
        self.tell(&["inventory", "add", resource, "--environment", environment]).await
    }

    /// The guard must not depend on whoever drills it: nothing of our environment reaches it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .arg("--state")
            .arg(&self.state)
            .env_clear()
            .env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| OsStr::new("/usr/bin:/bin").into()),
            )
            .env("HOME", &self.state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn tell(&self, arguments: &[&str]) -> Result<(), DrillError> {
        self.run(arguments, None).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        arguments: &[&str],
        input: Option<&str>,
    ) -> Result<T, DrillError> {
        let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        read(&arguments.join(" "), &self.run(&with_json, input).await?)
    }

    async fn run(&self, arguments: &[&str], input: Option<&str>) -> Result<String, DrillError> {
        let name = arguments.join(" ");
        let mut command = self.command(arguments);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().map_err(|error| failed(&name, error))?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            pipe.write_all(input.as_bytes()).await.map_err(|error| failed(&name, error))?;
        }
        let output = timeout(Duration::from_secs(COMMAND_SECONDS_MAX), child.wait_with_output())
            .await
            .map_err(|_| failed(&name, format!("did not end within {COMMAND_SECONDS_MAX} s")))?
            .map_err(|error| failed(&name, error))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(failed(&name, format!("ended with {}: {complaint}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Gateway {
    /// Ends it: asked first, then made to.
    pub async fn end(mut self) {
        end(&mut self.child).await;
    }
}

async fn end(child: &mut Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid {
        // It may have ended by itself; then there is nobody to tell.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if timeout(Duration::from_secs(END_SECONDS_MAX), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Reads a pipe to its end, keeping its beginning.
async fn drain(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut kept = Vec::new();
    let _ = (&mut pipe).take(4_096).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

fn read<T: DeserializeOwned>(command: &str, printed: &str) -> Result<T, DrillError> {
    serde_json::from_str(printed.trim())
        .map_err(|error| failed(command, format!("printed something else: {error}")))
}

fn failed(command: &str, detail: impl std::fmt::Display) -> DrillError {
    DrillError::Holdpoint { command: command.to_owned(), detail: detail.to_string() }
}

#[cfg(test)]
mod tests;
