//! From a host to a checked address, or to a proxy, to a connection; no second look-up in between.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use holdpoint_store::config::ProxyUrl;
use holdpoint_wire::http::Scheme;
use http::StatusCode;
use rustls::{ClientConfig, pki_types::ServerName};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    happy_eyeballs,
    pool::Key,
    proxies::Proxies,
    reachable::{Refused, reachable, reachable_by_name},
    resolver::{Resolver, System},
    tunnel,
};
use crate::tls::{ALPN_HTTP1, ALPN_HTTP2, offer};

/// Addresses of one host that are tried, at most.
const ADDRESSES_MAX: usize = 4;

/// A connection to an upstream, with or without TLS.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What is offered to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1, for what has to have a connection to itself.
    Http1,
}

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
    /// The proxy does not lead there.
    #[error("the proxy {proxy} leads to no connection with {host}: {reason}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// The host.
        host: String,
        /// What the proxy did.
        reason: String,
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

/// What is dialled next on the way to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hop {
    /// The upstream itself, at the address that was checked.
    Upstream(SocketAddr),
    /// The proxy that leads to it, which finds the address itself.
    Proxy,
}

/// Finds, checks and dials upstream addresses.
#[derive(Debug, Clone)]
pub struct Dialer {
    overrides: HashMap<(String, u16), SocketAddr>,
    proxies: Proxies,
    resolver: Arc<dyn Resolver>,
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
        let (proxies, resolver) = (Proxies::default(), Arc::new(System));
        Self { overrides, proxies, resolver, tls, connect_timeout }
    }

    /// The same, through `proxies` where there is no override.
    #[must_use]
    pub fn through(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// The same, with another way to find addresses.
    #[must_use]
    pub fn asking(self, resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, ..self }
    }

    /// Where a host is dialled: at its addresses, every one of them checked, or through a proxy.
    /// One bad address condemns all: honest names do not point inside and outside at once.
    pub async fn resolve(
        &self,
        scheme: Scheme,
        host: &str,
        port: u16,
        listed_privately: bool,
    ) -> Result<Vec<Hop>, Unreached> {
        if let Some(address) = self.overrides.get(&(host.to_owned(), port)) {
            return Ok(vec![Hop::Upstream(*address)]);
        }
        let refuse = |refused| Unreached::Refused { host: host.to_owned(), refused };
        if self.proxies.towards(scheme, host, port).is_some() {
            // The proxy resolves names; an address that is written is checked all the same.
            let checked = match host.parse::<IpAddr>() {
                Ok(address) => reachable(address, listed_privately),
                Err(_) => reachable_by_name(host, listed_privately),
            };
            return checked.map(|()| vec![Hop::Proxy]).map_err(refuse);
        }
        let addresses = self.look_up(host, port).await?;
        for address in &addresses {
            reachable(address.ip(), listed_privately).map_err(refuse)?;
        }
        let in_turn = happy_eyeballs::in_turn(addresses).into_iter().take(ADDRESSES_MAX);
        Ok(in_turn.map(Hop::Upstream).collect())
    }

    /// Connects to exactly where `key` says in the name of its host, and says what is spoken there
    /// (without TLS, there is nobody to ask). To a proxy that is to pass on plain HTTP, the
    /// connection is that with the proxy.
    pub(super) async fn dial(
        &self,
        key: &Key,
        offered: Offer,
    ) -> Result<(Box<dyn Wire>, Protocol), Unreached> {
        let Key { scheme, host, .. } = key;
        let address = match key.hop {
            Hop::Upstream(address) => address,
            Hop::Proxy => return self.dial_through_proxy(key, offered).await,
        };
        let failed = |source| Unreached::Connect { host: host.clone(), address, source };
        let socket = self.within(connect(address)).await.map_err(failed)?;
        match scheme {
            Scheme::Http => Ok((Box::new(socket), Protocol::Http1)),
            Scheme::Https => {
                let tls = self.tls_for(offered);
                self.within(secure(Box::new(socket), host, tls)).await.map_err(failed)
            }
        }
    }

    /// TLS that offers this.
    fn tls_for(&self, offered: Offer) -> Arc<ClientConfig> {
        match offered {
            Offer::Both => Arc::clone(&self.tls),
            Offer::Http1 => {
                let mut tls = ClientConfig::clone(&self.tls);
                tls.alpn_protocols = offer(&[ALPN_HTTP1]);
                Arc::new(tls)
            }
        }
    }

    /// The proxy that has to be asked in each message, as it passes on `scheme` itself.
    pub(super) fn asked_in_message(
        &self,
        scheme: Scheme,
        host: &str,
        port: u16,
        hops: &[Hop],
    ) -> Option<&ProxyUrl> {
        let plainly = scheme == Scheme::Http && hops.contains(&Hop::Proxy);
        self.proxies.towards(scheme, host, port).filter(|_| plainly)
    }

    /// What a proxy's own answer to a plain message means: it was not passed on (RFC 9110 §15.5.8).
    pub(super) fn refused_by_proxy(&self, key: &Key, status: StatusCode) -> Option<Unreached> {
        let proxy = self.asked_in_message(key.scheme, &key.host, key.port, &[key.hop])?;
        (status == StatusCode::PROXY_AUTHENTICATION_REQUIRED).then(|| Unreached::Proxy {
            proxy: proxy.to_string(),
            host: key.host.clone(),
            reason: tunnel::refusal(status),
        })
    }

    async fn dial_through_proxy(
        &self,
        Key { scheme, host, port, .. }: &Key,
        offered: Offer,
    ) -> Result<(Box<dyn Wire>, Protocol), Unreached> {
        let Some(proxy) = self.proxies.towards(*scheme, host, *port) else {
            return Err(Unreached::Unwritable("its proxy is gone".to_owned()));
        };
        let named = proxy.to_string();
        let failed = |reason| Unreached::Proxy { proxy: named, host: host.clone(), reason };
        let steps = async {
            if *scheme == Scheme::Http {
                return Ok((self.dial_proxy(proxy).await?, Protocol::Http1));
            }
            let tunnel = self.tunnel(proxy, host, *port).await?;
            let secured = self.within(secure(tunnel, host, self.tls_for(offered))).await;
            secured.map_err(|error| format!("TLS with the host failed: {error}"))
        };
        steps.await.map_err(failed)
    }

    /// Connects to exactly `hop`, for a stream in which nobody speaks for `host` but its user.
    pub(super) async fn dial_raw(
        &self,
        host: &str,
        port: u16,
        hop: Hop,
    ) -> Result<Box<dyn Wire>, Unreached> {
        if hop != Hop::Proxy {
            let key = Key { scheme: Scheme::Http, host: host.to_owned(), port, hop };
            return self.dial(&key, Offer::Http1).await.map(|(wire, _)| wire);
        }
        let Some(proxy) = self.proxies.towards(Scheme::Https, host, port) else {
            return Err(Unreached::Unwritable("its proxy is gone".to_owned()));
        };
        let failed =
            |reason| Unreached::Proxy { proxy: proxy.to_string(), host: host.to_owned(), reason };
        self.tunnel(proxy, host, port).await.map_err(failed)
    }

    /// A tunnel through the proxy.
    async fn tunnel(
        &self,
        proxy: &ProxyUrl,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn Wire>, String> {
        let wire = self.dial_proxy(proxy).await?;
        let named = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        tunnel::open(wire, proxy, &format!("{named}:{port}"), self.connect_timeout).await
    }

    /// Connects to the proxy, wherever a human put it.
    async fn dial_proxy(&self, proxy: &ProxyUrl) -> Result<Box<dyn Wire>, String> {
        let found = self.look_up(proxy.host(), proxy.port()).await;
        let found = found.map_err(|unreached| unreached.to_string())?;
        let addresses = happy_eyeballs::in_turn(found).into_iter().take(ADDRESSES_MAX);
        let attempts = addresses.map(|address| self.within(connect(address)));
        let socket = match happy_eyeballs::first(attempts).await {
            Some(Ok(socket)) => socket,
            Some(Err(error)) => return Err(format!("it cannot be reached: {error}")),
            None => return Err("it has no address".to_owned()),
        };
        if !proxy.tls() {
            return Ok(Box::new(socket));
        }
        let tls = self.tls_for(Offer::Http1);
        let secured = self.within(secure(Box::new(socket), proxy.host(), tls)).await;
        secured.map(|(wire, _)| wire).map_err(|error| format!("TLS with the proxy failed: {error}"))
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unreached> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |source| Unreached::Resolve { host: host.to_owned(), source };
        let found = self.within(self.resolver.look_up(host, port)).await.map_err(failed)?;
        match found.is_empty() {
            true => Err(failed(io::Error::new(io::ErrorKind::NotFound, "it has no address"))),
            false => Ok(found),
        }
    }

    async fn within<T>(&self, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        match timeout(self.connect_timeout, step).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")),
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// TLS within `wire`, with a certificate for `host`; and what both sides agreed to speak in it.
async fn secure(
    wire: Box<dyn Wire>,
    host: &str,
    tls: Arc<ClientConfig>,
) -> io::Result<(Box<dyn Wire>, Protocol)> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = TlsConnector::from(tls).connect(name, wire).await?;
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(ALPN_HTTP2) => Protocol::Http2,
        _ => Protocol::Http1,
    };
    Ok((Box::new(stream), protocol))
}
