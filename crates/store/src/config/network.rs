//! Networks and fixed addresses, as they are written in the configuration.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use crate::host_pattern;

/// A network in CIDR notation (RFC 4632), for example `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` lies in it. An IPv4 address in IPv6 dress is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(other)) => {
                let bits = 32 - u32::from(self.bits);
                (net.to_bits() ^ other.to_bits()).checked_shr(bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(other)) => {
                let bits = 128 - u32::from(self.bits);
                (net.to_bits() ^ other.to_bits()).checked_shr(bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "write a network such as 10.0.0.0/8 or fd00::/8";
        let (address, bits) = text.split_once('/').ok_or(EXPECTED)?;
        let address: IpAddr = address.parse().map_err(|_| EXPECTED)?;
        let bits: u8 = bits.parse().map_err(|_| EXPECTED)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        if bits <= width { Ok(Self { address, bits }) } else { Err(EXPECTED) }
    }
}

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
