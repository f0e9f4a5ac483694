//! Databases: addresses that each stand for one database and one role in it.

use std::{fmt, net::SocketAddr};

use holdpoint_core::Environment;
use serde::Deserialize;
use toml::Spanned;

use super::{error::Fault, parse_with_mend};
use crate::host_pattern::HostPattern;

/// There are never more databases than this.
const DATABASES_MAX: usize = 64;
/// What an upstream looks like.
const UPSTREAM: &str = "write postgres://ROLE@HOST/DATABASE, or with :PORT behind the host, and the \
                        password with `holdpoint secrets add`";

/// An address that stands for one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Where clients connect to; on this machine.
    pub listen: SocketAddr,
    /// The server's host, in normal form.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The role that is logged in as.
    pub role: String,
    /// The database's name.
    pub name: String,
    /// The name of the secret whose value is the role's password, or a URL with it.
    pub secret: String,
    /// The agent whose statements arrive there; none if only runs do, by the database's own name.
    pub agent: Option<String>,
    /// Where it lies, if a human says so.
    pub environment: Option<Environment>,
    /// How the way to the server is protected.
    pub tls: Tls,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, host, port, name, .. } = self;
        write!(f, "postgres://{role}@{host}:{port}/{name}")
    }
}

/// How the way to a database's server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// By TLS, with a certificate for the host.
    Verify,
    /// By TLS without asking for it first, which PostgreSQL 17 and later take.
    Direct,
    /// Not at all. Only on this machine.
    Off,
}

/// One of `[[database]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDatabase {
    listen: Spanned<String>,
    upstream: Spanned<String>,
    secret: Spanned<String>,
    agent: Option<Spanned<String>>,
    environment: Option<Spanned<String>>,
    tls: Option<Spanned<String>>,
}

/// Checks every entry, and all together.
pub(super) fn check(raw: Vec<RawDatabase>) -> Result<Vec<Database>, Fault> {
    let mut checked: Vec<Database> = Vec::new();
    for entry in raw {
        let (listen, upstream) = (entry.listen.span(), entry.upstream.span());
        let entry = check_one(entry)?;
        let taken = |other: &Database| entry.listen.port() != 0 && other.listen == entry.listen;
        if checked.iter().any(taken) {
            let message = format!("{} is listened on twice; choose another port", entry.listen);
            return Err(Fault::at(listen, message));
        }
        checked.push(entry);
        if checked.len() > DATABASES_MAX {
            let message = format!("there are more than {DATABASES_MAX} of [[database]]");
            return Err(Fault::at(upstream, message));
        }
    }
    Ok(checked)
}

fn check_one(raw: RawDatabase) -> Result<Database, Fault> {
    let address: Option<SocketAddr> = raw.listen.get_ref().parse().ok();
    let listen = address.filter(|address| address.ip().is_loopback()).ok_or_else(|| {
        let mend = "write an address of this machine and a port such as 127.0.0.1:6432";
        Fault::at(raw.listen.span(), format!("`{}`: {mend}", raw.listen.get_ref()))
    })?;
    let (role, host, port, name) = read_upstream(&raw.upstream)?;
    let some = |text: Spanned<String>, what: &str| match text.get_ref().as_str() {
        "" => Err(Fault::at(text.span(), format!("write the name of {what}"))),
        _ => Ok(text.into_inner()),
    };
    let local = host.parse::<std::net::IpAddr>().map_or(host == "localhost", |it| it.is_loopback());
    let tls = match &raw.tls {
        None if local => Tls::Off,
        None => Tls::Verify,
        Some(word) => match word.get_ref().as_str() {
            "verify" => Tls::Verify,
            "direct" => Tls::Direct,
            "off" if local => Tls::Off,
            "off" => {
                let message = "a password would cross the network in the open; write verify";
                return Err(Fault::at(word.span(), message));
            }
            _ => return Err(Fault::at(word.span(), "write verify, direct or off")),
        },
    };
    Ok(Database {
        listen,
        host,
        port,
        role,
        name,
        secret: some(raw.secret, "a secret")?,
        agent: raw.agent.map(|agent| some(agent, "an agent")).transpose()?,
        environment: raw.environment.map(parse_with_mend).transpose()?,
        tls,
    })
}

/// Role, host, port and database of an upstream. A password in it is refused, and not repeated.
fn read_upstream(upstream: &Spanned<String>) -> Result<(String, String, u16, String), Fault> {
    let read = || {
        let text = upstream.get_ref().as_str();
        let rest =
            text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))?;
        let (role, rest) = rest.split_once('@')?;
        let (address, name) = rest.split_once('/')?;
        let bracketed = address.starts_with('[').then(|| address.find(']')).flatten();
        let (host, port) = match bracketed {
            Some(end) => address.split_at_checked(end + 1)?,
            None => address.split_at_checked(address.find(':').unwrap_or(address.len()))?,
        };
        let port = match port {
            "" => 5432,
            port => port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
        };
        let plain = |text: &str| !text.is_empty() && !text.contains([':', '/', '?', '#', '@', '%']);
        let host: HostPattern = host.parse().ok().filter(|it: &HostPattern| !it.is_wildcard())?;
        let fine = plain(role) && plain(name);
        fine.then(|| (role.to_owned(), host.as_str().to_owned(), port, name.to_owned()))
    };
    read().ok_or_else(|| Fault::at(upstream.span(), UPSTREAM))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Tls;
    use crate::config::Config;

    fn parse(fields: &str) -> Result<Config, String> {
        let text = format!("[[database]]\nlisten = \"127.0.0.1:6432\"\nsecret = \"s\"\n{fields}\n");
        Config::parse(&text, Path::new("holdpoint.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_upstream_is_a_role_at_a_database() {
        for (upstream, expect) in [
            ("postgres://app@db.example.com/shop", Some(("db.example.com", 5432, Tls::Verify))),
            (
                "postgresql://app@DB.example.com:6432/shop",
                Some(("db.example.com", 6432, Tls::Verify)),
            ),
            ("postgres://app@127.0.0.1:5433/shop", Some(("127.0.0.1", 5433, Tls::Off))),
            ("postgres://app@localhost/shop", Some(("localhost", 5432, Tls::Off))),
            ("postgres://app:pass@db.example.com/shop", None),
            ("postgres://db.example.com/shop", None),
            ("postgres://app@db.example.com", None),
            ("postgres://app@db.example.com/shop?sslmode=disable", None),
            ("postgres://app@*.example.com/shop", None),
            ("https://app@db.example.com/shop", None),
        ] {
            let found = parse(&format!("upstream = \"{upstream}\""));
            let found = found.as_ref().map(|config| &config.databases[0]);
            let found = found.ok().map(|it| (it.host.as_str(), it.port, it.tls));
            assert_eq!(found, expect, "{upstream}");
        }
    }

    #[test]
    fn a_password_is_not_repeated_and_not_sent_in_the_open() {
        let error = parse("upstream = \"postgres://a:s3cret@db.example.com/x\"").unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
        let open = parse("upstream = \"postgres://a@db.example.com/x\"\ntls = \"off\"");
        assert!(open.unwrap_err().contains("in the open"));
        let local = parse("upstream = \"postgres://a@127.0.0.1/x\"\ntls = \"off\"");
        assert!(local.is_ok());
    }
}
