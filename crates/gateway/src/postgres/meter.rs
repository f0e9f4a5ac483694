//! The effect meter: what a transaction has changed, as its server counts it, before anybody else
//! can see it.

use holdpoint_core::{Refusal, policy::Changes};

use super::{
    meaning,
    own::Own,
    point::{Served, SessionPoint, own_failed},
    script::{Bound, Measured, Table},
    upstream::{OwnError, Row},
};

/// The catalogue's schema, and the table that lists all tables.
const CATALOGUE: &str = "pg_catalog";
const CLASSES: &str = "pg_class";

/// A relation that nobody else can use until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    oid: u32,
    /// Where its rows lie now; none if it is dropped.
    file: Option<String>,
}

/// Why there are no numbers.
#[derive(Debug)]
pub(super) enum MeterError {
    /// What waited for the end of the transaction went wrong: the server's own words.
    Server(bytes::Bytes),
    /// It could not be counted: nothing may be committed.
    Refused(Refusal),
}

impl From<OwnError> for MeterError {
    fn from(error: OwnError) -> Self {
        Self::Refused(own_failed(&error))
    }
}

impl From<Refusal> for MeterError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl SessionPoint {
    /// Counts what the open transaction, in which `script` was run, has changed.
    pub(super) async fn measure(&self, script: &[Bound]) -> Result<Measured, MeterError> {
        // Both go out at once; where the first fails, the second does so too.
        let (checked, counted) = {
            let mut upstream = self.upstream.lock().await;
            upstream.own(&Own::Check).await.map_err(OwnError::from)?;
            upstream.own(&Own::Count).await.map_err(OwnError::from)?;
            upstream.flush().await.map_err(OwnError::from)?;
            (upstream.answer().await, upstream.answer().await)
        };
        match checked {
            Err(OwnError::Server(_, said)) => return Err(MeterError::Server(said)),
            checked => drop(checked?),
        }
        let rows = counted?;
        let Some((transaction, rows)) = rows.split_first() else {
            return Err(OwnError::TooLarge(0).into());
        };
        if transaction.text(1) != "on" {
            return Err(refused("the server does not count rows (track_counts is off)").into());
        }
        if transaction.text(3) != "0" {
            return Err(refused("a cursor WITH HOLD would be computed while it commits").into());
        }
        let tables: Vec<Table> = rows.iter().filter_map(table).collect();
        let (system, mut own): (Vec<Table>, Vec<Table>) =
            tables.into_iter().partition(|table| table.schema == CATALOGUE);
        own.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        let (gone, locked) = match system.iter().any(|table| table.name == CLASSES) {
            true => self.gone().await?,
            false => (Vec::new(), Vec::new()),
        };
        let definitions = self.definitions(&system, &gone).await?;
        let counted = meaning::Counted { own, system, gone };
        let small_rows = self.served.http.config().sql.small_rows;
        let mut measured =
            meaning::measured(&counted, script, &self.served.target, small_rows, self.role.escapes);
        if transaction.text(4) != "0" {
            // Deferred code may defer more: what it does comes after every count.
            measured.operations.push(meaning::deferred(&self.served.target));
        }
        measured.changes = changes(&counted);
        measured.definitions = definitions;
        measured.locked = locked;
        measured.xid = transaction.text(0).to_owned();
        measured.search_path = transaction.text(2).to_owned();
        Ok(measured)
    }

    /// Relations that are dropped, or whose rows are gone all at once; and all that nobody else can
    /// read until the transaction ends.
    async fn gone(&self) -> Result<(Vec<meaning::Gone>, Vec<u32>), MeterError> {
        let rows = self.own(&Own::Taken).await?;
        let taken: Vec<Taken> = rows.iter().filter_map(taken).collect();
        let oids: Vec<u32> = taken.iter().map(|taken| taken.oid).collect();
        if taken.is_empty() {
            return Ok((Vec::new(), oids));
        }
        let seen = as_seen(&self.served, oids.clone()).await?;
        let gone = seen.iter().filter_map(|row| {
            let oid: u32 = row.text(0).parse().ok()?;
            let now = taken.iter().find(|taken| taken.oid == oid)?;
            // What a table keeps elsewhere goes with it.
            let kind = Some(row.text(3)).filter(|kind| *kind != "t")?;
            let (schema, name) = (row.text(1).to_owned(), row.text(2).to_owned());
            let table = Table { oid, schema, name, ..Table::default() };
            match &now.file {
                None => Some(meaning::Gone { table, kind: kind.to_owned(), dropped: true }),
                Some(file) if file != row.text(4) && matches!(kind, "r" | "m") => {
                    Some(meaning::Gone { table, kind: kind.to_owned(), dropped: false })
                }
                Some(_) => None,
            }
        });
        Ok((gone.collect(), oids))
    }
}

/// What others still see of relations.
async fn as_seen(served: &Served, oids: Vec<u32>) -> Result<Vec<Row>, MeterError> {
    let mut witness = served.witness().await?;
    let rows = witness.rows(&Own::Seen(oids)).await?;
    served.keep(witness);
    Ok(rows)
}

fn table(row: &Row) -> Option<Table> {
    Some(Table {
        oid: row.text(0).parse().ok()?,
        schema: row.text(1).to_owned(),
        name: row.text(2).to_owned(),
        inserted: row.number(3),
        updated: row.number(4),
        deleted: row.number(5),
        keyed: row.text(6) == "true",
        follows: row.text(7).split(',').filter_map(|oid| oid.parse().ok()).collect(),
        hidden: row.text(8) == "true",
    })
}

fn taken(row: &Row) -> Option<Taken> {
    Some(Taken { oid: row.text(0).parse().ok()?, file: row.some(1).map(str::to_owned) })
}

/// The numbers for policy. Those of the catalogue stand in the detail alone: they are not the same
/// from one time to the next.
fn changes(counted: &meaning::Counted) -> Changes {
    let sum = |rows: fn(&Table) -> u64| counted.own.iter().map(rows).fold(0, u64::saturating_add);
    let full = |table: &Table| format!("{}.{}", table.schema, table.name);
    let mut tables: Vec<String> = counted.own.iter().map(full).collect();
    tables.extend(counted.gone.iter().map(|gone| full(&gone.table)));
    tables.sort();
    tables.dedup();
    let rows = counted.own.iter().map(|table| {
        let Table { inserted, updated, deleted, .. } = table;
        format!("{} +{inserted} ~{updated} -{deleted}", full(table))
    });
    let gone = counted.gone.iter().map(|gone| format!("{} gone", full(&gone.table)));
    let touched = |table: &&Table| table.updated > 0 || table.deleted > 0 || table.inserted > 0;
    let system = counted.system.iter().filter(touched).map(|table| table.name.clone());
    Changes {
        rows_inserted: sum(|table| table.inserted),
        rows_updated: sum(|table| table.updated),
        rows_deleted: sum(|table| table.deleted),
        tables,
        detail: rows.chain(gone).chain(system).collect(),
    }
}

fn refused(text: &str) -> Refusal {
    use holdpoint_core::{Code, refusal::RefusalKind};
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
}
