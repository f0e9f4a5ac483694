//! What a transaction drops beside tables: as long as it is open, everybody else still sees that it
//! is there. Once the transaction is taken back, the server writes down how it is made; what it
//! cannot write down so has no way back.

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};

use super::{
    columns::{Narrowed, Standing},
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
    (
        "pg_inherits",
        "pg_catalog.concat_ws('/', o.inhrelid, o.inhparent)",
        "COALESCE((SELECT x.indrelid FROM pg_catalog.pg_index x \
         WHERE x.indexrelid OPERATOR(pg_catalog.=) o.inhrelid), o.inhrelid)",
    ),
    ("pg_partitioned_table", "o.partrelid", "o.partrelid"),
    ("pg_publication_rel", "o.oid", "o.prrelid"),
    ("pg_sequence", "o.seqrelid", "o.seqrelid"),
];
/// Catalogues in which something is lost only together with what is lost elsewhere, or that are
/// looked at relation by relation. Sorted.
const ALWAYS: &[&str] = &[
    "pg_attribute",
    "pg_class",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_init_privs",
    "pg_shdepend",
    "pg_statistic",
    "pg_statistic_ext_data",
];

/// Kinds of objects: their catalogue, whose they are, and how the server writes them down. A text of
/// nothing is of what comes with something else.
const KINDS: &[(&str, &str, &str)] = &[
    ("pg_namespace", NOBODYS, SCHEMAS),
    ("pg_type", TYPE_OF, TYPES),
    (
        "pg_proc",
        NOBODYS,
        "CASE WHEN o.prokind OPERATOR(pg_catalog.=) 'a' THEN NULL \
         ELSE pg_catalog.pg_get_functiondef(o.oid) END",
    ),
    (
        "pg_attrdef",
        "o.adrelid",
        // What computes a column is no default, and cannot be set again while the column stays.
        "(SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', \
         o.adrelid::pg_catalog.regclass, a.attname, pg_catalog.pg_get_expr(o.adbin, o.adrelid)) \
         FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) o.adrelid \
         AND a.attnum OPERATOR(pg_catalog.=) o.adnum AND a.attgenerated OPERATOR(pg_catalog.=) '')",
    ),
    (
        "pg_constraint",
        "o.conrelid",
        "CASE WHEN o.conrelid OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN \
         pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', \
          pg_catalog.format_type(o.contypid, NULL), o.conname, \
          pg_catalog.pg_get_constraintdef(o.oid)) ELSE \
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
        "pg_statistic_ext",
        // With its table it is described by newer tools alone.
        NOBODYS,
        "pg_catalog.regexp_replace(pg_catalog.pg_get_statisticsobjdef(o.oid), '^CREATE STATISTICS', \
         'CREATE STATISTICS IF NOT EXISTS')",
    ),
    (
        "pg_rewrite",
        "o.ev_class",
        "CASE WHEN o.rulename OPERATOR(pg_catalog.=) '_RETURN' THEN '' \
         ELSE pg_catalog.concat_ws(' ', pg_catalog.pg_get_ruledef(o.oid), CASE WHEN o.ev_enabled \
          OPERATOR(pg_catalog.<>) 'O' THEN pg_catalog.format('ALTER TABLE %s %s RULE %I', \
           o.ev_class::pg_catalog.regclass, CASE o.ev_enabled WHEN 'D' THEN 'DISABLE' \
            WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, o.rulename) END) END",
    ),
    (
        "pg_trigger",
        // What keeps a reference is the constraint's, on either of its tables.
        "COALESCE((SELECT k.conrelid FROM pg_catalog.pg_constraint k WHERE o.tgisinternal \
         AND k.oid OPERATOR(pg_catalog.=) o.tgconstraint), o.tgrelid)",
        "CASE WHEN o.tgisinternal THEN '' ELSE pg_catalog.concat_ws('; ', \
          pg_catalog.pg_get_triggerdef(o.oid), CASE WHEN o.tgenabled \
           OPERATOR(pg_catalog.<>) 'O' THEN pg_catalog.format('ALTER TABLE %s %s TRIGGER %I', \
           o.tgrelid::pg_catalog.regclass, CASE o.tgenabled WHEN 'D' THEN 'DISABLE' \
            WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, o.tgname) END) END",
    ),
    ("pg_policy", "o.polrelid", POLICIES),
];
/// Kinds that come before tables. A function does unless it takes or gives rows of one.
const BEFORE_TABLES: [&str; 3] = ["pg_namespace", "pg_type", FUNCTIONS];
const FUNCTIONS: &str = "pg_proc";
const TAKES_ROWS: &str = "\
SELECT DISTINCT d.objid::pg_catalog.text FROM pg_catalog.pg_depend d \
JOIN pg_catalog.pg_type t ON d.refobjid OPERATOR(pg_catalog.=) t.oid \
LEFT JOIN pg_catalog.pg_type e ON e.typarray OPERATOR(pg_catalog.=) t.oid \
WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass \
AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass \
AND d.objid OPERATOR(pg_catalog.=) ANY ({functions}) \
AND COALESCE(e.typrelid, t.typrelid) OPERATOR(pg_catalog.=) ANY ({tables})";
const NOBODYS: &str = "NULL::pg_catalog.oid";

