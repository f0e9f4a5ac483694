//! Secrets: real credentials, sealed at rest, each with a phantom that the agent holds.

mod aws;
mod bounds;
mod lent;
mod phantom;
#[cfg(test)]
mod tests;

use std::fmt;

use holdpoint_core::{Digest, Environment, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use thiserror::Error;

pub use aws::{AWS_VARIABLES, AwsCredentialError, aws_credential};
pub use bounds::{Bounds, Purpose};
pub use lent::{Lent, Offer};
pub use phantom::{PhantomError, phantom_of};

use crate::{
    database::{count, first, from_json, millis, rows, timestamp, to_json},
    error::{Result, StoreError},
    id::check_name,
    issued::{forget_via, is_phantom},
    state::State,
    watch::Topic,
};

/// Draws before it is said that there is no free phantom.
const PHANTOM_DRAWS_MAX: usize = 8;
/// Hosts, purposes and places of one secret.
const BOUNDS_MAX: usize = 100;

/// Why a secret was not taken.
#[derive(Debug, Error)]
pub enum SecretError {
    /// There can be no phantom for it.
    #[error("this secret cannot be kept: {0}")]
    Phantom(#[from] PhantomError),
    /// It is one of our own stand-ins.
    #[error(
        "this is the phantom of `{0}`, not a real credential; get the real one from its provider"
    )]
    IsPhantom(String),
    /// It is here already, under another name.
    #[error("this credential is already kept as `{0}`; bind that one, or remove it first")]
    Known(String),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for SecretError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// All that is said about a secret without saying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What the human calls it.
    pub name: String,
    /// What it was made for.
    #[serde(flatten)]
    pub bounds: Bounds,
    /// What the agent holds in its place; of what was found, each workspace has its own.
    pub phantom: String,
    /// It was found where an agent can read, and nobody gave it: only runs that it is lent to can
    /// use it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
    /// Since when.
    pub created_at: Timestamp,
}

/// A secret with its value. It is wiped when dropped, and printed nowhere.
pub struct Secret {
    /// What the human calls it.
    pub name: String,
    /// What it was made for.
    pub bounds: Bounds,
    /// What the agent holds in its place.
    pub phantom: String,
    /// It was found, and nobody gave it: its own phantom is nobody's.
    pub found: bool,
    /// The real credential.
    pub value: SecretString,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is seen of a credential that was found in a file or a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandIn {
    /// Itself: it is a stand-in already, or a human said that it is used on this machine.
    Itself,
    /// The phantom of a secret that is kept.
    Kept(String),
    /// A phantom that stands for nothing on the network: the same for the same value in the same
    /// place.
    Drawn(String),
    /// Nothing can stand for it.
    Nothing,
}

/// Real credentials and their phantoms.
#[derive(Debug, Clone)]
pub struct Secrets(pub(crate) State);

impl Secrets {
    /// Keeps a secret and makes its phantom. Without bounds it is kept, and sent nowhere.
    pub fn add(
        &self,
        name: &str,
        value: &SecretString,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Listed, SecretError> {
        check_name("secret name", name)?;
        check_bounds(bounds)?;
        let listed = self.0.0.database.write(|transaction| {
            lent::give_way(transaction, &self.fingerprint(value.expose_secret()), name)?;
            self.check_new(transaction, name, value)?;
            let phantom = free_phantom(&self.0, transaction, value)?;
            let bounds = bounds.clone();
            let listed =
                Listed { name: name.to_owned(), bounds, phantom, found: false, created_at: now };
            self.insert(transaction, &listed, value)?;
            Ok::<_, SecretError>(listed)
        })?;
        self.0.announce(Topic::Secrets);
        Ok(listed)
    }

    /// Binds a secret to other hosts, purposes or another environment; its phantom stays.
    pub fn bind(&self, name: &str, bounds: &Bounds) -> Result<Listed> {
        check_bounds(bounds)?;
        let bound = self.0.0.database.write(|transaction| {
            let found =
                first(transaction, "SELECT * FROM secrets WHERE name = ?1", [name], |row| {
                    Ok((listed(row)?, self.secret(row)?))
                })?;
            let Some((before, secret)) = found else {
                return Err(StoreError::Missing { what: "secret", name: name.to_owned() });
            };
            // The value is sealed for its bounds, so it is sealed anew.
            transaction.execute("DELETE FROM secrets WHERE name = ?1", [name])?;
            let bound = Listed { bounds: bounds.clone(), ..before };
            self.insert(transaction, &bound, &secret.value)?;
            lent::settle(transaction, &bound)?;
            Ok(bound)
        })?;
        self.0.announce(Topic::Secrets);
        Ok(bound)
    }

    /// Gives a secret another value; its name and bounds stay, and its phantom too if the new value
    /// is as long, as what stands in for it has to be.
    pub fn rotate(&self, name: &str, value: &SecretString) -> Result<Listed, SecretError> {
        let rotated = self.0.0.database.write(|transaction| {
            let sql = "SELECT * FROM secrets WHERE name = ?1";
            let Some(before) = first(transaction, sql, [name], listed)? else {
                return Err(StoreError::Missing { what: "secret", name: name.to_owned() }.into());
            };
            let fingerprint = self.fingerprint(value.expose_secret());
            if let Some(known) = name_of_real(transaction, &fingerprint)? {
                return Err(SecretError::Known(known));
            }
            // What was obtained with the old one ends with it.
            forget_via(transaction, name)?;
            transaction.execute("DELETE FROM secrets WHERE name = ?1", [name])?;
            self.check_new(transaction, name, value)?;
            let drawn = free_phantom(&self.0, transaction, value)?;
            let stays = before.found || before.phantom.len() == drawn.len();
            let phantom = if stays { before.phantom.clone() } else { drawn };
            let rotated = Listed { phantom, ..before };
            self.insert(transaction, &rotated, value)?;
            lent::settle(transaction, &rotated)?;
            Ok::<_, SecretError>(rotated)
        })?;
        self.0.announce(Topic::Secrets);
        Ok(rotated)
    }

    /// Forgets a secret; its phantom stands for nothing any more.
    pub fn remove(&self, name: &str) -> Result<()> {
        let removed = self.0.0.database.write(|transaction| -> Result<usize> {
            // What was obtained with it ends with it.
            forget_via(transaction, name)?;
            transaction.execute("DELETE FROM lent WHERE secret = ?1", [name])?;
            Ok(transaction.execute("DELETE FROM secrets WHERE name = ?1", [name])?)
        })?;
        if removed == 0 {
            return Err(StoreError::Missing { what: "secret", name: name.to_owned() });
        }
        self.0.0.database.checkpoint()?;
        self.0.announce(Topic::Secrets);
        Ok(())
    }

    /// Every secret by name, without its value.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let sql = "SELECT * FROM secrets ORDER BY name";
        self.0.0.database.read(|connection| rows(connection, sql, [], listed))
    }

