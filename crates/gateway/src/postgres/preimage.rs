//! Pre-images: the rows that a transaction takes away or changes, read as everybody else still sees
//! them, and kept where the role that takes them has no power.
//!
//! A row that an open transaction has changed bears its mark (`xmax`) for every other session, and
//! is invisible to the transaction itself. So the rows are found whatever changed them: a
//! statement, a cascade, a trigger, a function.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdpoint_core::{Code, Digest, Refusal, Timestamp, refusal::RefusalKind};
use holdpoint_enforce::Point as _;
use holdpoint_store::State;
use serde::{Deserialize, Serialize};

use super::{
    own::{Own, literal, quoted},
    point::{SessionPoint, own_failed},
    script::{Measured, Table},
    upstream::{OwnError, Upstream},
};
use crate::point::unavailable;

/// Rows that are looked up at once.
const CHUNK_ROWS: usize = 2000;

/// The rows of one transaction as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preimage {
    /// The version of this shape; 1.
    pub v: u8,
    /// The database, as it is configured.
    pub database: String,
    /// When they were read.
    pub at: Timestamp,
    /// Statements that make what was dropped again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure: Option<String>,
    /// Table by table.
    pub tables: Vec<Rows>,
}

/// The changed rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// Its columns, without those that are computed.
    pub columns: Vec<String>,
    /// The columns of its primary key; none if there is no key.
    pub key: Vec<String>,
    /// How many rows there were.
    pub count: u64,
    /// The rows before, as `COPY` writes them, in base64.
    pub before: String,
    /// The rows that the transaction left in their place or beside them.
    pub after: String,
    /// The digest of both.
    pub checksum: Digest,
}

impl Rows {
    /// The rows before and after; none if they are damaged.
    pub fn texts(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (before, after) =
            (STANDARD.decode(&self.before).ok()?, STANDARD.decode(&self.after).ok()?);
        (Digest::of_fields([&before[..], &after]) == self.checksum).then_some((before, after))
    }

    /// Of all rows of a table before and `now`, those that are not the same.
    fn difference(&self, now: &Self) -> Option<Self> {
        let ((before, _), (now, _)) = (self.texts()?, now.texts()?);
        let lines = |text: &'_ [u8]| -> BTreeSet<Vec<u8>> {
            text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        };
        let (old, new) = (lines(&before), lines(&now));
        let before: Vec<u8> = old.difference(&new).flatten().copied().collect();
        let after: Vec<u8> = new.difference(&old).flatten().copied().collect();
        Some(Self {
            count: u64::try_from(old.difference(&new).count()).unwrap_or(u64::MAX),
            checksum: Digest::of_fields([&before[..], &after]),
            before: STANDARD.encode(before),
            after: STANDARD.encode(after),
            ..self.clone()
        })
    }
}

/// Where pre-images are kept.
pub(super) trait Keep {
    /// Keeps `bytes`, and gives the name that they are kept under.
    fn keep(&self, bytes: &[u8], now: Timestamp) -> Result<String, Refusal>;
}

impl Keep for State {
    fn keep(&self, bytes: &[u8], now: Timestamp) -> Result<String, Refusal> {
        let kept = self.payloads().keep(bytes, now);
        kept.map(|payload| payload.id).map_err(|error| {
            let text = format!("the rows as they are now cannot be kept: {error}");
            Refusal::new(RefusalKind::Deny, Code::NoWayBack, text)
        })
    }
}

