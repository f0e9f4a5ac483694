//! Databases that are served: found wanting before anything serves.

use std::{net::SocketAddr, sync::Arc};

use holdpoint_gateway::{
    listen::Stop,
    point::HttpPoint,
    postgres::{Front, Served},
    tls::Leaves,
};
use holdpoint_store::Config;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    commands::{Here, now},
    status::CommandError,
    upstream::Upstream,
};

/// A database's address as a running gateway says it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatabaseAddress {
    /// Where clients connect to.
    pub listen: SocketAddr,
    /// What it stands for.
    pub upstream: String,
    /// Whose statements arrive there; none if only runs reach it.
    pub agent: Option<String>,
}

/// The databases of a gateway, each with an address that listens.
#[derive(Debug)]
pub struct Databases {
    front: Arc<Front>,
    bound: Vec<(TcpListener, Arc<Served>)>,
}

/// Listens for every configured database. Each must be for an agent that is there.
pub async fn bind(
    here: &Here,
    config: &Config,
    point: &Arc<HttpPoint>,
    upstream: &Upstream,
    leaves: Arc<Leaves>,
) -> Result<Databases, CommandError> {
    let mut bound = Vec::new();
    for database in config.databases.clone() {
        let listen = database.listen;
        if let Some(agent) = &database.agent
            && here.state.agents().find(agent).map_err(CommandError::unable)?.is_none()
        {
            let text = format!(
                "[[database]] {listen} is for the agent `{agent}`, which is not there; make it \
                 with `holdpoint agents new {agent}`"
            );
            return Err(CommandError::usage(text));
        }
        let cannot = |error| CommandError::unable(format!("cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let served = Served::new(Arc::clone(point), database, upstream.roots())
            .map_err(CommandError::usage)?;
        bound.push((listener, Arc::new(served)));
    }
    Ok(Databases { front: Arc::new(Front::new(leaves, now)), bound })
}

impl Databases {
    /// What is said about them.
    pub fn addresses(&self) -> Result<Vec<DatabaseAddress>, CommandError> {
        let each = self.bound.iter().map(|(listener, served)| {
            let listen = listener.local_addr().map_err(CommandError::unable)?;
            let (upstream, agent) = served.describe();
            Ok(DatabaseAddress { listen, upstream, agent })
        });
        each.collect()
    }

    /// What stands in front of them.
    pub fn front(&self) -> Arc<Front> {
        Arc::clone(&self.front)
    }

    /// Those that are served, for who runs what is released.
    pub fn served(&self) -> Vec<Arc<Served>> {
        self.bound.iter().map(|(_, served)| Arc::clone(served)).collect()
    }

    /// Serves them until `stop` is said.
    pub fn serve(self, stop: impl Fn() -> Stop) -> Vec<JoinHandle<()>> {
        let front = self.front;
        let each = self.bound.into_iter().map(|(listener, served)| {
            tokio::spawn(Arc::clone(&front).serve(served, listener, stop()))
        });
        each.collect()
    }
}
