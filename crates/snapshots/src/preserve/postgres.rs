//! A PostgreSQL database on this machine, by `pg_dump` and `pg_restore`.

use std::{
    fs::File,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{Login, MARK_MAX, PROGRAM_MAX, Preserve, fresh, is_here, run, run_for};
use crate::error::{Result, SnapshotError};

/// The name of what is written out.
const FILE: &str = "database.dump";
/// What it begins with (PostgreSQL: `pg_backup_archiver.c`).
const MAGIC: &[u8] = b"PGDMP";
/// Where a dump begins to say of what kind its database is (PostgreSQL: `pg_dump.c`).
const KIND: &str = "WITH TEMPLATE = ";
/// The database from which others can be made.
const MAINTENANCE: &str = "postgres";

/// A database.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// A host of this machine, or the directory of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// As whom.
    pub user: String,
    /// Its name.
    pub database: String,
    /// The password, where one is needed. It goes by the environment, never by an argument.
    pub password: Option<String>,
}

impl Postgres {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["--no-password", "--host", &self.host, "--username", &self.user]);
        command.args(["--port", &self.port.to_string()]);
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password);
        }
        command.env("PGCONNECT_TIMEOUT", "10");
        // What leads elsewhere, whatever host is said.
        command.env_remove("PGHOSTADDR").env_remove("PGSERVICE");
        command
    }

    fn psql(&self, database: &str, sql: &str) -> Result<String> {
        self.psql_for(PROGRAM_MAX, database, sql)
    }

    fn psql_for(&self, max: Duration, database: &str, sql: &str) -> Result<String> {
        let mut command = self.command("psql");
        command.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        command.args(["--dbname", &named(database), "--command", sql]).stdin(Stdio::null());
        let output = run_for(max, "psql", &mut command)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Preserve for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn what(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    /// The transactions that it has seen end, of all databases of its server: whoever only reads is
    /// none of them.
    fn mark(&self) -> Result<String> {
        self.check()?;
        self.psql_for(MARK_MAX, &self.database, "SELECT txid_current_snapshot()")
    }

    fn write_out(&self, into: &Path) -> Result<()> {
        self.check()?;
        Login::keep(into, &self.user, self.password.as_deref())?;
        let mut command = self.command("pg_dump");
        let file = into.join(FILE);
        command.args(["--format", "custom", "--dbname", &named(&self.database)]);
        run("pg_dump", command.arg("--file").arg(&file))?;
        is_dump(&file)
    }

    fn is_gone(&self) -> bool {
        self.is_there().is_ok_and(|there| !there)
    }

    /// Into a database of its own first, which then takes the name: nobody sees half of it.
    fn take_in(&self, from: &Path) -> Result<()> {
        self.check()?;
        self.exchange(from)
    }

    /// Where nobody said another.
    fn with_login(&self, from: &Path) -> Option<Box<dyn Preserve>> {
        let Login { user, password } = Login::kept(from).filter(|_| self.password.is_none())?;
        Some(Box::new(Self { user, password: Some(password), ..self.clone() }))
    }
}

impl Postgres {
    fn literal(&self) -> String {
        self.database.replace('\'', "''")
    }

    fn is_there(&self) -> Result<bool> {
        let literal = self.literal();
        let there = format!("SELECT 1 FROM pg_database WHERE datname = '{literal}'");
        Ok(self.psql(MAINTENANCE, &there)? == "1")
    }

    fn exchange(&self, from: &Path) -> Result<()> {
        // Names that nobody has, and that are not cut off: what is called so is somebody's.
        let mark = fresh()?;
        let (new, old) = (format!("holdpoint_undo_{mark}"), format!("holdpoint_undone_{mark}"));
        let [database, new_name, old_name] = [&self.database, &new, &old].map(|it| quoted(it));
        let dump = from.join(FILE);
        self.psql(MAINTENANCE, &format!("CREATE DATABASE {new_name} {}", kind_of(&dump)?))?;
        let mut command = self.command("pg_restore");
        command.args(["--exit-on-error", "--dbname", &named(&new)]).arg(&dump);
        if let Err(error) = run("pg_restore", &mut command) {
            self.psql(MAINTENANCE, &format!("DROP DATABASE IF EXISTS {new_name}"))?;
            return Err(error);
        }
        if self.is_there()? {
            let literal = self.literal();
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{literal}'"
            );
            self.psql(MAINTENANCE, &end)?;
            self.psql(MAINTENANCE, &format!("ALTER DATABASE {database} RENAME TO {old_name}"))?;
        }
        self.psql(MAINTENANCE, &format!("ALTER DATABASE {new_name} RENAME TO {database}"))?;
        self.psql(MAINTENANCE, &format!("DROP DATABASE IF EXISTS {old_name}")).map(drop)
    }
}

