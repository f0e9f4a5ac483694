//! Databases by the addresses that their tools are told.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use holdpoint_wire::shell::ConnectionUri;
use rustix::fs::{Mode, OFlags};

use super::{Mysql, Postgres, Preserve, Redis, Sqlite};

/// How every SQLite database begins (sqlite.org/fileformat.html, 1.3.1).
const SQLITE: &[u8] = b"SQLite format 3\0";
/// Where a server on this machine is found that nobody gave a host (Debian, Fedora).
const SOCKETS: &str = "/var/run/postgresql";
/// What begins the addresses of files that Prisma names from where its schema is.
const PRISMA: &str = "prisma+";
/// The port of MySQL where none is said.
const MYSQL: u16 = 3306;
/// That of Redis.
const REDIS: u16 = 6379;
/// Where that is, below the directory of its project.
const SCHEMAS: &[&str] = &["", "prisma"];

/// What can be saved of the database at `address`; a file may be meant that is named from
/// `directory`. Where several could be meant, all of them.
pub(crate) fn at_address(
    address: &str,
    directory: Option<&Path>,
) -> Result<Vec<Box<dyn Preserve>>, &'static str> {
    let (below, address) = match address.strip_prefix(PRISMA) {
        Some(rest) if rest.starts_with("file:") => (SCHEMAS, rest),
        _ => (&[""][..], address),
    };
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    let scheme = scheme.split('+').next().unwrap_or(scheme);
    if matches!(scheme, "postgres" | "postgresql" | "postgis") {
        return Ok(vec![Box::new(postgres(address)?)]);
    }
    if matches!(scheme, "mysql" | "mysql2" | "mariadb") {
        return Ok(vec![Box::new(mysql(address)?)]);
    }
    if scheme == "redis" {
        return Ok(vec![Box::new(redis(address)?)]);
    }
    if !scheme.is_empty() && !scheme.starts_with("sqlite") && scheme != "file" {
        return Err("nothing here saves a database of this kind");
    }
    let files = sqlite(address, directory, below);
    match files.is_empty() {
        true => Err("the file that is meant was not found"),
        false => Ok(files.into_iter().map(|file| Box::new(Sqlite { file }) as _).collect()),
    }
}

fn postgres(address: &str) -> Result<Postgres, &'static str> {
    let read = ConnectionUri::read(address).ok_or("its address does not say which database")?;
    let ConnectionUri { host, port, user, password, database } = read;
    let host = match host.as_str() {
        "" => SOCKETS.to_owned(),
        "0.0.0.0" | "host.docker.internal" => "127.0.0.1".to_owned(),
        _ => host,
    };
    let user = if user.is_empty() { super::own_user() } else { user };
    Ok(Postgres { host, port, user, database, password })
}

fn mysql(address: &str) -> Result<Mysql, &'static str> {
    let read =
        ConnectionUri::read_at(address, MYSQL).ok_or("its address does not say which one")?;
    let ConnectionUri { host, port, user, password, database } = read;
    let user = if user.is_empty() { super::own_user() } else { user };
    Ok(Mysql { host: by_tcp(host)?, port, user, database, password })
}

/// The whole server: which of its databases an address names does not matter.
fn redis(address: &str) -> Result<Redis, &'static str> {
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    let (scheme, rest) = place.split_once("://").ok_or("it is no address")?;
    let named = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let read = ConnectionUri::read_at(&format!("{scheme}://{named}/0?{query}"), REDIS);
    let read = read.ok_or("its address does not say which server")?;
    let ConnectionUri { host, port, user, password, .. } = read;
    // It goes over the wire as it is, to whatever listens there.
    if user.chars().chain(password.iter().flat_map(|it| it.chars())).any(char::is_control) {
        return Err("its login is none");
    }
    let host = if host.is_empty() { "127.0.0.1".to_owned() } else { host };
    Ok(Redis { host: by_tcp(host)?, port, user, password })
}

