//! The database that statements go to: a resource of the inventory, a URL, or a bare name.

use std::net::IpAddr;

use holdpoint_catalog::environments;
use holdpoint_core::{Environment, Resource, ResourceId};
use percent_encoding::percent_decode_str;

use crate::Unreadable;

/// Directories of sockets that a server of this machine makes itself.
const SOCKET_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// Bytes of a target, and of one name in it.
const TARGET_BYTES_MAX: usize = 4096;

/// The language that statements are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite.
    Sqlite,
    /// Anything else.
    Other,
}

impl Dialect {
    /// The dialect of this name; PostgreSQL without one.
    pub fn named(name: Option<&str>) -> Self {
        match name.unwrap_or("postgres").to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => Self::Postgres,
            "mysql" | "mariadb" => Self::Mysql,
            "sqlite" | "sqlite3" => Self::Sqlite,
            _ => Self::Other,
        }
    }

    /// The provider in the names of its operations and resources.
    pub fn provider(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Sqlite => "sqlite",
            Self::Other => "sql",
        }
    }
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    dialect: Dialect,
    /// The word that it was given as, unless that was a URL.
    listed: Option<ResourceId>,
    /// `host` or `host:port`; `unknown`, or a bare name.
    server: String,
    database: Option<String>,
    hosts: Vec<String>,
}

impl Target {
    /// A database that nobody named.
    pub fn unknown(dialect: Dialect) -> Self {
        let server = "unknown".to_owned();
        Self { dialect, listed: None, server, database: None, hosts: Vec::new() }
    }

    /// Reads a target: a resource as an inventory writes it, a URL, or a bare name.
    pub fn read(text: &str, dialect: Dialect) -> Result<Self, Unreadable> {
        if text.len() > TARGET_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Unreadable::new("the database's name is too long, or not printable"));
        }
        if text.is_empty() {
            return Ok(Self::unknown(dialect));
        }
        match text.split_once("://") {
            Some((scheme, rest)) => Self::of_url(scheme, rest, dialect),
            None => Ok(Self::of_name(text, dialect)),
        }
    }

    /// A bare name, or a resource: `postgres:db.example.com/app`.
    fn of_name(text: &str, dialect: Dialect) -> Self {
        let prefix = dialect.provider();
        let listed = Some(ResourceId::new(text));
        let resource = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':'));
        let Some((server, database)) = resource.and_then(|name| name.split_once('/')) else {
            let server = resource.unwrap_or(text).to_owned();
            return Self { dialect, listed, server, database: None, hosts: Vec::new() };
        };
        let host = split_port(server).0.to_ascii_lowercase();
        let database = Some(database.to_owned());
        Self { dialect, listed, server: server.to_owned(), database, hosts: vec![host] }
    }

    /// `scheme://user:password@host:port,host:port/database?host=…`, as libpq reads it.
    fn of_url(scheme: &str, rest: &str, dialect: Dialect) -> Result<Self, Unreadable> {
        let scheme = scheme.split('+').next().unwrap_or(scheme);
        let spoken = Dialect::named(Some(scheme));
        if spoken != dialect && spoken != Dialect::Other {
            return Err(Unreadable::new(
                "the database's URL is of another kind than the statement's dialect; name one",
            ));
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
        let mut addresses: Vec<String> =
            authority.split(',').map(decoded).filter(|it| !it.is_empty()).collect();
        let mut database = decoded(database);
        let mut elsewhere = false;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match decoded(name).to_ascii_lowercase().as_str() {
                // libpq takes the last word for the host; where readers differ, all of them count.
                "host" | "hostaddr" | "unix_socket" | "socket" => {
                    addresses.extend(decoded(value).split(',').map(str::to_owned));
                }
                "dbname" | "database" => database = decoded(value),
                "service" | "servicefile" => elsewhere = true,
                _ => {}
            }
        }
        let hosts: Vec<String> =
            addresses.iter().map(|address| split_port(address).0.to_ascii_lowercase()).collect();
        let named = |address: &String| plain_port(address, dialect).to_ascii_lowercase();
        let server = addresses.iter().map(named).collect::<Vec<_>>().join(",");
        let known = !hosts.is_empty() && !elsewhere;
        Ok(Self {
            dialect,
            listed: None,
            server: if known { server } else { "unknown".to_owned() },
            database: (!database.is_empty()).then_some(database),
            hosts: if known { hosts } else { Vec::new() },
        })
    }

    /// The language that it speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The hosts that it may be reached at, lower case; none if nobody said.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// What an inventory would call it: as it was given, and as `provider:host/database`.
    pub fn listed(&self) -> impl Iterator<Item = ResourceId> {
        self.listed.iter().cloned().chain((self.listed.is_none()).then(|| self.id()))
    }

    /// The database as a resource.
    pub fn id(&self) -> ResourceId {
        let provider = self.dialect.provider();
        match &self.database {
            Some(database) => ResourceId::of(provider, &self.server, database),
            None => ResourceId::new(format!("{provider}:{}", self.server)),
        }
    }

    /// The database as a resource of an operation.
    pub(super) fn resource(&self) -> Resource {
        self.id().into()
    }

    /// Something in the database.
    pub(super) fn within(&self, name: &str) -> Resource {
        let database = self.id();
        Resource { id: ResourceId::new(format!("{database}/{name}")), within: vec![database] }
    }

    /// Another database of the same server.
    pub(super) fn sibling(&self, database: &str) -> Resource {
        if self.database.as_deref() == Some(database) {
            return self.resource();
        }
        ResourceId::of(self.dialect.provider(), &self.server, database).into()
    }

    /// A database that the statements do not name.
    pub(super) fn elsewhere(&self) -> Resource {
        Self::unknown(self.dialect).resource()
    }

    /// Whether a resource is this database, or lies in it.
    pub fn contains(&self, resource: &Resource) -> bool {
        self.resource().contains(resource)
    }

    /// Whether every host can only be this machine.
    pub fn is_loopback(&self) -> bool {
        !self.hosts.is_empty() && self.hosts.iter().all(|host| is_local(host))
    }

    /// The environment that the names of a resource of this server speak of, where they speak of
    /// a strict one: a name makes nothing laxer.
    pub fn spoken(&self, resource: &Resource) -> Option<Environment> {
        let names = self.hosts.iter().map(String::as_str);
        let database = resource.within.first().unwrap_or(&resource.id);
        let words = names.chain([self.server.as_str(), database.short_name()]);
        words
            .map(environments::of_name)
            .filter(|it| matches!(it, Environment::Production | Environment::Staging))
            .max()
    }
}

/// Whether a host, or the directory of a socket, can only be this machine's.
pub fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || SOCKET_DIRECTORIES.contains(&host.trim_end_matches('/'))
}

/// A host and its port; an IPv6 address keeps its brackets.
fn split_port(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && !host.contains(':') || host.ends_with(']') => {
            (host, Some(port))
        }
        _ => (address, None),
    }
}

/// An address without the port that its dialect takes anyway.
fn plain_port(address: &str, dialect: Dialect) -> &str {
    let usual = match dialect {
        Dialect::Mysql => "3306",
        _ => "5432",
    };
    match split_port(address) {
        (host, Some(port)) if port == usual || port.is_empty() => host,
        _ => address,
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
