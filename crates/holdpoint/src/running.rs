//! The running gateway: its parts, put together and taken apart.

use std::{
    fs, io,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use holdpoint_core::{
    Digest, Timestamp,
    ledger::{Record, RecordKind},
    policy::Pdp,
};
use holdpoint_enforce::{Ledger as _, Point as _, Stage};
use holdpoint_gateway::{
    forward::{self, Client},
    listen::{self, Proxy, Stop, Stopper, forget_newcomers, serve_handed},
    point::HttpPoint,
    postgres::run_released,
    release::execute_released,
    serve::Server,
    tls::{Authority, Leaves},
};
use holdpoint_snapshots::asking::Asking;
use holdpoint_store::{Config, GatewayLock, Topic, ledger::Ledger, runs::RunsSocket};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};

use crate::{
    commands::{Here, now, policy},
    console::{Console, tell_collector},
    hooks::Hooks,
    postgres::{self, DatabaseAddress},
    reverse::{self, Bound, ReverseAddress},
    status::CommandError,
    upstream::Upstream,
};

/// How often what is over is looked for, and for how long it is kept. The ledger keeps what was
/// decided about it for good.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
const KEEP_SECONDS: u64 = 7 * 24 * 3600;
/// How long connecting to an upstream may take, and the TLS handshake as well.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A gateway that listens.
#[derive(Debug)]
pub struct Running {
    /// Where agents connect to.
    pub proxy: SocketAddr,
    /// Addresses that stand for one upstream each.
    pub reverse: Vec<ReverseAddress>,
    /// Addresses that stand for one database each.
    pub databases: Vec<DatabaseAddress>,
    /// Where the console is; nowhere if the usual address is another's.
    pub console: Option<SocketAddr>,
    /// The CA that agents have to trust.
    pub ca: PathBuf,
    /// How the gateway itself reaches the world.
    pub upstream: String,
    here: Arc<Here>,
    point: Arc<HttpPoint>,
    signals: Signals,
    stopper: Stopper,
    serving: Vec<JoinHandle<()>>,
    releasing: JoinHandle<()>,
    hooks: Arc<Hooks>,
}

/// What answers hooks, once it has taken in what they noted while there was no gateway.
async fn hooks(here: &Arc<Here>, point: &Arc<HttpPoint>) -> Result<Arc<Hooks>, CommandError> {
    let hooks = Hooks::new(Arc::clone(here), Arc::clone(point)).map_err(CommandError::unable)?;
    hooks.take_spool().await?;
    Ok(Arc::new(hooks))
}

/// Listens, and says where.
async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), CommandError> {
    let failed = |error| CommandError::unable(format!("cannot listen on {at}: {error}"));
    let listener = TcpListener::bind(at).await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?;
    Ok((listener, at))
}

/// Goes on where a service manager has listened, and says where that is.
fn taken(passed: std::net::TcpListener) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::from_std(passed)?;
    let at = listener.local_addr()?;
    Ok((listener, at))
}

