//! What reads and changes rows. How many rows a condition leaves, a text does not say: it only
//! shows where there is none.

use holdpoint_core::{Effect, Operation};
use pg_query::protobuf::{AExprKind, BoolExprType, CmdType, NullTestType, OnConflictAction};

use super::{
    Script, When,
    tree::{Node, holds},
};
use crate::Unreadable;

/// The most constants that a key is compared with.
const KEYS_MAX: usize = 10;

/// Tables and views of the system whose rows hold secrets.
const SECRETS: [&str; 6] = [
    "decrypted_secrets",
    "pg_authid",
    "pg_shadow",
    "pg_subscription",
    "pg_user_mapping",
    "pg_user_mappings",
];

/// How much of a table a condition leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A few rows, by what is called a key.
    Key,
    /// Nobody knows.
    Some,
    /// There is no condition, or one that is always true.
    All,
}

impl Script<'_> {
    /// A query that stands by itself.
    pub(super) fn select(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let before = self.operations.len();
        self.query(node);
        self.walk(node.fields, When::Now)?;
        if self.operations.len() == before {
            let mut tables = node.list("from_clause").filter(|it| it.name == "RangeVar");
            let only = tables.next().filter(|_| node.list("from_clause").count() == 1);
            let resource = only.map_or_else(|| self.target.resource(), |it| self.relation(it));
            self.push("select", Effect::Observe, resource);
        }
        Ok(())
    }

    /// A query anywhere: `INTO` makes a table.
    pub(super) fn query(&mut self, node: Node<'_>) {
        if let Some(table) =
            node.part("into_clause", "IntoClause").and_then(|into| into.part("rel", "RangeVar"))
        {
            let resource = self.relation(table);
            self.push("select_into", Effect::Create, resource);
        }
    }

    /// A table that is named: some hold secrets.
    pub(super) fn reads(&mut self, node: Node<'_>) {
        if SECRETS.binary_search(&node.text("relname")).is_ok() {
            let resource = self.relation(node);
            let name = "postgres:select_secrets";
            let reversibility = super::reversibility(Effect::Observe);
            let operation = Operation::known(name, Effect::Observe, resource, reversibility);
            self.add(Operation { reveals_secrets: true, ..operation });
        }
    }

    /// Whether a statement changes the system's own tables, whose rows are no data but structure.
    fn of_system(&mut self, verb: &str, node: Node<'_>) -> bool {
        let Some(table) = node.part("relation", "RangeVar") else { return false };
        let (schema, name) = (table.text("schemaname"), table.text("relname"));
        match schema {
            "cron" => self.opaque(verb, self.relation(table)),
            "pg_catalog" | "information_schema" => {
                self.push(verb, Effect::Destroy, self.relation(table));
            }
            "" if name.starts_with("pg_") => {
                self.push(verb, Effect::Destroy, self.target.within(&format!("pg_catalog.{name}")));
            }
            _ => return false,
        }
        true
    }

    /// `INSERT`.
    pub(super) fn insert(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        if !self.of_system("insert", node) {
            let resource = self.its_relation(node);
            self.push("insert", Effect::Create, resource.clone());
            let conflict = node.part("on_conflict_clause", "OnConflictClause");
            let updates = OnConflictAction::OnconflictUpdate as i32;
            if conflict.is_some_and(|conflict| conflict.number("action") == updates) {
                self.push("upsert", Effect::Modify, resource);
            }
        }
        self.walk(node.fields, When::Now)
    }

    /// `UPDATE`.
    pub(super) fn update(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        if !self.of_system("update", node) {
            let effect = match reach(node) {
                Reach::All => Effect::Destroy,
                Reach::Some | Reach::Key => Effect::Modify,
            };
            self.push("update", effect, self.its_relation(node));
        }
        self.walk(node.fields, When::Now)
    }

    /// `DELETE`.
    pub(super) fn delete(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        if !self.of_system("delete", node) {
            let effect = match reach(node) {
                Reach::All | Reach::Some => Effect::Destroy,
                Reach::Key => Effect::Remove,
            };
            self.push("delete", effect, self.its_relation(node));
        }
        self.walk(node.fields, When::Now)
    }

    /// `MERGE`: as much as its branches.
    pub(super) fn merge(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let system = self.of_system("merge", node);
        let resource = self.its_relation(node);
        for branch in node.list("merge_when_clauses").filter(|_| !system) {
            let effect = match CmdType::try_from(branch.number("command_type")) {
                Ok(CmdType::CmdNothing) => continue,
                Ok(CmdType::CmdInsert) => Effect::Create,
                Ok(CmdType::CmdUpdate) => Effect::Modify,
                _ => Effect::Destroy,
            };
            self.push("merge", effect, resource.clone());
        }
        self.walk(node.fields, When::Now)
    }

    /// `COPY`, to and from the client, files and programs of the server.
    pub(super) fn copy(&mut self, node: Node<'_>) -> Result<(), Unreadable> {
        let (from, file) = (node.flag("is_from"), !node.text("filename").is_empty());
        if node.flag("is_program") {
            self.on_server("copy_program");
        } else if file && !from {
            self.on_server("copy_to_file");
        }
        if !from {
            self.push("copy_to", Effect::Observe, self.its_relation(node));
        } else if !self.of_system("copy_from", node) {
            self.push("copy_from", Effect::Create, self.its_relation(node));
        }
        self.walk(node.fields, When::Now)
    }

    /// `TRUNCATE`.
    pub(super) fn truncate(&mut self, node: Node<'_>) {
        for table in node.list("relations") {
            self.push("truncate", Effect::Destroy, self.relation(table));
        }
    }
}

