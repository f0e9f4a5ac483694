//! Databases and references of git as a human names them, and as the catalogue does.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use holdpoint_core::Digest;
use holdpoint_snapshots::{
    Cause,
    preserve::{GitRemote, Mysql, Postgres, Preserve, Redis, Sqlite, Volume},
};
use holdpoint_store::{
    snapshots::Snapshot,
    undos::{NewUndo, UndoAnswer},
};
use serde_json::json;

use super::{
    asked::{ask as ask_whether, not_now},
    open,
};
use crate::{
    commands::{Here, now},
    status::{CommandError, Ended, Status},
    terminal::ask,
};

/// The ports of PostgreSQL, MySQL and Redis where none is said.
const POSTGRES: u16 = 5432;
const MYSQL: u16 = 3306;
const REDIS: u16 = 6379;

/// Save a database or a volume of this machine, or references of a git remote.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint snapshots take --sqlite db/development.sqlite3\n  \
holdpoint snapshots take --postgres app@localhost:5432/shop\n  \
holdpoint snapshots take --redis localhost\n  \
holdpoint snapshots take --volume shop_data\n  \
holdpoint snapshots take --git git@github.com:acme/shop.git refs/heads/main")]
#[group(required = true, multiple = false)]
pub(in crate::commands) struct Take {
    /// A SQLite file.
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,
    /// A PostgreSQL database; the password comes from PGPASSWORD or ~/.pgpass.
    #[arg(long, value_name = "[USER@]HOST[:PORT]/DATABASE")]
    postgres: Option<Database>,
    /// A MySQL or MariaDB database; the password comes from MYSQL_PWD; no file of options
    /// has a say in what is saved.
    #[arg(long, value_name = "[USER@]HOST[:PORT]/DATABASE")]
    mysql: Option<String>,
    /// A Redis server, with all of its databases; the password comes from REDISCLI_AUTH.
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    redis: Option<String>,
    /// A volume of Docker, or of `podman:` before its name.
    #[arg(long, value_name = "[podman:]NAME")]
    volume: Option<String>,
    /// A git remote and references of it.
    #[arg(long, num_args = 2.., value_names = ["URL", "REFERENCE"])]
    git: Vec<String>,
}

/// A database, as the catalogue names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Database {
    user: Option<String>,
    host: String,
    port: u16,
    name: String,
}

impl FromStr for Database {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, POSTGRES)
    }
}

impl Database {
    /// Reads one of what listens at the port `usual`.
    fn read(text: &str, usual: u16) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no database: write [USER@]HOST[:PORT]/DATABASE");
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (place, name) = rest.rsplit_once('/').ok_or_else(wrong)?;
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (place, usual),
        };
        if host.is_empty() || name.is_empty() {
            return Err(wrong());
        }
        Ok(Self { user, host: host.to_owned(), port, name: name.to_owned() })
    }
}

impl Database {
    fn mysql(text: &str) -> Result<Mysql, String> {
        let Self { user, host, port, name: database } = Self::read(text, MYSQL)?;
        let user = user.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "root".to_owned());
        Ok(Mysql { host, port, user, database, password: None })
    }

    fn redis(text: &str) -> Result<Redis, String> {
        let Self { user, host, port, .. } = Self::read(&format!("{text}/0"), REDIS)?;
        let password = std::env::var("REDISCLI_AUTH").ok();
        Ok(Redis { host, port, user: user.unwrap_or_default(), password })
    }

    fn preserve(self) -> Postgres {
        let Self { user, host, port, name: database } = self;
        let named = || std::env::var("PGUSER").or_else(|_| std::env::var("USER"));
        let user = user.or_else(|| named().ok()).unwrap_or_else(|| "postgres".to_owned());
        Postgres { host, port, user, database, password: None }
    }
}

/// Runs `holdpoint snapshots take`.
pub(in crate::commands) fn take(take: &Take, here: &Here) -> Ended {
    let it: Box<dyn Preserve> = match (&take.sqlite, &take.postgres, take.git.split_first()) {
        (Some(file), ..) => {
            let file = std::fs::canonicalize(file).map_err(CommandError::unable)?;
            Box::new(Sqlite { file })
        }
        (_, Some(database), _) => Box::new(database.clone().preserve()),
        (_, _, Some((url, references))) => remote(url, references.to_vec()),
        _ => match (&take.mysql, &take.redis) {
            (Some(text), _) => Box::new(Database::mysql(text).map_err(CommandError::usage)?),
            (_, Some(text)) => Box::new(Database::redis(text).map_err(CommandError::usage)?),
            _ => match &take.volume {
                Some(text) => Box::new(Volume::named(text).map_err(CommandError::unable)?),
                None => return Err(CommandError::usage("say what to save")),
            },
        },
    };
    let cause = Cause { run: None, why: "when a human asked for it".to_owned() };
    let saved = open(here)?.preserve(&*it, &cause, now()).map_err(CommandError::unable)?;
    let text = format!("{} is saved; `holdpoint undo {}` brings it back", saved.what, saved.id);
    here.print(&saved, &text)?;
    Ok(Status::Done)
}

