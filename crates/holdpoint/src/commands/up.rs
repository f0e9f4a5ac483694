//! `holdpoint up`: the gateway, from here until it is told to stop.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;
use holdpoint_enforce::Stage;
use holdpoint_store::config::{Flags, Resolve};
use nix::sys::signal::SigSet;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Here, modes};
use crate::{
    activated,
    postgres::DatabaseAddress,
    reverse::ReverseAddress,
    running::Running,
    status::{CommandError, Ended, Status},
};

/// Where a running gateway says how it can be reached.
const LISTENING: &str = "gateway.json";

/// Run the gateway.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint up --proxy 127.0.0.1:7080\n\n\
SIGHUP reads holdpoint.toml and the policies again; a bad one is refused, and the last good one \
stays in force. A socket that a service manager passes (LISTEN_FDS) is where agents connect to. Proxies (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, unless [upstream] of \
holdpoint.toml says it) and certificates (SSL_CERT_FILE, upstream_ca) are read at the start. SIGTERM and SIGINT stop it, once what is in flight has ended.")]
pub struct Up {
    /// Where agents connect to; port 0 picks one [default: 127.0.0.1:7080].
    #[arg(long, value_name = "ADDR")]
    proxy: Option<SocketAddr>,
    /// Where the console is: `GET /metrics`, and nothing else yet [default: 127.0.0.1:7070].
    #[arg(long, value_name = "ADDR")]
    console: Option<SocketAddr>,
    /// Dial ADDR for HOST; repeatable.
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT")]
    resolve: Vec<Resolve>,
    /// Trust the certificates of a private upstream; repeatable.
    #[arg(long, value_name = "FILE")]
    upstream_ca: Vec<PathBuf>,
    /// Guard runs of other users, too: whoever can open this socket, and has it as `run_door` in a
    /// holdpoint.toml.
    #[arg(long, value_name = "SOCKET")]
    run_door: Option<PathBuf>,
}

/// What a running gateway says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listening {
    /// Where agents connect to.
    pub proxy: SocketAddr,
    /// Addresses that stand for one upstream each, for clients that can use no proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverse: Vec<ReverseAddress>,
    /// Addresses that stand for one database each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseAddress>,
    /// The CA that agents have to trust.
    pub ca: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// Where the console is.
    #[serde(default)]
    pub console: Option<SocketAddr>,
    /// The gateway's process.
    pub pid: u32,
    /// How it reaches the world itself, and whom it trusts there.
    #[serde(default)]
    pub upstream: String,
}

impl Up {
    /// What the command line says about the configuration.
    pub fn flags(&self) -> Flags {
        Flags {
            proxy: self.proxy,
            console: self.console,
            resolve: self.resolve.clone(),
            upstream_ca: self.upstream_ca.clone(),
        }
    }
}

/// Runs the gateway until it is told to stop.
pub fn run(up: Up, here: Here, observe: fn(Stage)) -> Ended {
    tracing_to_stderr();
    protect_memory()?;
    // A run that starts it when another has gone waits for signals itself, and has blocked them.
    SigSet::all().thread_unblock().map_err(CommandError::unable)?;
    let passed = activated::proxy().map_err(|error| {
        CommandError::unable(format!("the service manager's socket cannot be taken: {error}"))
    })?;
    let lock = here.state.lock_gateway().map_err(CommandError::unable)?;
    let runtime = tokio::runtime::Runtime::new().map_err(CommandError::unable)?;
    let here = Arc::new(here);
    runtime.block_on(async {
        let door = up.run_door.as_deref();
        let running = Running::start(Arc::clone(&here), &lock, passed, door, observe).await?;
        let listening = Listening {
            proxy: running.proxy,
            console: running.console,
            reverse: running.reverse.clone(),
            databases: running.databases.clone(),
            ca: running.ca.clone(),
            state: here.dir.clone(),
            pid: std::process::id(),
            upstream: running.upstream.clone(),
        };
        let place = here.dir.join(LISTENING);
        let text = serde_json::to_vec(&listening).map_err(CommandError::unable)?;
        fs::write(&place, text).map_err(CommandError::unable)?;
        let for_one = |ReverseAddress { listen, upstream, agent }: &ReverseAddress| {
            format!("\n  {listen} is {upstream} for {agent}")
        };
        let for_database = |DatabaseAddress { listen, upstream, agent }: &DatabaseAddress| {
            let agent = agent.as_deref().unwrap_or("runs");
            format!("\n  {listen} is {upstream} for {agent}")
        };
        let banner = format!(
            "holdpoint stands at {}; state in {}{}; Ctrl-C stops it{}{}{}",
            listening.proxy,
            listening.state.display(),
            listening
                .console
                .map_or_else(String::new, |it| format!("; metrics at http://{it}/metrics")),
            modes::banner(&here.config.modes).map_or_else(String::new, |it| format!("\n  {it}")),
            listening.reverse.iter().map(for_one).collect::<String>(),
            listening.databases.iter().map(for_database).collect::<String>()
        );
        here.print(&json!(listening), &banner)?;
        running.until_stopped().await;
        // Left over, it would only name an address where nobody listens.
        let _ = fs::remove_file(&place);
        Ok(Status::Done)
    })
}

/// Where agents connect to: what the running gateway says, else what is configured.
pub(super) fn proxy_address(here: &Here) -> SocketAddr {
    listening(here).map_or(here.config.proxy, |listening| listening.proxy)
}

/// What the gateway that runs, or ran last, said of itself.
pub(super) fn listening(here: &Here) -> Option<Listening> {
    let text = fs::read(here.dir.join(LISTENING)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Structured logs on standard error; `HOLDPOINT_LOG` says how much.
fn tracing_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOLDPOINT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,holdpoint=info"));
    // A second subscriber can only be a test's.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .json()
        .try_init();
}

/// The gateway's memory holds real credentials: no core dump, no other process looking in.
fn protect_memory() -> Result<(), CommandError> {
    use nix::sys::{prctl, resource};
    resource::setrlimit(resource::Resource::RLIMIT_CORE, 0, 0).map_err(CommandError::unable)?;
    prctl::set_dumpable(false).map_err(CommandError::unable)
}
