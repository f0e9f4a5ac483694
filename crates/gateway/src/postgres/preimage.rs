//! Pre-images: the rows that a transaction takes away or changes, read as everybody else still sees
//! them, and kept where the role that takes them has no power.

use holdpoint_core::{Code, Digest, Refusal, Timestamp, refusal::RefusalKind};
use holdpoint_enforce::Point as _;
use holdpoint_store::State;
use serde::{Deserialize, Serialize};

use super::{
    changed::{By, Changed, Take as _, values},
    columns::{LostColumns, WithColumns},
    meter::MeterError,
    own::{Own, quoted},
    point::{SessionPoint, own_failed},
    restore::{self, RestorePoint},
    saved::Saved,
    script::{Measured, Table},
    spool::{Kept, Spool, Spooled},
    upstream::{OwnError, Upstream},
};
use crate::point::unavailable;

/// The rows of one transaction as they were.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// Statements that make again what else was dropped, once the rows are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definitions: Option<String>,
    /// What was lost with columns of tables that stay, in the order in which it is made again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with_columns: Vec<WithColumns>,
    /// Table by table.
    pub tables: Vec<Rows>,
    /// What stands for the rows, where they were too many to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_point: Option<RestorePoint>,
}

/// The changed rows of one table. Where it was read as a whole, some of them may be the same before
/// and after.
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
    /// The rows before.
    pub before: Kept,
    /// The rows that the transaction left in their place or beside them.
    pub after: Kept,
    /// The digest of both.
    pub checksum: Digest,
    /// The types of the columns, where the table has lost some of them: its rows are put beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// The columns that the table has lost, and how they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostColumns>,
}

impl Preimage {
    /// How the statements begin that make again what was dropped.
    pub(super) fn made(&self) -> Vec<String> {
        let texts = [&self.structure, &self.definitions].into_iter().flatten();
        let lines = texts.flat_map(|text| text.lines());
        let made = |line: &&str| {
            let adds = line.starts_with("ALTER ") && line.contains(" ADD CONSTRAINT ");
            line.starts_with("CREATE ") || adds || line.starts_with("REFRESH ")
        };
        lines.filter(made).map(|line| line.trim_end_matches([' ', '(', ';']).to_owned()).collect()
    }
}

impl Rows {
    /// Whether this is what was kept; rows that lie elsewhere are looked at when they are read.
    pub(super) fn is_whole(&self) -> bool {
        checksum(&self.before, &self.after) == Some(self.checksum)
    }

    /// The same rows before, and others after.
    fn left_as(&self, after: Kept) -> Option<Self> {
        let checksum = checksum(&self.before, &after)?;
        Some(Self { after, checksum, ..self.clone() })
    }
}

fn checksum(before: &Kept, after: &Kept) -> Option<Digest> {
    let (before, after) = (before.field()?, after.field()?);
    Some(Digest::of_fields([&before[..], &after]))
}

/// What a pre-image was kept as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptAs {
    /// The name that an undo finds it by.
    pub(super) id: String,
    /// It holds no rows: a restore point stands for them.
    pub(super) restore_point: bool,
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
    let saved = measured.saved.clone().unwrap_or_default();
    let (structure, definitions) = (saved.structure.clone(), saved.definitions.clone());
    let with_columns = saved.with_columns.clone();
    let read = match saved.restore_point.clone() {
        Some(proven) => Err(proven),
        None => match read(point, measured, saved).await {
            Ok(tables) => Ok(tables),
            Err(MeterError::TooLarge(_)) => Err(restore::prove(point).await?),
            Err(MeterError::Refused(refusal)) => return Err(refusal),
            Err(MeterError::Server(_)) => return Err(unavailable("rows that were read")),
        },
    };
    let (database, at) = (point.served.name.to_string(), point.now());
    let empty = Preimage { v: 1, database, at, ..Preimage::default() };
    let preimage = match read {
        Ok(tables) => Preimage { structure, definitions, with_columns, tables, ..empty },
        Err(proven) => Preimage { restore_point: Some(proven), ..empty },
    };
    let tables = &preimage.tables;
    let rows: Vec<&Kept> = tables.iter().flat_map(|it: &Rows| [&it.before, &it.after]).collect();
    point.spooled.keep(&rows, at).map_err(|error| {
        let text = format!("the rows as they are now cannot be kept: {error}");
        Refusal::new(RefusalKind::Deny, Code::NoWayBack, text)
    })?;
    let instead = preimage.restore_point.is_some();
    let bytes = serde_json::to_vec(&preimage).map_err(unavailable)?;
    let id = point.served.http.state.keep(&bytes, at)?;
    point.spooled.note(id.clone());
    point.kept(KeptAs { id, restore_point: instead });
    Ok(Digest::of(&bytes))
}

