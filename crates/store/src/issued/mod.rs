//! What upstreams issued to each run: cookies, tokens and links by their keyed fingerprints, and
//! captured tokens sealed, with the phantoms that stand for them.

mod capture;
mod logins;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use holdpoint_core::{Timestamp, glob};
use rusqlite::{Connection, Row, Transaction, params};
use serde::{Deserialize, Serialize};

pub(crate) use capture::is_phantom;
pub use capture::{Captured, NewCaptured};

use crate::{
    database::{count, from_json, integer, millis, rows, timestamp, to_json, word},
    error::{Result, StoreError},
    state::State,
};

/// What an upstream can issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A cookie: a name with a value.
    Cookie,
    /// A token that is sent along.
    Access,
    /// A token for which its issuer gives another.
    Refresh,
    /// A whole URL.
    Link,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Cookie, Self::Access, Self::Refresh, Self::Link];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Link => "link",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = StoreError;

    fn from_str(word: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or(StoreError::Corrupt("kind of what was issued"))
    }
}

/// Where something issued may be used: its issuer's site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// Hosts, or `*.example.com`.
    pub hosts: Vec<String>,
    /// The path below which it may be used; everywhere, if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Over TLS only.
    pub tls: bool,
    /// A link: with the methods that upload, too.
    #[serde(default)]
    pub uploads: bool,
    /// A link: its host counts as listed, for this link.
    #[serde(default)]
    pub lists: bool,
}

impl Reach {
    /// Whether `host` belongs to it.
    pub fn has(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| glob::host_matches(pattern, host))
    }
}

/// Something that an upstream has just issued.
#[derive(Clone)]
pub struct NewIssued {
    /// What it is.
    pub kind: Kind,
    /// A cookie's name, a field's name; empty for a link.
    pub name: String,
    /// The credential itself, of which a keyed fingerprint is kept.
    pub value: String,
    /// Where it may be used.
    pub reach: Reach,
    /// Until when.
    pub expires_at: Timestamp,
}

impl fmt::Debug for NewIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, reach, .. } = self;
        let mut shown = f.debug_struct("NewIssued");
        shown.field("kind", kind).field("name", name).field("reach", reach).finish_non_exhaustive()
    }
}

/// Something that an upstream issued to a run, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The run that it was issued to.
    pub run: String,
    /// What it is.
    pub kind: Kind,
    /// A cookie's name, a field's name; empty for a link.
    pub name: String,
    /// Where it may be used.
    #[serde(flatten)]
    pub reach: Reach,
    /// The names of the secrets that it was obtained with: what bounds them bounds it.
    pub via: BTreeSet<String>,
    /// The real one is kept here, and the agent has a phantom.
    pub captured: bool,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What upstreams issued.
#[derive(Debug, Clone)]
pub struct Issued(pub(crate) State);

