//! Sockets of runs, handed over by their supervisors: who comes in there needs no other proof.

use std::{io, sync::Arc, time::Duration};

use holdpoint_store::{
    State,
    config::HoldTerms,
    runs::{Handed, RunsSocket, Supervisor},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::broadcast::error::RecvError,
    task::JoinSet,
    time::sleep,
};

use super::{Door, Enclosed, Handler, Proxy, Stop, Stopper, proxy::unless};

/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves what supervisors hand over, until `stop` is said.
pub async fn serve_handed<H: Handler>(
    proxy: Arc<Proxy<H>>,
    state: State,
    socket: RunsSocket,
    stop: Stop,
) {
    let mut runs = JoinSet::new();
    while let Some(accepted) = unless(&stop, socket.accept()).await {
        while runs.try_join_next().is_some() {}
        match accepted {
            Ok(supervisor) => {
                let (proxy, state, stop) = (Arc::clone(&proxy), state.clone(), stop.clone());
                runs.spawn(async move {
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
    let mut handed = supervisor.take().await?;
    if handed.listeners.is_empty() {
        // Somebody who only wanted to know whether we are up.
        return Ok(());
    }
    let known = state.agents().of_run(&handed.run).map_err(io::Error::other)?;
    if known.is_none() {
        return Err(io::Error::other(format!("there is no run `{}`", handed.run)));
    }
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
    until_over(&mut handed, state, stop).await;
    over.say();
    serving.join_all().await;
    proxy.handler.guards(&handed.run, &[]);
    Ok(())
}

/// Until the run is over, or we are; its supervisor hears meanwhile what of it is held.
async fn until_over(handed: &mut Handed, state: &State, stop: &Stop) {
    let (mut changes, mut told) = (state.subscribe(), Vec::new());
    loop {
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
