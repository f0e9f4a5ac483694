//! Who may do what with what is there already: no text that makes or changes something else
//! explains that this becomes another thing. Rows of the catalogue that the open transaction has
//! written are compared with what everybody else still sees.

use super::{
    meter::MeterError,
    own::{Own, literal, since},
    point::SessionPoint,
    script::Table,
};

/// Whether things that are there have become other things to somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Somebody else may do something with them, or a rule of a table holds no more.
    pub(super) access: bool,
    /// A rule of a table holds from now on: its policies, its triggers.
    pub(super) rules: bool,
}

/// Catalogues of things that somebody owns and may use, or that keep others whole: what tells one
/// from another, what says who may use it, and which rules of it hold, each of them `t` or `f`.
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
        "pg_catalog.concat(o.relrowsecurity, o.relforcerowsecurity)",
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
    (
        "pg_trigger",
        "o.oid",
        NONE,
        "pg_catalog.concat(o.tgenabled OPERATOR(pg_catalog.<>) 'D', \
         o.tgenabled OPERATOR(pg_catalog.=) 'O' OR o.tgenabled OPERATOR(pg_catalog.=) 'A', \
         o.tgenabled OPERATOR(pg_catalog.=) 'A')",
    ),
    ("pg_type", "o.oid", "pg_catalog.concat_ws('/', o.typowner, o.typacl)", NONE),
];
const NONE: &str = "NULL::pg_catalog.text";

impl SessionPoint {
    /// What the open transaction of the number `xid` changes of rights on what is there: what others
    /// do not see is new.
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
            for row in &written {
                let Some(before) = seen.iter().find(|it| it.text(0) == row.text(0)) else {
                    continue;
                };
                let rules = || before.text(2).bytes().zip(row.text(2).bytes());
                let ends = rules().any(|(before, now)| before > now);
                rights.access |= ends || row.some(1).is_some() && before.some(1) != row.some(1);
                rights.rules |= rules().any(|(before, now)| before < now);
            }
        }
        Ok(rights)
    }
}
