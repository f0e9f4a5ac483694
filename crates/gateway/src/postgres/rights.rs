//! Who may do what with what is there already: no text that makes or changes something else
//! explains that this becomes another thing. Rows of the catalogue that the open transaction has
//! written are compared with what everybody else still sees.

use super::{
    meter::MeterError,
    own::{Own, literal, since},
    point::SessionPoint,
    script::Table,
    upstream::Row,
};

/// Catalogues of things that somebody owns and may use, or that keep others whole: what tells one
/// from another, and what must not change on the side.
const KEPT: &[(&str, &str, &str)] = &[
    (
        "pg_attribute",
        "pg_catalog.concat_ws('/', o.attrelid, o.attnum)",
        "CASE WHEN o.attisdropped THEN NULL ELSE pg_catalog.concat_ws('/', 'acl', o.attacl) END",
    ),
    (
        "pg_class",
        "o.oid",
        "pg_catalog.concat_ws('/', o.relowner, o.relrowsecurity, o.relforcerowsecurity, o.relacl)",
    ),
    ("pg_foreign_server", "o.oid", "pg_catalog.concat_ws('/', o.srvowner, o.srvacl)"),
    ("pg_largeobject_metadata", "o.oid", "pg_catalog.concat_ws('/', o.lomowner, o.lomacl)"),
    ("pg_namespace", "o.oid", "pg_catalog.concat_ws('/', o.nspowner, o.nspacl)"),
    ("pg_proc", "o.oid", "pg_catalog.concat_ws('/', o.proowner, o.proacl)"),
    ("pg_trigger", "o.oid", "o.tgenabled"),
    ("pg_type", "o.oid", "pg_catalog.concat_ws('/', o.typowner, o.typacl)"),
];

impl SessionPoint {
    /// Whether the open transaction of the number `xid` changes rights on something that is there.
    pub(super) async fn changes_rights(
        &self,
        system: &[Table],
        xid: &str,
    ) -> Result<bool, MeterError> {
        for (catalogue, id, state) in KEPT {
            let updated = |table: &&Table| table.name == *catalogue && table.updated > 0;
            if system.iter().find(updated).is_none() {
                continue;
            }
            let read = |condition: &str| {
                Own::Made(format!(
                    "SELECT ({id})::pg_catalog.text, ({state})::pg_catalog.text \
                     FROM pg_catalog.{catalogue} o WHERE {condition}"
                ))
            };
            let written = self.own(&read(&since("o.xmin", xid))).await?;
            let ids: Vec<&str> = written.iter().map(|row| row.text(0)).collect();
            let ids = literal(&format!("{{{}}}", ids.join(",")));
            let mut witness = self.served.witness().await?;
            let there = format!(
                "({id})::pg_catalog.text OPERATOR(pg_catalog.=) ANY ({ids}::pg_catalog.text[])"
            );
            let seen = witness.rows(&read(&there)).await?;
            self.served.keep(witness);
            if written.iter().any(|row| differs(row, &seen)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether others see something else of it than is `written`; what they do not see is new.
fn differs(written: &Row, seen: &[Row]) -> bool {
    let same = |row: &&Row| row.text(0) == written.text(0);
    let before = seen.iter().find(same);
    before.is_some_and(|before| written.some(1).is_some() && before.some(1) != written.some(1))
}
