//! Captured tokens: the real ones are sealed here, and the agent gets phantoms.

use std::{collections::BTreeSet, fmt};

use holdpoint_core::{Digest, Timestamp};
use rusqlite::{Connection, Row, params};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Issued, Kind, Reach, forget_expired, is_alive, logins::is_login};
use crate::{
    database::{count, first, from_json, millis, rows, to_json, word},
    error::{Result, StoreError},
    id::random_id,
    secrets::{SecretError, free_phantom},
};

/// Captured tokens of one run, at most: the oldest make room.
const CAPTURED_MAX: i64 = 100;
/// Phantoms of one family: as many logins may have been refreshed since the oldest of its clients
/// asked last.
const FAMILY_MAX: i64 = 32;

/// A token to capture.
#[derive(Clone)]
pub struct NewCaptured {
    /// What it is.
    pub kind: Kind,
    /// The name of its field.
    pub name: String,
    /// The real token.
    pub value: SecretString,
    /// Where it may be sent.
    pub reach: Reach,
    /// Until when.
    pub expires_at: Timestamp,
}

impl fmt::Debug for NewCaptured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCaptured").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A captured token with its value. It is wiped when dropped, and printed nowhere.
#[derive(Clone)]
pub struct Captured {
    /// What it is.
    pub kind: Kind,
    /// What the agent holds in its place.
    pub phantom: String,
    /// The real token: of a family, the latest.
    pub value: SecretString,
    /// Where it may be sent.
    pub reach: Reach,
    /// The refresh tokens that came one after the other: every phantom of a family stands for
    /// its latest token.
    pub family: String,
    /// The names of the secrets that it was obtained with.
    pub via: BTreeSet<String>,
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("phantom", &self.phantom).finish_non_exhaustive()
    }
}

impl Issued {
    /// Keeps the real tokens, and gives the phantom of each. A refresh token continues `family`:
    /// whoever still holds an older phantom of it sends this one from now on.
    pub fn capture(
        &self,
        run: &str,
        tokens: &[NewCaptured],
        via: &BTreeSet<String>,
        family: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<String>, SecretError> {
        self.0.0.database.write(|transaction| {
            if !is_alive(transaction, run)? {
                return Err(StoreError::Missing { what: "run", name: run.to_owned() }.into());
            }
            forget_expired(transaction, now)?;
            let phantoms: Result<Vec<String>, SecretError> = tokens
                .iter()
                .map(|token| self.capture_one(transaction, run, token, via, family, now))
                .collect();
            let sql = "DELETE FROM issued WHERE id IN (
                           SELECT id FROM issued WHERE run = ?1 AND sealed IS NOT NULL
                           AND family NOT LIKE 'login-%'
                           ORDER BY id DESC LIMIT -1 OFFSET ?2)";
            transaction.execute(sql, params![run, CAPTURED_MAX]).map_err(StoreError::from)?;
            phantoms
        })
    }

    /// Whether anything is captured, for whatever run.
    pub fn any_captured(&self) -> Result<bool> {
        let sql = "SELECT count(*) FROM issued WHERE sealed IS NOT NULL";
        Ok(self.0.0.database.read(|connection| count(connection, sql, []))? > 0)
    }

    /// The captured token that a phantom stands for in `run`.
    pub fn captured_by(
        &self,
        run: &str,
        phantom: &str,
        now: Timestamp,
    ) -> Result<Option<Captured>> {
        let fingerprint = self.fingerprint(Kind::Access, "", phantom);
        let sql = "SELECT * FROM issued WHERE run = ?1 AND fingerprint = ?2
                   AND sealed IS NOT NULL AND expires_at > ?3";
        let parameters = params![run, fingerprint, millis(now)];
        self.0
            .0
            .database
            .read(|connection| first(connection, sql, parameters, |row| self.captured(row)))
    }

    /// The captured tokens of `run`.
    pub fn captured_of(&self, run: &str) -> Result<Vec<Captured>> {
        let sql = "SELECT * FROM issued WHERE run = ?1 AND sealed IS NOT NULL";
        self.0.0.database.read(|connection| rows(connection, sql, [run], |row| self.captured(row)))
    }

