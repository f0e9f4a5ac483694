//! Undos: asked for by whoever would carry them out, and answered by whoever decides.

use holdpoint_core::{Digest, Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;

use crate::{
    database::{digest, first, integer, millis, rows},
    error::{Result, StoreError},
    state::State,
    watch::Topic,
};

/// An undo that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewUndo {
    /// What kind of thing it is about, as the catalogue of snapshots says it.
    pub kind: String,
    /// The snapshot that it goes back to.
    pub to: String,
    /// The snapshot that was taken of what it replaces; none where there is nothing any more.
    pub saved: Option<String>,
    /// What it is about.
    pub what: String,
    /// How many things it changes.
    pub changes: u64,
    /// Of every change, and of what is there now.
    pub digest: Digest,
    /// What newer work it takes away that was not done by what is undone, in words.
    pub destroys: Option<String>,
}

/// The same with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undo {
    /// Its number.
    pub id: i64,
    /// What is asked for.
    #[serde(flatten)]
    pub asked: NewUndo,
}

/// What became of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UndoAnswer {
    /// Nobody has answered yet.
    Open,
    /// It is on record, and may be carried out.
    Authorized,
    /// It waits for a human, under this name.
    Held(String),
    /// It may not be carried out, for this reason.
    Refused(String),
}

impl UndoAnswer {
    fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Open => ("open", None),
            Self::Authorized => ("authorized", None),
            Self::Held(hold) => ("held", Some(hold)),
            Self::Refused(why) => ("refused", Some(why)),
        }
    }
}

/// The undos that were asked for.
#[derive(Debug, Clone)]
pub struct Undos(pub(crate) State);

impl Undos {
    /// Asks.
    pub fn ask(&self, new: &NewUndo) -> Result<i64> {
        let id = self.0.0.database.write(|transaction| {
            transaction.execute(
                "INSERT INTO undos (kind, target, saved, what, changes, digest, destroys, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')",
                params![
                    new.kind,
                    new.to,
                    new.saved,
                    new.what,
                    integer(new.changes),
                    new.digest.to_string(),
                    new.destroys,
                ],
            )?;
            Ok::<_, StoreError>(transaction.last_insert_rowid())
        })?;
        self.0.announce(Topic::Snapshots);
        Ok(id)
    }

    /// Every undo that nobody has answered.
    pub fn open(&self) -> Result<Vec<Undo>> {
        let sql = "SELECT * FROM undos WHERE state = 'open' ORDER BY id";
        self.0.0.database.read(|connection| rows(connection, sql, [], undo))
    }

    /// Answers one that nobody has answered; whether this answer counts.
    pub fn answer(&self, id: i64, answer: &UndoAnswer) -> Result<bool> {
        let (state, text) = answer.parts();
        let sql = "UPDATE undos SET state = ?2, answer = ?3 WHERE id = ?1 AND state = 'open'";
        self.0
            .0
            .database
            .write(|transaction| Ok(transaction.execute(sql, params![id, state, text])? == 1))
    }

    /// What became of an undo.
    pub fn answer_of(&self, id: i64) -> Result<UndoAnswer> {
        let sql = "SELECT state, answer FROM undos WHERE id = ?1";
        let found = self.0.0.database.read(|connection| {
            first(connection, sql, [id], |row| {
                let text = || Ok::<_, StoreError>(row.get::<_, Option<String>>("answer")?);
                Ok::<_, StoreError>(match row.get::<_, String>("state")?.as_str() {
                    "open" => UndoAnswer::Open,
                    "authorized" => UndoAnswer::Authorized,
                    "held" => UndoAnswer::Held(text()?.unwrap_or_default()),
                    _ => UndoAnswer::Refused(text()?.unwrap_or_default()),
                })
            })
        })?;
        found.ok_or(StoreError::Corrupt("an undo"))
    }

    /// An undo of `what` is about to write these: paths, and what will be there.
    pub fn will_write(&self, what: &str, all: &[(Vec<u8>, Digest)], at: Timestamp) -> Result<()> {
        self.0.0.database.write(|transaction| {
            let sql =
                "INSERT OR REPLACE INTO undone (what, path, mark, at) VALUES (?1, ?2, ?3, ?4)";
            let mut put = transaction.prepare(sql)?;
            for (path, mark) in all {
                put.execute(params![what, path, mark.0, millis(at)])?;
            }
            // Nobody goes back beyond the oldest snapshot.
            let over = "DELETE FROM undone WHERE what = ?1 AND at <
                            (SELECT min(at) FROM snapshots WHERE what = ?1)";
            transaction.execute(over, [what])?;
            Ok(())
        })
    }

    /// What the last undo that wrote it has put at a path.
    pub fn written(&self, what: &str, path: &[u8]) -> Result<Option<Digest>> {
        let sql = "SELECT mark FROM undone WHERE what = ?1 AND path = ?2";
        self.0.0.database.read(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            let found = select.query_row(params![what, path], |row| row.get(0).map(Digest));
            found.optional().map_err(StoreError::from)
        })
    }
}

fn undo(row: &Row<'_>) -> Result<Undo> {
    let changes: i64 = row.get("changes")?;
    let asked = NewUndo {
        kind: row.get("kind")?,
        to: row.get("target")?,
        saved: row.get("saved")?,
        what: row.get("what")?,
        changes: changes.unsigned_abs(),
        digest: digest(row, "digest")?,
        destroys: row.get("destroys")?,
    };
    Ok(Undo { id: row.get("id")?, asked })
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Digest, Timestamp};

    use super::{NewUndo, UndoAnswer};
    use crate::state::State;

    #[test]
    fn an_undo_is_answered_once() {
        let undos = State::in_memory().unwrap().undos();
        let new = NewUndo {
            kind: "workspace".to_owned(),
            to: "s-1".to_owned(),
            saved: Some("s-2".to_owned()),
            what: "/w".to_owned(),
            changes: 4,
            digest: Digest::of(b"changes"),
            destroys: None,
        };
        let id = undos.ask(&new).unwrap();
        assert_eq!(undos.open().unwrap().first().map(|it| &it.asked), Some(&new));
        assert_eq!(undos.answer_of(id).unwrap(), UndoAnswer::Open);
        assert!(undos.answer(id, &UndoAnswer::Held("h-1".to_owned())).unwrap());
        assert!(!undos.answer(id, &UndoAnswer::Authorized).unwrap());
        assert_eq!(undos.answer_of(id).unwrap(), UndoAnswer::Held("h-1".to_owned()));
        assert_eq!(undos.open().unwrap().len(), 0);
        let again = undos.ask(&new).unwrap();
        assert!(undos.answer(again, &UndoAnswer::Authorized).unwrap());
    }

    #[test]
    fn what_was_written_last_counts_for_each_path() {
        let undos = State::in_memory().unwrap().undos();
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let write =
            |path: &[u8], mark| undos.will_write("/w", &[(path.to_vec(), mark)], Timestamp(1));
        write(b"/w/\xff", one).unwrap();
        write(b"/w/a", one).unwrap();
        write(b"/w/a", two).unwrap();
        let written = |what: &str, path: &[u8]| undos.written(what, path).unwrap();
        assert_eq!(written("/w", b"/w/\xff"), Some(one));
        assert_eq!(written("/w", b"/w/a"), Some(two));
        assert_eq!((written("/w", b"/w/b"), written("/v", b"/w/a")), (None, None));
    }
}
