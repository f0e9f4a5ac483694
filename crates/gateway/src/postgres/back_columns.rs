//! Columns on their way back into tables that stayed, with what was lost with them. Where they do
//! not fit any more, the rows are put beside their table, and nothing of it is made again.

use std::collections::BTreeMap;

use holdpoint_store::payloads::Payloads;

use super::{
    back::{Back, Way},
    columns::{LostColumn, LostColumns},
    own::{Own, literal, quoted},
    preimage::{self, Preimage, Rows, qualified},
    script::Table,
    undo::{AS_LONG, CATALOGUE, UndoError, UndoneTable},
    upstream::{OwnError, Row, Upstream},
};

/// What passes by itself, and tells nothing of whether columns fit: a lock was not had in time
/// (`lock_not_available`, `deadlock_detected`, `query_canceled`).
const OF_NOW: &[&str] = &["55P03", "40P01", "57014"];

/// Why columns are not put back.
enum Unfit {
    /// They do not fit into these tables, by their places in the list.
    Left(Vec<usize>, String),
    /// Nothing can be said.
    Error(UndoError),
}

impl From<UndoError> for Unfit {
    fn from(error: UndoError) -> Self {
        Self::Error(error)
    }
}

impl Unfit {
    /// What it means for `tables` that the server said this.
    fn of(tables: Vec<usize>, error: OwnError) -> Self {
        match error {
            OwnError::Server(said, _) if !OF_NOW.contains(&said.state.as_str()) => {
                Self::Left(tables, said.message)
            }
            error => Self::Error(error.into()),
        }
    }
}

/// Rows changed so far, by table: inserted, updated, deleted.
type Counted = BTreeMap<(String, String), [u64; 3]>;

