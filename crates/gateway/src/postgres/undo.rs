//! The way back: rows of a pre-image put where they were, in one transaction, unless somebody has
//! changed them since.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use holdpoint_core::Timestamp;
use holdpoint_store::{config::Database, payloads::Payloads, secrets::Secret};
use rustls::ClientConfig;
use serde::Serialize;
use thiserror::Error;

use super::{
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
/// The schema for rows that are put beside their table.
const BESIDE: &str = "holdpoint_undo";

/// Rows that would be put back, or were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The database.
    pub database: String,
    /// Table by table, in the order in which they are put back.
    pub tables: Vec<UndoneTable>,
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
    /// The table beside it that they are put into, as it has lost columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// Nothing tells its rows from others: whether they are back already cannot be seen there.
    #[serde(skip)]
    pub keyless: bool,
}

impl fmt::Display for UndoneTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, inserted, updated, deleted, changed_since, taken_since, beside, .. } =
            self;
        if let Some(beside) = beside {
            return write!(f, "{table}: {inserted} rows with all their columns, in {beside}");
        }
        write!(f, "{table}: {inserted} back, {updated} as before, {deleted} away")?;
        match changed_since + taken_since {
            0 => Ok(()),
            _ => write!(f, "; {changed_since} changed and {taken_since} taken since"),
        }
    }
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

/// Puts the rows of `preimage` back, or says what that would be. It is done whole or not at all.
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
    let mut session = connect.session(&password::of_secret(secret), &options).await?;
    session.rows(&Own::Begin).await?;
    if let Some(structure) = &preimage.structure {
        session.script(structure).await?;
    }
    let (beside, within): (Vec<&Rows>, Vec<&Rows>) =
        preimage.tables.iter().partition(|rows| !rows.types.is_empty());
    let order = in_order(&mut session, within).await?;
    // What is compared now must not be changed by anybody before it is overwritten.
    for rows in &order {
        let table = format!("{}.{}", quoted(&rows.schema), quoted(&rows.name));
        let lock = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
        session.rows(&Own::Made(lock)).await?;
    }
    let mut tables = Vec::new();
    for (number, rows) in beside.into_iter().enumerate() {
        let back = Back { session: &mut session, payloads, rows, number };
        tables.push(back.put_beside(preimage.at).await?);
    }
    for (number, rows) in order.iter().enumerate() {
        tables.push(Back { session: &mut session, payloads, rows, number }.prepare().await?);
    }
    let clear = tables.iter().all(|it| it.changed_since == 0 && it.taken_since == 0);
    if !(clear && doing) {
        session.rows(&Own::Rollback).await?;
        return Ok(Undone { database: database.to_string(), tables, done: false });
    }
    // What refers goes first, and what is referred to comes first.
    for (number, rows) in order.iter().enumerate().rev() {
        Back { session: &mut session, payloads, rows, number }.take_away().await?;
    }
    for (number, rows) in order.iter().enumerate() {
        Back { session: &mut session, payloads, rows, number }.put_back().await?;
    }
    if let Some(definitions) = &preimage.definitions {
        session.script(definitions).await?;
    }
    session.rows(&Own::Check).await?;
    for (number, rows) in order.iter().enumerate() {
        Back { session: &mut session, payloads, rows, number }.verify().await?;
    }
    session.rows(&Own::Commit).await?;
    Ok(Undone { database: database.to_string(), tables, done: true })
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

/// One table on its way back.
struct Back<'a> {
    session: &'a mut Upstream,
    payloads: &'a Payloads,
    rows: &'a Rows,
    number: usize,
}

