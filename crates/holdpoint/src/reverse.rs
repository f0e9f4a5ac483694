//! Addresses that each stand for one upstream and one agent: found wanting before anything serves.

use std::{net::SocketAddr, sync::Arc};

use holdpoint_gateway::{
    listen::{self, Door, Proxy, Stop, message::Authority},
    serve::Server,
};
use holdpoint_store::config::Reverse;
use holdpoint_wire::http::Scheme;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{commands::Here, status::CommandError};

/// An address as a running gateway says it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReverseAddress {
    /// Where clients connect to.
    pub listen: SocketAddr,
    /// What it stands for.
    pub upstream: String,
    /// Whose messages arrive there.
    pub agent: String,
}

/// An address that listens, and is not served yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    at: listen::Reverse,
}

/// Listens on every configured address. Each must be of an agent that is there.
pub async fn bind(here: &Here) -> Result<Vec<Bound>, CommandError> {
    let mut bound = Vec::new();
    for Reverse { listen, tls, host, port, agent } in here.config.reverse.clone() {
        if here.state.agents().find(&agent).map_err(CommandError::unable)?.is_none() {
            let text = format!(
                "[[reverse]] {listen} is for the agent `{agent}`, which is not there; make it with \
                 `holdpoint agents new {agent}`"
            );
            return Err(CommandError::usage(text));
        }
        let cannot = |error| CommandError::unable(format!("cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let listen = listener.local_addr().map_err(CommandError::unable)?;
        let scheme = if tls { Scheme::Https } else { Scheme::Http };
        let at = listen::Reverse { listen, scheme, upstream: Authority { host, port }, agent };
        bound.push(Bound { listener, at });
    }
    Ok(bound)
}

impl Bound {
    /// What is said about it.
    pub fn address(&self) -> ReverseAddress {
        let listen::Reverse { listen, scheme, upstream, agent } = &self.at;
        let upstream = format!("{}://{upstream}", scheme.as_str());
        ReverseAddress { listen: *listen, upstream, agent: agent.clone() }
    }

    /// Serves it until `stop` is said.
    pub fn serve(self, proxy: &Arc<Proxy<Server>>, stop: Stop) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(proxy).serve_at(
            self.listener,
            Door::Reverse(Arc::new(self.at)),
            stop,
        ))
    }
}
