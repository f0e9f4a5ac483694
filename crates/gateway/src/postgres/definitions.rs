//! What a transaction drops beside tables: as long as it is open, everybody else still sees that it
//! is there. Once the transaction is taken back, the server writes down how it is made; what it
//! cannot write down so has no way back.

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};

use super::{
    meaning::Gone,
    meter::MeterError,
    own::{Own, listed},
    point::SessionPoint,
    script::Table,
};

/// Bytes of definitions.
const DEFINITIONS_BYTES_MAX: usize = 1 << 20;

/// Catalogues whose rows are made again with their relation: what tells one row from another, and
/// whose it is.
const OF_TABLES: &[(&str, &str, &str)] = &[
    ("pg_attrdef", "o.oid", "o.adrelid"),
    (
        "pg_inherits",
        "pg_catalog.concat_ws('/', o.inhrelid, o.inhparent)",
        "COALESCE((SELECT x.indrelid FROM pg_catalog.pg_index x \
         WHERE x.indexrelid OPERATOR(pg_catalog.=) o.inhrelid), o.inhrelid)",
    ),
    (
        "pg_init_privs",
        "pg_catalog.concat_ws('/', o.classoid, o.objoid, o.objsubid)",
        "CASE WHEN o.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
         THEN o.objoid END",
    ),
    ("pg_partitioned_table", "o.partrelid", "o.partrelid"),
    ("pg_policy", "o.oid", "o.polrelid"),
    ("pg_publication_rel", "o.oid", "o.prrelid"),
    ("pg_rewrite", "o.oid", "o.ev_class"),
    ("pg_sequence", "o.seqrelid", "o.seqrelid"),
    ("pg_statistic_ext", "o.oid", "o.stxrelid"),
    (
        "pg_type",
        // Before PostgreSQL 14, what a table keeps elsewhere has a type, too.
        "(CASE WHEN (SELECT t.relkind FROM pg_catalog.pg_class t \
         WHERE t.oid OPERATOR(pg_catalog.=) o.typrelid) OPERATOR(pg_catalog.=) 't' \
         THEN NULL ELSE o.oid END)",
        "COALESCE((SELECT e.typrelid FROM pg_catalog.pg_type e \
         WHERE e.typarray OPERATOR(pg_catalog.=) o.oid), o.typrelid)",
    ),
];
/// Catalogues in which something is lost only together with what is lost elsewhere, or that are
/// looked at relation by relation. Sorted.
const ALWAYS: &[&str] = &[
    "pg_attribute",
    "pg_class",
    "pg_depend",
    "pg_description",
    "pg_shdepend",
    "pg_statistic",
    "pg_statistic_ext_data",
];

/// Kinds of objects: their catalogue, whose they are, and how the server writes them down.
const KINDS: &[(&str, &str, &str)] = &[
    (
        "pg_constraint",
        "o.conrelid",
        "CASE WHEN o.conrelid OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN NULL ELSE \
         pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', o.conrelid::pg_catalog.regclass, \
         o.conname, pg_catalog.pg_get_constraintdef(o.oid)) END",
    ),
    (
        "pg_index",
        "o.indrelid",
        "CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint k \
         WHERE k.conindid OPERATOR(pg_catalog.=) o.indexrelid) \
         OR EXISTS (SELECT FROM pg_catalog.pg_class t WHERE t.oid OPERATOR(pg_catalog.=) o.indrelid \
         AND t.relkind OPERATOR(pg_catalog.=) 't') THEN '' \
         ELSE pg_catalog.pg_get_indexdef(o.indexrelid) END",
    ),
    (
        "pg_proc",
        "NULL::pg_catalog.oid",
        "CASE WHEN o.prokind OPERATOR(pg_catalog.=) 'a' THEN NULL \
         ELSE pg_catalog.pg_get_functiondef(o.oid) END",
    ),
    (
        "pg_trigger",
        "o.tgrelid",
        "CASE WHEN o.tgisinternal THEN '' ELSE pg_catalog.pg_get_triggerdef(o.oid) END",
    ),
];

/// What is dropped beside tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    /// Objects that can be written down: the catalogue and their numbers in it.
    objects: Vec<(&'static str, Vec<u32>)>,
    /// Something else is dropped, of which nobody could write down how it is made.
    missing: bool,
}

impl Definitions {
    /// Whether nothing is dropped that has to be written down.
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether all of it could be made again.
    pub(super) fn is_savable(&self) -> bool {
        !self.missing
    }
}

