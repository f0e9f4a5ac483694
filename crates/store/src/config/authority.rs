//! The host and the port of a URL (RFC 3986 §3.2), as every address in `holdpoint.toml` is read.

use crate::host_pattern::HostPattern;

/// One host and its port; nothing if it is none, several, or could be read in two ways.
pub(super) fn read(text: &str, default_port: u16) -> Option<(String, u16)> {
    let after_brackets = text.rfind(']').unwrap_or(0);
    let colon = text.rfind(':').filter(|colon| *colon > after_brackets);
    let (host, port) = match colon.and_then(|colon| text.split_at_checked(colon)) {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or_default()),
        None => (text, ""),
    };
    let port = match port {
        "" => default_port,
        digits => digits.parse().ok().filter(|port| *port != 0)?,
    };
    // In `::1:3128` nothing says where the host ends.
    if host.contains(':') && !host.starts_with('[') {
        return None;
    }
    let host: HostPattern = host.parse().ok()?;
    (!host.is_wildcard()).then(|| (host.as_str().to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn hosts_and_ports() {
        for (text, expect) in [
            ("a.example.com", Some(("a.example.com", 443))),
            ("A.example.com:8443", Some(("a.example.com", 8443))),
            ("a.example.com:", Some(("a.example.com", 443))),
            ("[::1]:9000", Some(("::1", 9000))),
            ("[::1]", Some(("::1", 443))),
            ("::1:9000", None),
            ("*.example.com", None),
            ("a.example.com:0", None),
            ("a.example.com:65536", None),
            ("", None),
            ("a b", None),
        ] {
            let read = read(text, 443);
            let read = read.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(read, expect, "{text:?}");
        }
    }
}
