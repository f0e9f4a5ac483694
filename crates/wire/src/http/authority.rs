//! Host and port: many spellings in, one spelling or a refusal out.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Unreadable;

/// The longest host name (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
/// The longest label of a host name (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A host in its one spelling, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// Lower case, without a trailing dot or brackets.
    pub(super) host: String,
    /// The port that is dialled.
    pub(super) port: u16,
}

/// Reads `host[:port]`; `default_port` is meant where no port is written.
pub(super) fn read(text: &str, default_port: u16) -> Result<Authority, Unreadable> {
    let (host, port) = split(text)?;
    let port = match port {
        None | Some("") => default_port,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(|| Unreadable::new("the port is not a number from 1 to 65535"))?,
    };
    Ok(Authority { host: read_host(host)?, port })
}

/// Host and port as written.
fn split(text: &str) -> Result<(&str, Option<&str>), Unreadable> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest
            .split_once(']')
            .ok_or_else(|| Unreadable::new("the host has a bracket that is never closed"))?;
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix(':').ok_or_else(|| {
                Unreadable::new("there is something other than a port after the host's bracket")
            })?),
        };
        // Only IPv6 addresses are written in brackets: `[example.com]` is read in two ways.
        inside.parse::<Ipv6Addr>().map_err(|_| {
            Unreadable::new("only an IPv6 address without a zone may stand in brackets")
        })?;
        return Ok((inside, port));
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            Err(Unreadable::new("an IPv6 address in a URL is written in brackets"))
        }
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// A host in its one spelling.
pub(super) fn read_host(text: &str) -> Result<String, Unreadable> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => address.to_string(),
        });
    }
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if host.is_empty() || host.len() > HOST_BYTES_MAX {
        return Err(Unreadable::new("the host is empty or longer than a host name can be"));
    }
    if !host.split('.').all(is_label) {
        return Err(Unreadable::new(
            "the host has characters that no host name has; write it in ASCII (punycode), without escapes",
        ));
    }
    if ends_in_number(&host) && host.parse::<Ipv4Addr>().is_err() {
        return Err(Unreadable::new(
            "the host is an IP address in an odd notation; write it as four decimal numbers",
        ));
    }
    Ok(host)
}

/// Whether `label` can be part of a host name. Underscores are not allowed by RFC 1123 and used
/// nevertheless.
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether resolvers would take the host for an IPv4 address (WHATWG URL, "ends in a number"):
/// `2130706433`, `0x7f.1`, `127.1`, `0177.0.0.1`.
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let hexadecimal = last.strip_prefix("0x");
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