/// Keeps what the open transaction of a session takes away; the digest of what is kept.
pub(super) async fn keep(point: &SessionPoint, measured: &Measured) -> Result<Digest, Refusal> {
    let http = &point.served.http;
    let mut left = usize::try_from(http.config().sql.preimage_bytes).unwrap_or(usize::MAX);
    let mut witness = point.served.witness().await?;
    let mut own = point.upstream.lock().await;
    let mut tables = Vec::new();
    let saved = measured.saved.clone().unwrap_or_default();
    for table in &measured.lost {
        if let Some((_, before)) = saved.locked.iter().find(|(oid, _)| *oid == table.oid) {
            let now = whole(&mut own, table, left).await.map_err(|error| failed(table, &error))?;
            let rows = before.difference(&now).ok_or_else(|| unavailable("rows that were read"))?;
            tables.push(rows);
            continue;
        }
        let mut reader = Reader { own: &mut own, witness: &mut witness, table, measured, left };
        let rows = reader.rows().await.map_err(|error| failed(table, &error))?;
        left = left.saturating_sub(rows.before.len().saturating_add(rows.after.len()));
        if rows.key.is_empty() && table.updated > 0 {
            let text = format!("`{}` has no primary key to find its rows by again", table.name);
            return Err(Refusal::new(RefusalKind::Deny, Code::NoWayBack, text));
        }
        tables.push(rows);
    }
    drop(own);
    point.served.keep(witness);
    let database = point.served.name.to_string();
    tables.extend(saved.tables);
    let preimage = Preimage { v: 1, database, at: point.now(), structure: saved.structure, tables };
    let bytes = serde_json::to_vec(&preimage).map_err(unavailable)?;
    let id = http.state.keep(&bytes, point.now())?;
    point.kept(id);
    Ok(Digest::of(&bytes))
}

/// All rows of a table, as a session sees them.
pub(super) async fn whole(
    session: &mut Upstream,
    table: &Table,
    max: usize,
) -> Result<Rows, OwnError> {
    let columns = names(session, table, COLUMNS).await?;
    let key = names(session, table, KEY).await?;
    let listed: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
    let from = format!("FROM ONLY {}", qualified(table));
    let copy = format!("COPY (SELECT {} {from}) TO STDOUT", listed.join(", "));
    let before = session.copy_out(&Own::Made(copy), max).await?;
    let count = session.rows(&Own::Made(format!("SELECT pg_catalog.count(*) {from}"))).await?;
    Ok(Rows {
        schema: table.schema.clone(),
        name: table.name.clone(),
        columns,
        key,
        count: count.first().map_or(0, |row| row.number(0)),
        checksum: Digest::of_fields([&before[..], &[]]),
        before: STANDARD.encode(before),
        after: String::new(),
    })
}

/// Reads the changed rows of one table, from both sides.
struct Reader<'a> {
    own: &'a mut Upstream,
    witness: &'a mut Upstream,
    table: &'a Table,
    measured: &'a Measured,
    /// Bytes that may still be kept.
    left: usize,
}

impl Reader<'_> {
    async fn rows(&mut self) -> Result<Rows, OwnError> {
        let columns = names(self.own, self.table, COLUMNS).await?;
        let key = names(self.own, self.table, KEY).await?;
        let before = self.before().await?;
        let count = u64::try_from(before.len()).unwrap_or(u64::MAX);
        let after = self.after().await?;
        let before = copied(self.witness, self.table, &columns, &before, self.left).await?;
        let left = self.left.saturating_sub(before.len());
        let after = copied(self.own, self.table, &columns, &after, left).await?;
        Ok(Rows {
            schema: self.table.schema.clone(),
            name: self.table.name.clone(),
            columns,
            key,
            count,
            checksum: Digest::of_fields([&before[..], &after]),
            before: STANDARD.encode(before),
            after: STANDARD.encode(after),
        })
    }

    /// Where the rows lie that everybody else sees and the transaction does not any more. Those
    /// marked since it began are looked at first; a mark that several share tells no time, so
    /// that all marked ones are looked at if the number is not the one that was counted.
    async fn before(&mut self) -> Result<BTreeSet<String>, OwnError> {
        let counted = self.table.updated.saturating_add(self.table.deleted);
        let recent = format!(
            "pg_catalog.age(t.xmax) OPERATOR(pg_catalog.<=) pg_catalog.age({}::pg_catalog.xid)",
            literal(&self.short_xid())
        );
        let marked = "(t.xmax::pg_catalog.text OPERATOR(pg_catalog.<>) '0')".to_owned();
        let mut found = BTreeSet::new();
        for condition in [format!("{marked} AND {recent}"), marked.clone()] {
            let candidates = places(self.witness, self.table, &condition).await?;
            let still = visible(self.own, self.table, &candidates).await?;
            found = candidates.difference(&still).cloned().collect();
            if u64::try_from(found.len()).is_ok_and(|found| found == counted) {
                break;
            }
        }
        Ok(found)
    }

    /// Where the rows lie that the transaction sees and nobody else does.
    async fn after(&mut self) -> Result<BTreeSet<String>, OwnError> {
        let recent = format!(
            "pg_catalog.age(t.xmin) OPERATOR(pg_catalog.<=) pg_catalog.age({}::pg_catalog.xid)",
            literal(&self.short_xid())
        );
        let candidates = places(self.own, self.table, &recent).await?;
        let others = visible(self.witness, self.table, &candidates).await?;
        Ok(candidates.difference(&others).cloned().collect())
    }

    /// The transaction's number without its epoch, as rows bear it.
    fn short_xid(&self) -> String {
        let xid: u64 = self.measured.xid.parse().unwrap_or_default();
        (xid & u64::from(u32::MAX)).to_string()
    }
}

