//! The way back: rows of a pre-image put where they were, in one transaction, unless somebody has
//! changed them since.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use holdpoint_store::{config::Database, payloads::Payloads, secrets::Secret};
use rustls::ClientConfig;
use serde::Serialize;
use thiserror::Error;

use super::{
    back::{Back, Way},
    back_columns::Columns,
    connect::{ALPN, Connect, ConnectError},
    own::{EXACT, Own, quoted},
    password,
    preimage::{Preimage, Rows},
    upstream::{OwnError, Upstream},
};
use crate::{
    forward::Client,
    tls::{Roots, TrustError},
};

/// How long an undo waits for whoever writes to a table: others wait behind it.
const LOCK_MAX: (&str, &str) = ("lock_timeout", "10s");
/// The same again, after a text of PostgreSQL's own tool, which waits for ever.
pub(super) const AS_LONG: &str = "SET lock_timeout = '10s'";
/// The system's own catalogue.
pub(super) const CATALOGUE: &str = "pg_catalog";

/// Rows that would be put back, or were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The database.
    pub database: String,
    /// Table by table, in the order in which they are put back.
    pub tables: Vec<UndoneTable>,
    /// What is made again beside tables' rows: how the statements for it begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
    /// What was lost with columns that are not put back, and is not made again: a human may run
    /// these statements where they fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_run: Vec<String>,
    /// Whether it was done: it is not if any row was changed since, or nobody asked for it.
    pub done: bool,
}

/// What is put back into one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UndoneTable {
    /// Its name.
    pub table: String,
    /// Rows that are there again.
    pub inserted: u64,
    /// Rows that are as they were.
    pub updated: u64,
    /// Rows that are not there any more.
    pub deleted: u64,
    /// Rows that somebody changed or took away since.
    pub changed_since: u64,
    /// Rows whose key somebody has taken since.
    pub taken_since: u64,
    /// The columns that it had lost, and has again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Rows that came since: they have nothing in these columns.
    #[serde(skip_serializing_if = "is_none")]
    pub came_since: u64,
    /// Rows that had these columns and are gone since.
    #[serde(skip_serializing_if = "is_none")]
    pub gone_since: u64,
    /// The table beside it that they are put into, as it has lost columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// Why its columns are not put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_beside: Option<String>,
    /// Nothing tells its rows from others: whether they are back already cannot be seen there.
    #[serde(skip)]
    pub keyless: bool,
}

impl fmt::Display for UndoneTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, inserted, updated, deleted, changed_since, taken_since, .. } = self;
        if let Some(beside) = &self.beside {
            let rows = format!("{inserted} rows with all their columns, in {beside}");
            return match &self.why_beside {
                None => write!(f, "{table}: {rows}"),
                Some(why) => write!(f, "{table}: {rows}; what it lost does not go back: {why}"),
            };
        }
        if !self.columns.is_empty() {
            let (columns, came, gone) = (&self.columns, self.came_since, self.gone_since);
            write!(f, "{table}: {} goes back, with what was in it", columns.join(", "))?;
            return match came + gone {
                0 => write!(f, ", in {updated} rows"),
                _ => write!(f, ", in {updated} rows; empty in {came} newer ones; {gone} are gone"),
            };
        }
        write!(f, "{table}: {inserted} back, {updated} as before, {deleted} away")?;
        match changed_since + taken_since {
            0 => Ok(()),
            _ => write!(f, "; {changed_since} changed and {taken_since} taken since"),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

/// Why rows cannot be put back.
#[derive(Debug, Error)]
pub enum UndoError {
    /// The database is not reached.
    #[error(transparent)]
    Connect(#[from] Unconnected),
    /// The database said no.
    #[error("the database would not take the rows back, and nothing is changed: {0}")]
    Database(String),
    /// What was kept is not what was kept.
    #[error("the rows that were kept for {0} are damaged")]
    Damaged(String),
    /// There are none: they were too many.
    #[error("{0}")]
    RestorePoint(String),
    /// There is no TLS.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The database is not reached.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unconnected(String);

impl From<OwnError> for UndoError {
    fn from(error: OwnError) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<ConnectError> for UndoError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Unconnected(error.to_string()))
    }
}

/// Puts the rows of `preimage` back, or says what that would be. It is done whole or not at all: what
/// one way does not come to, another may.
pub async fn undo(
    client: &Client,
    database: &Database,
    roots: &Roots,
    secret: &Secret,
    (payloads, preimage): (&Payloads, &Preimage),
    doing: bool,
) -> Result<Undone, UndoError> {
    if let Some(proven) = &preimage.restore_point {
        return Err(UndoError::RestorePoint(proven.way_back()));
    }
    let mut tls = ClientConfig::clone(&*roots.clone().client()?);
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let tls = Arc::new(tls);
    let keys = Mutex::default();
    let options = [LOCK_MAX].into_iter().chain(EXACT);
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options: Vec<(String, String)> = options.collect();
    let connect = Connect { client, database, tls: &tls, inside: true, keys: &keys };
    let password = password::of_secret(secret);
    let mut failed = None;
    for way in Way::ALL {
        // What was counted of one attempt is no part of the next.
        let session = connect.session(&password, &options).await?;
        match (Attempt { session, payloads, preimage, way, early: Vec::new() }).run(doing).await? {
            Ok(undone) => return Ok(Undone { database: database.to_string(), ..undone }),
            Err(error) => {
                let _first = failed.get_or_insert(error);
            }
        }
    }
    Err(failed.unwrap_or_else(|| UndoError::Database("there is no way back".to_owned())))
}

/// One attempt, in one transaction.
struct Attempt<'a> {
    session: Upstream,
    payloads: &'a Payloads,
    preimage: &'a Preimage,
    way: Way,
    /// Tables whose columns came before all else.
    early: Vec<&'a Rows>,
}