/// How much of its table a statement reaches.
fn reach(node: Node<'_>) -> Reach {
    let joined = ["using_clause", "from_clause"].iter().any(|it| node.list(it).next().is_some());
    match node.node("where_clause").map_or(Reach::All, condition) {
        Reach::Key if joined => Reach::Some,
        reach => reach,
    }
}

/// How much a condition leaves.
fn condition(node: Node<'_>) -> Reach {
    // What speaks of no column speaks of no row. A cursor's position is one row.
    if node.name == "CurrentOfExpr" {
        return Reach::Key;
    }
    if node.name == "ParamRef" || !mentions(node, "ColumnRef") {
        return Reach::All;
    }
    match node.name {
        "BoolExpr" => boolean(node),
        "NullTest" => {
            let exists = node.number("nulltesttype") == NullTestType::IsNotNull as i32;
            let key = node.node("arg").is_some_and(is_key);
            if exists && key { Reach::All } else { Reach::Some }
        }
        "AExpr" => comparison(node),
        _ => Reach::Some,
    }
}

fn boolean(node: Node<'_>) -> Reach {
    let reaches = node.list("args").map(condition);
    match BoolExprType::try_from(node.number("boolop")) {
        // Every part has to hold: the narrowest counts.
        Ok(BoolExprType::AndExpr) => reaches.min_by_key(|it| *it as u8).unwrap_or(Reach::All),
        Ok(BoolExprType::OrExpr) => match reaches.max_by_key(|it| *it as u8) {
            Some(Reach::All) | None => Reach::All,
            _ => Reach::Some,
        },
        _ => Reach::Some,
    }
}

fn comparison(node: Node<'_>) -> Reach {
    let (Some(left), Some(right)) = (node.node("lexpr"), node.fields.get("rexpr")) else {
        return Reach::Some;
    };
    let operator = node.path("name").pop().unwrap_or_default();
    let kind = AExprKind::try_from(node.number("kind")).ok();
    let right_node = Node::of(right);
    if let Some(right) = right_node
        && (same(left, right) || is_open(operator, kind, left, right))
    {
        return Reach::All;
    }
    let key = is_key(left) && operator == "=";
    match (kind, right_node) {
        (Some(AExprKind::AexprOp), Some(right)) if key && is_value(right) => Reach::Key,
        (Some(AExprKind::AexprIn), Some(list)) if key && list.name == "List" => {
            let values: Vec<_> = list.list("items").collect();
            let few = values.len() <= KEYS_MAX && values.iter().all(|it| is_value(*it));
            if few { Reach::Key } else { Reach::Some }
        }
        _ => Reach::Some,
    }
}

/// Whether a comparison leaves out next to nothing: a key above or unlike a constant, any text.
fn is_open(operator: &str, kind: Option<AExprKind>, left: Node<'_>, right: Node<'_>) -> bool {
    let constant = right.constant();
    let number = constant.as_deref().and_then(|it| it.parse::<f64>().ok());
    match kind {
        Some(AExprKind::AexprOp) => {
            let above = matches!(operator, ">" | ">=") && number.is_some_and(|it| it <= 1.0);
            is_key(left) && (above || matches!(operator, "<>" | "!="))
        }
        Some(AExprKind::AexprLike | AExprKind::AexprIlike) => {
            constant.is_some_and(|it| !it.is_empty() && it.chars().all(|c| c == '%'))
        }
        _ => false,
    }
}

/// Whether both sides are the same column.
fn same(left: Node<'_>, right: Node<'_>) -> bool {
    let columns = left.name == "ColumnRef" && right.name == "ColumnRef";
    columns && left.path("fields") == right.path("fields")
}

/// Whether an expression is a column that is called like a key.
fn is_key(node: Node<'_>) -> bool {
    let path = node.path("fields");
    node.name == "ColumnRef" && matches!(path.last(), Some(&("id" | "uuid" | "guid" | "pk")))
}

/// Whether an expression is one value: a constant, cast or not, or a parameter.
fn is_value(node: Node<'_>) -> bool {
    match node.name {
        "AConst" | "ParamRef" => true,
        "TypeCast" => node.node("arg").is_some_and(is_value),
        _ => false,
    }
}

fn mentions(node: Node<'_>, name: &str) -> bool {
    node.name == name || holds(node.fields, name)
}
