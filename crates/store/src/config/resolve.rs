//! Fixed addresses, as they are written in the configuration.

use std::{net::SocketAddr, str::FromStr};

use crate::host_pattern;

/// `HOST:PORT:ADDR:PORT`: dial this address for that host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// The host that the agent speaks to, in normal form.
    pub host: String,
    /// The port that the agent speaks to.
    pub port: u16,
    /// What is dialled instead.
    pub to: SocketAddr,
}

impl FromStr for Resolve {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "write HOST:PORT:ADDR:PORT such as api.example.com:443:127.0.0.1:8443";
        let bracketed = |text: &str| text.starts_with('[').then(|| text.find(']')).flatten();
        let after_host = bracketed(text).or_else(|| text.find(':').map(|at| at.saturating_sub(1)));
        let (host, rest) =
            after_host.and_then(|at| text.split_at_checked(at + 1)).ok_or(EXPECTED)?;
        let rest = rest.strip_prefix(':').ok_or(EXPECTED)?;
        let (port, to) = rest.split_once(':').ok_or(EXPECTED)?;
        let host: host_pattern::HostPattern = host.parse().map_err(|_| EXPECTED)?;
        if host.is_wildcard() {
            return Err(EXPECTED);
        }
        Ok(Self {
            host: host.as_str().to_owned(),
            port: port.parse().map_err(|_| EXPECTED)?,
            to: to.parse().map_err(|_| EXPECTED)?,
        })
    }
}
