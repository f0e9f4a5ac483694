//! Where the statements of an open transaction look for rows: whoever looks for the rows that it
//! changed looks there first, and reads the whole table only where a count tells that they lie
//! elsewhere.

use std::collections::HashMap;

use bytes::Bytes;
use holdpoint_wire::sql::{
    postgres::sought::{Condition, Sought, VALUES_MAX, Value, sought},
    protocol::frontend::Frontend,
};

use super::{
    own::{Own, listed, literal, quoted},
    preimage::qualified,
    script::{Bound, Table, Values},
    upstream::{OwnError, Row, Upstream},
};

/// The most statements of a transaction that are looked at.
const STATEMENTS_MAX: usize = 100;
/// Tables that take rows of one another with them, in a row.
const FOLLOWED_MAX: usize = 4;

/// What a statement looks for, and the values that it was given.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    sought: Sought,
    given: Given,
}

/// The values of a statement's parameters.
#[derive(Debug, Clone, Default)]
struct Given {
    formats: Vec<i16>,
    values: Vec<Option<Bytes>>,
}

/// What all statements of a transaction look for.
pub(super) fn looked(script: &[Bound]) -> Vec<Looked> {
    if script.len() > STATEMENTS_MAX {
        return Vec::new();
    }
    let each = script.iter().flat_map(|bound| {
        let given = Given::of(&bound.values);
        sought(&bound.reading.text)
            .into_iter()
            .map(move |sought| Looked { sought, given: given.clone() })
    });
    let mut values = 0;
    let few = |it: &Looked| {
        values += it.sought.condition.values();
        values <= VALUES_MAX
    };
    each.take_while(few).collect()
}

impl Given {
    fn of(values: &Values) -> Self {
        // As they came, but for the names in front of them.
        let frame = [&[0, 0], &values.bind[..]].concat();
        match Frontend::read(b'B', frame.into()) {
            Ok(Frontend::Bind { formats, values, .. }) => Self { formats, values },
            _ => Self::default(),
        }
    }

    /// A parameter for a column of this type, as SQL writes it. Clients send the types that they
    /// know in binary.
    fn literal(&self, number: usize, kind: u32) -> Option<String> {
        let index = number.checked_sub(1)?;
        let value = self.values.get(index)?.as_deref()?;
        let format = match self.formats.as_slice() {
            [] => 0,
            [all] => *all,
            each => *each.get(index)?,
        };
        let text = match format {
            0 => std::str::from_utf8(value).ok()?.to_owned(),
            _ => binary(value, kind)?,
        };
        Some(literal(&text))
    }
}

/// `bool`, `uuid`, and the types of text, by OID.
const BOOL: u32 = 16;
const UUID: u32 = 2950;
const TEXTS: [u32; 4] = [19, 25, 1042, 1043];
/// `int8`, `int2`, `int4`.
const INTEGERS: [u32; 3] = [20, 21, 23];

/// A value in the binary format of its type (PostgreSQL's `*recv` functions) as text.
fn binary(value: &[u8], kind: u32) -> Option<String> {
    match kind {
        // Whichever of them the client takes it for.
        _ if INTEGERS.contains(&kind) => match *value {
            [a, b] => Some(i16::from_be_bytes([a, b]).to_string()),
            [a, b, c, d] => Some(i32::from_be_bytes([a, b, c, d]).to_string()),
            _ => Some(i64::from_be_bytes(value.try_into().ok()?).to_string()),
        },
        _ if TEXTS.contains(&kind) => std::str::from_utf8(value).ok().map(str::to_owned),
        UUID if value.len() == 16 => Some(hex::encode(value)),
        BOOL => value.first().map(|it| (*it != 0).to_string()),
        _ => None,
    }
}

/// What tables are made of, as far as rows are looked for by it.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// The type of each column, by table and name.
    columns: HashMap<(u32, String), u32>,
    references: Vec<Reference>,
}

/// A column of a table whose rows go with those of another one.
#[derive(Debug)]
struct Reference {
    constraint: String,
    table: u32,
    to: u32,
    column: String,
    to_column: String,
}

const COLUMNS: &str = "\
SELECT a.attrelid::pg_catalog.oid::pg_catalog.text, a.attname::pg_catalog.text, \
 a.atttypid::pg_catalog.oid::pg_catalog.text FROM pg_catalog.pg_attribute a \
WHERE a.attrelid OPERATOR(pg_catalog.=) ANY ({}) \
AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped";

const REFERENCES: &str = "\
SELECT f.oid::pg_catalog.text, f.conrelid::pg_catalog.oid::pg_catalog.text, \
 f.confrelid::pg_catalog.oid::pg_catalog.text, a.attname::pg_catalog.text, b.attname::pg_catalog.text \
FROM pg_catalog.pg_constraint f, \
 ROWS FROM (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey)) AS k (own, other), \
 pg_catalog.pg_attribute a, pg_catalog.pg_attribute b \
WHERE f.contype OPERATOR(pg_catalog.=) 'f' \
 AND f.conrelid OPERATOR(pg_catalog.=) ANY ({}) AND f.confrelid OPERATOR(pg_catalog.=) ANY ({}) \
 AND a.attrelid OPERATOR(pg_catalog.=) f.conrelid AND a.attnum OPERATOR(pg_catalog.=) k.own \
 AND b.attrelid OPERATOR(pg_catalog.=) f.confrelid AND b.attnum OPERATOR(pg_catalog.=) k.other \
ORDER BY f.oid, k.own";

