//! What an open transaction writes: a human releases these values, and no others in as many rows.
//! What is another value each time (a new number, a time, chance) tells nothing: it is found by
//! running everything twice, and is not compared. What an UPDATE leaves as it is may be anything, and
//! has to be left as it is again.

use holdpoint_core::{Code, Judged, Refusal, refusal::RefusalKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    changed::{By, Changed, Take, values},
    connect::drawn,
    meter::MeterError,
    own::Own,
    point::SessionPoint,
    saved::Again,
    script::{Bound, Measured, Script, Table},
    upstream::{OwnError, Upstream},
};

/// What of a table's new rows is compared at a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compared {
    schema: String,
    name: String,
    /// Columns that are given the same values each time, and those that tell its rows apart.
    columns: Vec<String>,
    /// Columns that are left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
    /// Columns that are not compared, as they were given other values the second time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
}

impl Compared {
    /// What of a table is compared, where anybody has looked.
    pub(super) fn of<'a>(all: &'a [Self], table: &Table) -> Option<&'a Self> {
        all.iter().find(|it| it.schema == table.schema && it.name == table.name)
    }

    /// What is read of the columns whose values are compared.
    pub(super) fn given(&self, columns: &[Column]) -> Vec<String> {
        let given = columns.iter().filter(|column| self.columns.contains(&column.name));
        given.map(|column| column.value.clone()).collect()
    }

    /// The columns that are left as they are: what is beside one another in them stays so.
    pub(super) fn left(&self, columns: &[Column]) -> Vec<Column> {
        let left = columns.iter().filter(|column| self.left.contains(&column.name));
        left.map(|column| Column { key: true, ..column.clone() }).collect()
    }

    /// What is not compared, for whoever releases it.
    pub(super) fn left_out(all: &[Self]) -> Vec<String> {
        let named = |it: &Self| -> Vec<String> {
            it.others.iter().map(|column| format!("{}.{column}", it.name)).collect()
        };
        all.iter().flat_map(named).collect()
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    name: String,
    /// What is read of it: a time that is now is only that, or it would be another one each second.
    pub(super) value: String,
    key: bool,
}

const COLUMNS: &str = "\
SELECT a.attname::pg_catalog.text, a.atttypid::pg_catalog.oid::pg_catalog.text, \
 (EXISTS (SELECT FROM pg_catalog.pg_index i \
   WHERE i.indrelid OPERATOR(pg_catalog.=) a.attrelid AND i.indisprimary \
   AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey::pg_catalog.int2[])))::pg_catalog.text \
FROM pg_catalog.pg_attribute a \
WHERE a.attrelid OPERATOR(pg_catalog.=) {}::pg_catalog.oid \
AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped \
AND a.attgenerated OPERATOR(pg_catalog.=) '' ORDER BY a.attnum";

/// `date`, `timestamp` and `timestamptz`, by OID.
const TIMES: [&str; 3] = ["1082", "1114", "1184"];

/// A time within a day of the transaction's own is taken for it; a date is as long as that.
const NOW: &str = "\
CASE WHEN {} OPERATOR(pg_catalog.>=) \
  (pg_catalog.now() OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval) \
 AND {} OPERATOR(pg_catalog.<=) \
  (pg_catalog.now() OPERATOR(pg_catalog.+) '1 day'::pg_catalog.interval) \
 THEN 'now' ELSE {}::pg_catalog.text END";

/// The columns of a table that are written, and not computed.
pub(super) async fn columns(
    session: &mut Upstream,
    table: &Table,
) -> Result<Vec<Column>, OwnError> {
    let query = COLUMNS.replace("{}", &table.oid.to_string());
    let rows = session.rows(&Own::Made(query)).await?;
    let each = rows.iter().map(|row| {
        let name = row.text(0).to_owned();
        let value = values(std::slice::from_ref(&name)).concat();
        let value = match TIMES.contains(&row.text(1)) {
            true => NOW.split("{}").collect::<Vec<_>>().join(&value),
            false => value,
        };
        Column { name, value, key: row.text(2) == "true" }
    });
    Ok(each.collect())
}

