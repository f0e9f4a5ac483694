//! Columns that are lost of tables that stay, and what stood on them: as others still see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    definitions::{id_in, unwritten},
    meaning::Gone,
    meter::MeterError,
    own::{Own, listed, literal},
    point::SessionPoint,
    preimage::qualified,
    script::{Measured, Table},
    sequences,
    upstream::{OwnError, Row, Upstream},
};

/// A column that a table has no more, or that has another type by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Narrowed {
    table: u32,
    number: u32,
    /// It is there, and has another type.
    retyped: bool,
}

/// What tables that stay have lost of their columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostColumns {
    /// The table's number.
    pub table: u32,
    /// Its rows were taken away or written anew at the same time.
    pub emptied: bool,
    /// The columns in their order.
    pub columns: Vec<LostColumn>,
}

/// A column as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostColumn {
    /// Its name.
    pub name: String,
    /// Its type, and what its texts are sorted by, as SQL writes both.
    pub written: String,
    /// It had to have a value.
    pub not_null: bool,
    /// What computed it, as SQL writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// It is there still, but has another type.
    pub retyped: bool,
}

impl LostColumns {
    /// Whether it is one of these that is called so.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }
}

/// What was lost with columns, and is made again once all of them are back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithColumns {
    /// The numbers of the tables whose columns it stood on.
    pub tables: Vec<u32>,
    /// The statements that make it again.
    pub text: String,
}

/// What stands on columns that are lost, directly or on something that does.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    narrowed: Vec<Narrowed>,
    /// Catalogue and number of what stands there, and on what.
    all: BTreeMap<(String, u32), On>,
    /// Those of these that are gone: their kind, and their numbers.
    gone: Vec<(&'static str, Vec<u32>)>,
}

/// What something stands on.
#[derive(Debug, Clone, Default)]
struct On {
    tables: Vec<u32>,
    /// A column that is there no more; else only such as have another type.
    dropped: bool,
}

impl Standing {
    /// Whether nothing is gone that stood there.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty()
    }

    /// Whether an index stands there, of which a row of `pg_inherits` is.
    pub(super) fn holds_part(&self, catalogue: &str, id: &str) -> bool {
        let index = id.split('/').next().and_then(|it| it.parse().ok());
        catalogue == "pg_inherits" && index.is_some_and(|it| self.on("pg_index", it).is_some())
    }

    /// Whether a relation stands there.
    pub(super) fn holds(&self, gone: &Gone) -> bool {
        matches!(gone.kind.as_str(), "S" | "v" | "m") && self.holds_relation(gone.table.oid)
    }

    /// The same by its number.
    pub(super) fn holds_relation(&self, oid: u32) -> bool {
        self.on("pg_class", oid).is_some()
    }

    fn on(&self, catalogue: &str, number: u32) -> Option<&On> {
        let catalogue = if catalogue == "pg_index" { "pg_class" } else { catalogue };
        self.all.get(&(catalogue.to_owned(), number))
    }

    fn tables_of(&self, catalogue: &str, number: u32) -> Vec<u32> {
        self.on(catalogue, number).map(|on| on.tables.clone()).unwrap_or_default()
    }
}

/// The columns that tables which stay `had`, and that are not among those that they have by now.
pub(super) fn narrowed(
    seen: &[Row],
    stays: impl Fn(u32) -> bool,
    had: &[Row],
    has: &[Row],
) -> Vec<Narrowed> {
    let is_table =
        |oid: &str| seen.iter().any(|row| row.text(0) == oid && matches!(row.text(3), "r" | "p"));
    let number = |row: &Row| row.text(1).split(' ').next().unwrap_or_default().to_owned();
    let lost = had.iter().filter(|row| {
        !has.iter().any(|now| (now.text(0), now.text(1)) == (row.text(0), row.text(1)))
    });
    let lost = lost.filter(|row| is_table(row.text(0))).filter_map(|row| {
        let (oid, attribute) = (row.text(0), number(row));
        let retyped = has.iter().any(|now| now.text(0) == oid && number(now) == attribute);
        let table = oid.parse().ok().filter(|oid| stays(*oid))?;
        Some(Narrowed { table, number: attribute.parse().ok()?, retyped })
    });
    lost.collect()
}

