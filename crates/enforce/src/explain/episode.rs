//! Episodes: what one agent did, in order, with fixtures for the world around it.

use std::collections::BTreeMap;

use holdpoint_catalog::hosts::Speaks;
use holdpoint_core::{
    Digest, Environment, Message, ResourceId,
    identity::{Place, Ring},
    ledger::{Circumstances, Meaning},
};
use holdpoint_wire::shell::Dialect;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::machine::GitFixture;

/// A line that is no episode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct MalformedError {
    /// Which line, from 1.
    pub line: usize,
    /// The line's id, if it has one that could be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}

/// What may stand in an episode beside its meaning.
const ANNOTATIONS: &[&str] = &[
    "date",
    "agent",
    "url",
    "summary",
    "mechanism",
    "confusion",
    "expected",
    "recoverable",
    "reconstructed",
    "harmful",
    "benign_twin",
    "fixtures",
    "twin_fixtures",
];

/// What one agent did, and what surrounded it.
#[derive(Debug, Deserialize)]
pub struct Episode {
    /// Names the episode in the answer.
    pub id: String,
    /// Why the agent worked.
    #[serde(default)]
    pub task: Option<TaskFixture>,
    /// What it did, in order.
    pub operations: Vec<Attempt>,
    /// What the repository holds.
    #[serde(default)]
    pub git: Option<GitFixture>,
    /// Whether it happens inside `run`.
    #[serde(default)]
    pub enclosed: bool,
    /// Whether secrets in files are masked.
    #[serde(default)]
    pub masked: bool,
    /// Where resources live.
    #[serde(default)]
    pub inventory: Vec<InventoryFixture>,
    /// What hosts speak.
    #[serde(default)]
    pub hosts: Vec<HostFixture>,
    /// Which secrets there are.
    #[serde(default)]
    pub secrets: Vec<SecretFixture>,
    /// Known persisted GraphQL documents, by SHA-256.
    #[serde(default)]
    pub persisted: BTreeMap<String, String>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// Why the agent worked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFixture {
    /// In the human's words.
    #[serde(default)]
    pub description: Option<String>,
    /// The one environment that it is about.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// Where the agent works.
    #[serde(default)]
    pub workspace: Option<String>,
}

/// Where one resource lives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryFixture {
    /// The resource.
    pub resource: ResourceId,
    /// Its environment.
    pub environment: Environment,
}

/// What one host speaks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFixture {
    /// The host, or `*.example.com`.
    pub host: String,
    /// What it speaks.
    pub speaks: Speaks,
    /// Its environment.
    #[serde(default)]
    pub environment: Option<Environment>,
}

/// One secret that the agent was given a phantom for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFixture {
    /// Its name.
    pub name: String,
    /// Where it may be sent.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// What it was made for.
    #[serde(default)]
    pub purpose: Vec<String>,
    /// The one environment that it may act on.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// Where in a message it may stand, beside the headers that carry credentials.
    #[serde(default)]
    pub places: Vec<Place>,
}

/// One thing that the agent did.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Attempt {
    /// An HTTP request.
    Http(HttpAttempt),
    /// A shell command.
    Shell(ShellAttempt),
    /// A database statement.
    Sql(SqlAttempt),
    /// A tool call.
    Mcp(McpAttempt),
    /// A file read, written or deleted.
    File(FileAttempt),
    /// What a ledger recorded: read and resolved already.
    Recorded(RecordedAttempt),
}