    /// The captured tokens of `run` that may be sent to `host`: what must not come back from it.
    pub fn captured_at(&self, run: &str, host: &str) -> Result<Vec<Captured>> {
        let sql = "SELECT * FROM issued WHERE run = ?1 AND sealed IS NOT NULL";
        let reaching = |row: &Row<'_>| {
            let reach: Reach = from_json(row, "reach")?;
            reach.has(host).then(|| self.captured(row)).transpose()
        };
        let found = self.0.0.database.read(|connection| rows(connection, sql, [run], reaching))?;
        Ok(found.into_iter().flatten().collect())
    }

    fn capture_one(
        &self,
        connection: &Connection,
        run: &str,
        token: &NewCaptured,
        via: &BTreeSet<String>,
        family: Option<&str>,
        now: Timestamp,
    ) -> Result<String, SecretError> {
        let real = self.fingerprint(token.kind, &token.name, token.value.expose_secret());
        let sql = "SELECT phantom FROM issued WHERE run = ?1 AND real = ?2";
        let known = first(connection, sql, [run, &real], |row| Ok(row.get::<_, String>(0)?))?;
        if let Some(phantom) = known {
            let sql = "UPDATE issued SET expires_at = max(expires_at, ?3)
                       WHERE run = ?1 AND real = ?2";
            connection
                .execute(sql, params![run, real, millis(token.expires_at)])
                .map_err(StoreError::from)?;
            return Ok(phantom);
        }
        let phantom = free_phantom(&self.0, connection, &token.value)?;
        let family = match family.filter(|_| token.kind == Kind::Refresh) {
            Some(family) => {
                self.renew(connection, run, family, token, &real, now)?;
                family.to_owned()
            }
            None => random_id::<10>("f")?,
        };
        self.insert_captured(connection, run, token, &phantom, &real, via, &family, now)?;
        Ok(phantom)
    }

    /// Lets every older phantom of a family stand for its new token: in this run, and in every run
    /// that shares its login.
    fn renew(
        &self,
        connection: &Connection,
        run: &str,
        family: &str,
        token: &NewCaptured,
        real: &str,
        now: Timestamp,
    ) -> Result<()> {
        let keep = "DELETE FROM issued WHERE id IN (
                        SELECT id FROM issued WHERE run = ?1 AND family = ?2
                        ORDER BY id DESC LIMIT -1 OFFSET ?3)";
        connection.execute(keep, params![run, family, FAMILY_MAX - 1])?;
        let shared = is_login(family);
        if shared {
            self.continue_login(connection, family, &token.value, real, now)?;
        }
        let sql = "SELECT run, phantom FROM issued WHERE family = ?1 AND (run = ?2 OR ?3)";
        let held = |row: &Row<'_>| Ok((row.get("run")?, row.get("phantom")?));
        let held: Vec<(String, String)> =
            rows(connection, sql, params![family, run, shared], held)?;
        for (run, phantom) in held {
            let sealed = self.seal(&run, &phantom, &token.value)?;
            let sql = "UPDATE issued SET sealed = ?1, real = ?2, expires_at = ?3
                       WHERE run = ?4 AND phantom = ?5";
            let until = millis(token.expires_at);
            connection.execute(sql, params![sealed, real, until, run, phantom])?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    pub(super) fn insert_captured(
        &self,
        connection: &Connection,
        run: &str,
        token: &NewCaptured,
        phantom: &str,
        real: &str,
        via: &BTreeSet<String>,
        family: &str,
        now: Timestamp,
    ) -> Result<()> {
        connection.execute(
            "INSERT INTO issued (run, kind, name, fingerprint, reach, via, family, phantom, real,
                                 sealed, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                run,
                token.kind.as_str(),
                token.name,
                self.fingerprint(token.kind, &token.name, phantom),
                to_json(&token.reach, "reach")?,
                to_json(via, "via")?,
                family,
                phantom,
                real,
                self.seal(run, phantom, &token.value)?,
                millis(now),
                millis(token.expires_at),
            ],
        )?;
        Ok(())
    }

    pub(super) fn seal(&self, run: &str, phantom: &str, value: &SecretString) -> Result<Vec<u8>> {
        self.0.0.seal.seal(value.expose_secret().as_bytes(), &sealed_for(run, phantom))
    }

    pub(super) fn unseal(&self, run: &str, phantom: &str, sealed: &[u8]) -> Result<SecretString> {
        let value = self.0.0.seal.unseal(sealed, &sealed_for(run, phantom), "issued token")?;
        let value =
            std::str::from_utf8(&value).map_err(|_| StoreError::Corrupt("an issued token"))?;
        Ok(value.into())
    }

    fn captured(&self, row: &Row<'_>) -> Result<Captured> {
        let (run, phantom): (String, String) = (row.get("run")?, row.get("phantom")?);
        let sealed: Vec<u8> = row.get("sealed")?;
        Ok(Captured {
            kind: word(row, "kind")?,
            value: self.unseal(&run, &phantom, &sealed)?,
            reach: from_json(row, "reach")?,
            family: row.get("family")?,
            via: from_json(row, "via")?,
            phantom,
        })
    }
}

/// Whether `phantom` stands for a captured token, of whatever run.
pub(crate) fn is_phantom(connection: &Connection, phantom: &str) -> Result<bool> {
    Ok(count(connection, "SELECT count(*) FROM issued WHERE phantom = ?1", [phantom])? > 0)
}

fn sealed_for(run: &str, phantom: &str) -> Vec<u8> {
    Digest::of_fields([b"issued".as_slice(), run.as_bytes(), phantom.as_bytes()]).0.to_vec()
}