    /// The secret that a phantom stands for.
    pub fn secret_of(&self, phantom: &str) -> Result<Option<Secret>> {
        let sql = "SELECT * FROM secrets WHERE phantom = ?1";
        self.0
            .0
            .database
            .read(|connection| first(connection, sql, [phantom], |row| self.secret(row)))
    }

    /// Every secret with its value, for whoever looks for them in what comes back.
    pub fn reveal_all(&self) -> Result<Vec<Secret>> {
        let sql = "SELECT * FROM secrets ORDER BY name";
        self.0.0.database.read(|connection| rows(connection, sql, [], |row| self.secret(row)))
    }

    /// The name of the secret whose real value this is. It is looked up by a keyed fingerprint,
    /// so the time that it takes tells nothing about the values.
    pub fn is_real(&self, value: &str) -> Result<Option<String>> {
        self.0.0.database.read(|connection| name_of_real(connection, &self.fingerprint(value)))
    }

    /// What stands for `value` in `place`, which is a workspace.
    pub fn stand_in(&self, place: &[u8], value: &SecretString) -> Result<StandIn> {
        let text = value.expose_secret();
        let known = self.0.0.database.read(|connection| {
            let ours = "SELECT count(*) FROM secrets WHERE phantom = ?1";
            if count(connection, ours, [text])? > 0 || is_phantom(connection, text)? {
                return Ok(Some(StandIn::Itself));
            }
            if count(connection, "SELECT count(*) FROM lent WHERE phantom = ?1", [text])? > 0 {
                return Ok(Some(StandIn::Itself));
            }
            let kept = "SELECT * FROM secrets WHERE fingerprint = ?1";
            let kept = first(connection, kept, [self.fingerprint(text)], listed)?;
            Ok::<_, StoreError>(kept.and_then(|kept| match kept {
                kept if kept.bounds.is_local() => Some(StandIn::Itself),
                kept if kept.found => None,
                kept => Some(StandIn::Kept(kept.phantom)),
            }))
        })?;
        if let Some(known) = known {
            return Ok(known);
        }
        let mut numbers = self.0.0.seal.numbers(&[place, text.as_bytes()]);
        let drawn = phantom::phantom_from(text, move || numbers.next().unwrap_or_default());
        Ok(drawn.map_or(StandIn::Nothing, StandIn::Drawn))
    }

    /// A keyed fingerprint of any credential, for records: equal for equal values, and nothing
    /// can be learned from it without this store's key.
    pub fn fingerprint(&self, value: &str) -> String {
        self.0.0.seal.fingerprint(value.as_bytes())
    }

    /// The name of the secret whose value has this [`fingerprint`](Self::fingerprint).
    pub fn of_fingerprint(&self, fingerprint: &str) -> Result<Option<String>> {
        self.0.0.database.read(|connection| name_of_real(connection, fingerprint))
    }

