//! Reverse mode: addresses that each stand for one upstream, and whoever comes there for one agent.

use std::net::SocketAddr;

use toml::Spanned;

use super::{error::Fault, raw::RawReverse};
use crate::host_pattern::HostPattern;

/// There are never more addresses than this.
const REVERSE_MAX: usize = 16;
/// What an upstream looks like.
const UPSTREAM: &str = "write https://HOST, http://HOST, or either with a port, and no path";

/// An address that stands for one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverse {
    /// Where clients connect to; on this machine.
    pub listen: SocketAddr,
    /// Whether TLS protects the way to the upstream.
    pub tls: bool,
    /// The upstream's host, in normal form.
    pub host: String,
    /// The upstream's port.
    pub port: u16,
    /// The agent whose messages arrive there.
    pub agent: String,
}

/// Checks every entry, and all together.
pub(super) fn check(raw: Vec<RawReverse>) -> Result<Vec<Reverse>, Fault> {
    let mut checked: Vec<Reverse> = Vec::new();
    for entry in raw {
        let span = entry.listen.span();
        let entry = check_one(entry)?;
        let taken = |other: &Reverse| entry.listen.port() != 0 && other.listen == entry.listen;
        if checked.iter().any(taken) {
            let message = format!("{} is listened on twice; choose another port", entry.listen);
            return Err(Fault::at(span, message));
        }
        checked.push(entry);
        if checked.len() > REVERSE_MAX {
            let message = format!("there are more than {REVERSE_MAX} of [[reverse]]");
            return Err(Fault::at(span, message));
        }
    }
    Ok(checked)
}

fn check_one(RawReverse { listen, upstream, agent }: RawReverse) -> Result<Reverse, Fault> {
    let address: Option<SocketAddr> = listen.get_ref().parse().ok();
    let local = address.filter(|address| address.ip().is_loopback()).ok_or_else(|| {
        // Whoever reaches the address is the agent, so nobody else may reach it.
        let mend = "write an address of this machine and a port such as 127.0.0.1:7081; who \
                    connects there is not asked who they are, so no other machine may";
        Fault::at(listen.span(), format!("`{}`: {mend}", listen.get_ref()))
    })?;
    if agent.get_ref().is_empty() {
        return Err(Fault::at(agent.span(), "write the name of an agent"));
    }
    let (tls, host, port) = read_upstream(&upstream)?;
    Ok(Reverse { listen: local, tls, host, port, agent: agent.into_inner() })
}

/// Scheme, host and port of an upstream.
fn read_upstream(upstream: &Spanned<String>) -> Result<(bool, String, u16), Fault> {
    let text = upstream.get_ref().as_str();
    let read = || {
        let (scheme, rest) = text.split_once("://")?;
        let (tls, usual) = match scheme {
            "https" => (true, 443),
            "http" => (false, 80),
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let bracketed = rest.starts_with('[').then(|| rest.find(']')).flatten();
        let (host, port) = match bracketed {
            Some(end) => rest.split_at_checked(end + 1)?,
            None => {
                rest.find(':').map_or(Some((rest, "")), |colon| rest.split_at_checked(colon))?
            }
        };
        let port = match port {
            "" => usual,
            port => port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
        };
        let host: HostPattern =
            host.parse().ok().filter(|host: &HostPattern| !host.is_wildcard())?;
        Some((tls, host.as_str().to_owned(), port))
    };
    read().ok_or_else(|| Fault::at(upstream.span(), format!("`{text}`: {UPSTREAM}")))
}
