//! What a transaction takes away as a whole (dropped, or emptied) cannot be read any more while it
//! is open. So it is taken back, read under a lock that keeps it as it is, and run again: what it
//! changes has to be the same.

use std::pin::Pin;

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};
use holdpoint_enforce::enforce;
use holdpoint_wire::sql::statements::Kind;

use super::{
    columns::{self, WithColumns},
    meaning::Gone,
    meter::MeterError,
    own::Own,
    point::SessionPoint,
    preimage::{self, Rows, qualified},
    release,
    restore::{self, RestorePoint},
    script::{Bound, Measured, Script, Step, Table},
    sequences::{self, Sequence},
    upstream::OwnError,
};

/// A script that is run again.
pub(super) type Again<'a> = Pin<Box<dyn Future<Output = Result<Measured, MeterError>> + Send + 'a>>;

/// What was taken away as a whole, as it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Saved {
    /// Statements that make what was dropped again.
    pub(super) structure: Option<String>,
    /// Statements that make again what else was dropped.
    pub(super) definitions: Option<String>,
    /// What was lost with columns of tables that stay.
    pub(super) with_columns: Vec<WithColumns>,
    /// The rows.
    pub(super) tables: Vec<Rows>,
    /// The rows of tables that stay, with the types of their columns.
    pub(super) emptied: Vec<(u32, Vec<String>, Rows)>,
    /// What stands for all of it, where it is too large.
    pub(super) restore_point: Option<RestorePoint>,
    /// All rows of tables of which only some are lost, and that nobody else can read by then.
    pub(super) locked: Vec<(u32, Rows)>,
}

impl Saved {
    /// Tables that were emptied and had no rows.
    fn empty(&self) -> Vec<u32> {
        let empty = self.emptied.iter().filter(|(.., rows)| rows.count == 0);
        empty.map(|(oid, ..)| *oid).collect()
    }
}

impl SessionPoint {
    /// Saves what `first` would take away as a whole, and runs the script again.
    pub(super) async fn save_and_run_again(
        &self,
        script: &[Bound],
        first: Measured,
    ) -> Result<Measured, MeterError> {
        let locked: Vec<Table> = first
            .lost
            .iter()
            .filter(|it| first.locked.contains(&it.oid))
            .map(Table::as_seen)
            .collect();
        let partial = script.iter().any(|bound| bound.values.partial);
        let savable = first.gone.iter().chain(&first.columns).all(is_savable);
        let nothing = first.gone.is_empty()
            && locked.is_empty()
            && first.columns.is_empty()
            && first.definitions.is_empty();
        if nothing || !savable || !first.definitions.is_savable() || partial {
            return Ok(first);
        }
        self.begin_again(&first.isolation).await?;
        let saved = match self.save(&first, &locked).await {
            Ok(saved) => Some(saved),
            Err(MeterError::TooLarge(_)) => match restore::prove(self).await {
                Ok(proven) => {
                    self.spooled.clear();
                    Some(Saved { restore_point: Some(proven), ..Saved::default() })
                }
                Err(refusal) => {
                    tracing::warn!(text = refusal.text(), "what is taken away is too large");
                    None
                }
            },
            Err(MeterError::Refused(refusal)) => {
                tracing::warn!(text = refusal.text(), "what is taken away cannot be saved");
                None
            }
            Err(error) => return Err(error),
        };
        if saved.is_none() {
            self.spooled.clear();
            // The transaction may have failed by it.
            self.begin_again(&first.isolation).await?;
        }
        let empty = saved.as_ref().map(Saved::empty).unwrap_or_default();
        let again = self.run_again(script, &empty).await?;
        if again.changes != first.changes {
            let text = "it changes something else each time that it is run; nothing is changed";
            return Err(Refusal::new(RefusalKind::Deny, Code::ApprovalVoid, text).into());
        }
        Ok(Measured { saved, ..again })
    }

    /// Runs what was run before in the transaction that was opened for it, and counts; no row was in
    /// `empty` relations.
    pub(super) async fn run_again(
        &self,
        script: &[Bound],
        empty: &[u32],
    ) -> Result<Measured, MeterError> {
        // What is prepared outlives the transaction that it was prepared in.
        let prepares =
            |bound: &&Bound| matches!(bound.reading.kind, Kind::Prepare(_) | Kind::Deallocate(_));
        let runs = script.iter().filter(|it| !it.says_how_to_begin() && !prepares(it));
        for bound in runs {
            let frames = release::frames(bound);
            let script =
                Script::new(&self.served.name, vec![bound.clone()], Step::Rehearse, frames);
            enforce(self, &self.claim, script).await?;
            release::answer(&mut *self.upstream.lock().await, bound).await?;
        }
        self.measure(script, empty).await
    }

    /// Takes the open transaction back, and opens another that sees of others what it saw.
    pub(super) async fn begin_again(&self, isolation: &str) -> Result<(), MeterError> {
        let opening = self.upstream.lock().await.opening(isolation);
        for own in [Own::Rollback].into_iter().chain(opening) {
            self.own(&own).await?;
        }
        Ok(())
    }