fn remote(url: &str, references: Vec<String>) -> Box<dyn Preserve> {
    Box::new(GitRemote { url: url.to_owned(), references, settings: Vec::new() })
}

/// What a snapshot is of, if it is no workspace.
fn of(snapshot: &Snapshot) -> Result<Box<dyn Preserve>, CommandError> {
    let what = &snapshot.what;
    Ok(match snapshot.kind.as_str() {
        "sqlite" => Box::new(Sqlite { file: what.into() }),
        "postgres" => Box::new(what.parse::<Database>().map_err(CommandError::usage)?.preserve()),
        "mysql" => Box::new(Database::mysql(what).map_err(CommandError::usage)?),
        "redis" => Box::new(Database::redis(what).map_err(CommandError::usage)?),
        "volume" => Box::new(Volume::named(what).map_err(CommandError::unable)?),
        "git" => {
            let (url, references) = what.split_once(' ').unwrap_or((what, ""));
            remote(url, references.split_whitespace().map(str::to_owned).collect())
        }
        _ => return Err(CommandError::usage(format!("{} is no workspace's", snapshot.id))),
    })
}

/// Brings a database or references back.
pub(super) fn bring_back(to: &Snapshot, yes: bool, here: &Here) -> Ended {
    let it = of(to)?;
    let question =
        format!("Make {} what it was {}? What is there now is saved. [y/N] ", to.what, to.why);
    if !yes && !matches!(ask(&question)?.trim(), "y" | "Y" | "yes") {
        here.print(
            &json!({ "to": to.id, "undone": false }),
            "nothing was undone; `--yes` does it",
        )?;
        return Ok(Status::Wanting);
    }
    let snapshots = open(here)?;
    let saved = snapshots.save_present(&*it, to, now());
    let (saved, destroys) = match saved {
        Ok(saved) => (saved, None),
        Err(error) => (None, Some(format!("what is there now and cannot be saved: {error}"))),
    };
    // A release is for what others would lose; a database is in use, and never twice the same.
    let there = match to.kind.as_str() {
        "git" => it.mark().map_err(CommandError::unable)?,
        _ => String::new(),
    };
    let saved_id = saved.as_ref().map(|it| it.id.clone());
    let asked = NewUndo {
        kind: to.kind.clone(),
        to: to.id.clone(),
        digest: Digest::of_fields([to.stored.as_bytes(), there.as_bytes()]),
        saved: saved_id.clone(),
        what: to.what.clone(),
        changes: 1,
        destroys,
    };
    match ask_whether(here, &asked)? {
        UndoAnswer::Authorized => {}
        answer => return not_now(here, answer, json!({ "to": to.id, "saved": saved_id })),
    }
    snapshots.take_in(&*it, to).map_err(CommandError::unable)?;
    let back = saved.as_ref().map_or_else(
        || "it was gone, so that there is no way back".to_owned(),
        |saved| format!("`holdpoint undo {}` takes this back", saved.id),
    );
    let fact = json!({ "to": to.id, "saved": saved_id, "undone": true });
    here.print(&fact, &format!("{} is as it was {}; {back}", to.what, to.why))?;
    Ok(Status::Done)
}

#[cfg(test)]
mod tests {
    use super::Database;

    #[test]
    fn databases() {
        let check = |text: &str, expect: Option<(Option<&str>, &str, u16, &str)>| {
            let read: Option<Database> = text.parse().ok();
            let read = read.map(|it| (it.user, it.host, it.port, it.name));
            let expect = expect.map(|(user, host, port, name)| {
                (user.map(str::to_owned), host.to_owned(), port, name.to_owned())
            });
            assert_eq!(read, expect, "{text}");
        };
        check("app@localhost:5433/shop", Some((Some("app"), "localhost", 5433, "shop")));
        check("127.0.0.1/shop", Some((None, "127.0.0.1", 5432, "shop")));
        check("/run/postgresql/shop", Some((None, "/run/postgresql", 5432, "shop")));
        for text in ["", "shop", "localhost/", "/shop", "localhost:x/shop"] {
            check(text, None);
        }
    }
}
