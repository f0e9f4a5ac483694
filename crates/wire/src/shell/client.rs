//! Where database clients connect to, by their options and variables.

use super::{
    call::Call,
    connection::ConnectionUri,
    expand::UNKNOWN,
    getopt::{self, Given},
    scope::Scope,
    targets::{self, Target},
};

/// Where a client connects to.
pub(super) fn client_target(scope: &Scope, call: &Call<'_>) -> Target {
    let provider = match call.name {
        "psql" | "pgcli" | "dropdb" | "createdb" | "pg_restore" | "dropuser" => "postgres",
        "mysql" | "mariadb" | "mycli" | "mysqladmin" => "mysql",
        "sqlite3" | "duckdb" => "sqlite",
        "mongosh" | "mongo" => "mongodb",
        "redis-cli" | "valkey-cli" | "keydb-cli" => "redis",
        other => other,
    };
    if provider == "sqlite" {
        let file = call.operands(&[]).first().copied().unwrap_or_default();
        let address = (call.name == "sqlite3" && !file.is_empty()).then(|| format!("file:{file}"));
        return Target { address, ..targets::at_host("sqlite", "", file) };
    }
    let words = call.arguments.iter().map(String::as_str);
    if let Some(url) = words
        .clone()
        .map(|it| {
            it.split_once('=').filter(|(name, _)| name.starts_with("--")).map_or(it, |(_, url)| url)
        })
        .find(|it| targets::is_url(it))
    {
        return targets::of_url(url);
    }
    if words.clone().any(|it| it.chars().all(|letter| letter == UNKNOWN)) {
        return Target { told: true, ..targets::somewhere() };
    }
    if let Some(given) = getopt::syntax(call.name).and_then(|it| it.read(call.arguments)) {
        return of_postgres(scope, call.name, &given);
    }
    if (provider == "redis" || matches!(call.name, "mysql" | "mariadb"))
        && let Some(target) = of_options(scope, provider, call.arguments)
    {
        return target;
    }
    let connection = words
        .clone()
        .find(|it| it.contains("host="))
        .and_then(|it| it.split("host=").nth(1))
        .and_then(|it| it.split_whitespace().next());
    let host = call.value(&["-h", "--host", "-H"]).or(connection).or(match provider {
        "postgres" => scope.exported("PGHOST"),
        "mysql" => scope.exported("MYSQL_HOST"),
        _ => None,
    });
    let database = call.value(&["-d", "--dbname", "-D", "--database"]);
    targets::at_host(provider, host.unwrap_or_default(), database.unwrap_or_default())
}

/// What the options of MySQL's client and of Redis's say: where it goes, and what else they mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Host,
    Port,
    User,
    Password,
    Database,
    /// It changes nothing about where it goes, and takes a value.
    Value,
    /// The same without one.
    Alone,
}

/// Source: MariaDB 10.11, `client/mysql.cc`.
const MYSQL: &[(&str, &str, Word)] = &[
    ("-h", "--host", Word::Host),
    ("-P", "--port", Word::Port),
    ("-u", "--user", Word::User),
    ("-p", "--password", Word::Password),
    ("-D", "--database", Word::Database),
    ("-e", "--execute", Word::Value),
    ("-B", "--batch", Word::Alone),
    ("-N", "--skip-column-names", Word::Alone),
    ("-s", "--silent", Word::Alone),
    ("-t", "--table", Word::Alone),
    ("-f", "--force", Word::Alone),
    ("-v", "--verbose", Word::Alone),
];
/// Source: Redis 7, `redis-cli.c`.
const REDIS: &[(&str, &str, Word)] = &[
    ("-h", "--host", Word::Host),
    ("-p", "--port", Word::Port),
    ("-n", "--db", Word::Database),
    ("-a", "--pass", Word::Password),
    ("-a", "--user", Word::User),
    ("--raw", "--no-raw", Word::Alone),
];

