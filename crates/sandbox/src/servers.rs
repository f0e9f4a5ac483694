//! Passwords for servers of this very machine: masked they would open nothing, and real they open
//! nothing elsewhere. Behind a tunnel is another machine, whatever its address says.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// Whether all that listens on a port of loopback is a server, and something does.
pub type IsServer = fn(u16) -> bool;

/// Bytes before a password in which its scheme is looked for, and behind it its host and port.
const AROUND: usize = 256;
/// Where a server listens of which no port is said.
const USUAL: [(&str, u16); 8] = [
    ("postgres", 5432),
    ("postgresql", 5432),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("redis", 6379),
    ("mongodb", 27017),
    ("amqp", 5672),
    ("http", 80),
];

/// What was found of the ports of this machine. Each is looked at once in a run, as what a file
/// shows must not change by itself while somebody works on it.
#[derive(Debug)]
pub(crate) struct Servers {
    is_server: IsServer,
    found: Mutex<BTreeMap<u16, bool>>,
}

impl Servers {
    pub(crate) fn new(is_server: IsServer) -> Self {
        Self { is_server, found: Mutex::default() }
    }

    /// Whether the password at `span` of `text` is in a URL of a server of this machine.
    pub(crate) fn has(&self, text: &[u8], span: &Range<usize>) -> bool {
        let Some(port) = port(text, span) else { return false };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found.entry(port).or_insert_with(|| (self.is_server)(port))
    }
}

/// The port of loopback that the URL around this password leads to, if it does.
fn port(text: &[u8], password: &Range<usize>) -> Option<u16> {
    let before = text.get(password.start.saturating_sub(AROUND)..password.start)?;
    let (scheme, user) = split(before, b"://")?;
    if !user.ends_with(b":") || user.iter().any(|byte| b"/@ \t\n\"'".contains(byte)) {
        return None;
    }
    let behind = text.get(password.end..)?;
    let behind = behind.get(..AROUND).unwrap_or(behind).strip_prefix(b"@")?;
    let host = |byte: &u8| byte.is_ascii_alphanumeric() || b".[]:".contains(byte);
    let end = behind.iter().position(|byte| !host(byte)).unwrap_or(behind.len());
    // Several hosts in one URL may lie anywhere.
    if behind.get(end) == Some(&b',') {
        return None;
    }
    let place = std::str::from_utf8(behind.get(..end)?).ok()?;
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    let four = host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    if !(four || host == "[::1]" || host.eq_ignore_ascii_case("localhost")) {
        return None;
    }
    match port {
        Some(port) => port.parse().ok(),
        None => usual(scheme),
    }
}

fn usual(scheme: &[u8]) -> Option<u16> {
    let letters = scheme.iter().rev().take_while(|it| it.is_ascii_alphanumeric()).count();
    let name = scheme.get(scheme.len() - letters..)?;
    let usual = USUAL.iter().find(|(usual, _)| name.eq_ignore_ascii_case(usual.as_bytes()));
    usual.map(|(_, port)| *port)
}

/// What stands before and behind the last `mark`.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::rfind(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::{Servers, port};

    fn of(text: &str) -> Option<u16> {
        let at = text.find("PASS").unwrap();
        port(text.as_bytes(), &(at..at + 4))
    }

    #[test]
    fn where_a_password_goes() {
        for (text, expect) in [
            ("DATABASE_URL=postgres://app:PASS@localhost:5433/app", Some(5433)),
            ("u: \"postgresql://app:PASS@127.0.0.1/app\"", Some(5432)),
            ("redis://:PASS@[::1]:6380/0", Some(6380)),
            ("redis://:PASS@[::1]", Some(6379)),
            ("mysql://a:PASS@LOCALHOST\n", Some(3306)),
            ("postgres://app:PASS@db.example.com:5432/app", None),
            ("postgres://app:PASS@localhost.example.com:5432/app", None),
            ("postgres://app:PASS@localhost:5432,db.example.com:5432/app", None),
            ("postgres://app:PASS@10.0.0.1:5432/app", None),
            ("unknown://app:PASS@localhost/app", None),
            ("postgres://app:PASS@localhost:99999/app", None),
            ("a://b/c:PASS@localhost:5432/app", None),
            ("PASSWORD=PASS", None),
        ] {
            assert_eq!(of(text), expect, "{text}");
        }
    }

    #[test]
    fn what_is_no_server_s_stays_masked_and_is_looked_at_once() {
        let text = b"postgres://app:PASS@localhost:1000/a postgres://app:PASS@localhost:2000/a";
        let servers = Servers::new(|port| port == 1000);
        assert!(servers.has(text, &(15..19)));
        assert!(!servers.has(text, &(52..56)));
        assert_eq!(servers.found.lock().unwrap().len(), 2);
    }
}