/// A host as it is dialled.
fn by_tcp(host: String) -> Result<String, &'static str> {
    match host.as_str() {
        "localhost" | "0.0.0.0" | "host.docker.internal" => Ok("127.0.0.1".to_owned()),
        "" => Err("its address does not say where"),
        _ => Ok(host),
    }
}

/// The files that are there, and are databases.
fn sqlite(address: &str, directory: Option<&Path>, below: &[&str]) -> Vec<PathBuf> {
    let rest = ["sqlite3:", "sqlite:", "file:"].iter().find_map(|it| address.strip_prefix(it));
    let rest = rest.unwrap_or(address).split('?').next().unwrap_or_default();
    // Three slashes begin what is relative to some tools, and absolute to others.
    let named: Vec<&str> = match rest.strip_prefix("///") {
        Some(path) if path.starts_with('/') => vec![path],
        Some(path) => vec![path, rest.trim_start_matches("//")],
        None => vec![rest.strip_prefix("//").unwrap_or(rest)],
    };
    let place = |path: &str, below: &str| match Path::new(path).is_absolute() {
        true => Some(PathBuf::from(path)),
        false => Some(directory?.join(below).join(path)),
    };
    let places = named.iter().flat_map(|path| below.iter().filter_map(|it| place(path, it)));
    let mut files: Vec<PathBuf> =
        places.filter_map(|file| std::fs::canonicalize(file).ok()).collect();
    files.retain(|file| is_database(file));
    files.sort();
    files.dedup();
    files
}

/// Whether a file without links in its path is one. Nothing else than a file is opened, and nobody
/// waits for it.
fn is_database(file: &Path) -> bool {
    let mut head = [0; SQLITE.len()];
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(file, flags, Mode::empty()).map(File::from);
    let Ok(mut opened) = opened else { return false };
    let is_file = opened.metadata().is_ok_and(|it| it.is_file());
    is_file && opened.read_exact(&mut head).is_ok() && head == SQLITE
}

#[cfg(test)]
mod tests {
    use super::{at_address, postgres};

    #[test]
    fn who_names_no_host_means_the_socket() {
        let of = |address: &str| postgres(address).map(|it| it.host).ok();
        assert_eq!(of("postgres://a@/shop").as_deref(), Some("/var/run/postgresql"));
        assert_eq!(of("postgres://a@0.0.0.0/shop").as_deref(), Some("127.0.0.1"));
        assert_eq!(of("postgres://localhost/postgres?dbname=shop"), None);
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
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe.db")).status();
        assert!(made.unwrap().success());
        assert!(at_address("dev.db", None).is_err(), "nobody knows where that is");
        let absolute = format!("sqlite:////{}/dev.db", dir.path().display());
        for (address, expect) in [
            ("file:./dev.db", 1),
            ("prisma+file:./dev.db", 2),
            ("prisma+file:only.db", 1),
            ("sqlite:///only.db?mode=rw", 0),
            ("sqlite:///dev.db?mode=rw", 1),
            ("only.db", 0),
            ("file:pipe.db", 0),
            (absolute.as_str(), 1),
            ("file:text.db", 0),
            ("file:gone.db", 0),
            ("mysql://root@localhost/shop", 1),
            ("mysql+pymysql://root:a@127.0.0.1:3307/shop", 1),
            ("mysql://root@localhost,db.example.com/shop", 0),
            ("mysql://root@localhost", 0),
            ("redis://localhost", 1),
            ("redis://:secret@127.0.0.1:6380/2", 1),
            ("redis://:a%0d%0aflush_all%0d%0a@127.0.0.1:11211", 0),
            ("rediss://127.0.0.1:6380/2", 0),
            ("mongodb://localhost/shop", 0),
        ] {
            let found = at_address(address, Some(dir.path())).map_or(0, |found| found.len());
            assert_eq!(found, expect, "{address}");
        }
    }
}
