//! The rows that an open transaction has changed, as they were and as it left them, one by one:
//! however many they are, none but the one at hand is held.
//!
//! A row that an open transaction has changed bears its mark (`xmax`) for every other session, and
//! is invisible to the transaction itself. So two sessions look at the same places in the same
//! order, and what only one of them sees is the difference.

use std::collections::HashSet;

use bytes::Bytes;

use super::{
    own::{Own, literal, made_by, quoted, since},
    preimage::{key, qualified},
    script::{Measured, Table},
    upstream::{OwnError, Upstream},
};

/// Rows that are found where the transaction's statements look for them, and their bytes: of more,
/// the whole table is read.
const FOUND_MAX: u64 = 10_000;
const FOUND_BYTES_MAX: usize = 16 << 20;

/// Reads the changed rows of one table, from both sides.
pub(super) struct Changed<'a> {
    pub(super) own: &'a mut Upstream,
    pub(super) witness: &'a mut Upstream,
    pub(super) table: &'a Table,
    /// The same, as others call it.
    pub(super) seen: Table,
    pub(super) measured: &'a Measured,
    /// Where its rows may lie, in SQL.
    pub(super) sought: Vec<String>,
    /// Where the rows were found that it does not see any more.
    pub(super) found: Option<Found>,
}

/// Rows that nobody needs but to know where they lie.
struct Nothing;

impl Take for Nothing {
    type Taken = ();

    fn push(&mut self, _row: &[u8]) -> Result<(), OwnError> {
        Ok(())
    }

    fn finish(self) -> Result<(), OwnError> {
        Ok(())
    }
}

/// Where the rows of one side were found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// In SQL.
    sought: String,
    /// Their places.
    places: Vec<Place>,
}

