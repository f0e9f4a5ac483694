//! What was found is kept by itself, and lent to the runs in whose reach it lies: each workspace has
//! a phantom of its own for it, which is worth nothing in any other run.

use std::{collections::BTreeMap, fmt};

use holdpoint_core::Timestamp;
use rusqlite::{Connection, Row, params};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Bounds, Listed, PhantomError, Secret, Secrets, check_bounds, listed, phantom::phantom_of,
};
use crate::{
    database::{count, first, integer, rows},
    error::Result,
    id::check_name,
    issued::forget_via,
    watch::Topic,
};

/// How a secret that was found says so, in the table.
const FOUND: i64 = 1;
const BOUND_BY_HAND: i64 = 2;

/// A credential that was found, and by which phantom a run sees it.
#[derive(Clone)]
pub struct Offer {
    /// What to call it.
    pub name: String,
    /// The real one.
    pub value: SecretString,
    /// What it binds itself to; nothing, where a human has to say.
    pub bounds: Bounds,
    /// What the run sees.
    pub phantom: String,
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A secret that a run can use, with the phantom by which it sees it.
#[derive(Debug)]
pub struct Lent {
    /// The run.
    pub run: String,
    /// The secret; its phantom is the run's own.
    pub secret: Secret,
}

impl Secrets {
    /// Keeps what was found and lends it to `run`, in one transaction. What a human gave or bound is
    /// left as it is. Says how many are not lent: nothing can be told from their phantoms, or
    /// there is no room.
    pub fn lend(&self, run: &str, offers: &[Offer], now: Timestamp) -> Result<usize> {
        if offers.is_empty() {
            return Ok(0);
        }
        let left = self.0.0.database.write(|transaction| {
            forget_ended(transaction)?;
            let mut left = 0;
            for offer in offers {
                match self.keep(transaction, offer, now)? {
                    Some(secret) => {
                        let sql = "INSERT OR REPLACE INTO lent (run, phantom, secret)
                                   VALUES (?1, ?2, ?3)";
                        transaction.execute(sql, params![run, offer.phantom, secret])?;
                    }
                    None => left += 1,
                }
            }
            Ok::<_, crate::error::StoreError>(left)
        })?;
        self.0.announce(Topic::Secrets);
        Ok(left)
    }

    /// Everything that is lent.
    pub fn lent(&self) -> Result<Vec<Lent>> {
        let sql = "SELECT secrets.*, lent.run AS run, lent.phantom AS seen FROM lent
                   JOIN secrets ON secrets.name = lent.secret ORDER BY run, seen";
        self.0.0.database.read(|connection| {
            rows(connection, sql, [], |row| {
                let secret = Secret { phantom: row.get("seen")?, ..self.secret(row)? };
                Ok(Lent { run: row.get("run")?, secret })
            })
        })
    }

    /// By fingerprint, the names of what was found, is bound to nothing, and of which no human ever
    /// said anything.
    pub fn unasked(&self) -> Result<BTreeMap<String, String>> {
        let sql = "SELECT fingerprint, name FROM secrets
                   WHERE found = 1 AND (hosts = '[]' OR purposes = '[]')";
        let pair = |row: &Row<'_>| Ok((row.get("fingerprint")?, row.get("name")?));
        let found = self.0.0.database.read(|connection| rows(connection, sql, [], pair))?;
        Ok(found.into_iter().collect())
    }

