//! Hosts that no proxy leads to: the grammar of `NO_PROXY`, as curl reads it, and with ports.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

use crate::host_pattern::HostPattern;

/// Entries that are looked at, at most.
const ENTRIES_MAX: usize = 1000;

/// Hosts that are reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoProxy(Vec<Entry>);

/// One of them, or many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    written: String,
    rule: Rule,
    /// Only this port; without it, every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// `*`.
    All,
    /// This name and all below it; a dot before it changes nothing.
    Domain(String),
    /// An address, or the block of addresses whose first `prefix` bits are the same (CIDR).
    Block { address: IpAddr, prefix: u32 },
}

/// What is no such entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is nothing that can go without the proxy; write a host (example.com is itself and all below it), \
     an address, a block such as 10.0.0.0/8, each perhaps with :PORT, or *"
)]
pub struct EntryError(String);

impl NoProxy {
    /// These entries, of which more than a thousand are none.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.truncate(ENTRIES_MAX);
        Self(entries)
    }

    /// The value of `NO_PROXY`: entries between commas or spaces, and those that are none.
    pub fn read(value: &str) -> (Self, Vec<EntryError>) {
        let written = value.split(|c: char| c == ',' || c.is_whitespace());
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for entry in written.filter(|entry| !entry.is_empty()) {
            match entry.parse() {
                Ok(entry) => entries.push(entry),
                Err(error) => errors.push(error),
            }
        }
        (Self::new(entries), errors)
    }

    /// Whether `host` (lower case, without brackets or a dot at its end) is reached without a
    /// proxy at `port`.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && match (&entry.rule, address) {
                    (Rule::All, _) => true,
                    (Rule::Domain(domain), None) => host
                        .strip_suffix(domain.as_str())
                        .is_some_and(|below| below.is_empty() || below.ends_with('.')),
                    (Rule::Block { address, prefix }, Some(host)) => {
                        same_block(*address, host, *prefix)
                    }
                    (Rule::Domain(_), Some(_)) | (Rule::Block { .. }, None) => false,
                }
        })
    }
}

fn same_block(one: IpAddr, other: IpAddr, prefix: u32) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differ = one.to_bits() ^ other.to_bits();
            differ.leading_zeros() >= prefix
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differ = one.to_bits() ^ other.to_bits();
            differ.leading_zeros() >= prefix
        }
        _ => false,
    }
}

impl FromStr for Entry {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        let error = || EntryError(text.chars().take(80).flat_map(char::escape_debug).collect());
        let (rule, port) = read(text).ok_or_else(error)?;
        Ok(Self { written: text.to_owned(), rule, port })
    }
}

fn read(text: &str) -> Option<(Rule, Option<u16>)> {
    if text == "*" {
        return Some((Rule::All, None));
    }
    if let Some((address, prefix)) = text.split_once('/') {
        let block = block(unbracketed(address).parse().ok()?, Some(prefix.parse().ok()?))?;
        return Some((block, None));
    }
    if let Ok(address) = unbracketed(text).parse() {
        return Some((block(address, None)?, None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
        None => (text, None),
    };
    if let Ok(address) = unbracketed(host).parse() {
        return Some((block(address, None)?, port));
    }
    let name = host.strip_prefix('*').unwrap_or(host).trim_start_matches('.');
    let name: HostPattern = name.parse().ok()?;
    (!name.is_wildcard()).then(|| (Rule::Domain(name.as_str().to_owned()), port))
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

fn block(address: IpAddr, prefix: Option<u32>) -> Option<Rule> {
    let bits = |address| if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
    // `::ffff:10.0.0.0/104` is 10.0.0.0/8: hosts are compared as the IPv4 that they mean.
    let canonical = address.to_canonical();
    let prefix = match prefix {
        Some(prefix) if prefix > bits(address) => return None,
        Some(prefix) => prefix.checked_sub(bits(address) - bits(canonical))?,
        None => bits(canonical),
    };
    Some(Rule::Block { address: canonical, prefix })
}

impl fmt::Display for NoProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written: Vec<&str> = self.0.iter().map(|entry| entry.written.as_str()).collect();
        f.write_str(&written.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::NoProxy;

    fn check(value: &str, host: &str, port: u16, expect: bool) {
        let (no_proxy, errors) = NoProxy::read(value);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(no_proxy.covers(host, port), expect, "NO_PROXY={value} {host}:{port}");
    }

    #[test]
    fn names_mean_themselves_and_what_is_below_them() {
        for value in
            ["example.com", ".example.com", "*.example.com", "Example.com.", "a, example.com b"]
        {
            check(value, "example.com", 443, true);
            check(value, "api.example.com", 443, true);
            check(value, "a.b.example.com", 80, true);
            check(value, "evilexample.com", 443, false);
            check(value, "example.com.evil.net", 443, false);
            check(value, "example.org", 443, false);
        }
        check("", "example.com", 443, false);
        check("*", "example.com", 443, true);
        check("*", "10.0.0.1", 443, true);
        check("example.com:8443", "api.example.com", 8443, true);
        check("example.com:8443", "api.example.com", 443, false);
        check("internal", "internal", 443, true);
        check("internal", "db.internal", 443, true);
    }

    #[test]
    fn addresses_mean_themselves_and_blocks_what_lies_in_them() {
        check("10.0.0.1", "10.0.0.1", 443, true);
        check("10.0.0.1", "10.0.0.2", 443, false);
        check("10.0.0.1:8080", "10.0.0.1", 8080, true);
        check("10.0.0.1:8080", "10.0.0.1", 80, false);
        check("10.0.0.0/8", "10.255.0.1", 443, true);
        check("10.0.0.0/8", "11.0.0.1", 443, false);
        check("10.1.2.3/8", "10.255.0.1", 443, true);
        check("0.0.0.0/0", "8.8.8.8", 443, true);
        check("0.0.0.0/0", "2001:4860::8888", 443, false);
        check("::/0", "2001:4860::8888", 443, true);
        check("192.168.1.128/25", "192.168.1.127", 443, false);
        check("::1", "::1", 443, true);
        check("[::1]", "::1", 443, true);
        check("[::1]:8080", "::1", 8080, true);
        check("[::1]:8080", "::1", 80, false);
        check("fd00::/8", "fd12::1", 443, true);
        check("fd00::/8", "fe80::1", 443, false);
        check("[fd00::]/8", "fd12::1", 443, true);
        check("::ffff:10.0.0.0/104", "10.1.1.1", 443, true);
        check("::ffff:10.0.0.1", "10.0.0.1", 443, true);
        // The end of a name is no address, and an address no name.
        check("0.0.1", "10.0.0.1", 443, false);
        check("10.0.0.0/8", "10.example.com", 443, false);
    }

    #[test]
    fn what_is_nothing_is_said_and_the_rest_counts() {
        let (no_proxy, errors) =
            NoProxy::read("<local>,10.0.0.0/33,a..b,example.com:x,good.example");
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(no_proxy.covers("good.example", 443));
        assert_eq!(no_proxy.to_string(), "good.example");
        for bad in ["fd00::/129", "::ffff:10.0.0.0/95", "a.example:0", "*.*.example.com", "**"] {
            assert_eq!(NoProxy::read(bad).1.len(), 1, "{bad}");
        }
    }
}
