//! Which database a command would reach: told by an address, by the environment, or by the files
//! that a tool reads.

use holdpoint_core::ResourceId;

use super::{At, connection::ConnectionUri, expand::UNKNOWN, scope::Scope, secret, walk::Walk};

/// A database, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) at: At,
    pub(super) resource: ResourceId,
    /// The address that was told; it may hold a password.
    pub(super) address: Option<String>,
    /// Something said so; else it is what a tool takes where nobody says anything.
    pub(super) told: bool,
}

const SCHEMES: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "sqlserver",
    "mssql",
    "cockroachdb",
    "clickhouse",
    "libsql",
    "mysql2",
    "postgis",
    "amqp",
    "amqps",
    "prisma+postgres",
    "turso",
];

/// Whether a text is the address of a database.
pub(super) fn is_url(text: &str) -> bool {
    let plain = text.split_once("+").map_or(text, |(first, _)| first);
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let bare = scheme.split('+').next().unwrap_or(scheme);
    let _ = plain;
    SCHEMES.contains(&scheme)
        || SCHEMES.contains(&bare)
        || ["jdbc:", "sqlite:", "file:"].iter().any(|it| text.starts_with(it))
}

/// Where the database at this address is.
pub(super) fn of_url(url: &str) -> Target {
    let url = url.strip_prefix("jdbc:").unwrap_or(url);
    if is_postgres(url) {
        return of_connection(url);
    }
    let address = (!url.contains(UNKNOWN)).then(|| url.to_owned());
    Target { address, ..at_url(url) }
}

fn is_postgres(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    matches!(scheme.split('+').next(), Some("postgres" | "postgresql" | "postgis"))
}

/// What can be read two ways leads nowhere that is known, and is no address to save from.
fn of_connection(url: &str) -> Target {
    if let Some(read) = ConnectionUri::read(url) {
        return Target {
            address: Some(url.to_owned()),
            ..at_host("postgres", &read.host, &read.database)
        };
    }
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let elsewhere = ["host", "service", "%"].iter().any(|it| query.contains(it));
    match elsewhere || place.contains(',') {
        true => Target { told: true, ..somewhere() },
        false => at_url(url),
    }
}

fn at_url(url: &str) -> Target {
    let Some((scheme, rest)) = url
        .split_once("://")
        .filter(|(scheme, _)| !scheme.starts_with("sqlite") && *scheme != "file")
    else {
        return local("sqlite", url.rsplit(':').next().unwrap_or(url).trim_start_matches('/'));
    };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split([':', ',']).next().unwrap_or(host),
    };
    let provider = scheme.split('+').next().unwrap_or(scheme);
    let provider = if provider.starts_with("postgres") { "postgres" } else { provider };
    at_host(provider, host, database)
}

/// A database at a host; none is this machine.
pub(super) fn at_host(provider: &str, host: &str, database: &str) -> Target {
    let host = host.to_ascii_lowercase();
    if host.is_empty() || host.starts_with('/') {
        return local(provider, database);
    }
    let id = ResourceId::new(format!("{provider}:{host}/{database}"));
    let at = if host.contains(UNKNOWN) { At::Somewhere } else { At::Host(host) };
    Target { at, resource: id, address: None, told: true }
}

fn local(provider: &str, database: &str) -> Target {
    Target {
        at: At::Here,
        resource: ResourceId::new(format!("{provider}:localhost/{database}")),
        address: None,
        told: true,
    }
}

/// Whether a value is an address with a password in it, of something that is not this machine.
pub(super) fn is_remote_with_password(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let Some((user, host)) = authority.rsplit_once('@') else { return false };
    let host = host.split(':').next().unwrap_or(host);
    let plain = scheme.chars().all(|it| it.is_ascii_alphanumeric() || it == '+');
    plain && user.contains(':') && !value.contains('<') && !is_here(host) && host.contains('.')
}

/// Whether an address with a password stands anywhere in a text.
pub(super) fn mentions_remote(text: &str) -> bool {
    text.split(['"', '\'', '`', ' ', '\n', '=', ',', '(']).any(is_remote_with_password)
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "0.0.0.0" | "host.docker.internal")
        || host.ends_with(".localhost")
}