    /// What a found credential is kept as; nothing if it cannot be.
    fn keep(
        &self,
        connection: &Connection,
        offer: &Offer,
        now: Timestamp,
    ) -> Result<Option<String>> {
        // Its phantom could stand anywhere by chance.
        match phantom_of(&offer.value) {
            Ok(_) => {}
            Err(PhantomError::Store(error)) => return Err(error),
            Err(_) => return Ok(None),
        }
        let fingerprint = self.fingerprint(offer.value.expose_secret());
        let sql = "SELECT * FROM secrets WHERE fingerprint = ?1";
        let kept = first(connection, sql, [&fingerprint], |row| {
            Ok((listed(row)?, row.get::<_, i64>("found")?))
        })?;
        match kept {
            Some((kept, FOUND)) => {
                // Another place may say more of it than the first.
                let bounds = joined(&kept.bounds, &offer.bounds);
                if kept.bounds != bounds {
                    check_bounds(&bounds)?;
                    connection.execute("DELETE FROM secrets WHERE name = ?1", [&kept.name])?;
                    self.insert(connection, &Listed { bounds, ..kept.clone() }, &offer.value)?;
                }
                Ok(Some(kept.name))
            }
            Some((kept, _)) => Ok(Some(kept.name)),
            None => self.keep_new(connection, offer, &fingerprint, now),
        }
    }

    fn keep_new(
        &self,
        connection: &Connection,
        offer: &Offer,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<Option<String>> {
        let max = self.0.0.limits.secrets;
        let kept = count(connection, "SELECT count(*) FROM secrets", [])?;
        if kept >= max {
            // The oldest that no run sees, and of which no human ever said anything, make room.
            let sql = "DELETE FROM secrets WHERE name IN (
                           SELECT name FROM secrets WHERE found = 1
                           AND name NOT IN (SELECT secret FROM lent)
                           ORDER BY created_at, name LIMIT ?1)";
            let gone = connection.execute(sql, [integer(kept - max + 1)])?;
            if gone == 0 {
                return Ok(None);
            }
        }
        let taken = "SELECT count(*) FROM secrets WHERE name = ?1";
        let taken = count(connection, taken, [&offer.name])? > 0;
        if taken || check_name("secret name", &offer.name).is_err() {
            return Ok(None);
        }
        check_bounds(&offer.bounds)?;
        let found = Listed {
            name: offer.name.clone(),
            bounds: offer.bounds.clone(),
            // Nobody is given this one: a blank is in no phantom.
            phantom: format!("found {fingerprint}"),
            found: true,
            created_at: now,
        };
        self.insert(connection, &found, &offer.value)?;
        Ok(Some(found.name))
    }
}

/// What two places say that a secret is for.
fn joined(one: &Bounds, other: &Bounds) -> Bounds {
    let mut both = one.clone();
    for host in &other.hosts {
        if !both.hosts.contains(host) {
            both.hosts.push(host.clone());
        }
    }
    for purpose in &other.purposes {
        if !both.purposes.contains(purpose) {
            both.purposes.push(purpose.clone());
        }
    }
    both
}

/// What a human says of what was found stays as it was said.
pub(super) fn settle(connection: &Connection, bound: &Listed) -> Result<()> {
    let sql = "UPDATE secrets SET found = ?1 WHERE name = ?2 AND found > 0";
    connection.execute(sql, params![BOUND_BY_HAND, bound.name])?;
    Ok(())
}

/// A human gives what was found before, and of which nobody ever said anything: what they call it
/// takes its place, also for the runs that it is lent to.
pub(super) fn give_way(connection: &Connection, fingerprint: &str, name: &str) -> Result<()> {
    let sql = "SELECT name FROM secrets WHERE fingerprint = ?1 AND found = ?2";
    let found = first(connection, sql, params![fingerprint, FOUND], |row| Ok(row.get(0)?))?;
    let Some::<String>(found) = found else { return Ok(()) };
    // What was obtained with it was obtained within other bounds.
    forget_via(connection, &found)?;
    connection.execute("UPDATE lent SET secret = ?1 WHERE secret = ?2", [name, &found])?;
    connection.execute("DELETE FROM secrets WHERE name = ?1", [&found])?;
    Ok(())
}

/// What was lent to runs that are over is lent no more; what one still waits for may need it.
fn forget_ended(connection: &Connection) -> Result<()> {
    let sql = "DELETE FROM lent WHERE run NOT IN (SELECT run FROM agents) AND run NOT IN (
                   SELECT json_extract(holds.principal, '$.run') FROM holds
                   WHERE holds.state IN ('open', 'approved', 'scheduled', 'consuming'))";
    connection.execute(sql, [])?;
    Ok(())
}
