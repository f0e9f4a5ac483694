//! One table on its way back: what was kept of it is loaded beside it, compared with what is there,
//! and put where it was.

use holdpoint_core::Timestamp;
use holdpoint_store::payloads::Payloads;

use super::{
    own::{Own, literal, quoted, since},
    preimage::Rows,
    undo::{UndoError, UndoneTable},
    upstream::Upstream,
};

/// The schema for rows that are put beside their table.
const BESIDE: &str = "holdpoint_undo";

/// How rows are put back. Constraints that are never deferred, and what other tables refer to, allow
/// one where they forbid another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A row that only got another key gets its own again; then what was added goes, and then the
    /// others come.
    Move,
    /// What was added goes last: others still refer to it.
    PutFirst,
    /// Rows that are others by now go, too, and all come again: what only one may have, another one
    /// of them has.
    Anew,
}

impl Way {
    /// All of them, the gentler ones first.
    pub(super) const ALL: [Self; 3] = [Self::Move, Self::PutFirst, Self::Anew];
}

/// Triggers of a table's own that are fired, if the role may stop that.
const TRIGGERS: &str = "\
SELECT g.tgname::text, g.tgenabled::text FROM pg_catalog.pg_trigger g \
JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') \
AND pg_catalog.pg_has_role(c.relowner, 'USAGE')";

/// Columns of a table whose values only the server gives, but for new rows.
const GIVEN: &str = "\
SELECT a.attname::text FROM pg_catalog.pg_attribute a \
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE a.attnum > 0 AND a.attidentity = 'a'";

/// One table on its way back.
pub(super) struct Back<'a> {
    pub(super) session: &'a mut Upstream,
    pub(super) payloads: &'a Payloads,
    pub(super) rows: &'a Rows,
    pub(super) number: usize,
    pub(super) way: Way,
}

