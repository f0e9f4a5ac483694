//! The effect meter: what a transaction has changed, as its server counts it, before anybody else
//! can see it.

use std::collections::HashSet;

use holdpoint_core::{Refusal, policy::Changes};

use super::{
    columns::{self, Narrowed},
    meaning,
    own::Own,
    point::{SessionPoint, own_failed},
    preimage,
    script::{Bound, Measured, Table},
    sequences::Sequence,
    upstream::{OwnError, Row},
};

/// The catalogue's schema, and its tables that list all tables, and their columns.
const CATALOGUE: &str = "pg_catalog";
const LISTS: [&str; 2] = ["pg_class", "pg_attribute"];

/// The schema of what tables keep elsewhere.
const TOAST: &str = "pg_toast";

/// A relation that nobody else can use until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    oid: u32,
    /// Where its rows lie now; none if it is dropped.
    file: Option<String>,
    /// Nothing lies there.
    empty: bool,
}

impl Taken {
    /// Whether its rows, which lay in another file, were written anew: there are some, and nobody
    /// has put them there. What empties a table takes all of them.
    fn is_rewritten(&self, kind: &str, counted: &[Table]) -> bool {
        let inserts = |table: &Table| table.oid == self.oid && table.inserted > 0;
        kind == "r" && !self.empty && !counted.iter().any(inserts)
    }
}

/// What is lost of relations, which no count of rows says.
#[derive(Debug, Default)]
struct Lost {
    /// Dropped, or emptied all at once.
    gone: Vec<meaning::Gone>,
    /// With a column less.
    columns: Vec<meaning::Gone>,
    /// The columns that tables have no more, one by one.
    narrowed: Vec<Narrowed>,
    /// All that nobody else can read until the transaction ends.
    locked: Vec<u32>,
    /// Dropped, and nobody else's: temporary, made by the transaction itself, or a table's own.
    spent: Vec<u32>,
    /// Dropped, or begun anew.
    sequences: Vec<Sequence>,
}

/// Why there are no numbers.
#[derive(Debug)]
pub(super) enum MeterError {
    /// What waited for the end of the transaction went wrong: the server's own words.
    Server(bytes::Bytes),
    /// It could not be counted: nothing may be committed.
    Refused(Refusal),
    /// What it takes away is more than may be kept.
    TooLarge(Refusal),
}

impl From<OwnError> for MeterError {
    fn from(error: OwnError) -> Self {
        Self::Refused(own_failed(&error))
    }
}

impl MeterError {
    /// Why rows of `table` cannot be kept.
    pub(super) fn unkept(table: &Table, error: &OwnError) -> Self {
        let refusal = preimage::failed(table, error);
        match error {
            OwnError::TooLarge(_) => Self::TooLarge(refusal),
            _ => Self::Refused(refusal),
        }
    }
}

impl From<Refusal> for MeterError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl SessionPoint {
    /// Counts what the open transaction, in which `script` was run, has changed.
    /// Of `empty` relations, which cannot be looked at any more, it is known that no row was in them.
    pub(super) async fn measure(
        &self,
        script: &[Bound],
        empty: &[u32],
    ) -> Result<Measured, MeterError> {
        let rows = self.checked_and_counted().await?;
        let Some((transaction, rows)) = rows.split_first() else {
            return Err(OwnError::TooLarge(0).into());
        };
        if transaction.text(1) != "on" {
            return Err(refused("the server does not count rows (track_counts is off)").into());
        }
        if transaction.text(3) != "0" {
            return Err(refused("a cursor WITH HOLD would be computed while it commits").into());
        }
        let tables: Vec<Table> = {
            let upstream = self.upstream.lock().await;
            rows.iter().filter_map(|row| table(row, |oid| upstream.carried(oid))).collect()
        };
        let (system, mut own): (Vec<Table>, Vec<Table>) =
            tables.into_iter().partition(|table| table.schema == CATALOGUE);
        own.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        if !system.is_empty() {
            self.as_others_see(&mut own).await?;
        }
        let lost = match system.iter().any(|table| LISTS.contains(&table.name.as_str())) {
            true => self.lost(&own).await?,
            false => Lost::default(),
        };
        let Lost { mut gone, columns, narrowed, locked, spent, sequences } = lost;
        for gone in &mut gone {
            gone.empty = !gone.dropped && empty.contains(&gone.table.oid);
        }
        let definitions = self.definitions(&system, &gone, &spent, narrowed).await?;
        let kept = columns.is_empty() && definitions.is_empty() && definitions.is_savable();
        let spends = !spent.is_empty() && kept;
        let rights = self.changes_rights(&system, transaction.text(0)).await?;
        let restarted = sequences.iter().filter(|it| !it.dropped).map(|it| it.table.clone());
        let restarted = restarted.collect();
        let counted = meaning::Counted { own, system, gone, columns, restarted, rights, spends };
        let small_rows = self.served.http.config().sql.small_rows;
        let mut measured = meaning::measured(
            &counted,
            script,
            &self.served.target,
            small_rows,
            self.role().escapes,
        );
        if transaction.text(4) != "0" {
            // Deferred code may defer more: what it does comes after every count.
            measured.operations.push(meaning::deferred(&self.served.target));
        }
        if !measured.lost.is_empty() {
            measured.ran = script.to_vec();
        }
        measured.changes = changes(&counted);
        measured.structure = !counted.system.is_empty();
        measured.definitions = definitions;
        measured.sequences = sequences;
        measured.locked = locked;
        measured.xid = transaction.text(0).to_owned();
        measured.search_path = transaction.text(2).to_owned();
        measured.isolation = transaction.text(5).to_owned();
        Ok(measured)
    }