impl SessionPoint {
    /// What stands on these columns, as others still see it.
    pub(super) async fn standing(&self, narrowed: Vec<Narrowed>) -> Result<Standing, MeterError> {
        if narrowed.is_empty() {
            return Ok(Standing::default());
        }
        let columns = narrowed
            .iter()
            .map(|it| format!("({}::pg_catalog.oid, {}, {})", it.table, it.number, it.retyped));
        let text = STANDING.replace("{}", &columns.collect::<Vec<_>>().join(", "));
        let mut witness = self.served.witness().await?;
        let rows = witness.rows(&Own::Made(text)).await?;
        self.served.keep(witness);
        let mut all: BTreeMap<(String, u32), On> = BTreeMap::new();
        for row in rows {
            let (Ok(table), Ok(number)) = (row.text(0).parse(), row.text(3).parse()) else {
                continue;
            };
            let on = all.entry((row.text(2).to_owned(), number)).or_default();
            on.dropped |= row.text(1) == "false";
            if !on.tables.contains(&table) {
                on.tables.push(table);
            }
        }
        Ok(Standing { narrowed, all, gone: Vec::new() })
    }

    /// Those of `objects`, which are gone, that stand on no lost column. The others are noted, but
    /// for what the server itself made anew where a column got another type.
    pub(super) async fn apart(
        &self,
        kind: &'static str,
        objects: Vec<u32>,
        standing: &mut Standing,
    ) -> Result<Vec<u32>, MeterError> {
        let (with, alone): (Vec<u32>, Vec<u32>) =
            objects.into_iter().partition(|it| standing.on(kind, *it).is_some());
        let (mut with, retyped): (Vec<u32>, Vec<u32>) =
            with.into_iter().partition(|it| standing.on(kind, *it).is_some_and(|on| on.dropped));
        with.extend(self.not_made_anew(kind, retyped).await?);
        standing.gone.extend((!with.is_empty()).then_some((kind, with)));
        Ok(alone)
    }

    /// Those of `objects` in whose place nothing stands by now that is called the same.
    async fn not_made_anew(
        &self,
        kind: &'static str,
        objects: Vec<u32>,
    ) -> Result<Vec<u32>, MeterError> {
        let called = CALLED.iter().find(|(it, _)| *it == kind).map(|(_, called)| *called);
        let Some(called) = called.filter(|_| !objects.is_empty()) else { return Ok(objects) };
        let id = id_in(kind);
        let names = format!(
            "SELECT o.{id}::pg_catalog.text, {called} FROM pg_catalog.{kind} o \
             WHERE o.{id} OPERATOR(pg_catalog.=) ANY ({})",
            listed(&objects)
        );
        let mut witness = self.served.witness().await?;
        let names = witness.rows(&Own::Made(names)).await?;
        self.served.keep(witness);
        let array: Vec<String> = names.iter().map(|row| literal(row.text(1))).collect();
        let there = format!(
            "SELECT {called} FROM pg_catalog.{kind} o \
             WHERE {called} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])",
            array.join(", ")
        );
        let there = self.own(&Own::Made(there)).await?;
        let anew = |row: &&Row| !there.iter().any(|it| it.text(0) == row.text(1));
        Ok(names.iter().filter(anew).filter_map(|row| row.text(0).parse().ok()).collect())
    }

    /// What is lost with columns, in the order in which it is made again.
    pub(super) async fn with_columns(
        &self,
        first: &Measured,
    ) -> Result<Vec<WithColumns>, MeterError> {
        let standing = &first.definitions.columns;
        if standing.narrowed.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = self.described(first, &["S"]).await?;
        let mut witness = self.served.witness().await?;
        let dropped = first.sequences.iter().filter(|it| it.dropped);
        for sequence in dropped.filter(|it| standing.holds_relation(it.table.oid)) {
            let oid = sequence.table.oid;
            let text = OF_IDENTITY.replace("{sequence}", &oid.to_string());
            let identity = witness.rows(&Own::Made(text)).await?;
            let identity = identity.iter().map(|row| row.text(0).to_owned());
            let goes_on = sequences::going_on(&mut witness, &[sequence]).await?;
            let tables = standing.tables_of("pg_class", oid);
            let texts = identity.chain(goes_on);
            found.extend(texts.map(|text| WithColumns { tables: tables.clone(), text }));
        }
        self.served.keep(witness);
        for (number, text) in self.statements(&standing.gone).await? {
            let kinds = standing.gone.iter().filter(|(_, objects)| objects.contains(&number));
            let kinds: Vec<&str> = kinds.map(|(kind, _)| *kind).collect();
            let tables = kinds.iter().flat_map(|kind| standing.tables_of(kind, number)).collect();
            match text {
                Some(text) => found.push(WithColumns { tables, text }),
                // What computes a column is kept with the column.
                None if kinds.contains(&"pg_attrdef") => {}
                None => return Err(unwritten()),
            }
        }
        found.extend(self.of_columns(&standing.narrowed).await?);
        found.extend(self.described(first, &["v", "m"]).await?);
        let computed = first.gone.iter().filter(|it| it.kind == "m" && standing.holds(it));
        found.extend(computed.map(|gone| WithColumns {
            tables: standing.tables_of("pg_class", gone.table.oid),
            text: format!("REFRESH MATERIALIZED VIEW {}", qualified(&gone.table)),
        }));
        Ok(found)
    }

