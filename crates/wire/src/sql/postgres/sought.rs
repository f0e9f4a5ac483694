//! Where a statement looks for the rows that it changes: its condition, as far as that compares
//! columns with values. It only tells where to look first, and never what was changed: whoever
//! looks there counts what they find.

use pg_query::protobuf::{AExprKind, BoolExprType, OnConflictAction};
use serde_json::Value as Tree;

use super::{parse, tree::Node};

/// The most values that are worth looking for.
pub const VALUES_MAX: usize = 1000;
/// Statements and conditions within each other.
const NESTING_MAX: usize = 64;

/// The rows of one table that a statement looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// The table's name, as the statement has it.
    pub table: String,
    /// What holds for them, and maybe for others.
    pub condition: Condition,
}

/// What holds for rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// A column compares like this with one of these values.
    Compared {
        /// The column's name.
        column: String,
        /// `=`, `<`, `<=`, `>` or `>=`.
        operator: &'static str,
        /// The values.
        values: Vec<Value>,
    },
}

/// A value in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// As it stands there.
    Constant(String),
    /// A parameter, counted from 1.
    Parameter(usize),
}

/// What a text looks for; nothing where that is not told by columns and values.
pub fn sought(text: &str) -> Vec<Sought> {
    let mut found = Vec::new();
    if let Ok(tree) = parse(text, 0) {
        visit(&tree, 0, &mut found);
    }
    found
}

/// Finds the statements that change rows, whatever they stand in.
fn visit(tree: &Tree, depth: usize, found: &mut Vec<Sought>) {
    if depth > NESTING_MAX {
        return;
    }
    if let Some(node) = Node::of(tree) {
        found.extend(of(node).filter(|it| it.condition.values() <= VALUES_MAX));
    }
    match tree {
        Tree::Array(items) => items.iter().for_each(|item| visit(item, depth + 1, found)),
        Tree::Object(fields) => fields.values().for_each(|it| visit(it, depth + 1, found)),
        _ => {}
    }
}

fn of(node: Node<'_>) -> Option<Sought> {
    let table = node.part("relation", "RangeVar")?;
    let condition = match node.name {
        "UpdateStmt" | "DeleteStmt" => {
            let alias = table.part("alias", "Alias").map(|it| it.text("aliasname"));
            condition(node.node("where_clause")?, alias.unwrap_or(table.text("relname")), 0)
        }
        "InsertStmt" => conflicting(node),
        _ => None,
    };
    Some(Sought { table: table.text("relname").to_owned(), condition: condition? })
}

impl Condition {
    /// How many values it compares with.
    pub fn values(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::values).sum(),
            Self::Compared { values, .. } => values.len(),
        }
    }
}

/// What a condition says of the columns of the table `called` so, and maybe less.
fn condition(node: Node<'_>, called: &str, depth: usize) -> Option<Condition> {
    if depth > NESTING_MAX {
        return None;
    }
    let parts = |field| node.list(field).map(|part| condition(part, called, depth + 1));
    match node.name {
        "BoolExpr" => match BoolExprType::try_from(node.number("boolop")) {
            // One part fewer leaves more rows.
            Ok(BoolExprType::AndExpr) => {
                let parts: Vec<_> = parts("args").flatten().collect();
                (!parts.is_empty()).then_some(Condition::All(parts))
            }
            Ok(BoolExprType::OrExpr) => Some(Condition::Any(parts("args").collect::<Option<_>>()?)),
            _ => None,
        },
        "AExpr" => compared(node, called),
        _ => None,
    }
}

fn compared(node: Node<'_>, called: &str) -> Option<Condition> {
    let (left, right) = (node.node("lexpr")?, node.fields.get("rexpr")?);
    let name = operator(node.path("name").pop()?)?;
    let right = Node::of(right)?;
    let with = |column: String, operator: &'static str, values: Vec<Value>| Condition::Compared {
        column,
        operator,
        values,
    };
    let values = |node: Node<'_>, list: &'static str| -> Option<Vec<Value>> {
        node.list(list).map(value).collect()
    };
    match AExprKind::try_from(node.number("kind")).ok()? {
        AExprKind::AexprOp => match (column(left, called), column(right, called)) {
            (Some(left), None) => Some(with(left, name, vec![value(right)?])),
            (None, Some(right)) => Some(with(right, turned(name), vec![value(left)?])),
            _ => None,
        },
        AExprKind::AexprIn => Some(with(column(left, called)?, name, values(right, "items")?)),
        AExprKind::AexprOpAny if right.name == "AArrayExpr" => {
            Some(with(column(left, called)?, name, values(right, "elements")?))
        }
        AExprKind::AexprBetween => {
            let column = column(left, called)?;
            let [low, high] = <[Value; 2]>::try_from(values(right, "items")?).ok()?;
            let ends = [with(column.clone(), ">=", vec![low]), with(column, "<=", vec![high])];
            Some(Condition::All(ends.into()))
        }
        _ => None,
    }
}

fn operator(name: &str) -> Option<&'static str> {
    // BETWEEN is called by its name.
    let all = ["=", "<", "<=", ">", ">=", "BETWEEN"];
    all.into_iter().find(|it| *it == name)
}

/// The same from the other side.
fn turned(operator: &'static str) -> &'static str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        operator => operator,
    }
}