/// Variables that hold the address of a database, the most usual first.
const VARIABLES: &[&str] = &[
    "DATABASE_URL",
    "DIRECT_URL",
    "POSTGRES_URL",
    "DB_URL",
    "PG_URL",
    "MYSQL_URL",
    "MONGODB_URI",
    "MONGO_URL",
    "REDIS_URL",
    "SQLALCHEMY_DATABASE_URI",
    "DATABASE_URI",
    "POSTGRES_PRISMA_URL",
    "TURSO_DATABASE_URL",
    "DB_URI",
    "DSN",
    "GOOSE_DBSTRING",
    "SUPABASE_DB_URL",
];
/// Files that hold such variables, the most usual first.
const CHAIN: &[&str] = &[
    ".env.local",
    ".env.development.local",
    ".env.development",
    ".env",
    "prisma/.env",
    "config/.env",
    "../.env",
    "../../.env",
    ".flaskenv",
    "apps/api/.env",
    "backend/.env",
    "server/.env",
    "packages/db/.env",
];
/// Files that a tool reads its database from.
const CONFIGURED: &[&str] = &[
    "config/database.yml",
    "alembic.ini",
    "knexfile.js",
    "knexfile.ts",
    "drizzle.config.ts",
    "drizzle.config.js",
    "prisma/schema.prisma",
    "ormconfig.json",
    "config/config.json",
    "src/data-source.ts",
    "flyway.conf",
    "flyway.toml",
    "liquibase.properties",
    "dbconfig.yml",
    "config/dev.exs",
    "settings.py",
    "config/settings.py",
    "database.json",
    "app/settings.py",
    "mysite/settings.py",
    "diesel.toml",
    "conftest.py",
    "tests/conftest.py",
    "config/database.php",
];

/// The database that a tool takes where its command names none. `environment` is what it is told
/// to run as (`testing`, `production`).
pub(super) fn ambient(walk: &mut Walk<'_>, scope: &Scope, environment: Option<&str>) -> Target {
    for name in VARIABLES {
        if let Some(url) = scope
            .exported(name)
            .or(scope.value(name))
            .filter(|url| is_url(url) || url.contains(UNKNOWN))
        {
            return if url.contains(UNKNOWN) { somewhere() } else { of_url(url) };
        }
    }
    if let Some(host) =
        scope.exported("PGHOST").or(scope.exported("DB_HOST")).or(scope.exported("MYSQL_HOST"))
    {
        let database = scope
            .exported("PGDATABASE")
            .or(scope.exported("DB_DATABASE"))
            .or(scope.exported("DB_NAME"));
        return at_host("database", host, database.unwrap_or_default());
    }
    let mut chain: Vec<String> = Vec::new();
    if let Some(environment) = environment {
        chain.push(format!(".env.{environment}.local"));
        chain.push(format!(".env.{environment}"));
    }
    chain.extend(CHAIN.iter().map(|it| (*it).to_owned()));
    for file in chain {
        for path in walk.paths(scope, &file) {
            let Some(text) = walk.files.text(&path) else { continue };
            if let Some(target) = of_variables(&text) {
                return target;
            }
        }
    }
    for file in CONFIGURED {
        for path in walk.paths(scope, file) {
            let Some(text) = walk.files.text(&path) else { continue };
            let found = text
                .split(['"', '\'', '`', ' ', '\n', '='])
                .find(|it| is_url(it) && it.len() > 8 && !it.starts_with("file:"));
            if let Some(url) = found {
                return of_url(url);
            }
            let host = text
                .lines()
                .filter_map(|line| line.trim().split_once(':'))
                .find(|(key, _)| key.trim().trim_matches(['"', '\'']) == "host");
            if let Some((_, host)) = host {
                return at_host("database", host.trim().trim_matches(['"', '\'', ',', ' ']), "");
            }
        }
    }
    somewhere()
}

fn of_variables(text: &str) -> Option<Target> {
    let pairs: Vec<(&str, &str)> = secret::pairs(text).collect();
    let last =
        |name: &str| pairs.iter().rev().find(|(own, _)| *own == name).map(|(_, value)| *value);
    if let Some(url) = VARIABLES.iter().filter_map(|name| last(name)).find(|url| is_url(url)) {
        return Some(of_url(url));
    }
    if matches!(last("DB_CONNECTION"), Some("sqlite")) {
        return Some(local("sqlite", last("DB_DATABASE").unwrap_or_default()));
    }
    let host =
        last("DB_HOST").or(last("PGHOST")).or(last("POSTGRES_HOST")).or(last("MYSQL_HOST"))?;
    let database = last("DB_DATABASE").or(last("DB_NAME")).or(last("PGDATABASE"));
    Some(at_host("database", host, database.unwrap_or_default()))
}

/// Nobody says where.
pub(super) fn somewhere() -> Target {
    Target {
        at: At::Somewhere,
        resource: ResourceId::of("database", "unknown", "unknown"),
        address: None,
        told: false,
    }
}