/// Tables that have lost columns.
pub(super) struct Columns<'a> {
    session: &'a mut Upstream,
    payloads: &'a Payloads,
    preimage: &'a Preimage,
    tables: Vec<&'a Rows>,
    /// Why the columns of each do not come back; nothing is said of those that were kept before
    /// columns could.
    unfit: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(
        session: &'a mut Upstream,
        payloads: &'a Payloads,
        preimage: &'a Preimage,
        tables: Vec<&'a Rows>,
    ) -> Self {
        Self { session, payloads, preimage, tables, unfit: Vec::new() }
    }

    /// Puts columns back where they fit, and else rows beside their table; what was done, and the
    /// statements that were not run. `first` is a number that no other table has.
    pub(super) async fn back(
        mut self,
        first: usize,
    ) -> Result<(Vec<UndoneTable>, Vec<String>), UndoError> {
        for rows in self.tables.clone() {
            let unfit = self.unfit(rows).await?;
            self.unfit.push(unfit);
        }
        if self.tables.is_empty() {
            return Ok((Vec::new(), self.not_run()));
        }
        self.run("SAVEPOINT holdpoint_columns").await?;
        let mut undone = loop {
            match self.put(first).await {
                Ok(undone) => break undone,
                Err(Unfit::Error(error)) => return Err(error),
                Err(Unfit::Left(tables, why)) => {
                    self.run("ROLLBACK TO SAVEPOINT holdpoint_columns").await?;
                    if !self.leave(&tables, &why) {
                        return Err(UndoError::Database(why));
                    }
                }
            }
        };
        let unfit = self.tables.clone().into_iter().zip(self.unfit.clone()).enumerate();
        for (number, (rows, unfit)) in unfit {
            let Some(why) = unfit else { continue };
            let at = self.preimage.at;
            let back = self.table(first + number, rows).put_beside(at).await?;
            let why_beside = Some(why).filter(|why| !why.is_empty());
            undone.push(UndoneTable { why_beside, ..back });
        }
        let not_run = self.not_run();
        Ok((undone, not_run))
    }

    /// Takes note that columns do not come back into these tables; whether that was not known yet.
    fn leave(&mut self, tables: &[usize], why: &str) -> bool {
        let mut news = false;
        for table in tables {
            if let Some(unfit @ None) = self.unfit.get_mut(*table) {
                *unfit = Some(why.to_owned());
                news = true;
            }
        }
        news
    }

    /// Why the columns of a table cannot come back, as far as it can be told before it is tried.
    async fn unfit(&mut self, rows: &Rows) -> Result<Option<String>, UndoError> {
        let Some(lost) = &rows.lost else { return Ok(Some(String::new())) };
        if let Some(column) = lost.columns.iter().find(|column| column.retyped) {
            return Ok(Some(format!("`{}` is there and has another type", column.name)));
        }
        let said = match rows.key.is_empty() {
            _ if lost.emptied => Some("its rows were taken away or computed anew as well"),
            true => Some("it had no primary key to find its rows by"),
            false if rows.key.iter().any(|name| lost.has(name)) => {
                Some("its primary key went with them")
            }
            false => None,
        };
        if said.is_some() {
            return Ok(said.map(str::to_owned));
        }
        let (schema, name) = (rows.schema.clone(), rows.name.clone());
        let table = Table { oid: lost.table, schema, name, ..Table::default() };
        let text = format!(
            "SELECT (EXISTS (SELECT FROM pg_catalog.pg_inherits i \
             WHERE c.oid IN (i.inhrelid, i.inhparent)))::pg_catalog.text \
             FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.oid = {} AND c.relkind = 'r' AND n.nspname = {} AND c.relname = {}",
            table.oid,
            literal(&table.schema),
            literal(&table.name)
        );
        let found = self.session.rows(&Own::Made(text)).await?;
        let Some(found) = found.first() else {
            return Ok(Some("it is not there any more by its name".to_owned()));
        };
        if found.text(0) == "true" {
            return Ok(Some("it is a part of another table, or has parts".to_owned()));
        }
        // Nobody changes it any more before the columns are back.
        self.run(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", qualified(&table))).await?;
        if preimage::key(self.session, &table).await? != rows.key {
            return Ok(Some("its primary key is another one by now".to_owned()));
        }
        let names: Vec<String> = lost.columns.iter().map(|it| literal(&it.name)).collect();
        let text = format!(
            "SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = {} AND NOT a.attisdropped AND a.attname IN ({})",
            table.oid,
            names.join(", ")
        );
        let taken = self.session.rows(&Own::Made(text)).await?;
        Ok(taken.first().map(|row| format!("another column `{}` is there by now", row.text(0))))
    }

    /// Puts the columns of all tables back that they fit into, and then what was lost with them.
    async fn put(&mut self, first: usize) -> Result<Vec<UndoneTable>, Unfit> {
        let fit: Vec<(usize, &Rows)> = self
            .tables
            .iter()
            .copied()
            .enumerate()
            .filter(|(number, _)| self.unfit.get(*number).is_some_and(Option::is_none))
            .collect();
        let all: Vec<usize> = fit.iter().map(|(number, _)| *number).collect();
        let mut quiet = Vec::new();
        let mut expected = self.counted().await?;
        let mut undone = Vec::new();
        for &(number, rows) in &fit {
            let Some(lost) = &rows.lost else { continue };
            quiet.extend(self.table(first + number, rows).quiet().await?);
            let table = self.table(first + number, rows).put_columns(number, lost).await?;
            let counts = expected.entry((rows.schema.clone(), rows.name.clone())).or_default();
            if lost.columns.iter().any(|column| column.generated.is_none()) {
                let [_, updated, _] = counts;
                *updated += table.updated;
            }
            undone.push(table);
        }
        let numbers = |tables: &[u32]| -> Vec<usize> {
            let of = |table| {
                move |(_, rows): &&(usize, &Rows)| {
                    rows.lost.as_ref().is_some_and(|lost| lost.table == table)
                }
            };
            let each = tables.iter().filter_map(|&table| fit.iter().find(of(table)));
            each.map(|(number, _)| *number).collect()
        };
        for with in &self.preimage.with_columns {
            let on = numbers(&with.tables);
            if on.len() == with.tables.len() {
                self.session.script(&with.text).await.map_err(|error| Unfit::of(on, error))?;
                self.run(AS_LONG).await?;
            }
        }
        for again in quiet {
            self.run(&again).await?;
        }
        expected.retain(|_, counts| *counts != [0; 3]);
        match self.counted().await? == expected {
            true => Ok(undone),
            false => Err(Unfit::Left(all, "other rows would change with them".to_owned())),
        }
    }

    /// Rows that this transaction has changed so far, without those that a view has computed.
    async fn counted(&mut self) -> Result<Counted, UndoError> {
        let rows = self.session.rows(&Own::Count).await?;
        let views = "SELECT oid::text FROM pg_catalog.pg_class WHERE relkind = 'm'";
        let views = self.session.rows(&Own::Made(views.to_owned())).await?;
        let own = |row: &&Row| {
            row.text(1) != CATALOGUE && !views.iter().any(|view| view.text(0) == row.text(0))
        };
        let tables = rows.iter().skip(1).filter(own);
        let counts = tables.map(|row| {
            let name = (row.text(1).to_owned(), row.text(2).to_owned());
            (name, [row.number(3), row.number(4), row.number(5)])
        });
        Ok(counts.collect())
    }

    /// What a human may run where it fits: columns that are not back, and what was lost with them.
    fn not_run(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut back = Vec::new();
        for (rows, unfit) in self.tables.iter().zip(&self.unfit) {
            let Some(lost) = &rows.lost else { continue };
            if unfit.is_none() {
                back.push(lost.table);
                continue;
            }
            let table = format!("{}.{}", quoted(&rows.schema), quoted(&rows.name));
            let gone = lost.columns.iter().filter(|column| !column.retyped);
            found.extend(gone.clone().map(|column| added(&table, column)));
            let filled = gone.filter(|column| column.not_null);
            found.extend(filled.map(|column| not_null(&table, column)));
        }
        let with = self.preimage.with_columns.iter();
        let with = with.filter(|with| !with.tables.iter().all(|table| back.contains(table)));
        found.extend(with.map(|with| readable(&with.text)).filter(|text| !text.is_empty()));
        found
    }

    fn table<'s>(&'s mut self, number: usize, rows: &'s Rows) -> Back<'s> {
        Back { session: self.session, payloads: self.payloads, rows, number, way: Way::Move }
    }

    async fn run(&mut self, text: &str) -> Result<(), UndoError> {
        Ok(self.session.rows(&Own::Made(text.to_owned())).await.map(drop)?)
    }
}