const SCHEMAS: &str = "\
pg_catalog.format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', o.nspname, \
 pg_catalog.pg_get_userbyid(o.nspowner))";

/// What others are granted: the catalogue, the word for what is in it, its name, and the list.
const GRANTED: &[[&str; 4]] = &[
    ["pg_namespace", "SCHEMA", "pg_catalog.quote_ident(o.nspname)", "o.nspacl"],
    ["pg_proc", "ROUTINE", "o.oid::pg_catalog.regprocedure", "o.proacl"],
    ["pg_type", "TYPE", "pg_catalog.format_type(o.oid, NULL)", "o.typacl"],
];
/// What is granted by itself is taken away, and then all is granted that was.
const GRANTS: &str = "\
(SELECT pg_catalog.concat_ws('; ', pg_catalog.format('REVOKE ALL ON {what} %s FROM PUBLIC', {name}), \
  pg_catalog.string_agg(pg_catalog.format('GRANT %s ON {what} %s TO %s%s', a.privilege_type, {name}, \
   CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC' \
    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, \
   CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), '; ')) \
 FROM pg_catalog.aclexplode({acl}) a HAVING {acl} IS NOT NULL)";

/// What is said of things.
const COMMENTS: &str = "\
SELECT d.objoid::pg_catalog.text, \
 pg_catalog.format('COMMENT ON %s %s IS %L', CASE i.type WHEN 'table constraint' \
 THEN 'constraint' WHEN 'statistics object' THEN 'statistics' ELSE i.type END, i.identity, \
 d.description) FROM pg_catalog.pg_description d, \
LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i \
WHERE d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.{catalogue}'::pg_catalog.regclass \
AND d.objoid OPERATOR(pg_catalog.=) ANY ({objects}) AND i.type OPERATOR(pg_catalog.<>) ALL \
 ('{domain constraint,index,toast table}'::pg_catalog.text[])";

/// The type of a row is its table's, as is that of many of them.
const TYPE_OF: &str = "\
COALESCE((SELECT e.typrelid FROM pg_catalog.pg_type e \
 WHERE e.typarray OPERATOR(pg_catalog.=) o.oid), o.typrelid)";
/// Before PostgreSQL 14, what a table keeps elsewhere has a type, too.
const TYPE_ID: &str = "\
(CASE WHEN (SELECT t.relkind FROM pg_catalog.pg_class t \
 WHERE t.oid OPERATOR(pg_catalog.=) o.typrelid) OPERATOR(pg_catalog.=) 't' \
 THEN NULL ELSE o.oid END)";

/// What keeps a domain's values are constraints of their own.
const TYPES: &str = "\
CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray OPERATOR(pg_catalog.=) o.oid) \
 THEN '' ELSE CASE o.typtype \
 WHEN 'e' THEN pg_catalog.format('CREATE TYPE %s AS ENUM (%s)', \
  pg_catalog.format_type(o.oid, NULL), (SELECT pg_catalog.string_agg( \
   pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) \
   FROM pg_catalog.pg_enum e WHERE e.enumtypid OPERATOR(pg_catalog.=) o.oid)) \
 WHEN 'd' THEN pg_catalog.concat_ws(' ', 'CREATE DOMAIN', pg_catalog.format_type(o.oid, NULL), 'AS', \
  pg_catalog.format_type(o.typbasetype, o.typtypmod), \
  (SELECT pg_catalog.format('COLLATE %I.%I', n.nspname, c.collname) \
   FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n \
   ON n.oid OPERATOR(pg_catalog.=) c.collnamespace \
   WHERE c.oid OPERATOR(pg_catalog.=) o.typcollation \
   AND c.collname OPERATOR(pg_catalog.<>) 'default'), \
  CASE WHEN o.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' OPERATOR(pg_catalog.||) \
  pg_catalog.pg_get_expr(o.typdefaultbin, 0::pg_catalog.oid)) \
 WHEN 'c' THEN (SELECT pg_catalog.format('CREATE TYPE %s AS (%s)', \
  pg_catalog.format_type(o.oid, NULL), pg_catalog.string_agg(pg_catalog.format('%I %s', a.attname, \
   pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)) \
  FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) o.typrelid \
  AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped) END END";