    /// Relations of these kinds that stood on lost columns, as PostgreSQL's own tool describes them.
    async fn described(
        &self,
        first: &Measured,
        kinds: &[&str],
    ) -> Result<Vec<WithColumns>, MeterError> {
        let standing = &first.definitions.columns;
        let mut groups: BTreeMap<Vec<u32>, Vec<&Gone>> = BTreeMap::new();
        for gone in first.gone.iter().filter(|it| kinds.contains(&&*it.kind) && standing.holds(it))
        {
            let mut tables = standing.tables_of("pg_class", gone.table.oid);
            tables.sort_unstable();
            groups.entry(tables).or_default().push(gone);
        }
        let mut found = Vec::new();
        for (tables, relations) in groups {
            found.push(WithColumns { tables, text: self.structure(&relations).await? });
        }
        Ok(found)
    }

    /// What was said about columns, and who might do what with them.
    async fn of_columns(&self, narrowed: &[Narrowed]) -> Result<Vec<WithColumns>, MeterError> {
        let mut witness = self.served.witness().await?;
        let mut found = Vec::new();
        for it in narrowed.iter().filter(|it| !it.retyped) {
            let text = OF_COLUMN
                .replace("{table}", &it.table.to_string())
                .replace("{number}", &it.number.to_string());
            let rows = witness.rows(&Own::Made(text)).await?;
            let texts = rows.iter().map(|row| row.text(0).to_owned());
            found.extend(texts.map(|text| WithColumns { tables: vec![it.table], text }));
        }
        self.served.keep(witness);
        Ok(found)
    }
}

/// The columns that a table loses, as they were.
pub(super) async fn lost_columns(
    witness: &mut Upstream,
    first: &Measured,
    table: &Table,
) -> Result<LostColumns, OwnError> {
    let own = first.definitions.columns.narrowed.iter().filter(|it| it.table == table.oid);
    let own: Vec<&Narrowed> = own.collect();
    let numbers: Vec<String> = own.iter().map(|it| it.number.to_string()).collect();
    let text = AS_IT_WAS
        .replace("{table}", &table.oid.to_string())
        .replace("{numbers}", &numbers.join(","));
    let rows = witness.rows(&Own::Made(text)).await?;
    let columns = rows.iter().map(|row| LostColumn {
        name: row.text(1).to_owned(),
        written: row.text(2).to_owned(),
        not_null: row.text(3) == "true",
        generated: row.some(4).map(str::to_owned),
        retyped: own.iter().any(|it| it.retyped && it.number.to_string() == row.text(0)),
    });
    let emptied = first.gone.iter().any(|gone| gone.table.oid == table.oid);
    Ok(LostColumns { table: table.oid, emptied, columns: columns.collect() })
}

/// What an object is called beside those of its kind, where the server makes it anew with a column's
/// other type.
const CALLED: &[(&str, &str)] = &[
    ("pg_attrdef", "pg_catalog.concat_ws('/', o.adrelid, o.adnum)"),
    ("pg_constraint", "pg_catalog.concat_ws('/', o.conrelid, o.conname)"),
    (
        "pg_index",
        "(SELECT pg_catalog.concat_ws('/', c.relnamespace, c.relname) FROM pg_catalog.pg_class c \
         WHERE c.oid OPERATOR(pg_catalog.=) o.indexrelid)",
    ),
    ("pg_statistic_ext", "pg_catalog.concat_ws('/', o.stxnamespace, o.stxname)"),
];

