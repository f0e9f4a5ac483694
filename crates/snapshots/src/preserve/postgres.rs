//! A PostgreSQL database on this machine, by `pg_dump` and `pg_restore`.

use std::{path::Path, process::Command};

use super::{Preserve, run};
use crate::error::{Result, SnapshotError};

/// The name of what is written out.
const FILE: &str = "database.dump";
/// The database from which others can be made.
const MAINTENANCE: &str = "postgres";
/// Where the login is kept with which it was saved: what was saved without anybody asking is
/// brought back by somebody who need not know it. It is as secret as the rest of the repository.
const LOGIN: &str = "login.json";

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
        command
    }

    fn psql(&self, database: &str, sql: &str) -> Result<String> {
        let mut command = self.command("psql");
        command.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        let output = run("psql", command.args(["--dbname", database, "--command", sql]))?;
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

    fn write_out(&self, into: &Path) -> Result<()> {
        self.check()?;
        if let Some(password) = &self.password {
            let login = serde_json::json!({ "user": self.user, "password": password });
            let path = into.join(LOGIN);
            let written = std::fs::write(&path, login.to_string());
            written.map_err(SnapshotError::io("write", &path))?;
        }
        let mut command = self.command("pg_dump");
        command.args(["--format", "custom", "--file"]).arg(into.join(FILE)).arg(&self.database);
        run("pg_dump", &mut command).map(drop)
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
        let kept = std::fs::read(from.join(LOGIN)).ok().filter(|_| self.password.is_none())?;
        let kept: serde_json::Value = serde_json::from_slice(&kept).ok()?;
        let of = |name: &str| kept.get(name)?.as_str().map(str::to_owned);
        let (user, password) = (of("user")?, Some(of("password")?));
        Some(Box::new(Self { user, password, ..self.clone() }))
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
        let (new, old) = (format!("{}_undo", self.database), format!("{}_undone", self.database));
        let [database, new_name, old_name] = [&self.database, &new, &old].map(|it| quoted(it));
        self.psql(MAINTENANCE, &format!("DROP DATABASE IF EXISTS {new_name}"))?;
        self.psql(MAINTENANCE, &format!("CREATE DATABASE {new_name} TEMPLATE template0"))?;
        let mut command = self.command("pg_restore");
        command.args(["--exit-on-error", "--dbname", &new]).arg(from.join(FILE));
        run("pg_restore", &mut command)?;
        if self.is_there()? {
            let literal = self.literal();
            self.psql(MAINTENANCE, &format!("DROP DATABASE IF EXISTS {old_name}"))?;
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

impl Postgres {
    /// Only what is on this machine: data of elsewhere goes to no store of here.
    fn check(&self) -> Result<()> {
        let address = self.host.parse::<std::net::IpAddr>();
        let here = self.host.starts_with('/')
            || self.host == "localhost"
            || address.is_ok_and(|address| address.is_loopback());
        if here {
            return Ok(());
        }
        let text = format!("is not asked: {} is not on this machine", self.host);
        Err(SnapshotError::Program { program: "pg_dump", text })
    }
}