/// What was done with lost columns, and the statements that were not run.
type Regained = (Vec<UndoneTable>, Vec<String>);

impl<'a> Attempt<'a> {
    /// What was done, or would be; or why this way does not lead back.
    async fn run(mut self, doing: bool) -> Result<Result<Undone, UndoError>, UndoError> {
        let preimage = self.preimage;
        let (narrowed, within): (Vec<&Rows>, Vec<&Rows>) =
            preimage.tables.iter().partition(|rows| !rows.types.is_empty());
        self.session.rows(&Own::Begin).await?;
        let early = self.structure(&narrowed, &within).await?;
        let session = &mut self.session;
        let order = in_order(session, within).await?;
        // What is compared now must not be changed by anybody before it is overwritten.
        for rows in &order {
            let table = format!("{}.{}", quoted(&rows.schema), quoted(&rows.name));
            let lock = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
            session.rows(&Own::Made(lock)).await?;
        }
        let mut tables = Vec::new();
        for (number, rows) in order.iter().enumerate() {
            tables.push(self.back(number, rows).prepare().await?);
        }
        let clear = tables.iter().all(|it| it.changed_since == 0 && it.taken_since == 0);
        let doing = clear && doing;
        if doing && let Err(error) = self.put(&order).await {
            self.session.rows(&Own::Rollback).await?;
            return Ok(Err(error));
        }
        // A row that is back has its columns again.
        let (mut all, not_run) = match early {
            Some(columns) => columns,
            None => self.columns(&narrowed).await?,
        };
        all.extend(tables);
        self.session.rows(if doing { &Own::Commit } else { &Own::Rollback }).await?;
        let database = preimage.database.clone();
        let made = preimage.made();
        Ok(Ok(Undone { database, tables: all, made, not_run, done: doing }))
    }

