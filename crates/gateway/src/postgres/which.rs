//! Which rows an open transaction takes away or changes, and what it writes: a human releases these,
//! and not as many others. They are told by digests, so that none of them is kept for it.

use holdpoint_core::{Digest, Judged, Refusal};
use sha2::{Digest as _, Sha256};

use super::{
    changed::{By, Take, values},
    meter::MeterError,
    point::SessionPoint,
    preimage::telling,
    script::{Measured, Script, Table},
    upstream::OwnError,
    written::{self, Compared},
};
use crate::point::unavailable;

/// Rows that are hashed as they come.
#[derive(Default)]
struct Hashed(Sha256);

impl Take for Hashed {
    type Taken = Digest;

    fn push(&mut self, row: &[u8]) -> Result<(), OwnError> {
        self.0.update(row);
        Ok(())
    }

    fn finish(self) -> Result<Digest, OwnError> {
        Ok(Digest(self.0.finalize().into()))
    }
}

impl SessionPoint {
    /// The state that a release of this is for, and no other: the one that was judged, and which
    /// rows it is about, as they were `measured` in the open transaction.
    pub(super) async fn state_of(
        &self,
        judged: &Judged<Script>,
        measured: Option<&Measured>,
    ) -> Result<Digest, Refusal> {
        let mut fields = vec![judged.state_digest().0.to_vec()];
        if let Some(measured) = measured {
            let which = self.which(measured).await.map_err(|error| match error {
                MeterError::Refused(refusal) | MeterError::TooLarge(refusal) => refusal,
                MeterError::Server(_) => unavailable("which rows they are"),
            })?;
            fields.extend(which.iter().map(|digest| digest.0.to_vec()));
        }
        Ok(Digest::of_fields(fields.iter().map(Vec::as_slice)))
    }

    /// The digests of the rows that the open transaction takes away or changes, and of those that it
    /// writes, table by table in the order of their names. Rows that a policy of the database's own
    /// hides are only counted, and so are old ones that nobody else can read until it ends.
    async fn which(&self, measured: &Measured) -> Result<Vec<Digest>, MeterError> {
        let told = |table: &&Table| !table.hidden && !measured.locked.contains(&table.oid);
        let tables: Vec<&Table> = measured.lost.iter().filter(told).collect();
        if tables.is_empty() && measured.written.is_empty() {
            return Ok(Vec::new());
        }
        let mut sides = self.sides(measured).await?;
        let mut found = Vec::new();
        for table in tables {
            let told = values(&telling(&mut sides.own, table).await?);
            found.push(sides.of(table).before(By::Digest(&told), Hashed::default).await?.0);
        }
        for table in &measured.written {
            let columns = written::columns(&mut sides.own, table).await?;
            let compared = Compared::of(&measured.compared, table);
            let told = match compared {
                Some(compared) => compared.given(&columns),
                None => columns.iter().map(|column| column.value.clone()).collect(),
            };
            let mut changed = sides.of(table);
            found.push(changed.after(By::Digest(&told), Hashed::default).await?.0);
            let left = compared.map(|it| it.left(&columns)).unwrap_or_default();
            let leaves = changed.leaves(&left).await?;
            found.push(Digest::of(if leaves { b"left" } else { b"changed" }));
        }
        sides.leave().await?;
        Ok(found)
    }
}