/// The rows of all tables that the open transaction takes some from.
async fn read(
    point: &SessionPoint,
    measured: &Measured,
    saved: Saved,
) -> Result<Vec<Rows>, MeterError> {
    let mut left = point.served.http.config().sql.preimage_bytes;
    let mut sides = point.sides(measured).await?;
    let (spooled, mut tables) = (&point.spooled, Vec::new());
    for table in &measured.lost {
        let unkept = |error: OwnError| MeterError::unkept(table, &error);
        let rows = match saved.locked.iter().find(|(oid, _)| *oid == table.oid) {
            Some((_, before)) => {
                let now = whole(&mut sides.own, table, Some(&before.columns), spooled, left).await;
                let rows = before.left_as(now.map_err(unkept)?.before);
                let rows = rows.ok_or_else(|| unavailable("rows that were read"))?;
                Rows { schema: table.schema.clone(), name: table.name.clone(), ..rows }
            }
            None => changed_rows(sides.of(table), spooled, left).await.map_err(unkept)?,
        };
        left = left.saturating_sub(rows.before.bytes().saturating_add(rows.after.bytes()));
        if rows.key.is_empty() && table.updated > 0 {
            let text = format!("`{}` has no primary key to find its rows by again", table.name);
            return Err(Refusal::new(RefusalKind::Deny, Code::NoWayBack, text).into());
        }
        tables.push(rows);
    }
    for (oid, types, before) in saved.emptied {
        let table = Table { oid, ..Table::default() };
        let rows = left_of(&mut sides.own, &table, (types, before), spooled, left).await;
        let rows = rows.map_err(|error| MeterError::unkept(&table, &error))?;
        left = left.saturating_sub(rows.after.bytes());
        tables.push(rows);
    }
    sides.leave().await?;
    tables.extend(saved.tables);
    Ok(tables)
}

/// The rows of a table that was emptied or computed anew, with what is in it by now. Where no key
/// tells which is which, they are put beside it.
async fn left_of(
    own: &mut Upstream,
    table: &Table,
    (types, before): (Vec<String>, Rows),
    spooled: &Spooled,
    max: u64,
) -> Result<Rows, OwnError> {
    let schemas = names(own, table, SCHEMA).await?;
    let called = schemas.into_iter().zip(names(own, table, NAME).await?).next();
    let (schema, name) = called.ok_or_else(|| OwnError::NotKept("it is gone".to_owned()))?;
    let table = Table { schema: schema.clone(), name: name.clone(), ..table.clone() };
    let now = whole(own, &table, Some(&before.columns), spooled, max).await?;
    let beside = before.key.is_empty() && !now.before.is_empty();
    let rows = match beside {
        true => Some(Rows { types, ..before }),
        false => before.left_as(now.before),
    };
    let rows = rows.ok_or_else(|| OwnError::NotKept("damaged".to_owned()))?;
    Ok(Rows { schema, name, ..rows })
}

/// The rows of a table that a transaction has changed.
async fn changed_rows(
    mut changed: Changed<'_>,
    spooled: &Spooled,
    left: u64,
) -> Result<Rows, OwnError> {
    let table = changed.table;
    let columns = names(changed.own, table, COLUMNS).await?;
    let key = key(changed.own, table).await?;
    let read = values(&columns);
    let by = By::Place(&read);
    let (before, count) = changed.before(by, || Spool::new(spooled, left)).await?;
    let left = left.saturating_sub(before.bytes());
    let (after, _) = changed.after(by, || Spool::new(spooled, left)).await?;
    let whole = checksum(&before, &after).ok_or_else(|| OwnError::NotKept("damaged".to_owned()))?;
    let (schema, name, types) = (table.schema.clone(), table.name.clone(), Vec::new());
    let (checksum, lost) = (whole, None);
    Ok(Rows { schema, name, columns, key, count, before, after, checksum, types, lost })
}

