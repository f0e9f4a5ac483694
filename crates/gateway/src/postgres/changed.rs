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
    spool::{Kept, Spool, Spooled},
    upstream::{OwnError, Upstream},
};

/// Reads the changed rows of one table, from both sides.
pub(super) struct Changed<'a> {
    pub(super) own: &'a mut Upstream,
    pub(super) witness: &'a mut Upstream,
    pub(super) table: &'a Table,
    pub(super) measured: &'a Measured,
    pub(super) columns: &'a [String],
    pub(super) spooled: &'a Spooled,
    /// Bytes that may still be kept.
    pub(super) left: u64,
}

/// Rows of one side, and how many.
pub(super) type Side = (Kept, u64);

impl Changed<'_> {
    /// The rows that everybody else sees and the transaction does not any more. Those marked since
    /// it began are looked at first; a mark that several share tells no time, so that all marked
    /// ones are looked at if the number is not the one that was counted.
    pub(super) async fn before(&mut self) -> Result<Side, OwnError> {
        let counted = self.table.updated.saturating_add(self.table.deleted);
        let marked = "(t.xmax::pg_catalog.text OPERATOR(pg_catalog.<>) '0')";
        let recent = format!("{marked} AND {}", since("t.xmax", &self.measured.xid));
        let first = self.only_here(&recent, true).await?;
        if first.1 == counted {
            return Ok(first);
        }
        let all = self.only_here(marked, true).await?;
        // Fewer, where a row was changed twice, or in a part that was rolled back: none is hidden.
        match all.1 <= counted {
            true => Ok(all),
            false => Err(OwnError::NotKept(
                "somebody else changed rows of it meanwhile; run it again".to_owned(),
            )),
        }
    }

    /// The rows that the transaction sees and nobody else does.
    pub(super) async fn after(&mut self) -> Result<Side, OwnError> {
        let recent = since("t.xmin", &self.measured.xid);
        self.only_here(&recent, false).await
    }

    /// The rows that only the witness sees, or only the transaction.
    async fn only_here(&mut self, condition: &str, witness: bool) -> Result<Side, OwnError> {
        let mut spool = Spool::new(self.spooled, self.left);
        let (one, other) = match witness {
            true => (&mut *self.witness, &mut *self.own),
            false => (&mut *self.own, &mut *self.witness),
        };
        let read = differ(one, other, self.table, self.columns, condition, &mut spool).await;
        // What has begun is heard to its end, or the session would take it for something else.
        one.drain().await?;
        other.drain().await?;
        let count = read?;
        Ok((spool.finish()?, count))
    }
}

/// Takes the rows that `one` session sees and the `other` does not, by their places.
async fn differ(
    one: &mut Upstream,
    other: &mut Upstream,
    table: &Table,
    columns: &[String],
    condition: &str,
    spool: &mut Spool<'_>,
) -> Result<u64, OwnError> {
    let copy = |columns: &[String]| {
        let columns: String = columns.iter().map(|it| format!(", t.{}", quoted(it))).collect();
        let from = qualified(table);
        Own::Made(format!(
            "COPY (SELECT t.ctid{columns} FROM ONLY {from} AS t WHERE {condition} ORDER BY t.ctid) \
             TO STDOUT"
        ))
    };
    one.begin_copy(&copy(columns)).await?;
    other.begin_copy(&copy(&[])).await?;
    let mut there = next(other).await?;
    let mut count = 0;
    while let Some((place, row)) = next(one).await? {
        while there.as_ref().is_some_and(|(other, _)| *other < place) {
            there = next(other).await?;
        }
        if there.as_ref().is_none_or(|(other, _)| *other != place) {
            spool.push(&row)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The next row, and its place.
async fn next(session: &mut Upstream) -> Result<Option<((u32, u16), Bytes)>, OwnError> {
    let Some(row) = session.copied().await? else { return Ok(None) };
    let placed = placed(&row);
    placed.map(Some).ok_or_else(|| OwnError::NotKept("a row has no place".to_owned()))
}

/// `(block,offset)`, a tab, and the row.
fn placed(row: &Bytes) -> Option<((u32, u16), Bytes)> {
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