/// What depends on columns, on what depends on them, and so on. Of what belongs to a larger thing
/// (the rule that is a view), that thing.
const STANDING: &str = "\
WITH RECURSIVE lost (root, retyped, classid, objid, objsubid) AS (\
SELECT v.root, v.retyped, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, v.root, \
 v.number FROM (VALUES {}) AS v (root, number, retyped) \
UNION \
SELECT l.root, l.retyped, n.classid, n.objid, n.objsubid FROM lost l, LATERAL (\
 SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d \
 WHERE d.refclassid OPERATOR(pg_catalog.=) l.classid \
 AND d.refobjid OPERATOR(pg_catalog.=) l.objid \
 AND (l.objsubid OPERATOR(pg_catalog.=) 0 OR d.refobjsubid OPERATOR(pg_catalog.=) l.objsubid) \
 UNION ALL \
 SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d \
 WHERE l.objsubid OPERATOR(pg_catalog.=) 0 AND d.classid OPERATOR(pg_catalog.=) l.classid \
 AND d.objid OPERATOR(pg_catalog.=) l.objid AND d.deptype OPERATOR(pg_catalog.=) 'i') n) \
SELECT DISTINCT l.root::pg_catalog.text, l.retyped::pg_catalog.text, \
 c.relname::pg_catalog.text, l.objid::pg_catalog.text FROM lost l \
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.classid \
WHERE l.objsubid OPERATOR(pg_catalog.=) 0";

const AS_IT_WAS: &str = "\
SELECT a.attnum::pg_catalog.text, a.attname::pg_catalog.text, \
 pg_catalog.concat(pg_catalog.format_type(a.atttypid, a.atttypmod), \
 (SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, l.collname) \
  FROM pg_catalog.pg_collation l \
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) l.collnamespace \
  JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid \
  WHERE l.oid OPERATOR(pg_catalog.=) a.attcollation \
  AND t.typcollation OPERATOR(pg_catalog.<>) a.attcollation)), a.attnotnull::pg_catalog.text, \
 (SELECT pg_catalog.format('GENERATED ALWAYS AS (%s) %s', \
  pg_catalog.pg_get_expr(d.adbin, d.adrelid), \
  CASE WHEN a.attgenerated OPERATOR(pg_catalog.=) 's' THEN 'STORED' ELSE 'VIRTUAL' END) \
  FROM pg_catalog.pg_attrdef d WHERE d.adrelid OPERATOR(pg_catalog.=) a.attrelid \
  AND d.adnum OPERATOR(pg_catalog.=) a.attnum AND a.attgenerated OPERATOR(pg_catalog.<>) '') \
FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) {table}::pg_catalog.oid \
AND a.attnum OPERATOR(pg_catalog.=) ANY ('{{numbers}}'::pg_catalog.int2[]) ORDER BY a.attnum";

/// A sequence that gives a column's values, which PostgreSQL's own tool only describes with its
/// table.
const OF_IDENTITY: &str = "\
SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I ADD GENERATED %s AS IDENTITY \
(SEQUENCE NAME %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s)', \
 a.attrelid::pg_catalog.regclass, a.attname, \
 CASE WHEN a.attidentity OPERATOR(pg_catalog.=) 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, \
 q.seqrelid::pg_catalog.regclass, q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcache, \
 CASE WHEN q.seqcycle THEN ' CYCLE' END) \
FROM pg_catalog.pg_sequence q, pg_catalog.pg_depend d, pg_catalog.pg_attribute a \
WHERE q.seqrelid OPERATOR(pg_catalog.=) {sequence}::pg_catalog.oid \
AND d.objid OPERATOR(pg_catalog.=) q.seqrelid AND d.deptype OPERATOR(pg_catalog.=) 'i' \
AND a.attrelid OPERATOR(pg_catalog.=) d.refobjid \
AND a.attnum OPERATOR(pg_catalog.=) d.refobjsubid \
AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass";

const OF_COLUMN: &str = "\
SELECT pg_catalog.format(s.text, a.attrelid::pg_catalog.regclass, a.attname, s.one, s.other) \
FROM pg_catalog.pg_attribute a, LATERAL (\
 SELECT 'COMMENT ON COLUMN %s.%I IS %L' AS text, \
  pg_catalog.col_description(a.attrelid, a.attnum) AS one, '' AS other \
 UNION ALL \
 SELECT 'GRANT %3$s (%2$I) ON %1$s TO %4$s', g.privilege_type, \
  pg_catalog.concat(COALESCE((SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_roles r \
   WHERE r.oid OPERATOR(pg_catalog.=) g.grantee), 'PUBLIC'), \
   CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END) \
 FROM pg_catalog.aclexplode(a.attacl) g) s \
WHERE a.attrelid OPERATOR(pg_catalog.=) {table}::pg_catalog.oid \
AND a.attnum OPERATOR(pg_catalog.=) {number} AND s.one IS NOT NULL";
