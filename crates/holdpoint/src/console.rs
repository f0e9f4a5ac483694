//! The console's address: numbers for whoever monitors, and nothing else yet.

use std::{io, net::SocketAddr, sync::Arc};

use holdpoint_gateway::{
    listen::Stop,
    metrics::{Gauge, Gauges, Metrics, export, serve},
};
use holdpoint_store::{Config, corpus::Corpus};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    commands::{Here, now},
    status::CommandError,
};

/// The console, if it listens.
#[derive(Debug)]
pub struct Console {
    listener: TcpListener,
    /// Where.
    pub at: SocketAddr,
}

impl Console {
    /// Listens where it is configured. `None` if nobody said where, and the usual address is
    /// another gateway's.
    pub async fn bind(config: &Config) -> Result<Option<Self>, CommandError> {
        let at = config.console;
        let failed =
            |error| CommandError::unable(format!("cannot listen on {at} for the console: {error}"));
        let listener = match TcpListener::bind(at).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && at == usual() => {
                tracing::info!(%at, "another gateway's console is there; this one has none");
                return Ok(None);
            }
            listener => listener.map_err(failed)?,
        };
        let at = listener.local_addr().map_err(failed)?;
        Ok(Some(Self { listener, at }))
    }

    /// Answers until `stop`.
    pub fn serve(self, here: &Arc<Here>, metrics: &Arc<Metrics>, stop: Stop) -> JoinHandle<()> {
        tokio::spawn(serve(self.listener, Arc::clone(metrics), looked_up(here), stop))
    }
}

/// Tells the collector that is configured, if one is, until `stop`.
pub fn tell_collector(
    here: &Arc<Here>,
    metrics: &Arc<Metrics>,
    stop: Stop,
) -> Result<Option<JoinHandle<()>>, CommandError> {
    let Some(collector) = here.config.otlp else { return Ok(None) };
    let telling = export(collector, Arc::clone(metrics), looked_up(here), Arc::new(now), stop);
    Ok(Some(tokio::spawn(telling.map_err(CommandError::unable)?)))
}

fn usual() -> SocketAddr {
    Config::default().console
}

fn looked_up(here: &Arc<Here>) -> Gauges {
    let here = Arc::clone(here);
    Arc::new(move || gauges(&here))
}

/// What waits, and what humans called wrong. What cannot be read is left out.
fn gauges(here: &Here) -> Vec<Gauge> {
    let open = here.holds().open(now()).ok().map(|open| Gauge {
        name: "holdpoint.holds_open",
        label: None,
        help: "Holds that wait for a human.",
        value: open.len() as u64,
    });
    let kept = Corpus::of(&here.dir).read().unwrap_or_default();
    let should = |word: &str| {
        let is = |line: &&String| {
            let episode: Value = serde_json::from_str(line).unwrap_or_default();
            (episode.get("expected").and_then(Value::as_str) == Some("allow")) == (word == "allow")
        };
        kept.iter().filter(is).count() as u64
    };
    let help = "Decisions that a human called wrong, by what they should have been.";
    let wrong = ["allow", "stop"].map(|word| Gauge {
        name: "holdpoint.wrong",
        label: Some(("should", word)),
        help,
        value: should(word),
    });
    open.into_iter().chain(wrong).collect()
}
