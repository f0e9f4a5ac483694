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
