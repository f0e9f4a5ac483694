//! Where sequences stand, which no description of them says: one that is made again, or that begins
//! anew, would give numbers that are taken.

use super::{
    own::{Own, listed, literal},
    preimage::qualified,
    script::Table,
    upstream::{OwnError, Upstream},
};

/// A sequence that is dropped, or that begins anew.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    /// As others call it.
    pub(super) table: Table,
    pub(super) dropped: bool,
}

/// Whose column a sequence is.
const OWNED: &str = "\
SELECT pg_catalog.format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::pg_catalog.regclass, \
 d.refobjid::pg_catalog.regclass, a.attname) \
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a \
 ON a.attrelid OPERATOR(pg_catalog.=) d.refobjid AND a.attnum OPERATOR(pg_catalog.=) d.refobjsubid \
WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
AND d.deptype OPERATOR(pg_catalog.=) 'a' AND d.objid OPERATOR(pg_catalog.=) ANY ({})";

/// Statements that let sequences go on where they stood, and be whose they were, once they are
/// there again. One that went on since stays where it is.
pub(super) async fn going_on(
    witness: &mut Upstream,
    sequences: &[&Sequence],
) -> Result<Vec<String>, OwnError> {
    let mut statements = Vec::new();
    for Sequence { table, dropped } in sequences {
        let name = qualified(table);
        let stands = format!("SELECT last_value::text, is_called::text FROM {name}");
        let stands = witness.rows(&Own::Made(stands)).await?;
        let stands = stands.first().ok_or_else(|| OwnError::NotKept("it is gone".to_owned()))?;
        let last: i64 =
            stands.text(0).parse().map_err(|_| OwnError::NotKept("no number".into()))?;
        let called = stands.text(1) == "true";
        let unless = if *dropped { String::new() } else { format!(" WHERE last_value <= {last}") };
        let set = format!("pg_catalog.setval({}, {last}, {called})", literal(&name));
        statements.push(format!("SELECT {set} FROM {name}{unless}"));
    }
    let dropped = sequences.iter().filter(|it| it.dropped).map(|it| it.table.oid);
    let owned = OWNED.replace("{}", &listed(&dropped.collect::<Vec<_>>()));
    let owned = witness.rows(&Own::Made(owned)).await?;
    statements.extend(owned.iter().map(|row| row.text(0).to_owned()));
    Ok(statements)
}
