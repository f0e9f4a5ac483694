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

/// Whether things that are there have become other things to somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Whose they are, and who may use them.
    pub(super) access: bool,
    /// Whether the rules of a table hold: its policies, its triggers.
    pub(super) rules: bool,
}

/// Catalogues of things that somebody owns and may use, or that keep others whole: what tells one
/// from another, what says who may use it, and whether it keeps something.
const KEPT: &[(&str, &str, &str, &str)] = &[
    (
        "pg_attribute",
        "pg_catalog.concat_ws('/', o.attrelid, o.attnum)",
        "CASE WHEN o.attisdropped THEN NULL ELSE pg_catalog.concat_ws('/', 'acl', o.attacl) END",
        NONE,
    ),
    (
        "pg_class",
        "o.oid",
        "pg_catalog.concat_ws('/', o.relowner, o.relacl)",
        "pg_catalog.concat_ws('/', o.relrowsecurity, o.relforcerowsecurity)",
    ),
    ("pg_foreign_server", "o.oid", "pg_catalog.concat_ws('/', o.srvowner, o.srvacl)", NONE),
    ("pg_largeobject_metadata", "o.oid", "pg_catalog.concat_ws('/', o.lomowner, o.lomacl)", NONE),
    ("pg_namespace", "o.oid", "pg_catalog.concat_ws('/', o.nspowner, o.nspacl)", NONE),
    (
        "pg_policy",
        "o.oid",
        "pg_catalog.concat_ws('/', o.polcmd, o.polpermissive, o.polroles, o.polqual, o.polwithcheck)",
        NONE,
    ),
    ("pg_proc", "o.oid", "pg_catalog.concat_ws('/', o.proowner, o.proacl)", NONE),
    ("pg_trigger", "o.oid", NONE, "o.tgenabled"),
    ("pg_type", "o.oid", "pg_catalog.concat_ws('/', o.typowner, o.typacl)", NONE),
];
const NONE: &str = "NULL::pg_catalog.text";

impl SessionPoint {
    /// What the open transaction of the number `xid` changes of rights on what is there.
    pub(super) async fn changes_rights(
        &self,
        system: &[Table],
        xid: &str,
    ) -> Result<Rights, MeterError> {
        let mut rights = Rights::default();
        for (catalogue, id, access, rules) in KEPT {
            let updated = |table: &&Table| table.name == *catalogue && table.updated > 0;
            if system.iter().find(updated).is_none() {
                continue;
            }
            let read = |condition: &str| {
                Own::Made(format!(
                    "SELECT ({id})::pg_catalog.text, ({access})::pg_catalog.text, \
                     ({rules})::pg_catalog.text FROM pg_catalog.{catalogue} o WHERE {condition}"
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
            rights.access |= written.iter().any(|row| differs(row, &seen, 1));
            rights.rules |= written.iter().any(|row| differs(row, &seen, 2));
        }
        Ok(rights)
    }
}

/// Whether others see something else in this column than is `written`; what they do not see is new.
fn differs(written: &Row, seen: &[Row], column: usize) -> bool {
    let same = |row: &&Row| row.text(0) == written.text(0);
    let (before, now) = (seen.iter().find(same), written.some(column));
    before.is_some_and(|before| now.is_some() && before.some(column) != now)
}