/// The names that a query about a table gives.
async fn names(
    session: &mut Upstream,
    table: &Table,
    query: &str,
) -> Result<Vec<String>, OwnError> {
    let rows = session.rows(&Own::Made(query.replace("{}", &table.oid.to_string()))).await?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

const COLUMNS: &str = "\
SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a \
WHERE a.attrelid OPERATOR(pg_catalog.=) {}::pg_catalog.oid \
AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped \
AND a.attgenerated OPERATOR(pg_catalog.=) '' ORDER BY a.attnum";

const KEY: &str = "\
SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_index i \
JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid \
AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey::pg_catalog.int2[]) \
WHERE i.indrelid OPERATOR(pg_catalog.=) {}::pg_catalog.oid AND i.indisprimary ORDER BY a.attnum";

/// Where the rows of a table lie that meet a condition, as one session sees them.
async fn places(
    session: &mut Upstream,
    table: &Table,
    condition: &str,
) -> Result<BTreeSet<String>, OwnError> {
    let query = format!(
        "SELECT t.ctid::pg_catalog.text FROM ONLY {} AS t WHERE {condition}",
        qualified(table)
    );
    let rows = session.rows(&Own::Made(query)).await?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// Which of these places a session sees a row at.
async fn visible(
    session: &mut Upstream,
    table: &Table,
    candidates: &BTreeSet<String>,
) -> Result<BTreeSet<String>, OwnError> {
    let mut found = BTreeSet::new();
    for chunk in chunks(candidates) {
        found.extend(places(session, table, &at(&chunk)).await?);
    }
    Ok(found)
}

/// The rows at these places, as `COPY` writes them.
async fn copied(
    session: &mut Upstream,
    table: &Table,
    columns: &[String],
    rows: &BTreeSet<String>,
    max: usize,
) -> Result<Vec<u8>, OwnError> {
    let columns: Vec<String> = columns.iter().map(|it| format!("t.{}", quoted(it))).collect();
    let mut bytes = Vec::new();
    for chunk in chunks(rows) {
        let query = format!(
            "COPY (SELECT {} FROM ONLY {} AS t WHERE {}) TO STDOUT",
            columns.join(", "),
            qualified(table),
            at(&chunk)
        );
        let left = max.saturating_sub(bytes.len());
        bytes.extend(session.copy_out(&Own::Made(query), left).await?);
    }
    Ok(bytes)
}

fn chunks(places: &BTreeSet<String>) -> impl Iterator<Item = Vec<&str>> {
    let all: Vec<&str> = places.iter().map(String::as_str).collect();
    let chunks: Vec<Vec<&str>> = all.chunks(CHUNK_ROWS).map(<[&str]>::to_vec).collect();
    chunks.into_iter()
}

fn at(places: &[&str]) -> String {
    let places: Vec<String> = places.iter().map(|place| format!("\"{place}\"")).collect();
    format!("t.ctid OPERATOR(pg_catalog.=) ANY ('{{{}}}'::pg_catalog.tid[])", places.join(","))
}

pub(super) fn qualified(table: &Table) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.name))
}

pub(super) fn failed(table: &Table, error: &OwnError) -> Refusal {
    match error {
        OwnError::TooLarge(_) => {
            let text = format!(
                "the rows of `{}` that it takes away are more than `sql.preimage_bytes`",
                table.name
            );
            Refusal::new(RefusalKind::Deny, Code::NoWayBack, text)
        }
        error => own_failed(error),
    }
}