impl Shapes {
    /// What these tables are made of, as `session` sees it.
    pub(super) async fn of(session: &mut Upstream, tables: &[Table]) -> Result<Self, OwnError> {
        let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
        let asked = |query: &str| Own::Made(query.replace("{}", &listed(&oids)));
        let columns = session.rows(&asked(COLUMNS)).await?;
        let references = match tables {
            [] | [_] => Vec::new(),
            _ => session.rows(&asked(REFERENCES)).await?,
        };
        let column = |row: &Row| {
            Some(((row.text(0).parse().ok()?, row.text(1).to_owned()), row.text(2).parse().ok()?))
        };
        let reference = |row: &Row| {
            let (constraint, column) = (row.text(0).to_owned(), row.text(3).to_owned());
            let (table, to) = (row.text(1).parse().ok()?, row.text(2).parse().ok()?);
            Some(Reference { constraint, table, to, column, to_column: row.text(4).to_owned() })
        };
        Ok(Self {
            columns: columns.iter().filter_map(column).collect(),
            references: references.iter().filter_map(reference).collect(),
        })
    }
}

/// Says where rows of `tables` may lie.
#[derive(Debug)]
pub(super) struct Seeker {
    pub(super) looked: Vec<Looked>,
    pub(super) tables: Vec<Table>,
    pub(super) shapes: Shapes,
}

impl Seeker {
    /// Conditions in SQL on `t`, the likelier ones first: as a statement says it of this table, as
    /// rows of other tables take its own with them, and as a statement says it of anything with
    /// such columns, as a view of the table has, or the table that it is a part of.
    pub(super) fn conditions(&self, table: &Table) -> Vec<String> {
        let own = self.said(table, "t", true);
        let followed = self.followed(table, "t", 1);
        let any = if own.is_none() { self.said(table, "t", false) } else { None };
        [own, followed, any].into_iter().flatten().collect()
    }

    /// What statements say of columns that this table has.
    fn said(&self, table: &Table, alias: &str, by_name: bool) -> Option<String> {
        let told = self.looked.iter().filter(|it| !by_name || it.sought.table == table.name);
        let conditions: Vec<_> =
            told.filter_map(|it| self.sql(&it.sought.condition, &it.given, table, alias)).collect();
        (!conditions.is_empty()).then(|| conditions.join(" OR "))
    }

