//! Connection URIs of PostgreSQL, read once for whoever judges where one leads and for whoever
//! saves what is there (PostgreSQL: 34.1.1.2).

use percent_encoding::percent_decode_str;

use super::expand::UNKNOWN;

/// The port of PostgreSQL where none is said.
const PORT: u16 = 5432;
/// Parameters that do not change which database is meant. The last few are other tools' own
/// (Prisma).
const HARMLESS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "connect_timeout",
    "application_name",
    "client_encoding",
    "schema",
    "pgbouncer",
    "connection_limit",
    "pool_timeout",
];

/// What a connection URI says, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionUri {
    /// A host, or the directory of a socket; empty where none is said.
    pub host: String,
    /// The port.
    pub port: u16,
    /// As whom; empty where nobody is said.
    pub user: String,
    /// The password, where one is said.
    pub password: Option<String>,
    /// The database, never empty.
    pub database: String,
}

impl ConnectionUri {
    /// Reads one of PostgreSQL; `None` unless it means one database on one host, whoever reads it.
    pub fn read(uri: &str) -> Option<Self> {
        Self::read_at(uri, PORT)
    }

    /// The same of something else that listens at the port `usual`.
    pub fn read_at(uri: &str, usual: u16) -> Option<Self> {
        let (_, rest) = uri.split_once("://").filter(|_| !uri.contains([UNKNOWN, '#']))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/')?;
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        let (told_host, told_port) = place_of(query)?;
        let host = one(decoded(host.trim_matches(['[', ']'])), told_host)?;
        let port = one(port.to_owned(), told_port)?;
        let database = decoded(database);
        let port = if port.is_empty() { usual } else { port.parse().ok()? };
        let password = (!password.is_empty()).then(|| decoded(password));
        let plain = !host.contains(',') && !database.is_empty() && !database.contains('/');
        plain.then(|| Self { host, port, user: decoded(user), password, database })
    }
}

/// The host and the port that a query says; `None` if it says anything else that matters, or
/// something twice.
fn place_of(query: &str) -> Option<(Option<String>, Option<String>)> {
    let (mut host, mut port, mut seen) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        match name {
            _ if seen.contains(&name) => return None,
            "host" => host = Some(decoded(value)),
            "port" => port = Some(decoded(value)),
            _ if HARMLESS.contains(&name) => {}
            _ => return None,
        }
        seen.push(name);
    }
    Some((host, port))
}

/// What is said once, or twice the same.
fn one(own: String, told: Option<String>) -> Option<String> {
    match told {
        Some(told) if own.is_empty() || own == told => Some(told),
        Some(_) => None,
        None => Some(own),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::ConnectionUri;

    #[test]
    fn only_what_means_one_database_to_everybody_is_read() {
        let check = |uri: &str, expect: Option<(&str, u16, &str, &str, Option<&str>)>| {
            let read = ConnectionUri::read(uri);
            let read = read.as_ref().map(|it| {
                let ConnectionUri { host, port, user, password, database } = it;
                (host.as_str(), *port, user.as_str(), database.as_str(), password.as_deref())
            });
            assert_eq!(read, expect, "{uri}");
        };
        check(
            "postgres://a:b%40c@localhost:6000/shop",
            Some(("localhost", 6000, "a", "shop", Some("b@c"))),
        );
        check(
            "postgresql+asyncpg://a@[::1]/shop?sslmode=disable&schema=public",
            Some(("::1", 5432, "a", "shop", None)),
        );
        check("postgres://a@/shop?host=%2Frun%2Fpg", Some(("/run/pg", 5432, "a", "shop", None)));
        check("postgres:///shop?host=h&port=6", Some(("h", 6, "", "shop", None)));
        for uri in [
            "postgres://a@h",
            "postgres://a@h/",
            "postgres://a@h,i/shop",
            "postgres://a@h:x/shop",
            "postgres://localhost/postgres?dbname=shop",
            "postgres://localhost/shop?host=db.example.com",
            "postgres:///shop?host=localhost&hostaddr=10.0.0.5",
            "postgres:///shop?host=localhost&host=10.0.0.5",
            "postgres:///shop?%68ost=10.0.0.5",
            "postgres:///shop?service=live",
            "postgres:///shop?options=-csearch_path%3Dx",
            "postgres:///shop?sslmode",
        ] {
            check(uri, None);
        }
    }
}