impl Back<'_> {
    /// Puts columns back into a table that has none of their names, with the values that were in
    /// them, row by row as their keys say. Its place in the list is `place`.
    async fn put_columns(mut self, place: usize, lost: &LostColumns) -> Result<UndoneTable, Unfit> {
        let kept = format!("pg_temp.holdpoint_columns_{}", self.number);
        self.load("TEMPORARY TABLE", &kept).await?;
        let unfit = |error| Unfit::of(vec![place], error);
        let (table, keys) = (self.table(), self.keys("c", "b"));
        let (given, computed): (Vec<&LostColumn>, Vec<&LostColumn>) =
            lost.columns.iter().partition(|column| column.generated.is_none());
        for column in &given {
            self.own(&added(&table, column)).await.map_err(unfit)?;
        }
        let names = || given.iter().map(|column| quoted(&column.name));
        let set: Vec<String> = names().map(|name| format!("{name} = b.{name}")).collect();
        if !set.is_empty() {
            let set = set.join(", ");
            let update = format!("UPDATE ONLY {table} c SET {set} FROM {kept} b WHERE {keys}");
            self.own(&update).await.map_err(unfit)?;
        }
        let all = self.count(&format!("ONLY {table}")).await?;
        let there = format!("ONLY {table} c JOIN {kept} b ON {keys}");
        let found = self.count(&there).await?;
        let row = |of: &str| {
            let each = names().map(|name| format!("{of}.{name}"));
            format!("ROW({})::pg_catalog.text", each.collect::<Vec<_>>().join(", "))
        };
        let same = format!("{there} WHERE {} = {}", row("c"), row("b"));
        let left = |why: String| Err(Unfit::Left(vec![place], why));
        if self.count(&same).await? != found {
            return left("a trigger or a rule changes what is put into them".to_owned());
        }
        let came = all.saturating_sub(found);
        // What waits for the end of the transaction keeps a table from being altered.
        self.session.rows(&Own::Check).await.map_err(unfit)?;
        for column in computed {
            self.own(&added(&table, column)).await.map_err(unfit)?;
        }
        for column in lost.columns.iter().filter(|column| column.not_null) {
            if came > 0 && column.generated.is_none() {
                let name = &column.name;
                return left(format!("{came} rows came since, and `{name}` must have a value"));
            }
            self.own(&not_null(&table, column)).await.map_err(unfit)?;
        }
        Ok(UndoneTable {
            table: format!("{}.{}", self.rows.schema, self.rows.name),
            updated: found,
            columns: lost.columns.iter().map(|column| column.name.clone()).collect(),
            came_since: came,
            gone_since: self.rows.count.saturating_sub(found),
            ..UndoneTable::default()
        })
    }

    async fn own(&mut self, text: &str) -> Result<(), OwnError> {
        self.session.rows(&Own::Made(text.to_owned())).await.map(drop)
    }
}

/// The statement that adds a column, empty or computed.
fn added(table: &str, column: &LostColumn) -> String {
    let name = quoted(&column.name);
    let computed = column.generated.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    format!("ALTER TABLE {table} ADD COLUMN {name} {}{computed}", column.written)
}

/// The statement by which a column has to have a value.
fn not_null(table: &str, column: &LostColumn) -> String {
    format!("ALTER TABLE {table} ALTER COLUMN {} SET NOT NULL", quoted(&column.name))
}

/// A text of PostgreSQL's own tool without what it says about itself and its session.
fn readable(text: &str) -> String {
    let says = |line: &&str| {
        !(line.is_empty()
            || line.starts_with("--")
            || line.starts_with("SET ")
            || line.starts_with("SELECT pg_catalog.set_config"))
    };
    let lines: Vec<&str> = text.lines().filter(says).collect();
    lines.join("\n").trim_end_matches(';').to_owned()
}
