//! Databases by the addresses that their tools are told.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;

use super::{Postgres, Preserve, Sqlite};

/// How every SQLite database begins (sqlite.org/fileformat.html, 1.3.1).
const SQLITE: &[u8] = b"SQLite format 3\0";
/// The port of PostgreSQL where none is said.
const POSTGRES: u16 = 5432;
/// Where a server on this machine is found that nobody gave a host (Debian, Fedora).
const SOCKETS: &str = "/var/run/postgresql";
/// Where tools look for a file that is named from their own directory, below it.
const BELOW: &[&str] = &["", "prisma"];

/// What can be saved of the database at `address`; a file may be meant that is named from
/// `directory`. Where several could be meant, all of them.
pub(crate) fn at_address(
    address: &str,
    directory: &Path,
) -> Result<Vec<Box<dyn Preserve>>, &'static str> {
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    let scheme = scheme.split('+').next().unwrap_or(scheme);
    if matches!(scheme, "postgres" | "postgresql" | "postgis") {
        return Ok(vec![Box::new(postgres(address)?)]);
    }
    if !scheme.is_empty() && !scheme.starts_with("sqlite") && scheme != "file" {
        return Err("nothing here saves a database of this kind");
    }
    let files = sqlite(address, directory);
    match files.is_empty() {
        true => Err("the file that is meant was not found"),
        false => Ok(files.into_iter().map(|file| Box::new(Sqlite { file }) as _).collect()),
    }
}

/// A connection URI (PostgreSQL: 34.1.1.2).
fn postgres(address: &str) -> Result<Postgres, &'static str> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (place, ""),
    };
    let of_query = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded)
    };
    let host = match of_query("host").or_else(|| of_query("hostaddr")) {
        Some(host) => host,
        None => decoded(host.trim_matches(['[', ']'])),
    };
    let port = of_query("port").unwrap_or_else(|| port.to_owned());
    let port = if port.is_empty() { Ok(POSTGRES) } else { port.parse() };
    let (database, user) = (decoded(database), decoded(user));
    if host.contains(',') || database.is_empty() || of_query("service").is_some() {
        return Err("its address does not say which database");
    }
    let host = match host.as_str() {
        "" => SOCKETS.to_owned(),
        "0.0.0.0" | "host.docker.internal" => "127.0.0.1".to_owned(),
        _ => host,
    };
    let password = (!password.is_empty()).then(|| decoded(password));
    let port = port.map_err(|_| "its address has no port that is one")?;
    let user = if user.is_empty() { super::own_user() } else { user };
    Ok(Postgres { host, port, user, database, password })
}

/// The files that are there, and are databases.
fn sqlite(address: &str, directory: &Path) -> Vec<PathBuf> {
    let rest = ["sqlite3:", "sqlite:", "file:"].iter().find_map(|it| address.strip_prefix(it));
    let rest = rest.unwrap_or(address).split('?').next().unwrap_or_default();
    // Three slashes begin what is relative to some tools, and absolute to others.
    let named: Vec<&str> = match rest.strip_prefix("///") {
        Some(path) if path.starts_with('/') => vec![path],
        Some(path) => vec![path, rest.trim_start_matches("//")],
        None => vec![rest.strip_prefix("//").unwrap_or(rest)],
    };
    let places =
        |path: &&str| BELOW.iter().map(|below| directory.join(below).join(*path)).collect();
    let mut files: Vec<PathBuf> = named.iter().flat_map::<Vec<PathBuf>, _>(places).collect();
    files.retain(|file| is_database(file));
    files.sort();
    files.dedup();
    files.iter().filter_map(|file| std::fs::canonicalize(file).ok()).collect()
}

fn is_database(file: &Path) -> bool {
    let mut head = [0; SQLITE.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == SQLITE
}

#[cfg(test)]
mod tests {
    use super::{at_address, postgres};

    #[test]
    fn addresses_of_postgresql() {
        let check = |address: &str, expect: Option<(&str, u16, &str, &str, Option<&str>)>| {
            let read = postgres(address).ok();
            let read = read.map(|it| (it.host, it.port, it.user, it.database, it.password));
            let expect = expect.map(|(host, port, user, database, password)| {
                let text = str::to_owned;
                (text(host), port, text(user), text(database), password.map(text))
            });
            assert_eq!(read, expect, "{address}");
        };
        check(
            "postgres://a:b%40c@localhost:6000/shop",
            Some(("localhost", 6000, "a", "shop", Some("b@c"))),
        );
        check(
            "postgresql+asyncpg://a@[::1]/shop?sslmode=disable",
            Some(("::1", 5432, "a", "shop", None)),
        );
        check("postgres://a@/shop?host=%2Frun%2Fpg", Some(("/run/pg", 5432, "a", "shop", None)));
        check("postgres://a@/shop", Some(("/var/run/postgresql", 5432, "a", "shop", None)));
        for address in ["postgres://a@h", "postgres://a@h,i/shop", "postgres://a@h:x/shop"] {
            check(address, None);
        }
    }

    #[test]
    fn files_of_sqlite_that_could_be_meant() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("prisma")).unwrap();
        for name in ["dev.db", "prisma/dev.db", "prisma/only.db"] {
            let connection = rusqlite::Connection::open(dir.path().join(name)).unwrap();
            connection.execute_batch("CREATE TABLE t (a)").unwrap();
        }
        std::fs::write(dir.path().join("text.db"), "not a database at all").unwrap();
        let absolute = format!("sqlite:////{}/dev.db", dir.path().display());
        for (address, expect) in [
            ("file:./dev.db", 2),
            ("sqlite:///only.db?mode=rw", 1),
            ("only.db", 1),
            (absolute.as_str(), 1),
            ("file:text.db", 0),
            ("file:gone.db", 0),
            ("mysql://root@localhost/shop", 0),
        ] {
            let found = at_address(address, dir.path()).map_or(0, |found| found.len());
            assert_eq!(found, expect, "{address}");
        }
    }
}