impl Running {
    /// Puts the parts together and listens, at `run_door` for other users' runs as well. `lock` shows
    /// that this is the only gateway here. Agents connect to what was `passed`, else to where it is
    /// configured.
    pub async fn start(
        here: Arc<Here>,
        lock: &GatewayLock,
        passed: Option<std::net::TcpListener>,
        run_door: Option<&Path>,
        observe: fn(Stage),
    ) -> Result<Self, CommandError> {
        let config = Arc::clone(&here.config);
        let signals = Signals::hear().map_err(CommandError::unable)?;
        let authority = Authority::open(&here.dir, now()).map_err(CommandError::unable)?;
        let (ca, leaves) = (authority.certificate_path().to_owned(), leaves(&config, authority));
        let upstream = Upstream::new(&config)?;
        let says = upstream.describe().unwrap_or_else(|wanting| wanting);
        let point = Arc::new(point(&here, &config, upstream.clone(), observe)?);
        settle(&here, lock)?;
        record(&point, RecordKind::Lifecycle { event: "gateway_started".into() }).await?;

        let (listener, proxy) = match passed {
            Some(passed) => taken(passed).map_err(CommandError::unable)?,
            None => bind(config.proxy).await?,
        };
        upstream.refuse_loop(proxy)?;
        let console = Console::bind(&config).await?;
        let at = console.as_ref().map(|console| console.at);
        let bound = reverse::bind(&here).await?;
        let addresses = bound.iter().map(Bound::address).collect();
        let databases =
            postgres::bind(&here, &config, &point, &upstream, Arc::clone(&leaves)).await?;
        let database_addresses = databases.addresses()?;
        let control = here.state.listen(lock).map_err(CommandError::unable)?;
        let runs = listen_for_runs(&here, lock, run_door, &ca)?;
        let asked = here.state.listen_for_hooks(lock).map_err(CommandError::unable)?;
        let hooks = hooks(&here, &point).await?;
        let stopper = Stopper::new();
        let server = Server::new(Arc::clone(&point));
        let server = server.with_databases(databases.front(), databases.served());
        let listen = Arc::new(Proxy::new(server, leaves, listen_limits(&config), Arc::new(now)));
        let by_proxy = tokio::spawn(Arc::clone(&listen).serve(listener, stopper.stop()));
        let by_address = bound.into_iter().map(|bound| bound.serve(&listen, stopper.stop()));
        let mut serving: Vec<_> = std::iter::once(by_proxy).chain(by_address).collect();
        let numbers = point.metrics();
        serving.extend(tell_collector(&here, numbers, stopper.stop())?);
        serving.extend(console.map(|it| it.serve(&here, numbers, stopper.stop())));
        serving.push(tokio::spawn(run_released(databases.served(), stopper.stop())));
        serving.extend(databases.serve(|| stopper.stop()));
        serving.extend(runs.into_iter().map(|it| serve_runs(it, &listen, &here, &stopper)));
        serving.push(tokio::spawn(Arc::clone(&hooks).serve(asked, stopper.stop())));
        let releasing = tokio::spawn(execute_released(Arc::clone(&point), stopper.stop()));
        tokio::spawn(prune(Arc::clone(&here), stopper.stop()));
        let told = (Arc::clone(&here), Arc::clone(&point), Arc::clone(&hooks));
        tokio::spawn(control.serve(move |topic| {
            let (here, point, hooks) = told.clone();
            async move { take(&here, &point, &hooks, topic).await }
        }));
        Ok(Self {
            proxy,
            reverse: addresses,
            databases: database_addresses,
            upstream: says,
            console: at,
            ca,
            here,
            point,
            signals,
            stopper,
            serving,
            releasing,
            hooks,
        })
    }

    /// Runs until SIGTERM or SIGINT, then ends what is in flight.
    pub async fn until_stopped(self) {
        let Self { here, point, signals, stopper, serving, releasing, hooks, .. } = self;
        signals.wait_for_stop(&here, &point, &hooks).await;
        stopper.say();
        for task in serving.into_iter().chain([releasing]) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the gateway ended badly");
            }
        }
        let stopped = RecordKind::Lifecycle { event: "gateway_stopped".into() };
        if let Err(error) = record(&point, stopped).await {
            tracing::error!(%error, "the stop is not recorded");
        }
    }
}

/// Settles what a gateway left that died.
fn settle(here: &Here, lock: &GatewayLock) -> Result<(), CommandError> {
    for hold in here.holds().recover(lock, now()).map_err(CommandError::unable)? {
        tracing::warn!(hold = hold.id, "it was being executed when the gateway died");
    }
    here.state.payloads().sweep(lock).map_err(CommandError::unable)
}

/// The certificates that agents are shown, of which so many are kept.
fn leaves(config: &Config, authority: Authority) -> Arc<Leaves> {
    let kept = usize::try_from(config.limits.leaf_cache).ok().and_then(NonZeroUsize::new);
    Arc::new(Leaves::new(authority, kept.unwrap_or(NonZeroUsize::MIN)))
}

/// Listens for runs, and at `door` for those of other users, who may read the authority there.
fn listen_for_runs(
    here: &Here,
    lock: &GatewayLock,
    door: Option<&Path>,
    ca: &Path,
) -> Result<Vec<RunsSocket>, CommandError> {
    let own = here.state.listen_for_runs(lock).map_err(CommandError::unable)?;
    let Some(at) = door else { return Ok(vec![own]) };
    forget_newcomers(&here.state).map_err(CommandError::unable)?;
    let pem = fs::read_to_string(ca).map_err(CommandError::unable)?;
    Ok(vec![own, here.state.open_run_door(lock, at, &pem).map_err(CommandError::unable)?])
}

/// Serves the runs that come to `socket`.
fn serve_runs(
    socket: RunsSocket,
    listen: &Arc<Proxy<Server>>,
    here: &Here,
    stopper: &Stopper,
) -> JoinHandle<()> {
    tokio::spawn(serve_handed(Arc::clone(listen), here.state.clone(), socket, stopper.stop()))
}