/// The name of a column of the table `called` so, or of whichever has it.
fn column(node: Node<'_>, called: &str) -> Option<String> {
    let path = node.path("fields");
    match (node.name, path.as_slice()) {
        ("ColumnRef", [column]) => Some((*column).to_owned()),
        ("ColumnRef", [.., table, column]) if *table == called => Some((*column).to_owned()),
        _ => None,
    }
}

/// One value: a constant, cast or not, or a parameter.
fn value(node: Node<'_>) -> Option<Value> {
    match node.name {
        "AConst" => node.constant().map(Value::Constant),
        "ParamRef" => usize::try_from(node.number("number")).ok().map(Value::Parameter),
        "TypeCast" => node.node("arg").and_then(value),
        _ => None,
    }
}

/// The rows that an INSERT may find in its way, and changes then.
fn conflicting(node: Node<'_>) -> Option<Condition> {
    let conflict = node.part("on_conflict_clause", "OnConflictClause")?;
    let updates = OnConflictAction::OnconflictUpdate as i32;
    let keys: Vec<&str> = conflict
        .part("infer", "InferClause")?
        .list("index_elems")
        .map(|it| it.text("name"))
        .collect();
    if conflict.number("action") != updates || keys.is_empty() {
        return None;
    }
    let columns: Vec<&str> = node.list("cols").map(|it| it.text("name")).collect();
    let rows = node.node("select_stmt")?.list("values_lists").map(|row| {
        let values: Vec<_> = row.list("items").collect();
        let each = keys.iter().map(|key| {
            let place = columns.iter().position(|column| column == key)?;
            let values = vec![value(*values.get(place)?)?];
            Some(Condition::Compared { column: (*key).to_owned(), operator: "=", values })
        });
        each.collect::<Option<_>>().map(Condition::All)
    });
    let rows: Vec<_> = rows.collect::<Option<_>>()?;
    (!rows.is_empty()).then_some(Condition::Any(rows))
}

#[cfg(test)]
mod tests {
    use super::{Condition, Value, sought};

    /// A condition in few words.
    fn said(condition: &Condition) -> String {
        let all = |parts: &[Condition], word: &str| {
            let parts: Vec<_> = parts.iter().map(said).collect();
            format!("({})", parts.join(word))
        };
        match condition {
            Condition::All(parts) => all(parts, " and "),
            Condition::Any(parts) => all(parts, " or "),
            Condition::Compared { column, operator, values } => {
                let values = values.iter().map(|value| match value {
                    Value::Constant(text) => text.clone(),
                    Value::Parameter(number) => format!("${number}"),
                });
                format!("{column}{operator}{}", values.collect::<Vec<_>>().join("|"))
            }
        }
    }

    #[test]
    fn a_statement_tells_where_it_looks_for_rows() {
        for (text, expect) in [
            ("update t set a = a + 1 where id = 7", "t: id=7"),
            ("update s.t x set a = 1 where x.id = $2::bigint and now() > x.b", "t: (id=$2)"),
            ("delete from t where 5 > id", "t: id<5"),
            ("delete from t where id in (1, 'b', $3)", "t: id=1|b|$3"),
            ("delete from t where id = any (array[1, 2])", "t: id=1|2"),
            ("delete from t where id between -1 and 2.5", "t: (id>=-1 and id<=2.5)"),
            (
                "delete from t where a = true or b >= date '2020-01-01'",
                "t: (a=true or b>=2020-01-01)",
            ),
            ("with x as (delete from t where id = 1 returning *) select * from x", "t: id=1"),
            (
                "with x as (delete from t where id = 1) update u set a = 1 where b = 2",
                "u: b=2, t: id=1",
            ),
            (
                "insert into t (a, b) values (1, 2), ($1, 3) on conflict (b) do update set a = 1",
                "t: ((b=2) or (b=3))",
            ),
            ("explain analyze delete from t where id = 1", "t: id=1"),
            // An or with a part that nobody knows may be any row.
            ("delete from t where id = 1 or f(id)", ""),
            ("delete from t where not id = 1", ""),
            ("delete from t where id <> 1", ""),
            ("delete from t where id not in (1)", ""),
            ("delete from t where id not between 1 and 2", ""),
            ("delete from t where id = null", ""),
            ("delete from t where id = b", ""),
            ("delete from t using u where u.id = 1", ""),
            ("update t x set a = 1 where t.id = 1", ""),
            ("delete from t where id = (select 1)", ""),
            ("delete from t where current of c", ""),
            ("delete from t", ""),
            ("insert into t values (1)", ""),
            ("insert into t values (1, 2) on conflict (b) do update set a = 1", ""),
            ("insert into t (a) values (1) on conflict (b) do update set a = 1", ""),
            ("insert into t (a, b) values (1, 2) on conflict (b) do nothing", ""),
            ("insert into t (a, b) select 1, 2 on conflict (b) do update set a = 1", ""),
            ("select * from t where id = 1", ""),
            ("selec", ""),
        ] {
            let found = sought(text);
            let found = found.iter().map(|it| format!("{}: {}", it.table, said(&it.condition)));
            assert_eq!(found.collect::<Vec<_>>().join(", "), expect, "{text}");
        }
    }

    #[test]
    fn too_many_values_are_not_looked_for() {
        let of = |count: usize| {
            let values: Vec<_> = (0..count).map(|it| it.to_string()).collect();
            sought(&format!("delete from t where id in ({})", values.join(",")))
        };
        assert_eq!((of(1000).len(), of(1001).len()), (1, 0));
    }
}