/// Where a client of MySQL or of Redis goes, and its address, where every option before what it is
/// to do is known. MySQL's own files may say another host where the command says none.
fn of_options(scope: &Scope, provider: &str, words: &[String]) -> Option<Target> {
    let known = if provider == "mysql" { MYSQL } else { REDIS };
    let (mut found, mut operands) = (Vec::new(), Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            operands.push(word);
            if provider == "redis" {
                break;
            }
            continue;
        }
        let (name, told) = word.split_once('=').unwrap_or((word, ""));
        let long = known.iter().find(|(_, long, _)| *long == name).map(|it| (it.2, told));
        let short =
            || known.iter().find(|(short, ..)| word.starts_with(*short) && short.len() == 2);
        let own = || short().and_then(|(own, _, it)| Some((*it, word.strip_prefix(*own)?)));
        let (what, told) = long
            .or_else(|| known.iter().find(|it| it.0 == word).map(|it| (it.2, "")))
            .or_else(own)?;
        // MySQL's password stands beside its letter, or is asked for.
        let beside = !told.is_empty() || what == Word::Password && provider == "mysql";
        let value = match what {
            Word::Alone if told.is_empty() => continue,
            Word::Alone => return None,
            _ if beside => told,
            _ => words.next()?,
        };
        found.push((what, value));
    }
    let value = |what: Word| found.iter().rev().find(|(own, _)| *own == what).map(|(_, it)| *it);
    let usual = (provider == "redis").then_some("127.0.0.1");
    let host = value(Word::Host).or(usual)?;
    let database = match provider {
        "mysql" => value(Word::Database).or(operands.first().copied())?,
        _ => value(Word::Database).unwrap_or("0"),
    };
    let password = match provider {
        "mysql" => {
            value(Word::Password).filter(|it| !it.is_empty()).or(scope.exported("MYSQL_PWD"))
        }
        _ => value(Word::Password).or(scope.exported("REDISCLI_AUTH")),
    };
    let port = value(Word::Port).unwrap_or(if provider == "mysql" { "3306" } else { "6379" });
    let login = [value(Word::User).unwrap_or_default(), password.unwrap_or_default()].map(escaped);
    let [user, password] = &login;
    let named = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let address = format!("{provider}://{user}:{password}@{named}:{port}/{}", escaped(database));
    let plain = !address.contains(&escaped(&UNKNOWN.to_string())) && !address.contains(UNKNOWN);
    let plain = plain && ConnectionUri::read(&address).is_some() && !host.starts_with('/');
    let told = value(Word::Host).unwrap_or_default();
    let shown = value(Word::Database).filter(|_| provider == "mysql").unwrap_or_default();
    Some(Target { address: plain.then_some(address), ..targets::at_host(provider, told, shown) })
}

/// Where a client of PostgreSQL goes whose options are all known, and the address that these and
/// its variables come to; none where something else may say otherwise.
fn of_postgres(scope: &Scope, client: &str, given: &Given<'_>) -> Target {
    let mut operands = given.operands.iter().copied();
    let database = given.value('d').or_else(|| operands.next());
    let connection = database.and_then(|it| it.split("host=").nth(1));
    let connection = connection.and_then(|it| it.split_whitespace().next());
    let host = given.value('h').or(connection).or(scope.exported("PGHOST")).unwrap_or_default();
    let user = given.value('U').or_else(|| operands.next()).or(scope.exported("PGUSER"));
    let user = user.unwrap_or_default();
    // `dropdb` asks for a name, `psql` takes the user's.
    let usual = (client == "psql").then(|| scope.exported("PGDATABASE").unwrap_or(user));
    let database = database.or(usual).unwrap_or_default();
    let port = given.value('p').or(scope.exported("PGPORT")).unwrap_or("5432");
    let password = scope.exported("PGPASSWORD").unwrap_or_default();
    let otherwise = database.contains('=')
        || ["PGHOSTADDR", "PGSERVICE"].iter().any(|name| scope.exported(name).is_some());
    let (directory, name) = if host.starts_with('/') { (host, "") } else { ("", host) };
    let query = if directory.is_empty() { "" } else { "?host=" };
    let [user, password, directory, escaped_database] =
        [user, password, directory, database].map(escaped);
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let address =
        format!("postgres://{user}:{password}@{name}:{port}/{escaped_database}{query}{directory}");
    let plain = !otherwise && !database.is_empty() && ConnectionUri::read(&address).is_some();
    let parts = [user, password, directory, escaped_database];
    let plain = plain && !parts.iter().any(|it| it.contains(&escaped(&UNKNOWN.to_string())));
    let shown = if database.contains('=') { "" } else { database };
    Target { address: plain.then_some(address), ..targets::at_host("postgres", host, shown) }
}

/// A text as a part of an address.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