/// What was written into one table, told column by column, in whatever order its rows lie.
#[derive(Debug)]
struct Written {
    schema: String,
    name: String,
    columns: Vec<Column>,
    /// Its rows as they were, where each of them is still there.
    before: Option<Vec<Sums>>,
    after: Vec<Sums>,
}

/// Digests of all values of a column, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    /// Of each by itself.
    alone: [u64; 4],
    /// Of each beside the key of its row.
    keyed: [u64; 4],
}

/// Which columns have the same values on both sides: beside the same keys, where these are the same.
fn same(columns: &[Column], one: &[Sums], other: &[Sums]) -> Vec<bool> {
    let pairs = || columns.iter().zip(one.iter().zip(other));
    let mut keys = pairs().filter(|(column, _)| column.key).peekable();
    let keyed = keys.peek().is_some() && keys.all(|(_, (one, other))| one.alone == other.alone);
    let same = |(_, (one, other)): (&Column, (&Sums, &Sums))| match keyed {
        true => one.keyed == other.keyed,
        false => one.alone == other.alone,
    };
    pairs().map(same).collect()
}

impl Written {
    /// Which columns are left as they are.
    fn left(&self) -> Vec<bool> {
        match &self.before {
            Some(before) => same(&self.columns, before, &self.after),
            None => vec![false; self.columns.len()],
        }
    }

    /// What a second run has in common with the `first` one.
    fn compared(self, first: &[Self]) -> Compared {
        let of = |it: &&Self| it.schema == self.schema && it.name == self.name;
        // What was not there the first time is compared as a whole.
        let first = first.iter().find(of).filter(|it| it.columns == self.columns);
        let first = first.unwrap_or(&self);
        let same = same(&self.columns, &first.after, &self.after);
        let left = first.left().into_iter().zip(self.left()).map(|(one, other)| one && other);
        let (mut columns, mut stays, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (column, (same, left)) in self.columns.iter().zip(same.into_iter().zip(left)) {
            let name = || column.name.clone();
            if left {
                stays.push(name());
            }
            match (same, left) {
                (true, false) => columns.push(name()),
                (true, true) if column.key => columns.push(name()),
                (false, false) => others.push(name()),
                (_, true) => {}
            }
        }
        Compared { schema: self.schema, name: self.name, columns, left: stays, others }
    }
}

/// Adds up the digests of rows that come one by one.
struct Adding<'a> {
    columns: &'a [Column],
    sums: Vec<Sums>,
    /// Nobody can choose rows that come to the same sum, who does not know what it begins with.
    salt: Sha256,
}

impl<'a> Adding<'a> {
    fn new(columns: &'a [Column], salt: Salt) -> Self {
        let sums = vec![Sums::default(); columns.len()];
        Self { columns, sums, salt: Sha256::new().chain_update(salt) }
    }
}

type Salt = [u8; 32];

