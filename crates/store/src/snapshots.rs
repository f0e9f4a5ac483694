//! The catalogue of snapshots: what was saved, when, why, until when it is kept.
//!
//! A row is written once its snapshot is whole and on disk: what has no row does not count.

use std::collections::HashSet;

use holdpoint_core::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    database::{first, from_json, integer, millis, optional_timestamp, rows, timestamp, to_json},
    error::{Result, StoreError},
    id::random_id,
    state::State,
};

/// The place for which the key of the snapshots is sealed.
const KEY: &str = "snapshots_key";
/// The place for which the login of whoever writes snapshots elsewhere is sealed.
const LOGIN: &str = "snapshots_login";
/// When whatever is locked elsewhere was last locked for longer.
const RENEWED: &str = "snapshots_renewed";

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its name.
    pub id: String,
    /// Its name in the repository that holds it.
    pub stored: String,
    /// What it is of: `workspace`, `sqlite`, `postgres`, `git`.
    pub kind: String,
    /// Which one: a path, or a database without its password.
    pub what: String,
    /// The run for which it was taken; none where a human's undo took it.
    pub run: Option<String>,
    /// Why it was taken.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// How many files and directories it has.
    pub entries: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// How long it is kept at least.
    pub until: Timestamp,
    /// When all of it was read back last.
    pub verified: Option<Timestamp>,
    /// What it leaves out, and why, in sentences.
    pub omitted: Vec<String>,
    /// When the run ended that it was taken for, if that is known.
    pub run_ended: Option<Timestamp>,
}

/// What is said of a snapshot that is whole; the store adds its name.
#[derive(Debug, Clone)]
pub struct NewSnapshot<'a> {
    /// Its name in the repository that holds it.
    pub stored: &'a str,
    /// What it is of.
    pub kind: &'a str,
    /// Which one.
    pub what: &'a str,
    /// The run for which it was taken.
    pub run: Option<&'a str>,
    /// Why.
    pub why: &'a str,
    /// How many files and directories.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How long it is kept at least.
    pub until: Timestamp,
    /// What it leaves out.
    pub omitted: &'a [String],
}

/// The snapshots that there are.
#[derive(Debug, Clone)]
pub struct Snapshots(pub(crate) State);

impl Snapshots {
    /// The key under which everything in the repository is encrypted; `make` makes it once.
    pub fn key<E: From<StoreError>>(
        &self,
        make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, E>,
    ) -> Result<Zeroizing<Vec<u8>>, E> {
        let seal = &self.0.0.seal;
        let select = "SELECT value FROM meta WHERE key = ?1";
        let found = |connection: &Connection| {
            let value = connection.query_row(select, [KEY], |row| row.get::<_, String>(0));
            value.optional().map_err(StoreError::from)
        };
        let sealed = match self.0.0.database.read(|connection| found(connection))? {
            Some(sealed) => sealed,
            None => self.0.0.database.write(|transaction| {
                // Another process may have made it meanwhile.
                if let Some(found) = found(transaction)? {
                    return Ok::<_, E>(found);
                }
                let sealed = hex::encode(seal.seal(&make()?, KEY.as_bytes())?);
                let insert = "INSERT INTO meta (key, value) VALUES (?1, ?2)";
                transaction.execute(insert, [KEY, &sealed]).map_err(StoreError::from)?;
                Ok(sealed)
            })?,
        };
        let sealed = hex::decode(sealed).map_err(|_| StoreError::Corrupt("the snapshots' key"))?;
        Ok(seal.unseal(&sealed, KEY.as_bytes(), "key of the snapshots")?)
    }

    /// The login with which snapshots are written to a store of another machine, if one is kept.
    pub fn login(&self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(sealed) = self.meta(LOGIN)? else { return Ok(None) };
        let sealed = hex::decode(sealed).map_err(|_| StoreError::Corrupt("a login"))?;
        self.0.0.seal.unseal(&sealed, LOGIN.as_bytes(), "login of the snapshots").map(Some)
    }

    /// Keeps a login, sealed, in place of the one before.
    pub fn set_login(&self, login: &[u8]) -> Result<()> {
        let sealed = hex::encode(self.0.0.seal.seal(login, LOGIN.as_bytes())?);
        self.set_meta(LOGIN, &sealed)
    }

    /// When everything in a store that locks was last locked for longer.
    pub fn renewed(&self) -> Result<Option<Timestamp>> {
        Ok(self.meta(RENEWED)?.and_then(|at| at.parse().ok()).map(Timestamp))
    }

    /// Everything in a store that locks was locked for longer.
    pub fn set_renewed(&self, at: Timestamp) -> Result<()> {
        self.set_meta(RENEWED, &at.0.to_string())
    }

    fn meta(&self, key: &str) -> Result<Option<String>> {
        let select = "SELECT value FROM meta WHERE key = ?1";
        self.0.0.database.read(|connection| {
            let value = connection.query_row(select, [key], |row| row.get::<_, String>(0));
            value.optional().map_err(StoreError::from)
        })
    }

    fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        self.0.0.database.write(|transaction| {
            let put = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";
            transaction.execute(put, [key, value])?;
            Ok(())
        })
    }

    /// Adds a snapshot that is whole and on disk.
    pub fn add(&self, new: &NewSnapshot<'_>, at: Timestamp) -> Result<Snapshot> {
        let id = random_id::<8>("s")?;
        let omitted = to_json(&new.omitted, "omitted")?;
        self.0.0.database.write(|transaction| {
            transaction.execute(
                "INSERT INTO snapshots (id, stored, kind, what, run, why, at, entries, bytes,
                                        until, omitted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    id,
                    new.stored,
                    new.kind,
                    new.what,
                    new.run,
                    new.why,
                    millis(at),
                    integer(new.entries),
                    integer(new.bytes),
                    millis(new.until),
                    omitted,
                ],
            )?;
            Ok::<_, StoreError>(())
        })?;
        self.find(&id)?.ok_or(StoreError::Corrupt("a snapshot"))
    }

    /// Every snapshot, the newest first.
    pub fn list(&self) -> Result<Vec<Snapshot>> {
        let sql = "SELECT * FROM snapshots ORDER BY at DESC, rowid DESC";
        self.0.0.database.read(|connection| rows(connection, sql, [], snapshot))
    }

    /// The snapshot of this name.
    pub fn find(&self, id: &str) -> Result<Option<Snapshot>> {
        let sql = "SELECT * FROM snapshots WHERE id = ?1";
        self.0.0.database.read(|connection| first(connection, sql, [id], snapshot))
    }

    /// The first snapshot of a run: as things were before it.
    pub fn of_run(&self, run: &str) -> Result<Option<Snapshot>> {
        let sql = "SELECT * FROM snapshots WHERE run = ?1 ORDER BY at, rowid LIMIT 1";
        self.0.0.database.read(|connection| first(connection, sql, [run], snapshot))
    }

    /// The newest snapshot of one thing.
    pub fn newest(&self, kind: &str, what: &str) -> Result<Option<Snapshot>> {
        let sql = "SELECT * FROM snapshots WHERE kind = ?1 AND what = ?2
                   ORDER BY at DESC, rowid DESC LIMIT 1";
        self.0.0.database.read(|connection| first(connection, sql, [kind, what], snapshot))
    }

    /// The snapshots that something still waits for: an undo that nobody has answered or that a
    /// human may still release, and what a run was saved for that has something waiting.
    pub fn waited_for(&self) -> Result<HashSet<String>> {
        let sql = "
            WITH waiting AS (SELECT id, json_extract(principal, '$.run') AS run FROM holds
                             WHERE state IN ('open', 'approved', 'scheduled', 'consuming')),
                 asked AS (SELECT target, saved FROM undos WHERE state = 'open'
                           OR state = 'held' AND answer IN (SELECT id FROM waiting))
            SELECT id FROM snapshots
            WHERE run IN (SELECT run FROM waiting)
               OR id IN (SELECT target FROM asked) OR id IN (SELECT saved FROM asked)";
        let ids = self.0.0.database.read(|connection| {
            rows(connection, sql, [], |row| Ok::<_, StoreError>(row.get::<_, String>(0)?))
        })?;
        Ok(ids.into_iter().collect())
    }

    /// A run has ended: what was done to its workspace later was not done by it.
    pub fn run_ended(&self, run: &str, at: Timestamp) -> Result<()> {
        self.0.0.database.write(|transaction| {
            let sql = "UPDATE snapshots SET run_ended = ?2 WHERE run = ?1";
            transaction.execute(sql, params![run, millis(at)])?;
            Ok(())
        })
    }

    /// All of these snapshots were read back.
    pub fn verified(&self, ids: &[String], at: Timestamp) -> Result<()> {
        self.0.0.database.write(|transaction| {
            for id in ids {
                let sql = "UPDATE snapshots SET verified = ?2 WHERE id = ?1";
                transaction.execute(sql, params![id, millis(at)])?;
            }
            Ok(())
        })
    }

    /// Forgets a snapshot. The repository's copy goes with it at the next prune.
    pub fn forget(&self, id: &str) -> Result<()> {
        self.0.0.database.write(|transaction| {
            transaction.execute("DELETE FROM snapshots WHERE id = ?1", [id])?;
            Ok(())
        })
    }
}