    fn check_new(
        &self,
        connection: &Connection,
        name: &str,
        value: &SecretString,
    ) -> Result<(), SecretError> {
        let max = self.0.0.limits.secrets;
        if count(connection, "SELECT count(*) FROM secrets", [])? >= max {
            return Err(StoreError::Full { what: "secrets", max }.into());
        }
        if count(connection, "SELECT count(*) FROM secrets WHERE name = ?1", [name])? > 0 {
            return Err(StoreError::Exists { what: "a secret", name: name.to_owned() }.into());
        }
        let value = value.expose_secret();
        let by_phantom = "SELECT name FROM secrets WHERE phantom = ?1";
        let phantom_of = connection.query_row(by_phantom, [value], |row| row.get(0)).optional()?;
        if let Some(name) = phantom_of {
            return Err(SecretError::IsPhantom(name));
        }
        match name_of_real(connection, &self.fingerprint(value))? {
            Some(name) => Err(SecretError::Known(name)),
            None => Ok(()),
        }
    }

    fn insert(&self, connection: &Connection, listed: &Listed, value: &SecretString) -> Result<()> {
        let value = value.expose_secret();
        let sealed = self.0.0.seal.seal(value.as_bytes(), &sealed_for(listed)?)?;
        connection.execute(
            "INSERT INTO secrets
                 (name, hosts, purposes, environment, places, phantom, fingerprint, sealed,
                  created_at, found)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                listed.name,
                to_json(&listed.bounds.hosts, "hosts")?,
                to_json(&listed.bounds.purposes, "purposes")?,
                listed.bounds.environment.map(Environment::as_str),
                to_json(&listed.bounds.places, "places")?,
                listed.phantom,
                self.fingerprint(value),
                sealed,
                millis(listed.created_at),
                i64::from(listed.found),
            ],
        )?;
        Ok(())
    }

    fn secret(&self, row: &Row<'_>) -> Result<Secret> {
        let listed = listed(row)?;
        let sealed: Vec<u8> = row.get("sealed")?;
        let value = self.0.0.seal.unseal(&sealed, &sealed_for(&listed)?, "secret")?;
        let value = std::str::from_utf8(&value).map_err(|_| StoreError::Corrupt("a secret"))?;
        let value = SecretString::from(value);
        let Listed { name, bounds, phantom, found, .. } = listed;
        Ok(Secret { name, bounds, phantom, found, value })
    }
}

/// A phantom that nothing else is: no other phantom, and no real value.
pub(crate) fn free_phantom(
    state: &State,
    connection: &Connection,
    value: &SecretString,
) -> Result<String, SecretError> {
    for _ in 0..PHANTOM_DRAWS_MAX {
        let phantom = phantom_of(value)?;
        let fingerprint = state.secrets().fingerprint(&phantom);
        let sql = "SELECT count(*) FROM secrets WHERE phantom = ?1 OR fingerprint = ?2";
        let taken = count(connection, sql, [&phantom, &fingerprint])? > 0;
        if !taken && !is_phantom(connection, &phantom)? {
            return Ok(phantom);
        }
    }
    Err(PhantomError::TooShort.into())
}

fn check_bounds(bounds: &Bounds) -> Result<()> {
    let counts = [bounds.hosts.len(), bounds.purposes.len(), bounds.places.len()];
    if counts.iter().any(|count| *count > BOUNDS_MAX) {
        let [hosts, purposes, places] = counts;
        let value = format!("{hosts} hosts, {purposes} purposes, {places} places");
        let expected = "at most 100 of each; one secret for each purpose is better";
        return Err(StoreError::Malformed { what: "bound", value, expected });
    }
    let alone = bounds.purposes.len() == 1
        && bounds.hosts.iter().all(|host| !host.is_wildcard())
        && bounds.environment.is_none()
        && bounds.places.is_empty();
    if let Some(provider) = bounds.lookup().filter(|_| !alone) {
        let value = format!("lookup:{provider}");
        let expected = "a secret for look-ups alone: one purpose, hosts by their names, and nothing \
                        else; keep another one for agents";
        return Err(StoreError::Malformed { what: "purpose", value, expected });
    }
    Ok(())
}

fn name_of_real(connection: &Connection, fingerprint: &str) -> Result<Option<String>> {
    let sql = "SELECT name FROM secrets WHERE fingerprint = ?1";
    Ok(connection.query_row(sql, [fingerprint], |row| row.get(0)).optional()?)
}

/// What a value is sealed for: a row whose name, phantom or bounds were changed from outside
/// does not open.
fn sealed_for(listed: &Listed) -> Result<Vec<u8>> {
    let bounds = to_json(&listed.bounds, "bounds")?;
    let fields = [listed.name.as_bytes(), listed.phantom.as_bytes(), bounds.as_bytes()];
    Ok(Digest::of_fields(fields).0.to_vec())
}

fn listed(row: &Row<'_>) -> Result<Listed> {
    let environment: Option<String> = row.get("environment")?;
    let environment = environment
        .map(|word| word.parse().map_err(|_| StoreError::Corrupt("environment")))
        .transpose()?;
    let hosts = from_json(row, "hosts")?;
    let purposes = from_json(row, "purposes")?;
    let places = from_json(row, "places")?;
    Ok(Listed {
        name: row.get("name")?,
        bounds: Bounds { hosts, purposes, environment, places },
        phantom: row.get("phantom")?,
        found: row.get::<_, i64>("found")? > 0,
        created_at: timestamp(row, "created_at")?,
    })
}
