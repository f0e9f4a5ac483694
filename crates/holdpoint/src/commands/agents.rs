//! `holdpoint agents`: who may ask.

use clap::{Args, Subcommand};
use holdpoint_core::{
    Environment,
    identity::{Ring, Task},
};
use holdpoint_store::agents::{Agent, Kill};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{Here, now, up};
use crate::status::{CommandError, Ended, Status};

/// The variables by which clients find the CA that they have to trust: curl and OpenSSL, Python,
/// Node.js, npm (whose own setting goes before Node's), Cargo, Git, Deno, AWS tools, and whatever
/// reads `SSL_CERT_FILE`.
const CA_VARIABLES: [&str; 10] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
];

/// The variables by which clients find the proxy. Some read only one spelling.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"];

/// Who may ask.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint agents new deployer --task 'fix staging login' --environment staging")]
pub struct Agents {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every agent.
    List,
    /// Make an identity for an agent, and print the environment that it needs. The bearer in it
    /// is shown this once.
    New {
        /// What to call it.
        name: String,
        /// Why it works, in your words.
        #[arg(long)]
        task: Option<String>,
        /// The one environment that its task is about.
        #[arg(long)]
        environment: Option<Environment>,
        /// How far it is trusted: 1 trusted automation, 2 supervised agent, 3 untrusted.
        #[arg(long, value_name = "N", default_value_t)]
        ring: Ring,
    },
    /// Let nothing of an agent pass any more.
    Kill {
        /// Its name or run.
        name: String,
    },
    /// Take a kill back.
    Revive {
        /// Its name or run.
        name: String,
    },
    /// Forget an agent.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Runs `holdpoint agents`.
pub fn run(agents: Agents, here: &Here) -> Ended {
    let store = here.state.agents();
    match agents.verb {
        Verb::List => list(here, &store.list().map_err(CommandError::unable)?)?,
        Verb::New { ring: Ring::Human, .. } => return Err(no_agent_is_human()),
        Verb::New { name, task, environment, ring } => {
            new(here, &name, &Task { description: task, environment, ring, ..Task::default() })?;
        }
        Verb::Kill { name } => {
            let count = store.kill(Kill::One(&name)).map_err(CommandError::unable)?;
            return found(here, &name, count, "killed");
        }
        Verb::Revive { name } => {
            let count = store.revive(Kill::One(&name)).map_err(CommandError::unable)?;
            return found(here, &name, count, "revived");
        }
        Verb::Remove { name } => {
            store.remove(&name).map_err(CommandError::unable)?;
            here.print(&json!({ "removed": name }), "removed")?;
        }
    }
    Ok(Status::Done)
}

fn list(here: &Here, agents: &[Agent]) -> Result<(), CommandError> {
    let fact = |agent: &Agent| {
        let ring = agent.principal.task.ring;
        json!({ "agent": agent.principal, "ring": ring, "created_at": agent.created_at })
    };
    let facts: Vec<Value> = agents.iter().map(fact).collect();
    let line = |agent: &Agent| {
        let principal = &agent.principal;
        let killed = if principal.killed { "killed" } else { "" };
        let task = principal.task.description.as_deref().unwrap_or("no task");
        let ring = principal.task.ring;
        let did = principal.did.map_or_else(String::new, |did| format!("  {did}\n"));
        format!("{:<24} {:<16} ring {ring}  {task} {killed}\n{did}", principal.agent, principal.run)
    };
    let text: String = agents.iter().map(line).collect();
    here.print(&facts, if text.is_empty() { "no agent has an identity" } else { &text })
}

/// Ring 0 has no agent in it.
pub(super) fn no_agent_is_human() -> CommandError {
    CommandError::usage(
        "ring 0 is for humans only: an agent works in 1 (trusted automation), 2 (supervised agent) \
         or 3 (untrusted)",
    )
}

fn found(here: &Here, name: &str, count: usize, done: &str) -> Ended {
    match count {
        0 => Err(CommandError::unable(format!("there is no agent or run `{name}`"))),
        _ => {
            here.print(&json!({ done: name }), &format!("{name} is {done}"))?;
            Ok(Status::Done)
        }
    }
}

fn new(here: &Here, name: &str, task: &Task) -> Result<(), CommandError> {
    let made = here.state.agents().add(name, task, now()).map_err(CommandError::unable)?;
    let environment = environment(here, made.bearer.expose_secret())?;
    let fact = json!({
        "agent": name, "run": made.agent.principal.run, "task": task, "env": environment,
    });
    let export = |(name, value): (&String, &Value)| {
        format!("export {name}='{}'\n", value.as_str().unwrap_or_default())
    };
    here.print(&fact, &environment.iter().map(export).collect::<String>())
}

/// What an agent needs in its environment to come through the gateway.
fn environment(here: &Here, bearer: &str) -> Result<Map<String, Value>, CommandError> {
    // The password means nothing, but Python's urllib sends no user without one.
    let proxy = format!("http://{bearer}:holdpoint@{}", up::proxy_address(here));
    let ca = here.dir.join("ca.pem");
    let ca =
        ca.to_str().ok_or_else(|| CommandError::unable("the state directory's name is no text"))?;
    let proxies = PROXY_VARIABLES.iter().map(|name| ((*name).to_owned(), json!(proxy)));
    let trust = CA_VARIABLES.iter().map(|name| ((*name).to_owned(), json!(ca)));
    let none = ["NO_PROXY", "no_proxy"].iter().map(|name| ((*name).to_owned(), json!("")));
    Ok(proxies.chain(trust).chain(none).collect())
}
