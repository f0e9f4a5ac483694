//! Host names as humans list them: one host, or all below a domain.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::StoreError;

/// A host (`api.example.com`, an address), or every host below a domain (`*.example.com`, at any
/// depth, but not `example.com` itself). In lower case, without a dot at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern(String);

impl HostPattern {
    /// Whether `host` is meant. Its case, the dot at its end and an IPv6 address's brackets do
    /// not matter.
    pub fn matches(&self, host: &str) -> bool {
        let host = normal(host);
        match self.0.strip_prefix('*') {
            // The suffix keeps its dot: `*.example.com` must not mean `evilexample.com`.
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == self.0,
        }
    }

    /// Whether it means more than one host.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    /// As written, in normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The normal form of a host name or address.
pub fn normal(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => name,
    }
}

/// Letters, digits, hyphens and underscores, as in the names that resolvers answer for.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(plain);
    name.len() <= 253 && name.split('.').all(is_label)
}

impl FromStr for HostPattern {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let pattern = normal(text);
        let good = match pattern.strip_prefix("*.") {
            // `*.com` would be half the world.
            Some(domain) => is_name(domain) && domain.contains('.'),
            None => pattern.parse::<IpAddr>().is_ok() || is_name(&pattern),
        };
        let expected = "a host such as api.example.com, or *.example.com; no scheme, port or path";
        let value = || text.chars().take(80).collect::<String>().escape_debug().to_string();
        if good {
            Ok(Self(pattern))
        } else {
            Err(StoreError::Malformed { what: "host", value: value(), expected })
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::HostPattern;

    #[test]
    fn patterns_mean_hosts() {
        for (pattern, host, expect) in [
            ("api.example.com", "api.example.com", true),
            ("api.example.com", "API.example.com.", true),
            ("Api.Example.com", "api.example.com", true),
            ("api.example.com", "api.example.com.evil.net", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "evilexample.com", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]", "::1", true),
            ("::1", "[0:0:0:0:0:0:0:1]", true),
        ] {
            let parsed: HostPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(host), expect, "{pattern} {host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.com",
            "a*.example.com",
            "*.*.example.com",
            "https://example.com",
            "example.com/path",
            "example.com:443",
            "exa mple.com",
            "a..b",
            "ex\u{e4}mple.com",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }
}
