//! A real client behind the gateway: Debian's curl, with nothing of the environment but the
//! proxy and the CA.

use std::process::Command;

use holdpoint_core::{Digest, Message as _};
use holdpoint_wire::http::{Address, Body, Message, RawMessage};
use serde_json::Value;

/// Where Railway answers GraphQL.
const RAILWAY: &str = "https://backboard.railway.com/graphql/v2";

/// What an agent is given to get out: the variables of `holdpoint agents new`.
#[derive(Debug, Clone)]
pub struct Curl {
    environment: Vec<(String, String)>,
}

/// An answer as curl saw it.
#[derive(Debug)]
pub struct Answer {
    /// curl's exit status.
    pub exit: i32,
    /// The HTTP status; 0 if there was none.
    pub status: u16,
    /// The headers as they came.
    pub headers: String,
    /// The body.
    pub body: String,
    /// What curl said on standard error.
    pub said: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reason code of a refusal, in whichever shape it came; empty if it is none.
    pub fn code(&self) -> String {
        let Ok(body) = serde_json::from_str::<Value>(&self.body) else { return String::new() };
        let code = body.get("code").or_else(|| body.pointer("/errors/0/extensions/code"));
        code.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl Curl {
    /// A client with the `env` that `holdpoint agents new --json` printed.
    pub fn new(agent: &Value) -> Self {
        let variables = agent["env"].as_object().unwrap();
        let environment = variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        Self { environment }
    }

    /// The same agent behind a gateway that listens at `proxy` now.
    #[must_use]
    pub fn through(&self, proxy: &str) -> Self {
        let moved = |value: &str| match value.split_once('@') {
            Some((agent, _)) => format!("{agent}@{proxy}"),
            None => value.to_owned(),
        };
        let variables = self.environment.iter();
        Self { environment: variables.map(|(name, it)| (name.clone(), moved(it))).collect() }
    }

    /// Runs curl with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (rest, status) = text.rsplit_once("\n--status ").unwrap_or((&text, "0"));
        let (headers, body) = rest.rsplit_once("--headers-end--\n").unwrap_or(("", rest));
        Answer {
            exit: output.status.code().unwrap_or(-1),
            status: status.trim().parse().unwrap_or(0),
            headers: headers.to_owned(),
            body: body.to_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The command that [`run`](Self::run) runs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "60"])
            .args(["--write-out", "\n--status %{http_code}"])
            .args(arguments);
        command
    }

    /// Another program with what this agent is given to get out, and nothing else.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The proxy's URL, with this agent's bearer in it.
    pub fn proxy(&self) -> &str {
        let variable = self.environment.iter().find(|(name, _)| name == "HTTPS_PROXY");
        variable.map_or("", |(_, value)| value)
    }

    /// What this agent proves itself with.
    pub fn bearer(&self) -> &str {
        let user = self.proxy().trim_start_matches("http://").split_once(':');
        user.map_or("", |(bearer, _)| bearer)
    }

    /// Sends a GraphQL document to Railway with a bearer token.
    pub fn railway(&self, token: &str, document: &str) -> Answer {
        let authorization = format!("Authorization: Bearer {token}");
        let body = graphql_body(document);
        let mut arguments = vec![RAILWAY];
        if !token.is_empty() {
            arguments.extend(["-H", &authorization]);
        }
        arguments.extend(["-H", "Content-Type: application/json", "-d", &body]);
        self.run(&arguments)
    }
}

/// The digest of the message that [`Curl::railway`] sends, as a ledger has to name it.
pub fn railway_digest(token: &str, document: &str) -> Digest {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned().into());
    let message = Message::try_from(RawMessage {
        headers: vec![
            header("authorization", &format!("Bearer {token}")),
            header("content-type", "application/json"),
        ],
        body: Body::Whole(graphql_body(document).into()),
        ..RawMessage::new("POST", Address::Url(RAILWAY.to_owned()))
    });
    message.unwrap().digest()
}

fn graphql_body(document: &str) -> String {
    serde_json::json!({ "query": document }).to_string()
}
