//! From a host to a checked address to a connection, with no second look-up in between.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use holdpoint_wire::http::Scheme;
use rustls::{ClientConfig, pki_types::ServerName};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::reachable::{Refused, reachable};
use crate::tls::ALPN_HTTP2;

/// Addresses of one host that are tried, at most.
const ADDRESSES_MAX: usize = 4;

/// A connection to an upstream, with or without TLS.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// One message after the other.
    Http1,
    /// Many at a time.
    Http2,
}

/// Why nothing was sent.
#[derive(Debug, Error)]
pub enum Unreached {
    /// No address is known for the host.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The host has an address that is not dialled.
    #[error("{host} is not dialled: {refused}")]
    Refused {
        /// The host.
        host: String,
        /// Why.
        refused: Refused,
    },
    /// The connection could not be made, with or without TLS.
    #[error("cannot connect to {host} at {address}: {source}")]
    Connect {
        /// The host.
        host: String,
        /// What was dialled.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The message could not be written as HTTP.
    #[error("the message cannot be sent: {0}")]
    Unwritable(String),
    /// The connection closed before anything was sent on it.
    #[error("{0} closed the connection before anything was sent")]
    Closed(String),
    /// The upstream says that it has done nothing about the message, twice or of one that cannot
    /// be sent again.
    #[error("{0} gave the message back unprocessed")]
    Unprocessed(String),
}

/// `HOST:PORT:ADDR:PORT`: dial this address for that host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Lower case.
    pub host: String,
    /// The port that clients ask for.
    pub port: u16,
    /// What is dialled instead; a human named it, so it may be anywhere.
    pub address: SocketAddr,
}

/// A text that is no override.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not HOST:PORT:ADDR:PORT, such as api.example.com:443:127.0.0.1:8443")]
pub struct OverrideError(String);

impl FromStr for Override {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, OverrideError> {
        let parse = || {
            let (host, rest) = match text.strip_prefix('[') {
                Some(rest) => rest.split_once("]:")?,
                None => text.split_once(':')?,
            };
            let (port, address) = rest.split_once(':')?;
            let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
            let address = address.parse().ok()?;
            (!host.is_empty()).then_some(Self { host, port: port.parse().ok()?, address })
        };
        parse().ok_or_else(|| OverrideError(text.to_owned()))
    }
}

/// Finds, checks and dials upstream addresses.
#[derive(Debug, Clone)]
pub struct Dialer {
    overrides: HashMap<(String, u16), SocketAddr>,
    tls: Arc<ClientConfig>,
    connect_timeout: Duration,
}

impl Dialer {
    /// A dialer that trusts `tls`; connecting and the TLS handshake may each take
    /// `connect_timeout`.
    pub fn new(
        overrides: impl IntoIterator<Item = Override>,
        tls: Arc<ClientConfig>,
        connect_timeout: Duration,
    ) -> Self {
        let overrides = overrides
            .into_iter()
            .map(|Override { host, port, address }| ((host, port), address))
            .collect();
        Self { overrides, tls, connect_timeout }
    }

    /// The addresses of a host, every one of them checked. One bad address condemns all: honest
    /// names do not point inside and outside at once.
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
        listed_privately: bool,
    ) -> Result<Vec<SocketAddr>, Unreached> {
        if let Some(address) = self.overrides.get(&(host.to_owned(), port)) {
            return Ok(vec![*address]);
        }
        let mut addresses = look_up(host, port, self.connect_timeout).await?;
        for address in &addresses {
            reachable(address.ip(), listed_privately)
                .map_err(|refused| Unreached::Refused { host: host.to_owned(), refused })?;
        }
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses)
    }

    /// Connects to exactly `address` in the name of `host`, and says what the upstream speaks
    /// (without TLS, there is nobody to ask).
    pub(super) async fn dial(
        &self,
        scheme: Scheme,
        host: &str,
        address: SocketAddr,
    ) -> Result<(Box<dyn Wire>, Protocol), Unreached> {
        let failed = |source| Unreached::Connect { host: host.to_owned(), address, source };
        let socket = self.within(TcpStream::connect(address)).await.map_err(failed)?;
        socket.set_nodelay(true).map_err(failed)?;
        match scheme {
            Scheme::Http => Ok((Box::new(socket), Protocol::Http1)),
            Scheme::Https => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
                let connector = TlsConnector::from(Arc::clone(&self.tls));
                let stream = self.within(connector.connect(name, socket)).await.map_err(failed)?;
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(ALPN_HTTP2) => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                Ok((Box::new(stream), protocol))
            }
        }
    }

    async fn within<T>(&self, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        match timeout(self.connect_timeout, step).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")),
        }
    }
}

async fn look_up(host: &str, port: u16, wait: Duration) -> Result<Vec<SocketAddr>, Unreached> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let failed = |source| Unreached::Resolve { host: host.to_owned(), source };
    let found = timeout(wait, lookup_host((host, port)))
        .await
        .map_err(|_| failed(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))?;
    let addresses: Vec<SocketAddr> = found.map_err(failed)?.collect();
    if addresses.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "it has no address")));
    }
    Ok(addresses)
}
