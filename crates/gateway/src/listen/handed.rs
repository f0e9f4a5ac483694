//! Sockets of runs, handed over by their supervisors: who comes in there needs no other proof.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use holdpoint_core::Timestamp;
use holdpoint_store::{
    State,
    config::HoldTerms,
    runs::{Handed, RunsSocket, Supervisor},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{Semaphore, broadcast::error::RecvError},
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use super::{
    Door, Enclosed, Handler, Proxy, Stop, Stopper,
    newcomer::{part_with, run_of, welcome},
    proxy::unless,
};

/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Supervisors of one other user at a time.
const VISITS_MAX: usize = 128;

/// Serves what supervisors hand over, until `stop` is said.
pub async fn serve_handed<H: Handler>(
    proxy: Arc<Proxy<H>>,
    state: State,
    socket: RunsSocket,
    stop: Stop,
) {
    let mut runs = JoinSet::new();
    let mut rooms: HashMap<u32, Arc<Semaphore>> = HashMap::new();
    while let Some(accepted) = unless(&stop, socket.accept()).await {
        while runs.try_join_next().is_some() {}
        match accepted {
            Ok(supervisor) => {
                rooms.retain(|_, room| room.available_permits() < VISITS_MAX);
                let room = supervisor.visitor().map(|user| {
                    let room =
                        rooms.entry(user).or_insert_with(|| Semaphore::new(VISITS_MAX).into());
                    Arc::clone(room).try_acquire_owned()
                });
                // Dropped: one user takes no room from the others.
                let Ok(room) = room.transpose() else { continue };
                let (proxy, state, stop) = (Arc::clone(&proxy), state.clone(), stop.clone());
                runs.spawn(async move {
                    let _room = room;
                    if let Err(error) = attend(proxy, &state, supervisor, &stop).await {
                        tracing::warn!(%error, "a run could not hand its listeners over");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "runs.sock could not accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    runs.join_all().await;
}

/// Serves one run until it is over.
async fn attend<H: Handler>(
    proxy: Arc<Proxy<H>>,
    state: &State,
    supervisor: Supervisor,
    stop: &Stop,
) -> io::Result<()> {
    // Nothing: somebody who only wanted to know whether we are up.
    let Some(mut handed) = supervisor.take().await?.filter(|it| !it.listeners.is_empty()) else {
        return Ok(());
    };
    match admit(state, &handed, (proxy.clock)()).await {
        Ok(run) => handed.run = run,
        Err(why) => {
            handed.refuse(&why).await?;
            return Err(io::Error::other(why));
        }
    }
    let served = serve_run(proxy, state, &mut handed, stop).await;
    if handed.newcomer.is_some() {
        let (state, run) = (state.clone(), handed.run);
        let parted = spawn_blocking(move || part_with(&state, &run)).await;
        parted.map_err(io::Error::other)?.map_err(io::Error::other)?;
    }
    served
}

/// The run that these listeners are of, if it is so by its own key: what it is called here.
async fn admit(state: &State, handed: &Handed, now: Timestamp) -> Result<String, String> {
    let run = match &handed.newcomer {
        Some((_, user)) => run_of(*user, &handed.run),
        None => handed.run.clone(),
    };
    let known = state.agents().of_run(&run).map_err(|error| error.to_string())?;
    let did = match (&known, &handed.newcomer) {
        (Some(agent), _) => agent.principal.did,
        (None, Some((newcomer, _))) => Some(newcomer.did),
        (None, None) => return Err(format!("there is no run `{run}`")),
    };
    if !did.is_some_and(|did| handed.is_of(&did)) {
        return Err(format!("whoever handed run `{run}` over has not its key"));
    }
    let Some((newcomer, user)) = handed.newcomer.clone().filter(|_| known.is_none()) else {
        return Ok(run);
    };
    let (state, said) = (state.clone(), handed.run.clone());
    let made = spawn_blocking(move || welcome(&state, &said, &newcomer, user, now)).await;
    made.map_err(|error| error.to_string())?.map(|principal| principal.run)
}

/// Accepts from the listeners of a run until it is over.
async fn serve_run<H: Handler>(
    proxy: Arc<Proxy<H>>,
    state: &State,
    handed: &mut Handed,
    stop: &Stop,
) -> io::Result<()> {
    let over = Stopper::new();
    let mut serving = JoinSet::new();
    let services = std::mem::take(&mut handed.services);
    proxy.handler.guards(&handed.run, &services);
    let enclosed = Arc::new(Enclosed::new(&handed.run, services));
    if let Some(socket) = handed.names.take() {
        let socket = UdpSocket::from_std(socket)?;
        let (proxy, enclosed, over) = (Arc::clone(&proxy), Arc::clone(&enclosed), over.stop());
        serving.spawn(async move {
            let is_known = |name: &str| proxy.handler.resolves(name);
            // It has no end of its own.
            let _ = unless(&over, enclosed.names.answer(socket, is_known)).await;
        });
    }
    for listener in std::mem::take(&mut handed.listeners) {
        let listener = TcpListener::from_std(listener)?;
        let (proxy, enclosed) = (Arc::clone(&proxy), Arc::clone(&enclosed));
        serving.spawn(proxy.serve_at(listener, Door::Enclosure(enclosed), over.stop()));
    }
    handed.taken().await?;
    until_over(handed, state, stop).await;
    over.say();
    serving.join_all().await;
    proxy.handler.guards(&handed.run, &[]);
    Ok(())
}

/// Until the run is over, or we are; its supervisor hears meanwhile what of it is held.
async fn until_over(handed: &mut Handed, state: &State, stop: &Stop) {
    let (mut changes, mut told) = (state.subscribe(), Vec::new());
    loop {
        if is_killed(state, &handed.run) {
            // Its processes may have ended already, and it with them.
            let _ = handed.killed().await;
        }
        let changed = async {
            tokio::select! {
                () = handed.until_gone() => false,
                changed = changes.recv() => !matches!(changed, Err(RecvError::Closed)),
            }
        };
        if unless(stop, changed).await != Some(true) {
            return;
        }
        let waiting = state.holds(HoldTerms::default()).waiting(&handed.run);
        let waiting = waiting.unwrap_or_default();
        if waiting != told && handed.waits(&waiting).await.is_err() {
            return;
        }
        told = waiting;
    }
}

fn is_killed(state: &State, run: &str) -> bool {
    let found = state.agents().of_run(run).ok().flatten();
    found.is_some_and(|agent| agent.principal.killed)
}