/// What is read of a row, and in which order rows come.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'a> {
    /// These values, as the rows lie.
    Place(&'a [String]),
    /// The digest of these values, in the order of the digests: the same rows give the same,
    /// wherever they lie.
    Digest(&'a [String]),
}

/// These columns of a row as what is read [`By`] them: their values as they are.
pub(super) fn values(columns: &[String]) -> Vec<String> {
    columns.iter().map(|column| format!("t.{}", quoted(column))).collect()
}

/// Where rows go that are read.
pub(super) trait Take: Send {
    /// What becomes of them.
    type Taken: Send;
    /// Takes a row.
    fn push(&mut self, row: &[u8]) -> Result<(), OwnError>;
    /// Ends it.
    fn finish(self) -> Result<Self::Taken, OwnError>;
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Own,
    Witness,
}

impl Changed<'_> {
    /// The rows that everybody else sees and the transaction does not any more, and how many. They
    /// are looked for where its statements look for them, and then in the whole table; among those
    /// with its own marks first, and then, as a mark that several share is nobody's own, among all
    /// that are marked. What was counted tells whether all were found.
    pub(super) async fn before<T: Take>(
        &mut self,
        by: By<'_>,
        begin: impl Fn() -> T + Send,
    ) -> Result<(T::Taken, u64), OwnError> {
        let counted = self.lost();
        if counted == 0 {
            return Ok((begin().finish()?, 0));
        }
        if let Some(taken) = self.seek(by, &begin).await? {
            return Ok((taken, counted));
        }
        let [ours, marked] = self.marks();
        let first = self.only_here(by, &ours, Side::Witness, begin()).await?;
        if first.1 == counted {
            return Ok(first);
        }
        let all = self.only_here(by, &marked, Side::Witness, begin()).await?;
        // Fewer, where a row was changed twice, or in a part that was rolled back: none is hidden.
        match all.1 <= counted {
            true => Ok(all),
            false => Err(OwnError::Meanwhile),
        }
    }

    /// How many rows were counted that are not any more what they were.
    fn lost(&self) -> u64 {
        self.table.updated.saturating_add(self.table.deleted)
    }

    /// What is true of such a row: the transaction's own mark, or any.
    fn marks(&self) -> [String; 2] {
        let marked = "(t.xmax::pg_catalog.text OPERATOR(pg_catalog.<>) '0')";
        [made_by("t.xmax", &self.measured.xid), marked.to_owned()]
    }

    /// The rows that are not seen any more, if all of them lie where the statements look.
    async fn seek<T: Take>(
        &mut self,
        by: By<'_>,
        begin: &(impl Fn() -> T + Send),
    ) -> Result<Option<T::Taken>, OwnError> {
        let (counted, marks) = (self.lost(), self.marks());
        for sought in self.sought.clone() {
            for mark in &marks {
                let condition = format!("{mark} AND ({sought})");
                let found = self.find(by, &condition, Side::Witness, counted, begin()).await?;
                if let Some((taken, places)) = found {
                    self.found = Some(Found { sought, places });
                    return Ok(Some(taken));
                }
            }
        }
        Ok(None)
    }

    /// The rows that the transaction sees and nobody else does, and how many. Of a table that nobody
    /// else can read, those that are no older than it.
    pub(super) async fn after<T: Take>(
        &mut self,
        by: By<'_>,
        begin: impl Fn() -> T + Send,
    ) -> Result<(T::Taken, u64), OwnError> {
        let counted = self.table.inserted.saturating_add(self.table.updated);
        if counted == 0 {
            return Ok((begin().finish()?, 0));
        }
        let recent = since("t.xmin", &self.measured.xid);
        if self.measured.locked.contains(&self.table.oid) {
            let mut take = begin();
            self.own.begin_copy(&by.copy(self.table, &recent)).await?;
            let read = all(self.own, &mut take).await;
            self.own.drain().await?;
            let count = read?;
            return Ok((take.finish()?, count));
        }
        if self.found.is_none() && self.lost() > 0 {
            self.seek(By::Place(&[]), &|| Nothing).await?;
        }
        if let Some(Found { sought, places }) = self.found.clone() {
            // What was looked for may be what was changed; the key seldom is.
            for sought in [Some(sought), self.keys(&places).await?].into_iter().flatten() {
                let condition = format!("{recent} AND ({sought})");
                let found = self.find(by, &condition, Side::Own, counted, begin()).await?;
                if let Some((taken, _)) = found {
                    return Ok((taken, counted));
                }
            }
        }
        self.only_here(by, &recent, Side::Own, begin()).await
    }

    /// The rows that only one side sees, if as many as were `counted` lie where `condition` holds.
    async fn find<T: Take>(
        &mut self,
        by: By<'_>,
        condition: &str,
        here: Side,
        counted: u64,
        mut take: T,
    ) -> Result<Option<(T::Taken, Vec<Place>)>, OwnError> {
        if counted > FOUND_MAX {
            return Ok(None);
        }
        let [table, there] = self.names(here);
        let (one, other) = self.both(here);
        let rows = listed(one, &by.copy(&table, condition), counted).await;
        one.drain().await?;
        let rows = match rows {
            Ok(Some(rows)) => rows,
            Ok(None) => return Ok(None),
            // What compares nothing in the statement's own session compares nothing here.
            Err(OwnError::Server(..)) if here == Side::Witness => return Ok(None),
            Err(error) => return Err(error),
        };
        let places: Vec<Place> = rows.iter().map(|row| row.0).collect();
        let there = other.rows(&there.at(&places, &["t.ctid".to_owned()])).await?;
        let there: HashSet<Place> = there.iter().filter_map(|row| place(row.text(0))).collect();
        let here: Vec<_> = rows.into_iter().filter(|row| !there.contains(&row.0)).collect();
        if here.len() as u64 != counted {
            return Ok(None);
        }
        here.iter().try_for_each(|(_, row)| take.push(row))?;
        let places = here.iter().map(|row| row.0).collect();
        Ok(Some((take.finish()?, places)))
    }

    /// The keys of the rows that others see at these places, in SQL; none if there is no key, or none
    /// of a type that can be compared so.
    async fn keys(&mut self, places: &[Place]) -> Result<Option<String>, OwnError> {
        let key = values(&key(self.witness, self.table).await?);
        if key.is_empty() {
            return Ok(None);
        }
        let rows = self.witness.rows(&self.seen.at(places, &key)).await?;
        let rows = rows.iter().map(|row| {
            let values = (0..key.len()).map(|column| literal(row.text(column)));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        });
        let rows: Vec<_> = rows.collect();
        let condition = format!("({}) IN ({})", key.join(", "), rows.join(", "));
        // What goes wrong here must not go wrong in the transaction, which would be lost by it.
        let from = qualified(&self.seen);
        let tried = format!("SELECT FROM ONLY {from} AS t WHERE {condition} LIMIT 0");
        match self.witness.rows(&Own::Made(tried)).await {
            Ok(_) => Ok(Some(condition)),
            Err(OwnError::Server(..)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The rows that only one side sees.
    async fn only_here<T: Take>(
        &mut self,
        by: By<'_>,
        condition: &str,
        here: Side,
        mut take: T,
    ) -> Result<(T::Taken, u64), OwnError> {
        let [table, there] = self.names(here);
        let copies = [by.copy(&table, condition), by.marks(&there, condition)];
        let (one, other) = self.both(here);
        let read = differ(one, other, by, copies, &mut take).await;
        // What has begun is heard to its end, or the session would take it for something else.
        one.drain().await?;
        other.drain().await?;
        let count = read?;
        Ok((take.finish()?, count))
    }

    /// The table as this side calls it, and as the other one does.
    fn names(&self, here: Side) -> [Table; 2] {
        let (own, seen) = (self.table.clone(), self.seen.clone());
        match here {
            Side::Own => [own, seen],
            Side::Witness => [seen, own],
        }
    }

    /// This side, and the other one.
    fn both(&mut self, here: Side) -> (&mut Upstream, &mut Upstream) {
        match here {
            Side::Own => (self.own, self.witness),
            Side::Witness => (self.witness, self.own),
        }
    }
}

impl Table {
    /// Asks for these values of the rows that a side sees at these places.
    fn at(&self, places: &[Place], values: &[String]) -> Own {
        let places = places.iter().map(|(block, offset)| format!("\"({block},{offset})\""));
        let values = values.iter().map(|value| format!("{value}::pg_catalog.text"));
        Own::Made(format!(
            "SELECT {} FROM ONLY {} AS t \
             WHERE t.ctid OPERATOR(pg_catalog.=) ANY ('{{{}}}'::pg_catalog.tid[])",
            values.collect::<Vec<_>>().join(", "),
            qualified(self),
            places.collect::<Vec<_>>().join(",")
        ))
    }
}

impl By<'_> {
    /// Copies what is read of the rows.
    fn copy(self, table: &Table, condition: &str) -> Own {
        let from = format!("FROM ONLY {} AS t", qualified(table));
        Own::Made(match self {
            Self::Place(values) => format!(
                "COPY (SELECT t.ctid{} {from} WHERE {condition} ORDER BY t.ctid) TO STDOUT",
                values.iter().map(|value| format!(", {value}")).collect::<String>()
            ),
            Self::Digest(values) => format!(
                "COPY (SELECT t.ctid, pg_catalog.encode(d.d, 'hex') {from}, LATERAL \
                 (SELECT pg_catalog.sha256(pg_catalog.convert_to(\
                 ROW({})::pg_catalog.text, 'UTF8')) AS d) d \
                 WHERE {condition} ORDER BY d.d, t.ctid) TO STDOUT",
                values.join(", ")
            ),
        })
    }

    /// Copies what tells that a row is there: by that the two sides are compared.
    fn marks(self, table: &Table, condition: &str) -> Own {
        match self {
            Self::Place(_) => By::Place(&[]).copy(table, condition),
            Self::Digest(_) => self.copy(table, condition),
        }
    }

    /// Whether one row comes before another.
    fn precedes(self, one: &Placed, other: &Placed) -> bool {
        match self {
            Self::Place(_) => one.0 < other.0,
            Self::Digest(_) => (&one.1, one.0) < (&other.1, other.0),
        }
    }
}

/// Takes the rows that `one` session sees and the `other` does not.
async fn differ<T: Take>(
    one: &mut Upstream,
    other: &mut Upstream,
    by: By<'_>,
    [copy, marks]: [Own; 2],
    take: &mut T,
) -> Result<u64, OwnError> {
    one.begin_copy(&copy).await?;
    other.begin_copy(&marks).await?;
    let mut there = next(other).await?;
    let mut count = 0;
    while let Some(row) = next(one).await? {
        while there.as_ref().is_some_and(|other| by.precedes(other, &row)) {
            there = next(other).await?;
        }
        if there.as_ref().is_none_or(|other| by.precedes(&row, other)) {
            take.push(&row.1)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The rows that a session copies out; none if they are more than a few beyond `counted`, or too
/// long.
async fn listed(
    session: &mut Upstream,
    copy: &Own,
    counted: u64,
) -> Result<Option<Vec<Placed>>, OwnError> {
    session.begin_copy(copy).await?;
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = next(session).await? {
        bytes = bytes.saturating_add(row.1.len());
        rows.push(row);
        if rows.len() as u64 > counted.saturating_mul(2) || bytes > FOUND_BYTES_MAX {
            return Ok(None);
        }
    }
    Ok((rows.len() as u64 >= counted).then_some(rows))
}

/// Takes all rows that a session copies out.
async fn all<T: Take>(session: &mut Upstream, take: &mut T) -> Result<u64, OwnError> {
    let mut count = 0;
    while let Some(row) = next(session).await? {
        take.push(&row.1)?;
        count += 1;
    }
    Ok(count)
}

/// Where a row lies: its block, and its number there.
type Place = (u32, u16);

/// A row, and its place before it.
type Placed = (Place, Bytes);

/// The next row, and its place.
async fn next(session: &mut Upstream) -> Result<Option<Placed>, OwnError> {
    let Some(row) = session.copied().await? else { return Ok(None) };
    let placed = placed(&row);
    placed.map(Some).ok_or_else(|| OwnError::NotKept("a row has no place".to_owned()))
}

/// `(block,offset)`, a tab, and the row.
fn placed(row: &Bytes) -> Option<Placed> {
    let end = row.iter().position(|byte| matches!(byte, b'\t' | b'\n'))?;
    let place = place(std::str::from_utf8(row.get(..end)?).ok()?)?;
    let rest = if row.get(end) == Some(&b'\t') { end + 1 } else { end };
    Some((place, row.slice(rest..)))
}

/// `(block,offset)`.
fn place(text: &str) -> Option<Place> {
    let (block, offset) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    Some((block.parse().ok()?, offset.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::placed;

    #[test]
    fn a_row_has_its_place_before_it() {
        for (row, place, rest) in [
            ("(0,1)\ta\tb\n", (0, 1), "a\tb\n"),
            ("(4294967294,65535)\n", (4_294_967_294, 65_535), "\n"),
            ("(12,7)\t\\N\n", (12, 7), "\\N\n"),
        ] {
            assert_eq!(placed(&Bytes::from(row)), Some((place, Bytes::from(rest))));
        }
        for row in ["", "(0,1)", "0,1\ta\n", "(0)\ta\n", "(0,70000)\ta\n", "(-1,1)\ta\n"] {
            assert_eq!(placed(&Bytes::from(row)), None, "{row}");
        }
    }
}