impl SessionPoint {
    /// What the open transaction has dropped of `system`'s catalogues, beside the relations
    /// `dropped`, and those that were nobody else's.
    pub(super) async fn definitions(
        &self,
        system: &[Table],
        dropped: &[Gone],
        spent: &[u32],
    ) -> Result<Definitions, MeterError> {
        let mut found = Definitions::default();
        let whole: Vec<u32> = dropped
            .iter()
            .filter(|gone| gone.dropped && !matches!(gone.kind.as_str(), "i" | "I"))
            .map(|gone| gone.table.oid)
            .chain(spent.iter().copied())
            .collect();
        for table in system.iter().filter(|table| table.deleted > 0) {
            let name = table.name.as_str();
            if let Some((kind, whose, _)) = KINDS.iter().find(|(kind, ..)| *kind == name) {
                let id = format!("o.{}", id_in(kind));
                let objects = self.gone_from(kind, &id, whose, &whole).await?;
                let objects: Vec<u32> = objects.iter().filter_map(|it| it.parse().ok()).collect();
                found.objects.extend((!objects.is_empty()).then_some((*kind, objects)));
            } else if let Some((kind, id, whose)) = OF_TABLES.iter().find(|(it, ..)| *it == name) {
                found.missing |= !self.gone_from(kind, id, whose, &whole).await?.is_empty();
            } else {
                found.missing |= ALWAYS.binary_search(&name).is_err();
            }
        }
        Ok(found)
    }

    /// What others still see in a catalogue and the transaction does not, but for what belongs to
    /// relations that are `dropped`; told apart by `id`, which is a number or numbers in a text.
    async fn gone_from(
        &self,
        catalogue: &str,
        id: &str,
        whose: &str,
        dropped: &[u32],
    ) -> Result<Vec<String>, MeterError> {
        let all = format!(
            "SELECT pg_catalog.string_agg({id}::pg_catalog.text, ',') \
             FROM pg_catalog.{catalogue} o WHERE {}",
            made_by_hand(id)
        );
        let still = self.own(&Own::Made(all)).await?;
        let still = still.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
        let text = format!(
            "SELECT {id}::pg_catalog.text FROM pg_catalog.{catalogue} o WHERE {} \
             AND NOT ({id}::pg_catalog.text OPERATOR(pg_catalog.=) ANY \
             ('{{{still}}}'::pg_catalog.text[])) \
             AND ({whose} OPERATOR(pg_catalog.=) ANY ({})) IS NOT TRUE",
            made_by_hand(id),
            listed(dropped)
        );
        let mut witness = self.served.witness().await?;
        let rows = witness.rows(&Own::Made(text)).await?;
        self.served.keep(witness);
        Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
    }

    /// Statements that make all of it again, while it is there.
    pub(super) async fn written_down(
        &self,
        definitions: &Definitions,
    ) -> Result<Option<String>, MeterError> {
        let mut statements = Vec::new();
        let mut witness = self.served.witness().await?;
        for (catalogue, objects) in &definitions.objects {
            let Some((_, _, how)) = KINDS.iter().find(|(kind, ..)| kind == catalogue) else {
                continue;
            };
            let id = id_in(catalogue);
            let text = format!(
                "SELECT {how} FROM pg_catalog.{catalogue} o \
                 WHERE o.{id} OPERATOR(pg_catalog.=) ANY ({}) ORDER BY o.{id}",
                listed(objects)
            );
            for row in witness.rows(&Own::Made(text)).await? {
                match row.some(0) {
                    Some("") => {}
                    Some(text) => statements.push(text.to_owned()),
                    None => {
                        return Err(no_way_back("something is dropped that cannot be made again"));
                    }
                }
            }
        }
        self.served.keep(witness);
        let text = statements.join(";\n");
        match text.len() <= DEFINITIONS_BYTES_MAX {
            true => Ok((!text.is_empty()).then_some(text)),
            false => Err(no_way_back("what is dropped is too much to be written down")),
        }
    }
}

fn no_way_back(text: &str) -> MeterError {
    Refusal::new(RefusalKind::Deny, Code::NoWayBack, text).into()
}

/// What the server came with is never lost; texts are of few rows.
fn made_by_hand(id: &str) -> String {
    match id.starts_with("o.") {
        true => format!("{id} OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid"),
        false => "true".to_owned(),
    }
}

fn id_in(catalogue: &str) -> &'static str {
    if catalogue == "pg_index" { "indexrelid" } else { "oid" }
}

#[cfg(test)]
mod tests {
    use super::ALWAYS;

    #[test]
    fn lists_are_sorted() {
        assert!(ALWAYS.is_sorted());
    }
}