/// A judged message as a ledger holds it.
#[derive(Debug, Deserialize)]
pub struct RecordedAttempt {
    /// Who asked, by the name that policies know; `explain`, if nobody says.
    #[serde(default)]
    pub agent: Option<String>,
    /// How far it was trusted.
    #[serde(default)]
    pub ring: Ring,
    /// Whether it was killed.
    #[serde(default)]
    pub killed: bool,
    /// What it would do.
    pub operations: Vec<Meaning>,
    /// What was known about each of these.
    #[serde(default)]
    pub circumstances: Vec<Circumstances>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// An HTTP request, verbatim as on the wire.
#[derive(Debug, Default, Deserialize)]
pub struct HttpAttempt {
    /// The method.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Names in any case; an array repeats the header.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderValues>,
    /// The body as text.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as bytes.
    #[serde(default)]
    pub body_base64: Option<String>,
    /// The `Host` header, where it differs from the URL.
    #[serde(default)]
    pub authority: Option<String>,
    /// The TLS server name, where it differs.
    #[serde(default)]
    pub sni: Option<String>,
    /// The CONNECT target, where it differs.
    #[serde(default)]
    pub connect: Option<String>,
    /// `phantom:NAME`, `issued` (given by the host to this run) or `foreign`; without it the credential counts as granted. A phantom stands
    /// where the message says `phantom:NAME`, or else in a header.
    #[serde(default)]
    pub credential: Option<String>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// A text of database statements.
#[derive(Debug, Deserialize)]
pub struct SqlAttempt {
    /// `postgres`, which it is without this, `mysql`, `sqlite` or another.
    #[serde(default)]
    pub dialect: Option<String>,
    /// A resource of the inventory, a database's URL, or a bare name.
    #[serde(default)]
    pub target: Option<String>,
    /// One statement or several.
    pub statement: String,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// One header value, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum HeaderValues {
    /// Sent once.
    One(String),
    /// Sent once for each.
    Many(Vec<String>),
}

/// A shell command.
#[derive(Debug, Deserialize)]
pub struct ShellAttempt {
    /// Which shell.
    #[serde(default)]
    pub dialect: Dialect,
    /// The text.
    pub command: String,
    /// Where it runs; the workspace, if nobody says.
    #[serde(default)]
    pub cwd: Option<String>,
    /// The variables of its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// An operation on a file.
#[derive(Debug, Deserialize)]
pub struct FileAttempt {
    /// `read`, `write` or `delete`.
    pub op: String,
    /// Absolute, or as seen from the workspace.
    pub path: String,
    /// What is read or written.
    #[serde(default)]
    pub content: Option<String>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// A tool call.
#[derive(Debug, Deserialize)]
pub struct McpAttempt {
    /// Whose tool it is.
    #[serde(default)]
    pub server: String,
    /// Its name.
    #[serde(default)]
    pub tool: String,
    /// What is handed to it.
    #[serde(default)]
    pub arguments: Option<Value>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

impl Attempt {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Shell(_) => "shell",
            Self::Sql(_) => "sql",
            Self::Mcp(_) => "mcp",
            Self::File(_) => "file",
            Self::Recorded(_) => "recorded",
        }
    }

    fn extra(&self) -> &BTreeMap<String, Value> {
        match self {
            Self::Http(http) => &http.extra,
            Self::Shell(shell) => &shell.extra,
            Self::Sql(sql) => &sql.extra,
            Self::Mcp(mcp) => &mcp.extra,
            Self::File(file) => &file.extra,
            Self::Recorded(recorded) => &recorded.extra,
        }
    }
}

impl Message for &SqlAttempt {
    fn digest(&self) -> Digest {
        Digest::of(self.statement.as_bytes())
    }
}

impl Message for &Attempt {
    fn digest(&self) -> Digest {
        Digest::of(self.kind().as_bytes())
    }
}

impl Episode {
    /// Reads one line. A key that nobody knows is an error: a typo must not change a meaning.
    pub fn read(line: &str, number: usize) -> Result<Self, MalformedError> {
        let malformed =
            |id: Option<String>, problem: String| MalformedError { line: number, id, problem };
        let episode: Self = serde_json::from_str(line)
            .map_err(|error| malformed(id_of(line), error.to_string()))?;
        let annotated = |key: &str| ANNOTATIONS.contains(&key);
        let stray = stray_key(&episode.extra, annotated).or_else(|| {
            episode.operations.iter().find_map(|attempt| stray_key(attempt.extra(), |_| false))
        });
        match stray {
            Some(key) => {
                let problem = format!("unknown key `{key}`; start a key of your own with `x_`");
                Err(malformed(Some(episode.id), problem))
            }
            None => Ok(episode),
        }
    }
}

/// The first key that is neither allowed nor the author's own.
fn stray_key(extra: &BTreeMap<String, Value>, allowed: impl Fn(&str) -> bool) -> Option<&str> {
    extra.keys().map(String::as_str).find(|key| !key.starts_with("x_") && !allowed(key))
}

/// The id of a line that is no episode, as far as it can be read.
fn id_of(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("id").and_then(Value::as_str).map(str::to_owned)
}
