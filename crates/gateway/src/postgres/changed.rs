//! The rows that an open transaction has changed, as they were and as it left them, one by one:
//! however many they are, none but the one at hand is held.
//!
//! A row that an open transaction has changed bears its mark (`xmax`) for every other session, and
//! is invisible to the transaction itself. So two sessions look at the same places in the same
//! order, and what only one of them sees is the difference.

use bytes::Bytes;

use super::{
    own::{Own, quoted, since},
    preimage::qualified,
    script::{Measured, Table},
    upstream::{OwnError, Upstream},
};

/// Reads the changed rows of one table, from both sides.
pub(super) struct Changed<'a> {
    pub(super) own: &'a mut Upstream,
    pub(super) witness: &'a mut Upstream,
    pub(super) table: &'a Table,
    pub(super) measured: &'a Measured,
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

impl Changed<'_> {
    /// The rows that everybody else sees and the transaction does not any more, and how many. Those
    /// marked since it began are looked at first; a mark that several share tells no time, so that
    /// all marked ones are looked at if the number is not the one that was counted.
    pub(super) async fn before<T: Take>(
        &mut self,
        by: By<'_>,
        begin: impl Fn() -> T + Send,
    ) -> Result<(T::Taken, u64), OwnError> {
        let counted = self.table.updated.saturating_add(self.table.deleted);
        let marked = "(t.xmax::pg_catalog.text OPERATOR(pg_catalog.<>) '0')";
        let recent = format!("{marked} AND {}", since("t.xmax", &self.measured.xid));
        let first = self.only_here(by, &recent, true, begin()).await?;
        if first.1 == counted {
            return Ok(first);
        }
        let all = self.only_here(by, marked, true, begin()).await?;
        // Fewer, where a row was changed twice, or in a part that was rolled back: none is hidden.
        match all.1 <= counted {
            true => Ok(all),
            false => Err(OwnError::NotKept(
                "somebody else changed rows of it meanwhile; run it again".to_owned(),
            )),
        }
    }

    /// The rows that the transaction sees and nobody else does, and how many. Of a table that nobody
    /// else can read, those that are no older than it.
    pub(super) async fn after<T: Take>(
        &mut self,
        by: By<'_>,
        mut take: T,
    ) -> Result<(T::Taken, u64), OwnError> {
        let recent = since("t.xmin", &self.measured.xid);
        if !self.measured.locked.contains(&self.table.oid) {
            return self.only_here(by, &recent, false, take).await;
        }
        self.own.begin_copy(&by.copy(self.table, &recent)).await?;
        let read = all(self.own, &mut take).await;
        self.own.drain().await?;
        let count = read?;
        Ok((take.finish()?, count))
    }

    /// The rows that only the witness sees, or only the transaction.
    async fn only_here<T: Take>(
        &mut self,
        by: By<'_>,
        condition: &str,
        witness: bool,
        mut take: T,
    ) -> Result<(T::Taken, u64), OwnError> {
        let (one, other) = match witness {
            true => (&mut *self.witness, &mut *self.own),
            false => (&mut *self.own, &mut *self.witness),
        };
        let copies = [by.copy(self.table, condition), by.marks(self.table, condition)];
        let read = differ(one, other, by, copies, &mut take).await;
        // What has begun is heard to its end, or the session would take it for something else.
        one.drain().await?;
        other.drain().await?;
        let count = read?;
        Ok((take.finish()?, count))
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

/// Takes all rows that a session copies out.
async fn all<T: Take>(session: &mut Upstream, take: &mut T) -> Result<u64, OwnError> {
    let mut count = 0;
    while let Some(row) = next(session).await? {
        take.push(&row.1)?;
        count += 1;
    }
    Ok(count)
}

/// A row, and its place before it.
type Placed = ((u32, u16), Bytes);

/// The next row, and its place.
async fn next(session: &mut Upstream) -> Result<Option<Placed>, OwnError> {
    let Some(row) = session.copied().await? else { return Ok(None) };
    let placed = placed(&row);
    placed.map(Some).ok_or_else(|| OwnError::NotKept("a row has no place".to_owned()))
}

/// `(block,offset)`, a tab, and the row.
fn placed(row: &Bytes) -> Option<Placed> {
    let end = row.iter().position(|byte| matches!(byte, b'\t' | b'\n'))?;
    let text = std::str::from_utf8(row.get(..end)?).ok()?;
    let (block, offset) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    let rest = if row.get(end) == Some(&b'\t') { end + 1 } else { end };
    Some(((block.parse().ok()?, offset.parse().ok()?), row.slice(rest..)))
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