/// All rows of a table, as a session sees them: all of their columns, or these alone.
pub(super) async fn whole(
    session: &mut Upstream,
    table: &Table,
    columns: Option<&[String]>,
    spooled: &Spooled,
    max: u64,
) -> Result<Rows, OwnError> {
    if names(session, table, HIDDEN).await?.iter().any(|it| it == "true") {
        return Err(OwnError::NotKept("a policy hides rows of it".to_owned()));
    }
    let size = names(session, table, SIZE).await?.first().and_then(|size| size.parse::<u64>().ok());
    if size.unwrap_or(0) / ON_DISK > max {
        return Err(OwnError::TooLarge(max));
    }
    let columns = match columns {
        Some(columns) => columns.to_vec(),
        None => names(session, table, COLUMNS).await?,
    };
    let key = key(session, table).await?;
    let listed: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
    let copy =
        format!("COPY (SELECT {} FROM ONLY {}) TO STDOUT", listed.join(", "), qualified(table));
    let (mut spool, mut count) = (Spool::new(spooled, max), 0);
    session.begin_copy(&Own::Made(copy)).await?;
    let mut taken = Ok(());
    while let Some(row) = session.copied().await? {
        if taken.is_ok() {
            taken = spool.push(&row);
            count += 1;
        }
    }
    taken?;
    let (before, after) = (spool.finish()?, Kept::default());
    let whole = checksum(&before, &after).ok_or_else(|| OwnError::NotKept("damaged".to_owned()))?;
    let (schema, name) = (table.schema.clone(), table.name.clone());
    let (checksum, types, lost) = (whole, Vec::new(), None);
    Ok(Rows { schema, name, columns, key, count, before, after, checksum, types, lost })
}

/// The columns of a table that are not computed.
pub(super) async fn columns(
    session: &mut Upstream,
    table: &Table,
) -> Result<Vec<String>, OwnError> {
    names(session, table, COLUMNS).await
}

/// The types of a table's columns.
pub(super) async fn types(session: &mut Upstream, table: &Table) -> Result<Vec<String>, OwnError> {
    names(session, table, TYPES).await
}

/// The columns of a table's primary key; none if there is no key.
pub(super) async fn key(session: &mut Upstream, table: &Table) -> Result<Vec<String>, OwnError> {
    names(session, table, KEY).await
}

/// The columns by which a table's rows are told apart: those of its key, or all that are not computed.
pub(super) async fn telling(
    session: &mut Upstream,
    table: &Table,
) -> Result<Vec<String>, OwnError> {
    let key = key(session, table).await?;
    if key.is_empty() { names(session, table, COLUMNS).await } else { Ok(key) }
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

/// How much larger a table may be on disk than its rows as text: not read only to find that out.
const ON_DISK: u64 = 64;

const SIZE: &str = "SELECT pg_catalog.pg_relation_size({}::pg_catalog.oid)::pg_catalog.text";

const SCHEMA: &str = "\
SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_class c \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
WHERE c.oid OPERATOR(pg_catalog.=) {}::pg_catalog.oid";

const NAME: &str = "\
SELECT c.relname::pg_catalog.text FROM pg_catalog.pg_class c \
WHERE c.oid OPERATOR(pg_catalog.=) {}::pg_catalog.oid";

const TYPES: &str = "\
SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a \
WHERE a.attrelid OPERATOR(pg_catalog.=) {}::pg_catalog.oid \
AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped \
AND a.attgenerated OPERATOR(pg_catalog.=) '' ORDER BY a.attnum";

const KEY: &str = "\
SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_index i \
JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid \
AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey::pg_catalog.int2[]) \
WHERE i.indrelid OPERATOR(pg_catalog.=) {}::pg_catalog.oid AND i.indisprimary ORDER BY a.attnum";

const HIDDEN: &str = "SELECT pg_catalog.row_security_active({}::pg_catalog.oid)::pg_catalog.text";

/// What the server says where a policy hides rows from whoever wants all of them
/// (`insufficient_privilege`).
const HIDDEN_ROWS: &str = "42501";

pub(super) fn qualified(table: &Table) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.name))
}

pub(super) fn failed(table: &Table, error: &OwnError) -> Refusal {
    let text = match error {
        OwnError::TooLarge(_) => format!(
            "the rows of `{}` that it takes away are more than `sql.preimage_bytes`",
            table.name
        ),
        OwnError::Server(said, _) if said.state == HIDDEN_ROWS => {
            format!("the rows of `{}` cannot be kept: {}", table.name, said.message)
        }
        OwnError::NotKept(why) => format!("the rows of `{}` cannot be kept: {why}", table.name),
        error => return own_failed(error),
    };
    Refusal::new(RefusalKind::Deny, Code::NoWayBack, text)
}

#[cfg(test)]
mod tests {
    use holdpoint_core::Digest;
    use serde_json::{from_value, json};

    use super::Preimage;

    #[test]
    fn what_was_kept_before_columns_could_be_is_read() {
        let rows = json!({
            "schema": "public", "name": "posts", "columns": ["id"], "key": ["id"], "count": 1,
            "before": "MQo=", "after": "", "checksum": Digest::of(b""), "types": ["integer"],
        });
        let kept = json!({ "v": 1, "database": "shop", "at": 7, "tables": [rows] });
        let kept: Preimage = from_value(kept).unwrap();
        assert!(kept.with_columns.is_empty() && kept.tables[0].lost.is_none());
    }
}
