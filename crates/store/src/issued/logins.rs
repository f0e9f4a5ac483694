//! Logins that a human made outside: every run that sees one shares it, and whoever renews it renews
//! it for all of them, and for the file that it lies in.

use std::collections::BTreeSet;

use holdpoint_core::Timestamp;
use rusqlite::{Connection, Row, params};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Issued, Kind, NewCaptured, is_alive};
use crate::{
    database::{first, millis},
    error::{Result, StoreError},
    id::random_id,
    secrets::{SecretError, free_phantom},
    watch::Topic,
};

/// How the families of such logins begin.
const FAMILY: &str = "login-";
/// How long a token that was renewed is known as one, in milliseconds: as long as a file may lie
/// about that still holds it.
const KNOWN: u64 = 180 * 24 * 3600 * 1000;

/// Whether a family of refresh tokens is that of a login which runs share.
pub(super) fn is_login(family: &str) -> bool {
    family.starts_with(FAMILY)
}

impl Issued {
    /// Lends `run` the tokens of a login, and gives the phantom of each, which is as long as the
    /// token was written. A refresh token that was renewed meanwhile stands for its latest one.
    pub fn lend_login(
        &self,
        run: &str,
        tokens: &[NewCaptured],
        now: Timestamp,
    ) -> Result<Vec<String>, SecretError> {
        let phantoms = self.0.0.database.write(|transaction| {
            if !is_alive(transaction, run)? {
                return Err(StoreError::Missing { what: "run", name: run.to_owned() }.into());
            }
            let one = |token: &NewCaptured| self.lend_one(transaction, run, token, now);
            tokens.iter().map(one).collect::<Result<Vec<_>, SecretError>>()
        })?;
        self.0.announce(Topic::Secrets);
        Ok(phantoms)
    }

    /// What a refresh token became that was renewed since; nothing if it is the latest, or no login
    /// that is known.
    pub fn renewed(&self, token: &str) -> Result<Option<SecretString>> {
        let real = self.fingerprint(Kind::Refresh, "", token);
        self.0.0.database.read(|connection| {
            let Some(family) = family_of(connection, &real)? else { return Ok(None) };
            Ok(self.latest(connection, &family)?.filter(|latest| latest.expose_secret() != token))
        })
    }

    fn lend_one(
        &self,
        connection: &Connection,
        run: &str,
        token: &NewCaptured,
        now: Timestamp,
    ) -> Result<String, SecretError> {
        let real = self.fingerprint(token.kind, &token.name, token.value.expose_secret());
        let phantom = free_phantom(&self.0, connection, &token.value)?;
        let via = BTreeSet::new();
        if token.kind != Kind::Refresh {
            let family = random_id::<10>("f")?;
            self.insert_captured(connection, run, token, &phantom, &real, &via, &family, now)?;
            return Ok(phantom);
        }
        let family = match family_of(connection, &real)? {
            Some(family) => family,
            None => {
                let family = format!("{FAMILY}{}", random_id::<10>("f")?);
                self.continue_login(connection, &family, &token.value, &real, now)?;
                family
            }
        };
        let latest = self.latest(connection, &family)?.unwrap_or_else(|| token.value.clone());
        let real = self.fingerprint(token.kind, &token.name, latest.expose_secret());
        let token = NewCaptured { value: latest, ..token.clone() };
        self.insert_captured(connection, run, &token, &phantom, &real, &via, &family, now)?;
        Ok(phantom)
    }

    /// Lets `token` be the latest of `family`.
    pub(super) fn continue_login(
        &self,
        connection: &Connection,
        family: &str,
        token: &SecretString,
        real: &str,
        now: Timestamp,
    ) -> Result<()> {
        let forget = "DELETE FROM login_tokens WHERE sealed IS NULL AND at < ?1";
        connection.execute(forget, [millis(Timestamp(now.0.saturating_sub(KNOWN)))])?;
        connection.execute("UPDATE login_tokens SET sealed = NULL WHERE family = ?1", [family])?;
        let sealed = self.seal(FAMILY, family, token)?;
        connection.execute(
            "INSERT OR REPLACE INTO login_tokens (real, family, sealed, at)
             VALUES (?1, ?2, ?3, ?4)",
            params![real, family, sealed, millis(now)],
        )?;
        Ok(())
    }

    fn latest(&self, connection: &Connection, family: &str) -> Result<Option<SecretString>> {
        let sql = "SELECT sealed FROM login_tokens WHERE family = ?1 AND sealed IS NOT NULL";
        first(connection, sql, [family], |row: &Row<'_>| {
            let sealed: Vec<u8> = row.get("sealed")?;
            self.unseal(FAMILY, family, &sealed)
        })
    }
}

fn family_of(connection: &Connection, real: &str) -> Result<Option<String>> {
    let sql = "SELECT family FROM login_tokens WHERE real = ?1";
    first(connection, sql, [real], |row| Ok(row.get("family")?))
}
