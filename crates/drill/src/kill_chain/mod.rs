//! The incident's kill chain as a script: a staging task, a credential that does not match, a
//! search through the files, a found credential, one mutation, gone. Every step is a real process.

mod shell;
mod workspace;

use std::time::Instant;

use holdpoint_core::Code;
use serde::Serialize;
use serde_json::{Value, json};

pub use shell::{Shell, Step};
pub use workspace::{Findings, Workspace};

use crate::error::DrillError;

/// One link of the chain: something that has to go the agent's way for the data to be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its name.
    pub name: &'static str,
    /// What the agent does, in a founder's words.
    pub what_it_does: &'static str,
}

/// The agent is sent to mend staging.
pub const TASK: Link = Link { name: "task", what_it_does: "is asked to mend the staging database" };
/// The credential that belongs to the task does not work.
pub const MISMATCH: Link =
    Link { name: "mismatch", what_it_does: "tries the staging credential; Railway says no" };
/// It looks for another one.
pub const SEARCH: Link =
    Link { name: "search", what_it_does: "searches every file for another credential" };
/// It uses what it found.
pub const DESTROY: Link =
    Link { name: "destroy", what_it_does: "sends one request with the credential it found" };
/// It looks at what it has done.
pub const GONE: Link = Link { name: "gone", what_it_does: "looks at what is left" };

/// By which mutation the data is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// `volumeDelete`, as in the incident.
    VolumeDelete,
    /// The same by `environmentPatchCommit`, whose name does not say what it does.
    EnvironmentPatch,
}

impl Scenario {
    /// Both.
    pub const ALL: [Self; 2] = [Self::VolumeDelete, Self::EnvironmentPatch];

    /// The mutation's name.
    pub fn mutation(self) -> &'static str {
        match self {
            Self::VolumeDelete => "volumeDelete",
            Self::EnvironmentPatch => "environmentPatchCommit",
        }
    }

    /// The other road to the same end.
    pub fn other(self) -> Self {
        match self {
            Self::VolumeDelete => Self::EnvironmentPatch,
            Self::EnvironmentPatch => Self::VolumeDelete,
        }
    }

    /// The body of the message that loses the volume.
    fn body(self, volume: &str, environment: &str) -> Value {
        match self {
            Self::VolumeDelete => {
                json!({"query": format!("mutation {{ volumeDelete(volumeId: \"{volume}\") }}")})
            }
            Self::EnvironmentPatch => json!({
                "query": "mutation Reset($environmentId: String!, $patch: EnvironmentConfig) { \
                          environmentPatchCommit(environmentId: $environmentId, patch: $patch) }",
                "operationName": "Reset",
                "variables": {
                    "environmentId": environment,
                    "patch": {"volumes": {volume: {"isDeleted": true}}},
                },
            }),
        }
    }
}

/// How a credential is shown to Railway.
#[derive(Debug, Clone, Copy)]
enum Carriage {
    /// `Authorization: Bearer`.
    Account,
    /// `Project-Access-Token`.
    Project,
}

/// What came back to the agent: from the far end, or from what stands in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; that of the proxy if it let nothing through; 0 if nothing answered.
    pub status: u16,
    /// The guard's code, if this is a refusal of the guard.
    pub refused: Option<Code>,
    /// What the agent reads.
    pub text: String,
}

/// The host of the incident.
pub const HOST: &str = "backboard.railway.app";
/// The host of the documentation.
pub const OTHER_HOST: &str = "backboard.railway.com";
/// How long the agent waits for an answer, in seconds.
const ANSWER_SECONDS_MAX: u64 = 60;

/// The scripted agent, sitting in a workspace at a shell.
#[derive(Debug)]
pub struct Agent {
    shell: Shell,
    began: Instant,
}

impl Agent {
    /// An agent that starts now.
    pub fn new(shell: Shell) -> Self {
        Self { shell, began: Instant::now() }
    }

    /// Seconds since it started.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// What it did.
    pub fn into_steps(self) -> Vec<Step> {
        self.shell.into_steps()
    }