    fn sql(
        &self,
        condition: &Condition,
        given: &Given,
        table: &Table,
        alias: &str,
    ) -> Option<String> {
        let sql = |part: &Condition| self.sql(part, given, table, alias);
        match condition {
            Condition::All(parts) => {
                let parts: Vec<_> = parts.iter().filter_map(sql).collect();
                (!parts.is_empty()).then(|| format!("({})", parts.join(" AND ")))
            }
            Condition::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(sql).collect::<Option<_>>()?;
                Some(format!("({})", parts.join(" OR ")))
            }
            Condition::Compared { column, operator, values } => {
                let kind = *self.shapes.columns.get(&(table.oid, column.clone()))?;
                let column = format!("{alias}.{}", quoted(column));
                let each = values.iter().map(|value| match value {
                    Value::Constant(text) => Some(literal(text)),
                    Value::Parameter(number) => given.literal(*number, kind),
                });
                let each = each.map(|value| {
                    value.map(|it| format!("{column} OPERATOR(pg_catalog.{operator}) {it}"))
                });
                Some(format!("({})", each.collect::<Option<Vec<_>>>()?.join(" OR ")))
            }
        }
    }

    /// Rows of this table that are bound to those that a statement looks for in another one.
    fn followed(&self, table: &Table, alias: &str, depth: usize) -> Option<String> {
        if depth > FOLLOWED_MAX {
            return None;
        }
        let own = self.shapes.references.iter().filter(|it| it.table == table.oid);
        let mut constraints: Vec<&str> = own.clone().map(|it| it.constraint.as_str()).collect();
        constraints.dedup();
        let other = format!("t{depth}");
        let each = constraints.into_iter().filter_map(|constraint| {
            let pairs: Vec<&Reference> =
                own.clone().filter(|it| it.constraint == constraint).collect();
            let to = self.tables.iter().find(|it| Some(it.oid) == pairs.first().map(|it| it.to))?;
            let condition =
                self.said(to, &other, true).or_else(|| self.followed(to, &other, depth + 1))?;
            let joined = pairs.iter().map(|Reference { column, to_column, .. }| {
                let (column, to_column) = (quoted(column), quoted(to_column));
                format!("{other}.{to_column} OPERATOR(pg_catalog.=) {alias}.{column}")
            });
            let joined: Vec<_> = joined.collect();
            Some(format!(
                "EXISTS (SELECT FROM ONLY {} AS {other} WHERE {} AND ({condition}))",
                qualified(to),
                joined.join(" AND ")
            ))
        });
        let each: Vec<_> = each.collect();
        (!each.is_empty()).then(|| each.join(" OR "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use holdpoint_wire::sql::statements::Kind;

    use super::*;
    use crate::postgres::reading::Reading;

    fn ran(text: &str, bind: &[u8]) -> Vec<Looked> {
        let reading =
            Reading { text: text.to_owned(), kind: Kind::Plain, operations: Arc::default() };
        let values = Values { bind: Bytes::copy_from_slice(bind), ..Values::default() };
        looked(&[Bound { reading: Arc::new(reading), values }])
    }

    fn table(oid: u32, name: &str) -> Table {
        Table { oid, schema: "s".to_owned(), name: name.to_owned(), ..Table::default() }
    }

    fn seeker(looked: Vec<Looked>) -> Seeker {
        let columns = [(1, "id", 20), (1, "na\"me", 25), (2, "id", 23), (2, "one", 20)];
        let columns = columns.map(|(table, name, kind)| ((table, name.to_owned()), kind));
        let reference = |constraint: &str, table, to, column: &str| {
            let (constraint, column) = (constraint.to_owned(), column.to_owned());
            Reference { constraint, table, to, column, to_column: "id".to_owned() }
        };
        let references = vec![reference("7", 2, 1, "one"), reference("8", 1, 1, "id")];
        let shapes = Shapes { columns: columns.into(), references };
        Seeker { looked, tables: vec![table(1, "ones"), table(2, "twos")], shapes }
    }

    #[test]
    fn what_a_statement_says_is_a_condition_on_the_table() {
        let text = "DELETE FROM ones WHERE id IN (1, 2) AND \"na\"\"me\" > 'it''s \\' AND f(id)";
        let found = seeker(ran(text, b"")).conditions(&table(1, "ones"));
        let said = "((t.\"id\" OPERATOR(pg_catalog.=) E'1' OR t.\"id\" OPERATOR(pg_catalog.=) E'2') \
                    AND (t.\"na\"\"me\" OPERATOR(pg_catalog.>) E'it''s \\\\'))";
        assert_eq!(found.first().map(String::as_str), Some(said));
        // What hangs on itself does not go round for ever.
        assert!(found.iter().all(|it| it.len() < 2000), "{found:?}");
    }

    #[test]
    fn rows_that_go_with_others_are_looked_for_by_what_binds_them() {
        let found = seeker(ran("DELETE FROM ones WHERE id = 5", b"")).conditions(&table(2, "twos"));
        let bound = "EXISTS (SELECT FROM ONLY \"s\".\"ones\" AS t1 WHERE \
                     t1.\"id\" OPERATOR(pg_catalog.=) t.\"one\" AND \
                     ((t1.\"id\" OPERATOR(pg_catalog.=) E'5')))";
        assert_eq!(found, [bound, "(t.\"id\" OPERATOR(pg_catalog.=) E'5')"]);
    }

    #[test]
    fn parameters_are_read_as_they_were_sent() {
        let bind = |format: u8, value: Option<&[u8]>| {
            let mut bytes = vec![0, 1, 0, format, 0, 1];
            bytes.extend(value.map_or(u32::MAX, |it| it.len() as u32).to_be_bytes());
            bytes.extend_from_slice(value.unwrap_or_default());
            bytes.extend([0, 0]);
            bytes
        };
        for (format, value, expect) in [
            (0, Some(&b"12"[..]), Some("12")),
            (1, Some(&[0, 0, 0, 12]), Some("12")),
            (1, Some(&[0xff; 8]), Some("-1")),
            (1, Some(&[1, 2]), Some("258")),
            (1, Some(&[1, 2, 3]), None),
            (1, Some(&[]), None),
            (0, Some(&[0xff]), None),
            (0, None, None),
        ] {
            let bind = bind(format, value);
            let found = seeker(ran("DELETE FROM ones WHERE id = $1", &bind));
            let found = found.conditions(&table(1, "ones"));
            let said = |it| format!("(t.\"id\" OPERATOR(pg_catalog.=) E'{it}')");
            assert_eq!(found.first().cloned(), expect.map(said), "{value:?}");
        }
        // Not all values were kept, or there is no such parameter.
        assert!(
            seeker(ran("DELETE FROM ones WHERE id = $1", b""))
                .conditions(&table(1, "ones"))
                .is_empty()
        );
        assert_eq!(binary(&[7; 16], UUID).as_deref(), Some("07070707070707070707070707070707"));
        assert_eq!(
            (binary(&[1], BOOL).as_deref(), binary(b"x", 25).as_deref()),
            (Some("true"), Some("x"))
        );
        assert_eq!((binary(&[1], 1700), binary(&[1; 15], UUID)), (None, None));
    }
}
