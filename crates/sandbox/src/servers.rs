//! Passwords for servers of this very machine: masked they would open nothing, and real they open
//! nothing elsewhere. Behind a tunnel is another machine, whatever its address says.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// Whether all that listens on a port of loopback is a database of this machine, and something does.
pub type IsServer = fn(u16) -> bool;

/// Bytes before a password in which its scheme is looked for, and behind it the rest of the URL.
const AROUND: usize = 256;
/// The schemes of databases and brokers, and where each listens if no port is said.
const SCHEMES: [(&str, u16); 8] = [
    ("postgres", 5432),
    ("postgresql", 5432),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("redis", 6379),
    ("valkey", 6379),
    ("mongodb", 27017),
    ("amqp", 5672),
];
/// Parameters that say nothing of where a server is. Any other may: `host`, `hostaddr`, `service`,
/// `port`, `replicaSet`, and what a driver thinks of next.
const PARAMETERS: [&str; 31] = [
    "allowPublicKeyRetrieval",
    "application_name",
    "authSource",
    "charset",
    "characterEncoding",
    "client_encoding",
    "collation",
    "connect_timeout",
    "connectTimeout",
    "connection_limit",
    "db",
    "directConnection",
    "encoding",
    "max_connections",
    "parseTime",
    "pgbouncer",
    "pool",
    "pool_size",
    "pool_timeout",
    "prepared_statements",
    "protocol",
    "retryWrites",
    "schema",
    "search_path",
    "serverVersion",
    "socket_timeout",
    "ssl",
    "sslmode",
    "timezone",
    "useSSL",
    "w",
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

/// The port of loopback that the URL around this password leads to, if it leads nowhere else,
/// however a driver reads it.
pub(crate) fn port(text: &[u8], password: &Range<usize>) -> Option<u16> {
    let before = text.get(password.start.saturating_sub(AROUND)..password.start)?;
    let (scheme, user) = split(before, b"://")?;
    let usual = usual(scheme)?;
    if !user.ends_with(b":") || user.iter().any(|byte| b"/@ \t\n\"'".contains(byte)) {
        return None;
    }
    let rest = url(text.get(password.end..)?.strip_prefix(b"@")?)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, rest) = rest.split_at_checked(end)?;
    let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
    let parameters = parameters.split('#').next().unwrap_or_default();
    if !parameters.is_empty() && !parameters.split('&').all(is_harmless) {
        return None;
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    let four = host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    if !(four || host == "[::1]" || host.eq_ignore_ascii_case("localhost")) {
        return None;
    }
    port.map_or(Some(usual), |port| port.parse().ok())
}

/// What is left of a URL, up to what ends it in a file; nothing if its end is not seen.
fn url(rest: &[u8]) -> Option<&str> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>(){};".contains(byte);
    let end = rest.iter().take(AROUND).position(ends);
    let end = end.or_else(|| (rest.len() <= AROUND).then_some(rest.len()))?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

fn is_harmless(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default();
    PARAMETERS.contains(&name)
}

/// Where a server listens whose URL begins so. A driver may be named behind it, as in
/// `postgresql+asyncpg`; but `mongodb+srv` is looked up elsewhere.
fn usual(before: &[u8]) -> Option<u16> {
    let in_scheme = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+.-".contains(byte);
    let length = before.iter().rev().take_while(in_scheme).count();
    let scheme = std::str::from_utf8(before.get(before.len() - length..)?).ok()?;
    let (scheme, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    let known = SCHEMES.iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known));
    known.filter(|_| !driver.eq_ignore_ascii_case("srv")).map(|(_, port)| *port)
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
            ("postgresql+asyncpg://a:PASS@localhost/app?sslmode=disable&schema=a", Some(5432)),
            ("postgres://app:PASS@localhost:5432/app?host=db.example.com", None),
            ("postgres://app:PASS@localhost/app?sslmode=disable&hostaddr=10.0.0.1", None),
            ("postgres://app:PASS@localhost/app?ho%73t=db.example.com", None),
            ("postgres://app:PASS@localhost/app?port=5433", None),
            ("postgres://app:PASS@localhost-db.prod.example.com:5432/app", None),
            ("postgres://app:PASS@localhost_db:5432/app", None),
            ("postgres://app:PASS@localhost@db.example.com:5432/app", None),
            ("postgres://app:PASS@localhost.:5432/app", None),
            ("postgres://app:PASS@127.0.0.1.example.com:5432/app", None),
            ("postgres://app:PASS@127.1:5432/app", None),
            ("postgres://app:PASS@localhost${SUFFIX}:5432/app", None),
            ("mongodb+srv://app:PASS@localhost/app", None),
            ("mongodb://app:PASS@localhost/app?replicaSet=rs0", None),
            ("https://app:PASS@localhost:5432/app", None),
            ("unknown://app:PASS@localhost:5432/app", None),
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