const POLICIES: &str = "\
pg_catalog.concat_ws(' ', pg_catalog.format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', o.polname, \
 o.polrelid::pg_catalog.regclass, \
 CASE WHEN o.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, \
 CASE o.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' \
  WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, \
 (SELECT pg_catalog.string_agg(CASE WHEN r.oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid \
   THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r.oid)) END, ', ') \
  FROM pg_catalog.unnest(o.polroles) r(oid))), \
 'USING (' OPERATOR(pg_catalog.||) pg_catalog.pg_get_expr(o.polqual, o.polrelid) \
  OPERATOR(pg_catalog.||) ')', \
 'WITH CHECK (' OPERATOR(pg_catalog.||) pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid) \
  OPERATOR(pg_catalog.||) ')')";

/// What is dropped beside tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    /// Objects that can be written down: the catalogue and their numbers in it.
    objects: Vec<(&'static str, Vec<u32>)>,
    /// Functions among them that come behind the tables whose rows they take or give.
    take_rows: Vec<u32>,
    /// What stood on columns that are lost, of tables that stay.
    pub(super) columns: Standing,
    /// Something else is dropped, of which nobody could write down how it is made.
    missing: bool,
}

impl Definitions {
    /// Whether nothing is dropped that has to be written down.
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.columns.is_empty()
    }

    /// What tables are made of, and what is made of tables: what comes before them, and behind.
    pub(super) fn around_tables(&self) -> [Self; 2] {
        let part = |before: bool| {
            let is = |kind: &str, object: u32| {
                let behind = kind == FUNCTIONS && self.take_rows.contains(&object);
                (BEFORE_TABLES.contains(&kind) && !behind) == before
            };
            let of = |(kind, objects): &(&'static str, Vec<u32>)| {
                (*kind, objects.iter().copied().filter(|object| is(kind, *object)).collect())
            };
            Self { objects: self.objects.iter().map(of).collect(), ..Self::default() }
        };
        [part(true), part(false)]
    }

    /// Whether all of it could be made again.
    pub(super) fn is_savable(&self) -> bool {
        !self.missing
    }
}

impl SessionPoint {
    /// What the open transaction has dropped of `system`'s catalogues, beside the relations
    /// `dropped`, and those that were nobody else's; what stood on columns that are lost, apart.
    pub(super) async fn definitions(
        &self,
        system: &[Table],
        dropped: &[Gone],
        spent: &[u32],
        narrowed: Vec<Narrowed>,
    ) -> Result<Definitions, MeterError> {
        let columns = self.standing(narrowed).await?;
        let mut found = Definitions { columns, ..Definitions::default() };
        let whole: Vec<u32> = dropped
            .iter()
            .filter(|gone| gone.dropped && !matches!(gone.kind.as_str(), "i" | "I" | "c"))
            .map(|gone| gone.table.oid)
            .chain(spent.iter().copied())
            .collect();
        for table in system.iter().filter(|table| table.deleted > 0) {
            let name = table.name.as_str();
            if let Some((kind, whose, _)) = KINDS.iter().find(|(kind, ..)| *kind == name) {
                let id = match *kind {
                    "pg_type" => TYPE_ID.to_owned(),
                    kind => format!("o.{}", id_in(kind)),
                };
                let objects = self.gone_from(kind, &id, whose, &whole).await?;
                let objects: Vec<u32> = objects.iter().filter_map(|it| it.parse().ok()).collect();
                let objects = self.apart(kind, objects, &mut found.columns).await?;
                if *kind == FUNCTIONS {
                    found.take_rows = self.take_rows(&objects, &whole).await?;
                }
                found.objects.extend((!objects.is_empty()).then_some((*kind, objects)));
            } else if let Some((kind, id, whose)) = OF_TABLES.iter().find(|(it, ..)| *it == name) {
                let gone = self.gone_from(kind, id, whose, &whole).await?;
                found.missing |= !gone.iter().all(|id| found.columns.holds_part(name, id));
            } else {
                found.missing |= ALWAYS.binary_search(&name).is_err();
            }
        }
        Ok(found)
    }