/// The enforcement point of this gateway.
fn point(
    here: &Here,
    config: &Arc<Config>,
    upstream: Upstream,
    observe: fn(Stage),
) -> Result<HttpPoint, CommandError> {
    let policies = policies(config)?;
    let ledger = Ledger::open(&here.dir, now).map_err(CommandError::unable)?;
    let client = Client::new(upstream.dialer(config)?, forward::Limits::default());
    let state = here.state.clone();
    HttpPoint::new(state, Arc::clone(config), client, ledger, policies, now, observe)
        .map_err(CommandError::unable)
}

/// The starter policies and the configured ones.
fn policies(config: &Config) -> Result<Pdp, CommandError> {
    let pdp = Pdp::load(&policy::sources(&config.policies)?).map_err(CommandError::usage)?;
    policy::in_modes(pdp, config)
}

fn listen_limits(config: &Config) -> listen::Limits {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    listen::Limits {
        connections_max: u32::try_from(config.limits.connections).unwrap_or(u32::MAX),
        head_bytes_max: number(config.limits.header_bytes),
        body_prefix_bytes: number(config.limits.body_bytes),
        bodies_bytes_max: number(config.limits.bodies_bytes),
        ..listen::Limits::default()
    }
}

/// Takes what a human changed, and records that they did.
async fn take(here: &Here, point: &HttpPoint, hooks: &Hooks, topic: Topic) {
    match topic {
        // Releases and denials are recorded with the hold that they answer.
        Topic::Holds => return,
        Topic::Policies | Topic::Config => {
            if !reload(here, point) {
                return;
            }
        }
        Topic::Snapshots => {}
        Topic::Hosts | Topic::Secrets | Topic::Agents | Topic::Inventory => {
            if let Err(error) = point.refresh() {
                tracing::error!(%error, "a change could not be read; nothing is known until it can");
            }
        }
    }
    hooks.refresh();
    if topic == Topic::Snapshots {
        return answer_undos(here, point).await;
    }
    let what = topic.as_str().to_owned();
    let detail = format!("policies {}", point.policies().digest());
    if let Err(error) = record(point, RecordKind::Change { what, detail }).await {
        tracing::error!(%error, "a change is not recorded");
    }
}

/// Decides about undos, and puts them on record; whoever asked carries them out.
async fn answer_undos(here: &Here, point: &HttpPoint) {
    let (policies, holds, state) = (point.policies(), here.holds(), &here.state);
    let asking = Asking { ledger: point, policies, state, holds, clock: now };
    if let Err(error) = asking.answer_all().await {
        tracing::error!(%error, "an undo is not decided, and is not done");
    }
}

/// Forgets holds that are long over, and erases the messages and responses kept for them.
async fn prune(here: Arc<Here>, stop: Stop) {
    let mut due = tokio::time::interval(PRUNE_EVERY);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = stop.said() => return,
        }
        let before = Timestamp(now().0.saturating_sub(KEEP_SECONDS * 1000));
        match here.holds().prune(before) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "holds that were long over are forgotten"),
            Err(error) => tracing::error!(%error, "old holds could not be forgotten"),
        }
    }
}

/// Reads configuration and policies again, and says whether they are in force now. What is bad is
/// refused, and the last good stays.
fn reload(here: &Here, point: &HttpPoint) -> bool {
    let taken = here
        .last_good
        .reload()
        .map_err(CommandError::usage)
        .and_then(|config| Ok((policies(&config)?, config)));
    match taken {
        Ok((policies, config)) => {
            point.take(config, policies);
            true
        }
        Err(error) => {
            tracing::error!(%error, "refused; the last good configuration stays in force");
            false
        }
    }
}

/// The signals that a gateway hears, from before it says that it listens.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn hear() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT; SIGHUP reads configuration and policies again.
    async fn wait_for_stop(mut self, here: &Here, point: &HttpPoint, hooks: &Hooks) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => take(here, point, hooks, Topic::Config).await,
            }
        }
    }
}

/// Puts something that no message caused on record.
async fn record(point: &HttpPoint, kind: RecordKind) -> Result<(), CommandError> {
    let record = Record::new(now(), None, kind);
    let subject = Digest::of(b"gateway");
    point.commit(record, subject).await.map(drop).map_err(CommandError::unable)
}