impl Issued {
    /// Remembers what was issued to `run` in answer to a message that carried `via`, in one
    /// transaction. What is there already lives as long as the longer of both says, and is bound
    /// by all that it was ever obtained with. The oldest make room.
    pub fn record(
        &self,
        run: &str,
        issued: &[NewIssued],
        via: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<()> {
        if issued.is_empty() || self.are_kept(run, issued, via, now)? {
            return Ok(());
        }
        self.0.0.database.write(|transaction| {
            // What a killed run still waited for is not issued to it any more.
            if !is_alive(transaction, run)? {
                return Ok(());
            }
            forget_expired(transaction, now)?;
            for new in issued {
                let fingerprint = self.fingerprint(new.kind, &new.name, &new.value);
                insert(transaction, run, new, &fingerprint, via, now)?;
            }
            make_room(transaction, run, self.0.0.limits.issued)
        })
    }

    /// Takes a cookie back, as the upstream did that set it.
    pub fn end_cookie(&self, run: &str, name: &str, reach: &Reach) -> Result<()> {
        let reach = to_json(reach, "reach")?;
        self.0.0.database.write(|transaction| {
            let sql = "DELETE FROM issued
                       WHERE run = ?1 AND kind = 'cookie' AND name = ?2 AND reach = ?3";
            transaction.execute(sql, [run, name, &reach])?;
            Ok(())
        })
    }

    /// What `value` is that stands where a `kind` does, as far as it was issued to `run`: once
    /// for each place that it may be used at. A captured token is found by its phantom.
    pub fn find(
        &self,
        run: &str,
        kind: Kind,
        name: &str,
        value: &str,
        now: Timestamp,
    ) -> Result<Vec<Found>> {
        let fingerprint = self.fingerprint(kind, name, value);
        let sql = "SELECT * FROM issued WHERE run = ?1 AND fingerprint = ?2 AND expires_at > ?3";
        let parameters = params![run, fingerprint, millis(now)];
        self.0.0.database.read(|connection| rows(connection, sql, parameters, found))
    }

    /// Everything that is issued at `now`, by run.
    pub fn list(&self, now: Timestamp) -> Result<Vec<Found>> {
        let sql = "SELECT * FROM issued WHERE expires_at > ?1 ORDER BY run, id";
        self.0.0.database.read(|connection| rows(connection, sql, [millis(now)], found))
    }

    /// Most answers set the same cookies again: then nothing has to be written.
    fn are_kept(
        &self,
        run: &str,
        issued: &[NewIssued],
        via: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<bool> {
        for new in issued {
            let half = new.expires_at.0.saturating_sub(now.0) / 2;
            let lasts = |found: &Found| found.expires_at.0 >= now.0.saturating_add(half);
            let kept = self.find(run, new.kind, &new.name, &new.value, now)?;
            let same = |it: &Found| it.reach == new.reach && it.via.is_superset(via) && lasts(it);
            if !kept.iter().any(same) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A cookie is its name and its value; a token is the same wherever it stands.
    fn fingerprint(&self, kind: Kind, name: &str, value: &str) -> String {
        let text = match kind {
            Kind::Cookie => format!("cookie\0{name}\0{value}"),
            Kind::Access | Kind::Refresh => format!("token\0{value}"),
            Kind::Link => format!("link\0{value}"),
        };
        self.0.0.seal.fingerprint(text.as_bytes())
    }
}

fn insert(
    transaction: &Transaction<'_>,
    run: &str,
    new: &NewIssued,
    fingerprint: &str,
    via: &BTreeSet<String>,
    now: Timestamp,
) -> Result<()> {
    let sql = "SELECT * FROM issued WHERE run = ?1 AND fingerprint = ?2";
    let before = rows(transaction, sql, [run, fingerprint], found)?;
    let via: BTreeSet<String> =
        before.iter().flat_map(|found| &found.via).chain(via).cloned().collect();
    let via = to_json(&via, "via")?;
    transaction.execute(
        "INSERT INTO issued (run, kind, name, fingerprint, reach, via, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (run, fingerprint, reach)
         DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
        params![
            run,
            new.kind.as_str(),
            new.name,
            fingerprint,
            to_json(&new.reach, "reach")?,
            via,
            millis(now),
            millis(new.expires_at),
        ],
    )?;
    let sql = "UPDATE issued SET via = ?1 WHERE run = ?2 AND fingerprint = ?3";
    transaction.execute(sql, [&via, run, fingerprint])?;
    Ok(())
}

fn is_alive(transaction: &Transaction<'_>, run: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM agents WHERE run = ?1 AND killed = 0";
    Ok(count(transaction, sql, [run])? > 0)
}

fn forget_expired(transaction: &Transaction<'_>, now: Timestamp) -> Result<()> {
    transaction.execute("DELETE FROM issued WHERE expires_at <= ?1", [millis(now)])?;
    Ok(())
}

/// Lets the oldest of a run go. A flood of cookies takes no login with it: what is captured has
/// a maximum of its own.
fn make_room(transaction: &Transaction<'_>, run: &str, max: u64) -> Result<()> {
    let sql = "SELECT count(*) FROM issued WHERE run = ?1 AND sealed IS NULL";
    let kept = count(transaction, sql, [run])?;
    transaction.execute(
        "DELETE FROM issued WHERE id IN (
             SELECT id FROM issued WHERE run = ?1 AND sealed IS NULL ORDER BY id LIMIT ?2)",
        params![run, integer(kept.saturating_sub(max))],
    )?;
    Ok(())
}

/// Takes away what was obtained with a secret.
pub(crate) fn forget_via(connection: &Connection, secret: &str) -> Result<()> {
    let sql = "DELETE FROM issued
               WHERE EXISTS (SELECT 1 FROM json_each(issued.via) WHERE value = ?1)";
    connection.execute(sql, [secret])?;
    Ok(())
}

fn found(row: &Row<'_>) -> Result<Found> {
    let sealed: Option<Vec<u8>> = row.get("sealed")?;
    Ok(Found {
        run: row.get("run")?,
        kind: word(row, "kind")?,
        name: row.get("name")?,
        reach: from_json(row, "reach")?,
        via: from_json(row, "via")?,
        captured: sealed.is_some(),
        expires_at: timestamp(row, "expires_at")?,
    })
}