    /// Which of these functions take or give rows of these tables.
    async fn take_rows(&self, functions: &[u32], tables: &[u32]) -> Result<Vec<u32>, MeterError> {
        let text = TAKES_ROWS.replace("{tables}", &listed(tables));
        let text = text.replace("{functions}", &listed(functions));
        let mut witness = self.served.witness().await?;
        let rows = witness.rows(&Own::Made(text)).await?;
        self.served.keep(witness);
        Ok(rows.iter().filter_map(|row| row.text(0).parse().ok()).collect())
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
            made_by_hand(catalogue, id)
        );
        let still = self.own(&Own::Made(all)).await?;
        let still = still.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
        let text = format!(
            "SELECT {id}::pg_catalog.text FROM pg_catalog.{catalogue} o WHERE {} \
             AND NOT ({id}::pg_catalog.text OPERATOR(pg_catalog.=) ANY \
             ('{{{still}}}'::pg_catalog.text[])) \
             AND ({whose} OPERATOR(pg_catalog.=) ANY ({})) IS NOT TRUE",
            made_by_hand(catalogue, id),
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
        let statements = self.statements(&definitions.objects).await?;
        let texts: Option<Vec<String>> = statements.into_iter().map(|(_, text)| text).collect();
        let text = texts.ok_or_else(unwritten)?.join(";\n");
        // What a function is made of may come behind it.
        let quiet = "SET LOCAL check_function_bodies = off";
        Ok((!text.is_empty()).then(|| format!("{quiet};\n{text}")))
    }

    /// Statements that make these objects again, with their numbers; none where there is no such
    /// statement. What stands on another one was made after it, and has a higher number; a schema
    /// may have been made after what is in it by now.
    pub(super) async fn statements(
        &self,
        objects: &[(&'static str, Vec<u32>)],
    ) -> Result<Vec<(u32, Option<String>)>, MeterError> {
        let mut statements = Vec::new();
        let mut witness = self.served.witness().await?;
        for (catalogue, objects) in objects {
            let Some((_, _, how)) = KINDS.iter().find(|(kind, ..)| kind == catalogue) else {
                continue;
            };
            let id = id_in(catalogue);
            let granted = GRANTED.iter().find(|[kind, ..]| kind == catalogue);
            let granted = granted.map_or("NULL".to_owned(), |[_, what, name, acl]| {
                let grants = GRANTS.replace("{what}", what).replace("{name}", name);
                grants.replace("{acl}", acl)
            });
            let text = format!(
                "SELECT o.{id}::pg_catalog.text, {how}, {granted} FROM pg_catalog.{catalogue} o \
                 WHERE o.{id} OPERATOR(pg_catalog.=) ANY ({})",
                listed(objects)
            );
            for row in witness.rows(&Own::Made(text)).await? {
                let number = row.text(0).parse().unwrap_or(u32::MAX);
                let made = (row.some(1) != Some("")).then(|| row.some(1));
                let granted = row.some(2).filter(|_| made.is_some()).map(Some);
                let texts = made.into_iter().chain(granted);
                statements.extend(texts.map(|text| (*catalogue, number, text.map(str::to_owned))));
            }
            let said = COMMENTS.replace("{catalogue}", catalogue);
            let said = said.replace("{objects}", &listed(objects));
            for row in witness.rows(&Own::Made(said)).await? {
                let number = row.text(0).parse().unwrap_or(u32::MAX);
                statements.push((*catalogue, number, Some(row.text(1).to_owned())));
            }
        }
        self.served.keep(witness);
        statements.sort_by_key(|(catalogue, number, _)| (*catalogue != "pg_namespace", *number));
        let bytes = statements.iter().filter_map(|(.., text)| text.as_ref()).map(String::len);
        match bytes.sum::<usize>() <= DEFINITIONS_BYTES_MAX {
            true => Ok(statements.into_iter().map(|(_, number, text)| (number, text)).collect()),
            false => Err(no_way_back("what is dropped is too much to be written down")),
        }
    }
}

/// Something is dropped that the server cannot write down.
pub(super) fn unwritten() -> MeterError {
    no_way_back("something is dropped that cannot be made again")
}

fn no_way_back(text: &str) -> MeterError {
    Refusal::new(RefusalKind::Deny, Code::NoWayBack, text).into()
}

/// What the server came with is never lost, but for a schema; texts are of few rows.
fn made_by_hand(catalogue: &str, id: &str) -> String {
    match id.starts_with("o.") && catalogue != "pg_namespace" {
        true => format!("{id} OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid"),
        false => "true".to_owned(),
    }
}

pub(super) fn id_in(catalogue: &str) -> &'static str {
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
