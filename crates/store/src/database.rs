//! The one connection to SQLite, and what is common to all tables.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use holdpoint_core::{Digest, Timestamp};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{Result, StoreError},
    schema,
};

/// How long a write waits for another process's write.
const BUSY: Duration = Duration::from_secs(5);
/// How long between two tries of what SQLite itself does not wait for.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection that many threads share.
#[derive(Debug)]
pub(crate) struct Database(Mutex<Connection>);

impl Database {
    /// The database in the file at `path`, brought to the present schema.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::prepare(Connection::open(path)?)
    }

    /// A database that is gone when it is dropped.
    pub(crate) fn in_memory() -> Result<Self> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self> {
        connection.busy_timeout(BUSY)?;
        write_ahead(&connection)?;
        // secure_delete: what is erased is overwritten, not merely unlinked from its table.
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;",
        )?;
        schema::migrate(&mut connection)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// A panic elsewhere must not stop the guard: an open transaction was rolled back when it
    /// unwound, so the connection is as good as before.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        query(&self.connection())
    }

    /// Writes in one transaction, which is on disk when this returns. An error undoes it all.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let value = change(&transaction)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(value)
    }

    /// Moves the write-ahead log into the database and empties it, so that what was erased is
    /// not still in the log. Another process that reads can put this off; the next one does it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let connection = self.connection();
        Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// Has the database keep a write-ahead log. Of several who do this first at once SQLite tells all
/// but one that the database is busy, and at once: its busy timeout is not for a change of mode.
fn write_ahead(connection: &Connection) -> Result<()> {
    let until = Instant::now() + BUSY;
    loop {
        let tried = connection.execute_batch("PRAGMA journal_mode = WAL");
        let busy = tried.as_ref().is_err_and(|error| {
            error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
        });
        if !busy || Instant::now() >= until {
            return Ok(tried?);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Every row of a query, each made into a `T`.
pub(crate) fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    make: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_and_then(parameters, make)?;
    rows.collect()
}

/// The first row of a query, if it has one.
pub(crate) fn first<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    make: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(make).transpose()
}

/// How many rows `sql` counts.
pub(crate) fn count(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<u64> {
    let count: i64 = connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// A number as SQLite stores it.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A moment as SQLite stores it.
pub(crate) fn millis(at: Timestamp) -> i64 {
    integer(at.0)
}

/// The moment in `column`.
pub(crate) fn timestamp(row: &Row<'_>, column: &str) -> Result<Timestamp> {
    Ok(Timestamp(row.get::<_, i64>(column)?.unsigned_abs()))
}

/// The moment in `column`, where there is one.
pub(crate) fn optional_timestamp(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>> {
    let at: Option<i64> = row.get(column)?;
    Ok(at.map(|at| Timestamp(at.unsigned_abs())))
}

/// The digest in `column`.
pub(crate) fn digest(row: &Row<'_>, column: &'static str) -> Result<Digest> {
    let text: String = row.get(column)?;
    Digest::from_hex(&text).ok_or(StoreError::Corrupt(column))
}

/// The value that is written as JSON in `column`.
pub(crate) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt(column))
}

/// The word in `column`.
pub(crate) fn word<T: std::str::FromStr>(row: &Row<'_>, column: &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| StoreError::Corrupt(column))
}

/// A value as JSON, for a column.
pub(crate) fn to_json<T: Serialize>(value: &T, column: &'static str) -> Result<String> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt(column))
}