/// An identifier (PostgreSQL: 4.1.1).
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A database as a connection string that says nothing else (PostgreSQL: 34.1.1.1).
fn named(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Of what kind the database was: its encoding and its locale, as `CREATE DATABASE` takes them.
fn kind_of(dump: &Path) -> Result<String> {
    let mut command = Command::new("pg_restore");
    let made = command.args(["--create", "--schema-only", "--file", "-"]).arg(dump);
    let made = run("pg_restore", made)?.stdout;
    let made = String::from_utf8_lossy(&made);
    let mut lines = made.lines().filter(|line| line.starts_with("CREATE DATABASE "));
    let kind = lines.next().and_then(|line| Some(line.get(line.rfind(KIND)?..)?.to_owned()));
    kind.ok_or_else(|| SnapshotError::Program {
        program: "pg_restore",
        text: "does not say what the database was made as".to_owned(),
    })
}

/// Whether what `pg_dump` was to write is there.
fn is_dump(file: &Path) -> Result<()> {
    let mut head = [0; MAGIC.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut head));
    if read.is_ok() && head == MAGIC {
        return Ok(());
    }
    Err(SnapshotError::Program { program: "pg_dump", text: "wrote no dump".to_owned() })
}

impl Postgres {
    /// Only what is on this machine: data of elsewhere goes to no store of here. And only what
    /// every tool takes for a name.
    fn check(&self) -> Result<()> {
        let refused = |text: String| SnapshotError::Program { program: "pg_dump", text };
        let here = self.host.starts_with('/') && !self.host.contains(',') || is_here(&self.host);
        if !here {
            let text = format!("is not asked: {} is not on this machine", self.host);
            return Err(refused(text));
        }
        let name = &self.database;
        let ambiguous = name.starts_with('-') || name.contains('=') || name.contains("://");
        if ambiguous || name.is_empty() || name.contains(char::is_control) {
            return Err(refused(format!("is not asked: {name:?} is no name to be sure of")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Postgres, is_dump, named};

    #[test]
    fn a_name_is_a_name_and_nothing_else() {
        assert_eq!(named(r"it's \ shop"), r"dbname='it\'s \\ shop'");
        let check = |host: &str, database: &str, expect: bool| {
            let (host, database) = (host.to_owned(), database.to_owned());
            let it = Postgres { host, port: 1, user: String::new(), database, password: None };
            assert_eq!(it.check().is_ok(), expect, "{it:?}");
        };
        check("localhost", "it's a shop", true);
        check("/run/pg", "shop", true);
        for name in ["", "--file=/tmp/x", "host=h", "postgres://h/shop", "a\nb"] {
            check("localhost", name, false);
        }
        check("/run/pg,db.example.com", "shop", false);
        check("10.0.0.5", "shop", false);
    }

    #[test]
    fn what_is_no_dump_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("database.dump");
        assert!(is_dump(&file).is_err());
        std::fs::write(&file, "PGDM").unwrap();
        assert!(is_dump(&file).is_err());
        std::fs::write(&file, "PGDMP\x01").unwrap();
        assert!(is_dump(&file).is_ok());
    }
}
