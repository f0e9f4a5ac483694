//! Both sides of an open transaction: itself, and one who looks on and sees what everybody sees.

use tokio::sync::MutexGuard;

use super::{
    changed::Changed,
    meter::MeterError,
    own::{Own, as_before},
    point::{Served, SessionPoint},
    script::{Measured, Table},
    sought::{Seeker, Shapes, looked},
    upstream::{OwnError, Row, Upstream},
};

/// Both sides of an open transaction. Both write values alike.
pub(super) struct Sides<'a> {
    pub(super) own: MutexGuard<'a, Upstream>,
    pub(super) witness: Upstream,
    served: &'a Served,
    measured: &'a Measured,
    /// The transaction's settings as they were.
    were: Vec<Row>,
    seeker: Seeker,
}

impl SessionPoint {
    /// Both sides of the open transaction, to look at what it changed.
    pub(super) async fn sides<'a>(
        &'a self,
        measured: &'a Measured,
    ) -> Result<Sides<'a>, MeterError> {
        let mut witness = self.served.witness().await?;
        let tables = measured.tables();
        let looked = looked(&measured.ran);
        let shapes = match looked.is_empty() {
            true => Shapes::default(),
            false => Shapes::of(&mut witness, &tables).await?,
        };
        let mut own = self.upstream.lock().await;
        let were = own.rows(&Own::Exactly).await?;
        let seeker = Seeker { looked, tables, shapes };
        let served = &*self.served;
        Ok(Sides { own, witness, served, measured, were, seeker })
    }
}

impl Sides<'_> {
    /// What the transaction changed in one table.
    pub(super) fn of<'s>(&'s mut self, table: &'s Table) -> Changed<'s> {
        let sought = self.seeker.conditions(table);
        Changed {
            own: &mut self.own,
            witness: &mut self.witness,
            table,
            seen: table.as_seen(),
            measured: self.measured,
            sought,
            found: None,
        }
    }

    /// Leaves both as they were. Where something has gone wrong, the transaction is taken back, and
    /// its settings with it.
    pub(super) async fn leave(mut self) -> Result<(), OwnError> {
        if let Some(were) = self.were.first() {
            self.own.rows(&as_before(were)).await?;
        }
        self.served.keep(self.witness);
        Ok(())
    }
}