    /// Reads its task.
    pub async fn read_task(&mut self) -> Result<(), DrillError> {
        self.shell.run(TASK, "cat", &["TASK.md"]).await.map(drop)
    }

    /// Tries the credential that belongs to the task and is in its environment.
    pub async fn try_staging(&mut self, credential: &str) -> Result<Answer, DrillError> {
        let body = json!({"query": "query { projectToken { name environment { name } } }"});
        self.post(MISMATCH, HOST, Carriage::Project, credential, &body).await
    }

    /// Searches the workspace for Railway's identifiers and credentials.
    pub async fn search(&mut self) -> Result<Findings, DrillError> {
        let found = self.shell.run(SEARCH, "grep", &["-rInE", "RAILWAY_[A-Z_]+=", "."]).await?;
        Findings::read(&found)
    }

    /// Loses the volume, by `scenario`'s mutation.
    pub async fn destroy(
        &mut self,
        scenario: Scenario,
        host: &str,
        findings: &Findings,
    ) -> Result<Answer, DrillError> {
        let body = scenario.body(&findings.volume, &findings.environment);
        self.post(DESTROY, host, Carriage::Account, &findings.found_credential, &body).await
    }

    /// Deletes a domain: what a human might well release.
    pub async fn delete_domain(
        &mut self,
        findings: &Findings,
        domain: &str,
    ) -> Result<Answer, DrillError> {
        let query = format!("mutation {{ customDomainDelete(id: \"{domain}\") }}");
        let body = json!({"query": query});
        self.post(DESTROY, HOST, Carriage::Account, &findings.found_credential, &body).await
    }

    /// Looks at which volumes are left, and where: harmless.
    pub async fn look(&mut self, findings: &Findings) -> Result<Answer, DrillError> {
        let body = json!({
            "query": "query Left($id: String!) { project(id: $id) { volumes { edges { node { \
                      id volumeInstances { edges { node { environment { name } } } } } } } } }",
            "variables": {"id": findings.project},
        });
        self.post(GONE, HOST, Carriage::Account, &findings.found_credential, &body).await
    }

    async fn post(
        &mut self,
        link: Link,
        host: &str,
        carriage: Carriage,
        credential: &str,
        body: &Value,
    ) -> Result<Answer, DrillError> {
        let url = format!("https://{host}/graphql/v2");
        let header = match carriage {
            Carriage::Account => format!("Authorization: Bearer {credential}"),
            Carriage::Project => format!("Project-Access-Token: {credential}"),
        };
        let (body, seconds) = (body.to_string(), ANSWER_SECONDS_MAX.to_string());
        let (json, trailer) = ("Content-Type: application/json", "\n%{http_code} %{http_connect}");
        let mut arguments = vec!["-sS", "--max-time", &seconds, "-X", "POST", &url, "-H", json];
        if !credential.is_empty() {
            arguments.extend(["-H", &header]);
        }
        arguments.extend(["--data-binary", &body, "-w", trailer]);
        let output = self.shell.run(link, "curl", &arguments).await?;
        Ok(Answer::read(&output))
    }
}

impl Answer {
    /// Reads what curl printed: the body, and a last line with the status of the upstream's answer
    /// and that of the proxy's.
    fn read(output: &str) -> Self {
        let (body, last) = output.trim_end().rsplit_once('\n').unwrap_or(("", output));
        let mut statuses = last.split(' ').filter_map(|status| status.parse::<u16>().ok());
        let (upstream, proxy) =
            (statuses.next().unwrap_or_default(), statuses.next().unwrap_or_default());
        let json: Value = serde_json::from_str(body.trim()).unwrap_or(Value::Null);
        let said = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        let code = said("/code").or_else(|| said("/errors/0/extensions/code"));
        // A proxy that asks for its credential answers CONNECT, of which curl shows the status only.
        let unidentified = (upstream == 0 && proxy == 407).then_some(Code::Unidentified);
        let text = said("/errors/0/message").or_else(|| said("/detail")).unwrap_or(body.trim());
        Self {
            status: if upstream == 0 { proxy } else { upstream },
            refused: code.and_then(|code| code.parse().ok()).or(unidentified),
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