impl Back<'_> {
    /// Loads what was kept beside the table, and compares it with what is there.
    pub(super) async fn prepare(&mut self) -> Result<UndoneTable, UndoError> {
        let table = format!("{}.{}", self.rows.schema, self.rows.name);
        let damaged = || UndoError::Damaged(table.clone());
        if !self.rows.is_whole() {
            return Err(damaged());
        }
        let (before, after) = (&self.rows.before, &self.rows.after);
        for (kept, rows) in [(self.before(), before), (self.after(), after)] {
            let rows = rows.pieces(self.payloads).ok().flatten().ok_or_else(damaged)?;
            // What must not be null and is computed is computed there as well.
            let like = format!(
                "CREATE TEMPORARY TABLE {kept} (LIKE {} INCLUDING GENERATED) ON COMMIT DROP",
                self.table()
            );
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
            |condition: &str| format!("EXISTS (SELECT FROM {} c WHERE {condition})", self.only());
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
            keyless: !keyed,
            ..UndoneTable::default()
        })
    }

    /// Puts the rows of a table that has lost columns into a new one in a schema of its own: which of
    /// them are to be had back, and where, only a human knows.
    pub(super) async fn put_beside(mut self, at: Timestamp) -> Result<UndoneTable, UndoError> {
        let table = format!("{}.{}", self.rows.schema, self.rows.name);
        let place =
            format!("{}.{}", quoted(BESIDE), quoted(&format!("{}_{}", self.rows.name, at.0)));
        self.run(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(BESIDE))).await?;
        self.load("TABLE", &place).await?;
        let inserted = self.rows.count;
        Ok(UndoneTable { table, inserted, beside: Some(place), ..UndoneTable::default() })
    }

    /// Makes a table of this `kind` with all columns that the rows had, and has them in there.
    pub(super) async fn load(&mut self, kind: &str, place: &str) -> Result<(), UndoError> {
        let table = format!("{}.{}", self.rows.schema, self.rows.name);
        let damaged = || UndoError::Damaged(table.clone());
        let (columns, types) = (&self.rows.columns, &self.rows.types);
        if !self.rows.is_whole() || columns.len() != types.len() {
            return Err(damaged());
        }
        let columns = columns.iter().zip(types).map(|(it, of)| format!("{} {of}", quoted(it)));
        let columns: Vec<String> = columns.collect();
        self.run(&format!("CREATE {kind} {place} ({})", columns.join(", "))).await?;
        let rows = self.rows.before.pieces(self.payloads).ok().flatten().ok_or_else(damaged)?;
        let copy = format!("COPY {place} ({}) FROM STDIN", self.columns(""));
        self.session.copy_in(&Own::Made(copy), rows).await?;
        match self.count(place).await? == self.rows.count {
            true => Ok(()),
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

    /// Nobody's code runs while rows are put back: what triggers have changed was kept as well.
    /// Statements that let it run again.
    pub(super) async fn quiet(&mut self) -> Result<Vec<String>, UndoError> {
        let found = self.listed(TRIGGERS).await?;
        let mut again = Vec::new();
        for (name, fires) in found {
            let (table, name) = (self.only(), quoted(&name));
            self.run(&format!("ALTER TABLE {table} DISABLE TRIGGER {name}")).await?;
            let always = if fires == "A" { "ALWAYS " } else { "" };
            again.push(format!("ALTER TABLE {table} ENABLE {always}TRIGGER {name}"));
        }
        Ok(again)
    }

    /// Gives rows that only got another key their own again, and what refers to them goes with them.
    pub(super) async fn move_keys(&mut self) -> Result<(), UndoError> {
        let given = self.listed(GIVEN).await?;
        let key = &self.rows.key;
        let others = self.rows.columns.iter().filter(|it| !key.contains(it)).count();
        let settable = key
            .iter()
            .all(|it| self.rows.columns.contains(it) && !given.iter().any(|(name, _)| name == it));
        if self.way != Way::Move || key.is_empty() || others == 0 || !settable {
            return Ok(());
        }
        let numbered = |rows: &str, of: &str| {
            let said = format!("ROW({})::text", self.others(&format!("{of}.")));
            format!(
                "(SELECT {of}.ctid AS holdpoint_place, {of}.*, {said} AS holdpoint_said, \
                 row_number() OVER (PARTITION BY {said}) AS holdpoint_n FROM {rows})"
            )
        };
        let moved = format!("pg_temp.holdpoint_moved_{}", self.number);
        let pairs = key.iter().enumerate().map(|(number, column)| {
            let column = quoted(column);
            format!(", a.{column} AS old_{number}, b.{column} AS new_{number}")
        });
        let found = format!(
            "CREATE TEMPORARY TABLE {moved} ON COMMIT DROP AS SELECT a.holdpoint_place{} FROM {} a JOIN {} b \
             USING (holdpoint_said, holdpoint_n)",
            pairs.collect::<String>(),
            numbered(&self.added(), "a"),
            numbered(&self.gone(), "b")
        );
        self.run(&found).await?;
        let each = |to: &dyn Fn(usize, String) -> String, between: &str| {
            let each = key.iter().enumerate().map(|(number, column)| to(number, quoted(column)));
            each.collect::<Vec<_>>().join(between)
        };
        let set = each(&|number, column| format!("{column} = m.new_{number}"), ", ");
        let same = each(&|number, column| format!("c.{column} = m.old_{number}"), " AND ");
        let (table, after) = (self.only(), self.after());
        self.run(&format!("UPDATE {table} c SET {set} FROM {moved} m WHERE {same}")).await?;
        self.run(&format!(
            "UPDATE {after} a SET {set} FROM {moved} m WHERE a.ctid = m.holdpoint_place"
        ))
        .await
    }

    /// How many rows are taken away.
    pub(super) async fn going(&mut self) -> Result<u64, UndoError> {
        if self.rows.key.is_empty() {
            return Ok(0);
        }
        let added = self.count(&self.added()).await?;
        match self.way {
            Way::Anew => Ok(added + self.count(&self.changed()).await?),
            Way::Move | Way::PutFirst => Ok(added),
        }
    }

    /// Takes away the rows that were not there before.
    pub(super) async fn take_away(&mut self) -> Result<(), UndoError> {
        if self.rows.key.is_empty() {
            return Ok(());
        }
        let rows = match self.way {
            Way::Anew => format!("{} a WHERE true", self.after()),
            Way::Move | Way::PutFirst => self.added(),
        };
        let text =
            format!("DELETE FROM {} c USING {rows} AND {}", self.only(), self.keys("c", "a"));
        self.run(&text).await
    }

    /// Puts rows back, and makes those that are there as they were.
    pub(super) async fn put_back(&mut self) -> Result<(), UndoError> {
        let keyed = !self.rows.key.is_empty();
        let anew = keyed && self.way == Way::Anew;
        let insert = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}",
            self.table(),
            self.columns(""),
            self.columns("b."),
            if anew { format!("{} b", self.before()) } else { self.gone() }
        );
        self.run(&insert).await?;
        if anew || !keyed {
            return Ok(());
        }
        let given = self.listed(GIVEN).await?;
        let key = &self.rows.key;
        // Values that are equal need not be the same: 1.0 and 1.00.
        let (one, other) = (self.listed_keys("a."), self.listed_keys("b."));
        let (before, after) = (self.before(), self.after());
        let unlike = format!(
            "{after} a JOIN {before} b ON {} WHERE ROW({one})::text <> ROW({other})::text",
            self.keys("a", "b")
        );
        let keys_too = self.count(&unlike).await? > 0;
        let set: Vec<String> = self
            .rows
            .columns
            .iter()
            .filter(|column| keys_too || !key.contains(column))
            .filter(|column| !given.iter().any(|(name, _)| name == *column))
            .map(|column| format!("{0} = b.{0}", quoted(column)))
            .collect();
        if set.is_empty() {
            return Ok(());
        }
        let update = format!(
            "UPDATE {} c SET {} FROM {} AND {}",
            self.only(),
            set.join(", "),
            self.changed(),
            self.keys("c", "b")
        );
        self.run(&update).await
    }

    /// Every row is there again, as it was; none is there that was not, and the transaction of this
    /// number has written no other.
    pub(super) async fn verify(&mut self, xid: &str) -> Result<(), UndoError> {
        let same = format!("ROW({})::text = ROW({})::text", self.columns("c."), self.columns("b."));
        let (table, before) = (self.only(), self.before());
        let back = format!("{before} b WHERE EXISTS (SELECT FROM {table} c WHERE {same})");
        let all = self.count(&before).await?;
        let mut as_was = self.count(&back).await? == all;
        let others = format!(
            "{table} c WHERE {} AND NOT EXISTS (SELECT FROM {before} b WHERE {same})",
            since("c.xmin", xid)
        );
        as_was &= self.count(&others).await? == 0;
        if !self.rows.key.is_empty() {
            let there = format!("EXISTS (SELECT FROM {table} c WHERE {})", self.keys("c", "a"));
            as_was &= self.count(&format!("{} AND {there}", self.added())).await? == 0;
        }
        match as_was {
            true => Ok(()),
            false => Err(UndoError::Database(format!(
                "the rows of {} are not as they were: a trigger or a rule changed them",
                self.rows.name
            ))),
        }
    }

    /// What a query about the table says, whose last condition is its name.
    async fn listed(&mut self, query: &str) -> Result<Vec<(String, String)>, UndoError> {
        let (schema, name) = (literal(&self.rows.schema), literal(&self.rows.name));
        let text = format!("{query} AND n.nspname = {schema} AND c.relname = {name}");
        let rows = self.session.rows(&Own::Made(text)).await?;
        let of = |row: &super::upstream::Row, column| row.some(column).unwrap_or("").to_owned();
        Ok(rows.iter().map(|row| (of(row, 0), of(row, 1))).collect())
    }

    pub(super) async fn run(&mut self, text: &str) -> Result<(), UndoError> {
        Ok(self.session.rows(&Own::Made(text.to_owned())).await.map(drop)?)
    }

    pub(super) async fn count(&mut self, from: &str) -> Result<u64, UndoError> {
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

    pub(super) fn keys(&self, one: &str, other: &str) -> String {
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

    fn listed_keys(&self, prefix: &str) -> String {
        let each = self.rows.key.iter().map(|column| format!("{prefix}{}", quoted(column)));
        each.collect::<Vec<_>>().join(", ")
    }

    /// The columns that are no part of the key.
    fn others(&self, prefix: &str) -> String {
        let others = self.rows.columns.iter().filter(|it| !self.rows.key.contains(it));
        others.map(|column| format!("{prefix}{}", quoted(column))).collect::<Vec<_>>().join(", ")
    }

    /// Its own rows, and none of those of tables that inherit from it.
    fn only(&self) -> String {
        format!("ONLY {}", self.table())
    }

    pub(super) fn table(&self) -> String {
        format!("{}.{}", quoted(&self.rows.schema), quoted(&self.rows.name))
    }

    fn before(&self) -> String {
        format!("pg_temp.holdpoint_before_{}", self.number)
    }

    fn after(&self) -> String {
        format!("pg_temp.holdpoint_after_{}", self.number)
    }
}