    /// The statements that make all of it again.
    async fn statements_for_all(&self, first: &Measured) -> Result<Saved, MeterError> {
        let [before, behind] = first.definitions.around_tables();
        let before = self.written_down(&before).await?;
        let behind = self.written_down(&behind).await?;
        let with_columns = self.with_columns(first).await?;
        // An index without its table is made again by its definition, as is a type.
        let with = |gone: &Gone| first.definitions.columns.holds(gone);
        let described =
            |gone: &&Gone| gone.dropped && !with(gone) && !matches!(&*gone.kind, "i" | "I" | "c");
        let dropped: Vec<&Gone> = first.gone.iter().filter(described).collect();
        let dumped = match dropped.is_empty() {
            true => None,
            false => Some(self.structure(&dropped).await?),
        };
        let mut witness = self.served.witness().await?;
        let alone = |it: &&Sequence| !first.definitions.columns.holds_relation(it.table.oid);
        let alone: Vec<&Sequence> = first.sequences.iter().filter(alone).collect();
        let numbers = sequences::going_on(&mut witness, &alone).await?;
        self.served.keep(witness);
        // What a view has computed is computed again.
        let computed = dropped.iter().filter(|gone| gone.kind == "m");
        let computed =
            computed.map(|gone| format!("REFRESH MATERIALIZED VIEW {}", qualified(&gone.table)));
        let structure = joined(before.into_iter().chain(dumped));
        let definitions = joined(numbers.into_iter().chain(behind).chain(computed));
        Ok(Saved { structure, definitions, with_columns, ..Saved::default() })
    }

    /// Reads whole tables, which nobody can change until the transaction is over.
    async fn save(&self, first: &Measured, locked: &[Table]) -> Result<Saved, MeterError> {
        let gone = &first.gone;
        // The rows of a table that loses columns are kept once, with all of them.
        let narrowed = |gone: &Gone| first.columns.iter().any(|it| it.table.oid == gone.table.oid);
        let tables: Vec<&Gone> = gone
            .iter()
            .filter(|gone| matches!(gone.kind.as_str(), "r" | "p") && !narrowed(gone))
            .collect();
        let whole = tables.iter().copied().chain(&first.columns).map(|gone| &gone.table);
        for table in whole.chain(locked) {
            let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", qualified(table));
            self.own(&Own::Made(lock)).await?;
        }
        let mut left = self.served.http.config().sql.preimage_bytes;
        let mut saved = self.statements_for_all(first).await?;
        // The session's own values are written as it likes; under these locks, whoever looks on sees
        // the same rows.
        let mut witness = self.served.witness().await?;
        // The rows of a partitioned table are those of its parts.
        for gone in tables.iter().filter(|gone| gone.kind == "r") {
            let unkept = |error: OwnError| MeterError::unkept(&gone.table, &error);
            let types = preimage::types(&mut witness, &gone.table).await.map_err(unkept)?;
            let rows = preimage::whole(&mut witness, &gone.table, None, &self.spooled, left).await;
            let rows = rows.map_err(unkept)?;
            left = left.saturating_sub(rows.before.bytes());
            match gone.dropped {
                true => saved.tables.push(rows),
                // What it leaves in their place is known at its end.
                false => saved.emptied.push((gone.table.oid, types, rows)),
            }
        }
        for table in locked {
            let unkept = |error: OwnError| MeterError::unkept(table, &error);
            // By the end, there is nothing else to be compared.
            let lost = columns::lost_columns(&mut witness, first, table).await.map_err(unkept)?;
            let mut stay = preimage::columns(&mut witness, table).await.map_err(unkept)?;
            stay.retain(|name| !lost.has(name));
            let (stay, spooled) = (Some(&stay[..]), &self.spooled);
            let rows = preimage::whole(&mut witness, table, stay, spooled, left).await;
            let mut rows = rows.map_err(unkept)?;
            if rows.key.iter().any(|name| lost.has(name)) {
                rows.key.clear();
            }
            left = left.saturating_sub(rows.before.bytes());
            saved.locked.push((table.oid, rows));
        }
        for Gone { table, .. } in &first.columns {
            let unkept = |error: OwnError| MeterError::unkept(table, &error);
            let types = preimage::types(&mut witness, table).await.map_err(unkept)?;
            let rows = preimage::whole(&mut witness, table, None, &self.spooled, left).await;
            let rows = rows.map_err(unkept)?;
            left = left.saturating_sub(rows.before.bytes());
            let lost = columns::lost_columns(&mut witness, first, table).await.map_err(unkept)?;
            saved.tables.push(Rows { types, lost: Some(lost), ..rows });
        }
        self.served.keep(witness);
        Ok(saved)
    }
}

/// Whether a relation can be made again: tables and what belongs to them.
fn is_savable(gone: &Gone) -> bool {
    match gone.dropped {
        true => matches!(gone.kind.as_str(), "r" | "p" | "i" | "I" | "S" | "v" | "m" | "c" | "t"),
        false => gone.kind == "r",
    }
}

/// Statements one behind the other; none if there are none.
fn joined(parts: impl Iterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(";\n"))
}