fn snapshot(row: &Row<'_>) -> Result<Snapshot> {
    let number = |column: &str| Ok::<_, StoreError>(row.get::<_, i64>(column)?.unsigned_abs());
    Ok(Snapshot {
        id: row.get("id")?,
        stored: row.get("stored")?,
        kind: row.get("kind")?,
        what: row.get("what")?,
        run: row.get("run")?,
        why: row.get("why")?,
        at: timestamp(row, "at")?,
        entries: number("entries")?,
        bytes: number("bytes")?,
        until: timestamp(row, "until")?,
        verified: optional_timestamp(row, "verified")?,
        omitted: from_json(row, "omitted")?,
        run_ended: optional_timestamp(row, "run_ended")?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use holdpoint_core::{
        Digest, Timestamp,
        identity::{Principal, Task},
        obligation::Obligations,
    };
    use zeroize::Zeroizing;

    use super::NewSnapshot;
    use crate::{
        config::HoldTerms,
        error::StoreError,
        holds::NewHold,
        state::State,
        undos::{NewUndo, UndoAnswer},
    };

    fn new<'a>(what: &'a str, run: Option<&'a str>) -> NewSnapshot<'a> {
        NewSnapshot {
            stored: "00ff",
            kind: "workspace",
            what,
            run,
            why: "a test",
            entries: 3,
            bytes: 5,
            until: Timestamp(1000),
            omitted: &[],
        }
    }

    #[test]
    fn the_first_of_a_run_is_its_undo_and_the_newest_of_a_place_its_parent() {
        let snapshots = State::in_memory().unwrap().snapshots();
        let first = snapshots.add(&new("/w", Some("r-1")), Timestamp(1)).unwrap();
        let second = snapshots.add(&new("/w", Some("r-1")), Timestamp(2)).unwrap();
        let other = snapshots.add(&new("/v", None), Timestamp(3)).unwrap();
        assert_eq!(snapshots.of_run("r-1").unwrap(), Some(first.clone()));
        assert_eq!(snapshots.newest("workspace", "/w").unwrap(), Some(second.clone()));
        assert_eq!(snapshots.newest("sqlite", "/w").unwrap(), None);
        assert_eq!(snapshots.list().unwrap(), [other, second.clone(), first.clone()]);
        snapshots.run_ended("r-1", Timestamp(9)).unwrap();
        snapshots.verified(std::slice::from_ref(&first.id), Timestamp(7)).unwrap();
        let found = snapshots.find(&first.id).unwrap().unwrap();
        assert_eq!((found.run_ended, found.verified), (Some(Timestamp(9)), Some(Timestamp(7))));
        snapshots.forget(&second.id).unwrap();
        assert_eq!(snapshots.find(&second.id).unwrap(), None);
    }

    #[test]
    fn what_an_undo_or_a_hold_waits_for_is_named() {
        let state = State::in_memory().unwrap();
        let snapshots = state.snapshots();
        let add = |run| snapshots.add(&new("/w", run), Timestamp(1)).unwrap().id;
        let (to, saved, of_run, _other) =
            (add(None), add(None), add(Some("r-1")), add(Some("r-2")));
        let waited_for = || snapshots.waited_for().unwrap();
        assert!(waited_for().is_empty());
        let asked = NewUndo {
            kind: "workspace".to_owned(),
            to: to.clone(),
            saved: Some(saved.clone()),
            what: "/w".to_owned(),
            changes: 1,
            digest: Digest::of(b"changes"),
            destroys: None,
        };
        let undos = state.undos();
        let id = undos.ask(&asked).unwrap();
        assert_eq!(waited_for(), HashSet::from([to.clone(), saved.clone()]));
        let principal = Principal {
            agent: "fixer".to_owned(),
            run: "r-1".to_owned(),
            task: Task::default(),
            killed: false,
            did: None,
        };
        let digest = Digest::of(b"one");
        let hold = NewHold {
            operation_digest: digest,
            message_digest: digest,
            policy_digest: digest,
            state_digest: digest,
            principal: &principal,
            meanings: &[],
            reasons: &[],
            obligations: Obligations { approvals: 1, snapshot: false, delay_seconds: 0 },
            credential: None,
            payload: None,
        };
        let holds = state.holds(HoldTerms::default());
        let hold = holds.open_or_join(&hold, Timestamp(1)).unwrap().hold().id.clone();
        undos.answer(id, &UndoAnswer::Held(hold)).unwrap();
        assert_eq!(waited_for(), HashSet::from([to, saved, of_run]));
        // A day later nobody releases it any more.
        holds.open(Timestamp(1).plus_seconds(10 * 24 * 3600)).unwrap();
        assert!(waited_for().is_empty());
    }

    #[test]
    fn the_key_is_made_once_and_kept_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let key = |bytes: &[u8]| {
            let bytes = Zeroizing::new(bytes.to_vec());
            state.snapshots().key(|| Ok::<_, StoreError>(bytes)).unwrap()
        };
        assert_eq!(key(b"a master key").as_slice(), b"a master key");
        assert_eq!(key(b"another").as_slice(), b"a master key");
        for file in ["state.db", "state.db-wal"] {
            let bytes = std::fs::read(dir.path().join(file)).unwrap();
            assert!(!bytes.windows(12).any(|window| window == b"a master key"), "{file}");
        }
    }
}
