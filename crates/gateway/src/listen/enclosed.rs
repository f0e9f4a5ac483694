//! What waits in the enclosure of one run, and what a connection to it was meant for.

use std::{net::SocketAddr, sync::Arc};

use rustix::net::sockopt::ip_original_dst;
use tokio::net::TcpStream;

use super::{message::Authority, names::Names};

/// The inside of a run, as far as the gateway sees it.
#[derive(Debug)]
pub struct Enclosed {
    /// The run.
    pub run: Arc<str>,
    /// Ports that stand for services of this machine.
    services: Vec<u16>,
    /// The names that were asked for.
    pub(super) names: Names,
}

/// What a connection was meant for that does not speak to the proxy itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// A host that was looked up by its name, or that nobody knows.
    Host(Authority),
    /// A service of this machine.
    Service(Authority),
}

impl Enclosed {
    /// The inside of `run`, in which ports stand for `services` of this machine.
    pub fn new(run: &str, services: Vec<u16>) -> Self {
        Self { run: run.into(), services, names: Names::default() }
    }

    /// What `socket` was meant for; none if it was for the proxy.
    pub(super) fn meant(&self, socket: &TcpStream) -> Option<Meant> {
        let here = socket.local_addr().ok()?;
        if self.services.contains(&here.port()) {
            let host = "127.0.0.1".to_owned();
            return Some(Meant::Service(Authority { host, port: here.port() }));
        }
        // Without a rule that leads connections here, there is no other address.
        let original = ip_original_dst(socket).ok().filter(|it| SocketAddr::V4(*it) != here)?;
        let name = self.names.name(*original.ip());
        let host = name.unwrap_or_else(|| original.ip().to_string());
        Some(Meant::Host(Authority { host, port: original.port() }))
    }
}