    /// Makes what was dropped again. Where that refers to columns that were lost at the same time,
    /// these come first: what was done with them.
    async fn structure(
        &mut self,
        narrowed: &[&'a Rows],
        within: &[&Rows],
    ) -> Result<Option<Regained>, UndoError> {
        let Some(structure) = &self.preimage.structure else { return Ok(None) };
        let is_both = |it: &Rows| {
            narrowed.iter().any(|one| (&one.schema, &one.name) == (&it.schema, &it.name))
        };
        // Rows that are put back after their columns would have nothing in them.
        let both = within.iter().any(|it| is_both(it));
        self.session.rows(&Own::Made("SAVEPOINT holdpoint_structure".to_owned())).await?;
        let mut early = None;
        match self.session.script(structure).await {
            Err(OwnError::Server(..)) if !narrowed.is_empty() && !both => {
                let back = "ROLLBACK TO SAVEPOINT holdpoint_structure";
                self.session.rows(&Own::Made(back.to_owned())).await?;
                early = Some(self.columns(narrowed).await?);
                self.early = narrowed.to_vec();
                self.session.script(structure).await?;
            }
            made => made?,
        }
        self.session.rows(&Own::Made(AS_LONG.to_owned())).await?;
        Ok(early)
    }

    /// Puts columns back where they fit, and else rows beside their table.
    async fn columns(&mut self, narrowed: &[&Rows]) -> Result<Regained, UndoError> {
        let (payloads, preimage) = (self.payloads, self.preimage);
        let columns = Columns::new(&mut self.session, payloads, preimage, narrowed.to_vec());
        columns.back(preimage.tables.len()).await
    }

    /// Puts all rows where they were, and looks whether that is all that it did.
    async fn put(&mut self, order: &[&Rows]) -> Result<(), UndoError> {
        let mut quiet = Vec::new();
        for (number, rows) in order.iter().enumerate() {
            quiet.extend(self.back(number, rows).quiet().await?);
        }
        let mut away = Vec::new();
        for (number, rows) in order.iter().enumerate() {
            let mut back = self.back(number, rows);
            back.move_keys().await?;
            away.push(back.going().await?);
        }
        if self.way != Way::PutFirst {
            self.take_away(order).await?;
        }
        for (number, rows) in order.iter().enumerate() {
            self.back(number, rows).put_back().await?;
        }
        if self.way == Way::PutFirst {
            self.take_away(order).await?;
        }
        if let Some(definitions) = &self.preimage.definitions {
            self.session.script(definitions).await?;
        }
        self.session.rows(&Own::Check).await?;
        for again in quiet {
            self.session.rows(&Own::Made(again)).await?;
        }
        let xid = self.count(order, &away).await?;
        for (number, rows) in order.iter().enumerate() {
            self.back(number, rows).verify(&xid).await?;
        }
        Ok(())
    }

    /// What refers goes first, as what is referred to comes first.
    async fn take_away(&mut self, order: &[&Rows]) -> Result<(), UndoError> {
        for (number, rows) in order.iter().enumerate().rev() {
            self.back(number, rows).take_away().await?;
        }
        Ok(())
    }

    /// Whether nothing was changed but what was to be: as many rows are `away` of each table as were
    /// added to it, and no others have lost any. The number of the transaction.
    async fn count(&mut self, order: &[&Rows], away: &[u64]) -> Result<String, UndoError> {
        let rows = self.session.rows(&Own::Count).await?;
        let (transaction, counted) = match rows.split_first() {
            Some((first, counted)) if first.text(1) == "on" => (first, counted),
            _ => return Err(UndoError::Database("the server does not count rows".to_owned())),
        };
        for row in counted.iter().filter(|row| row.text(1) != CATALOGUE) {
            let (schema, name) = (row.text(1), row.text(2));
            let known = order.iter().position(|it| it.schema == schema && it.name == name);
            let as_meant = match known.and_then(|number| away.get(number)) {
                Some(away) => row.number(5) == *away,
                // What was put into columns was counted before.
                None if self.early.iter().any(|it| it.schema == schema && it.name == name) => true,
                None => row.number(4) == 0 && row.number(5) == 0,
            };
            if !as_meant {
                return Err(UndoError::Database(format!(
                    "rows of {name} would go or change with it that were no part of what was lost"
                )));
            }
        }
        Ok(transaction.text(0).to_owned())
    }

    fn back<'s>(&'s mut self, number: usize, rows: &'s Rows) -> Back<'s> {
        Back { session: &mut self.session, payloads: self.payloads, rows, number, way: self.way }
    }
}

/// The tables, each behind those that it refers to.
async fn in_order<'a>(
    session: &mut Upstream,
    tables: Vec<&'a Rows>,
) -> Result<Vec<&'a Rows>, OwnError> {
    let mut left: Vec<&Rows> = tables;
    let mut order: Vec<&Rows> = Vec::new();
    let query = "SELECT n.nspname::text, c.relname::text, m.nspname::text, d.relname::text \
        FROM pg_catalog.pg_constraint f \
        JOIN pg_catalog.pg_class c ON c.oid = f.conrelid \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        JOIN pg_catalog.pg_class d ON d.oid = f.confrelid \
        JOIN pg_catalog.pg_namespace m ON m.oid = d.relnamespace \
        WHERE f.contype = 'f' AND f.conrelid <> f.confrelid";
    let edges = session.rows(&Own::Made(query.to_owned())).await?;
    let is = |rows: &Rows, schema: &str, name: &str| rows.schema == schema && rows.name == name;
    while !left.is_empty() {
        let waits = |rows: &&Rows| {
            let mine = edges.iter().filter(|edge| is(rows, edge.text(0), edge.text(1)));
            let mut to = mine.map(|edge| (edge.text(2).to_owned(), edge.text(3).to_owned()));
            to.any(|(schema, name)| left.iter().any(|other| is(other, &schema, &name)))
        };
        // In a circle, any one comes first: the constraints have to be deferrable.
        let next = left.iter().position(|rows| !waits(rows)).unwrap_or(0);
        order.push(left.remove(next));
    }
    Ok(order)
}