impl Take for Adding<'_> {
    type Taken = Vec<Sums>;

    fn push(&mut self, row: &[u8]) -> Result<(), OwnError> {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let fields: Vec<&[u8]> = row.split(|byte| *byte == b'\t').collect();
        if fields.len() != self.columns.len().max(1) {
            return Err(OwnError::NotKept("a row has other columns than its table".to_owned()));
        }
        let mut key = self.salt.clone();
        for (column, field) in self.columns.iter().zip(&fields) {
            if column.key {
                key.update(field);
                key.update(b"\t");
            }
        }
        for (sums, field) in self.sums.iter_mut().zip(&fields) {
            add(&mut sums.alone, self.salt.clone().chain_update(field));
            add(&mut sums.keyed, key.clone().chain_update(b"\n").chain_update(field));
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Sums>, OwnError> {
        Ok(self.sums)
    }
}

fn add(sum: &mut [u64; 4], digest: Sha256) {
    let digest: [u8; 32] = digest.finalize().into();
    let (lanes, _) = digest.as_chunks::<8>();
    for (lane, bytes) in sum.iter_mut().zip(lanes) {
        *lane = lane.wrapping_add(u64::from_be_bytes(*bytes));
    }
}

impl SessionPoint {
    /// The same once more, where it writes rows: what it wrote both times is what a release is for.
    /// What was run first is taken back.
    pub(super) async fn twice(&self, judged: &Judged<Script>) -> Result<Option<Measured>, Refusal> {
        let script = judged.message();
        let Some(first) = script.measured() else { return Ok(None) };
        let partial = script.statements.iter().any(|bound| bound.values.partial);
        if partial || first.written.is_empty() {
            return Ok(None);
        }
        let run = async {
            let salt = drawn().map_err(OwnError::from)?;
            let written = self.written(first, salt).await?;
            self.begin_again(&first.isolation).await?;
            let mut again = self.boxed_again(&script.statements).await?;
            let written = if again.changes == first.changes { written } else { Vec::new() };
            let second = self.written(&again, salt).await?;
            again.compared = second.into_iter().map(|it| it.compared(&written)).collect();
            Ok(Some(again))
        };
        run.await.map_err(|error: MeterError| unrepeatable(&error))
    }

    /// [`Self::run_again`] from within the walk that it goes through itself.
    fn boxed_again<'a>(&'a self, script: &'a [Bound]) -> Again<'a> {
        Box::pin(self.run_again(script, &[]))
    }

    /// What the open transaction has written, table by table.
    async fn written(&self, measured: &Measured, salt: Salt) -> Result<Vec<Written>, MeterError> {
        let mut sides = self.sides(measured).await?;
        let mut found = Vec::new();
        for table in &measured.written {
            let columns = columns(&mut sides.own, table).await?;
            let (before, after) = sides.of(table).sums(&columns, salt).await?;
            let (schema, name) = (table.schema.clone(), table.name.clone());
            found.push(Written { schema, name, columns, before, after });
        }
        sides.leave().await?;
        Ok(found)
    }
}

impl Changed<'_> {
    /// Whether these columns of the changed rows are as they were.
    pub(super) async fn leaves(&mut self, columns: &[Column]) -> Result<bool, OwnError> {
        if columns.is_empty() {
            return Ok(true);
        }
        let (before, after) = self.sums(columns, drawn()?).await?;
        Ok(before.is_some_and(|before| before == after))
    }

    /// What the rows come to as they were, where each of them is still there, and as they are.
    async fn sums(
        &mut self,
        columns: &[Column],
        salt: Salt,
    ) -> Result<(Option<Vec<Sums>>, Vec<Sums>), OwnError> {
        let Table { oid, inserted, deleted, .. } = self.table;
        let read: Vec<String> = columns.iter().map(|it| it.value.clone()).collect();
        let (read, begin) = (By::Place(&read), || Adding::new(columns, salt));
        let before = match (*inserted, *deleted, self.measured.locked.contains(oid)) {
            (0, 0, false) => Some(self.before(read, begin).await?.0),
            _ => None,
        };
        Ok((before, self.after(read, begin).await?.0))
    }
}

/// Why nothing can be released: what a release would run does not run again.
fn unrepeatable(error: &MeterError) -> Refusal {
    let why = match error {
        MeterError::Refused(refusal) | MeterError::TooLarge(refusal) => refusal.text(),
        MeterError::Server(_) => "what waited for its end went wrong",
    };
    let text = format!(
        "it needs a human's release, and would be run again for it, which went wrong when it was \
         tried: {why}"
    );
    Refusal::new(RefusalKind::Deny, Code::ApprovalVoid, text)
}

#[cfg(test)]
mod tests;