    /// What waits for the end of the transaction is done now, and then it is counted.
    async fn checked_and_counted(&self) -> Result<Vec<Row>, MeterError> {
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
        Ok(counted?)
    }

    /// Takes note of what others call these tables. Of one that only the transaction itself knows,
    /// nothing can be lost.
    async fn as_others_see(&self, own: &mut [Table]) -> Result<(), MeterError> {
        if own.is_empty() {
            return Ok(());
        }
        let mut witness = self.served.witness().await?;
        let oids = own.iter().map(|table| table.oid).collect();
        let seen = witness.rows(&Own::Seen(oids)).await?;
        self.served.keep(witness);
        for table in own {
            let oid = table.oid.to_string();
            match seen.iter().find(|row| row.text(0) == oid) {
                None => {
                    table.made = (table.updated, table.deleted);
                    (table.updated, table.deleted) = (0, 0);
                }
                Some(row) if (row.text(1), row.text(2)) != (&table.schema, &table.name) => {
                    table.seen = Some((row.text(1).to_owned(), row.text(2).to_owned()));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What others still see of the relations that nobody else can use, and the transaction does
    /// not: whatever a text calls them.
    async fn lost(&self, counted: &[Table]) -> Result<Lost, MeterError> {
        let rows = self.own(&Own::Taken).await?;
        let taken: Vec<Taken> = rows.iter().filter_map(taken).collect();
        let locked: Vec<u32> = taken.iter().map(|taken| taken.oid).collect();
        if taken.is_empty() {
            return Ok(Lost::default());
        }
        let mut witness = self.served.witness().await?;
        let seen = witness.rows(&Own::Seen(locked.clone())).await?;
        let had = witness.rows(&Own::Columns(locked.clone())).await?;
        self.served.keep(witness);
        let has = self.own(&Own::Columns(locked.clone())).await?;
        let dropped = taken.iter().filter(|taken| taken.file.is_none()).map(|taken| taken.oid);
        // What a table keeps elsewhere goes with it.
        let is_own = |row: &&Row| row.text(1) != TOAST;
        let is_seen =
            |oid: &u32| seen.iter().filter(is_own).any(|row| row.text(0) == oid.to_string());
        let spent = dropped.filter(|oid| !is_seen(oid)).collect();
        let columns = seen.iter().filter_map(|row| loses_column(row, &taken, &had, &has)).collect();
        let stays = |oid: u32| taken.iter().any(|it| it.oid == oid && it.file.is_some());
        let narrowed = columns::narrowed(&seen, stays, &had, &has);
        let gone = seen.iter().filter(is_own).filter_map(|row| {
            let oid: u32 = row.text(0).parse().ok()?;
            let now = taken.iter().find(|taken| taken.oid == oid)?;
            let kind = row.text(3);
            let (schema, name) = (row.text(1).to_owned(), row.text(2).to_owned());
            let table = Table { oid, schema, name, ..Table::default() };
            match &now.file {
                None => Some(meaning::Gone {
                    table,
                    kind: kind.to_owned(),
                    dropped: true,
                    rewritten: false,
                    empty: false,
                }),
                Some(file) if file != row.text(4) && matches!(kind, "r" | "m") => {
                    let rewritten = now.is_rewritten(kind, counted);
                    let kind = kind.to_owned();
                    Some(meaning::Gone { table, kind, dropped: false, rewritten, empty: false })
                }
                Some(_) => None,
            }
        });
        let sequences = seen.iter().filter_map(|row| anew(row, &taken)).collect();
        Ok(Lost { gone: gone.collect(), columns, narrowed, locked, spent, sequences })
    }
}

/// The sequence of a row, if it is dropped or begins anew.
fn anew(row: &Row, taken: &[Taken]) -> Option<Sequence> {
    let oid: u32 = row.text(0).parse().ok()?;
    let now = taken.iter().find(|taken| taken.oid == oid)?;
    let (schema, name) = (row.text(1).to_owned(), row.text(2).to_owned());
    let changed = now.file.as_deref() != Some(row.text(4));
    let table = Table { oid, schema, name, ..Table::default() };
    (row.text(3) == "S" && changed).then(|| Sequence { table, dropped: now.file.is_none() })
}

/// The relation of a row if one of the columns that it `had` is not among those that it `has`.
fn loses_column(row: &Row, taken: &[Taken], had: &[Row], has: &[Row]) -> Option<meaning::Gone> {
    let (oid, kind) = (row.text(0), row.text(3));
    let number: u32 = oid.parse().ok()?;
    taken.iter().find(|taken| taken.oid == number && taken.file.is_some())?;
    // Rows lie in tables; what has a composite type may lie anywhere.
    Some(()).filter(|()| matches!(kind, "r" | "m" | "c"))?;
    let of = |rows: &[Row]| -> HashSet<String> {
        let of = rows.iter().filter(|column| column.text(0) == oid);
        of.map(|column| column.text(1).to_owned()).collect()
    };
    let (schema, name) = (row.text(1).to_owned(), row.text(2).to_owned());
    let table = Table { oid: number, schema, name, ..Table::default() };
    let kind = kind.to_owned();
    let gone = meaning::Gone { table, kind, dropped: false, rewritten: false, empty: false };
    (!of(had).is_subset(&of(has))).then_some(gone)
}

/// A table with changed rows, without those that were counted before the transaction.
fn table(row: &Row, carried: impl Fn(u32) -> [u64; 3]) -> Option<Table> {
    let oid = row.text(0).parse().ok()?;
    let counts = [row.number(3), row.number(4), row.number(5)];
    let [inserted, updated, deleted] = {
        let mut before = carried(oid).into_iter();
        counts.map(|count| count.saturating_sub(before.next().unwrap_or(0)))
    };
    (counts == [0; 3] || [inserted, updated, deleted] != [0; 3]).then_some(())?;
    Some(Table {
        oid,
        schema: row.text(1).to_owned(),
        name: row.text(2).to_owned(),
        inserted,
        updated,
        deleted,
        keyed: row.text(6) == "true",
        follows: row.text(7).split(',').filter_map(|oid| oid.parse().ok()).collect(),
        hidden: row.text(8) == "true",
        root: row.some(9).and_then(|oid| oid.parse().ok()),
        seen: None,
        made: (0, 0),
    })
}

fn taken(row: &Row) -> Option<Taken> {
    let (file, empty) = (row.some(1).map(str::to_owned), row.text(2) == "0");
    Some(Taken { oid: row.text(0).parse().ok()?, file, empty })
}

/// The numbers for policy. Those of the catalogue stand in the detail alone: they are not the same
/// from one time to the next.
fn changes(counted: &meaning::Counted) -> Changes {
    let sum = |rows: fn(&Table) -> u64| counted.own.iter().map(rows).fold(0, u64::saturating_add);
    let full = |table: &Table| format!("{}.{}", table.schema, table.name);
    let mut tables: Vec<String> = counted.own.iter().map(full).collect();
    tables.extend(counted.gone.iter().chain(&counted.columns).map(|gone| full(&gone.table)));
    tables.sort();
    tables.dedup();
    let rows = counted.own.iter().map(|table| {
        let Table { inserted, updated, deleted, .. } = table;
        format!("{} +{inserted} ~{updated} -{deleted}", full(table))
    });
    let gone = counted.gone.iter().map(|gone| format!("{} gone", full(&gone.table)));
    let columns = counted.columns.iter().map(|gone| format!("{} columns", full(&gone.table)));
    let touched = |table: &&Table| table.updated > 0 || table.deleted > 0 || table.inserted > 0;
    let system = counted.system.iter().filter(touched).map(|table| table.name.clone());
    Changes {
        rows_inserted: sum(|table| table.inserted),
        rows_updated: sum(|table| table.updated),
        rows_deleted: sum(|table| table.deleted),
        tables,
        detail: rows.chain(gone).chain(columns).chain(system).collect(),
    }
}

fn refused(text: &str) -> Refusal {
    use holdpoint_core::{Code, refusal::RefusalKind};
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
}