impl Back<'_> {
    /// Loads what was kept beside the table, and compares it with what is there.
    async fn prepare(&mut self) -> Result<UndoneTable, UndoError> {
        let table = format!("{}.{}", self.rows.schema, self.rows.name);
        let damaged = || UndoError::Damaged(table.clone());
        if !self.rows.is_whole() {
            return Err(damaged());
        }
        let (before, after) = (&self.rows.before, &self.rows.after);
        for (kept, rows) in [(self.before(), before), (self.after(), after)] {
            let rows = rows.pieces(self.payloads).ok().flatten().ok_or_else(damaged)?;
            let like =
                format!("CREATE TEMPORARY TABLE {kept} (LIKE {}) ON COMMIT DROP", self.table());
            self.run(&like).await?;
            let copy = format!("COPY {kept} ({}) FROM STDIN", self.columns(""));
            self.session.copy_in(&Own::Made(copy), rows).await?;
        }
        if self.count(&format!("{} b", self.before())).await? != self.rows.count {
            return Err(damaged());
        }
        if !after.is_empty() {
            self.forget_the_same().await?;
        }
        let (back, as_before, away) = (self.gone(), self.changed(), self.added());
        let same = format!("ROW({})::text = ROW({})::text", self.columns("c."), self.columns("a."));
        let there =
            |condition: &str| format!("EXISTS (SELECT FROM {} c WHERE {condition})", self.table());
        let changed = format!(
            "{} a WHERE NOT {}",
            self.after(),
            there(&format!("{} AND {same}", self.keys("c", "a")))
        );
        let taken = format!("{back} AND {}", there(&self.keys("c", "b")));
        let keyed = !self.rows.key.is_empty();
        Ok(UndoneTable {
            inserted: self.count(&back).await?,
            updated: if keyed { self.count(&as_before).await? } else { 0 },
            deleted: if keyed { self.count(&away).await? } else { 0 },
            changed_since: if keyed { self.count(&changed).await? } else { 0 },
            taken_since: if keyed { self.count(&taken).await? } else { 0 },
            table,
            beside: None,
            keyless: !keyed,
        })
    }

    /// Puts the rows of a table that has lost columns into a new one in a schema of its own: which of
    /// them are to be had back, and where, only a human knows.
    async fn put_beside(mut self, at: Timestamp) -> Result<UndoneTable, UndoError> {
        let table = format!("{}.{}", self.rows.schema, self.rows.name);
        let damaged = || UndoError::Damaged(table.clone());
        let (columns, types) = (&self.rows.columns, &self.rows.types);
        if !self.rows.is_whole() || columns.len() != types.len() {
            return Err(damaged());
        }
        let columns = columns.iter().zip(types).map(|(it, of)| format!("{} {of}", quoted(it)));
        let columns: Vec<String> = columns.collect();
        let place =
            format!("{}.{}", quoted(BESIDE), quoted(&format!("{}_{}", self.rows.name, at.0)));
        self.run(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(BESIDE))).await?;
        self.run(&format!("CREATE TABLE {place} ({})", columns.join(", "))).await?;
        let rows = self.rows.before.pieces(self.payloads).ok().flatten().ok_or_else(damaged)?;
        let copy = format!("COPY {place} ({}) FROM STDIN", self.columns(""));
        self.session.copy_in(&Own::Made(copy), rows).await?;
        match self.count(&place).await? == self.rows.count {
            true => {
                let inserted = self.rows.count;
                Ok(UndoneTable { table, inserted, beside: Some(place), ..UndoneTable::default() })
            }
            false => Err(damaged()),
        }
    }

    /// Where a table was kept as a whole, most of its rows are the same before and after.
    async fn forget_the_same(&mut self) -> Result<(), UndoError> {
        let numbered = |kept: &str| {
            let row = format!("ROW({})::text", self.columns(""));
            format!(
                "(SELECT ctid AS place, {row} AS said, \
                 row_number() OVER (PARTITION BY {row}) AS n FROM {kept})"
            )
        };
        let (before, after) = (self.before(), self.after());
        let same = format!("pg_temp.holdpoint_same_{}", self.number);
        let found = format!(
            "CREATE TEMPORARY TABLE {same} ON COMMIT DROP AS \
             SELECT b.place AS before, a.place AS after FROM {} b JOIN {} a USING (said, n)",
            numbered(&before),
            numbered(&after)
        );
        self.run(&found).await?;
        for (kept, place) in [(before, "before"), (after, "after")] {
            let text = format!("DELETE FROM {kept} WHERE ctid IN (SELECT {place} FROM {same})");
            self.run(&text).await?;
        }
        Ok(())
    }

    /// Takes away the rows that were not there before.
    async fn take_away(&mut self) -> Result<(), UndoError> {
        if self.rows.key.is_empty() {
            return Ok(());
        }
        let text = format!(
            "DELETE FROM {} c USING {} AND {}",
            self.table(),
            self.added(),
            self.keys("c", "a")
        );
        self.run(&text).await
    }

    /// Puts rows back, and makes those that are there as they were.
    async fn put_back(&mut self) -> Result<(), UndoError> {
        let insert = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}",
            self.table(),
            self.columns(""),
            self.columns("b."),
            self.gone()
        );
        self.run(&insert).await?;
        let other = |column: &&String| !self.rows.key.contains(column);
        let set: Vec<String> = self
            .rows
            .columns
            .iter()
            .filter(other)
            .map(|column| format!("{0} = b.{0}", quoted(column)))
            .collect();
        if self.rows.key.is_empty() || set.is_empty() {
            return Ok(());
        }
        let update = format!(
            "UPDATE {} c SET {} FROM {} AND {}",
            self.table(),
            set.join(", "),
            self.changed(),
            self.keys("c", "b")
        );
        self.run(&update).await
    }

    /// Every row is there again, as it was.
    async fn verify(&mut self) -> Result<(), UndoError> {
        let same = format!("ROW({})::text = ROW({})::text", self.columns("c."), self.columns("b."));
        let back = format!(
            "{} b WHERE EXISTS (SELECT FROM {} c WHERE {same})",
            self.before(),
            self.table()
        );
        let all = self.count(&self.before()).await?;
        match self.count(&back).await? == all {
            true => Ok(()),
            false => Err(UndoError::Database(format!(
                "the rows of {} are not as they were: a trigger or a rule changed them",
                self.rows.name
            ))),
        }
    }

    async fn run(&mut self, text: &str) -> Result<(), UndoError> {
        Ok(self.session.rows(&Own::Made(text.to_owned())).await.map(drop)?)
    }

    async fn count(&mut self, from: &str) -> Result<u64, UndoError> {
        let rows =
            self.session.rows(&Own::Made(format!("SELECT count(*)::text FROM {from}"))).await?;
        Ok(rows.first().map_or(0, |row| row.number(0)))
    }

    /// Rows that were there and are not, as they were: `b`.
    fn gone(&self) -> String {
        let (before, after) = (self.before(), self.after());
        match self.rows.key.is_empty() {
            true => format!("{before} b WHERE true"),
            false => format!(
                "{before} b WHERE NOT EXISTS (SELECT FROM {after} a WHERE {})",
                self.keys("a", "b")
            ),
        }
    }

    /// Rows that were there and are other ones: `b` as they were.
    fn changed(&self) -> String {
        let (before, after) = (self.before(), self.after());
        let keys = self.keys("a", "b");
        format!("{before} b WHERE EXISTS (SELECT FROM {after} a WHERE {keys})")
    }

    /// Rows that were not there: `a` as they were left.
    fn added(&self) -> String {
        let (before, after) = (self.before(), self.after());
        let keys = self.keys("a", "b");
        format!("{after} a WHERE NOT EXISTS (SELECT FROM {before} b WHERE {keys})")
    }

    fn keys(&self, one: &str, other: &str) -> String {
        let each = self.rows.key.iter().map(|column| {
            let column = quoted(column);
            format!("{one}.{column} = {other}.{column}")
        });
        let keys: Vec<String> = each.collect();
        if keys.is_empty() { "false".to_owned() } else { keys.join(" AND ") }
    }

    fn columns(&self, prefix: &str) -> String {
        let each = self.rows.columns.iter().map(|column| format!("{prefix}{}", quoted(column)));
        each.collect::<Vec<_>>().join(", ")
    }

    fn table(&self) -> String {
        format!("{}.{}", quoted(&self.rows.schema), quoted(&self.rows.name))
    }

    fn before(&self) -> String {
        format!("pg_temp.holdpoint_before_{}", self.number)
    }

    fn after(&self) -> String {
        format!("pg_temp.holdpoint_after_{}", self.number)
    }
}
