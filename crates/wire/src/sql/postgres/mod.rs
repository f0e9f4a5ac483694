//! PostgreSQL: statements read with its own grammar, and a walk over all that they hold. What the
//! walk does not know is code that nobody can see.
//!
//! - `tree`: the parse tree in one shape
//! - `statement`: every statement's meaning
//! - `rows`: what reads and changes rows
//! - `tables`: `ALTER TABLE`, and what is dropped
//! - `access`: roles and privileges
//! - `settings`: what `SET` and its relatives change
//! - `functions`: what calling a function does
//! - `code`: blocks of code whose text is there
//! - [`sought`]: where a statement looks for the rows that it changes

mod access;
mod code;
mod functions;
mod rows;
mod settings;
pub mod sought;
mod statement;
mod tables;
mod tree;

use std::collections::HashSet;

use holdpoint_core::{Effect, Operation, Resource, ResourceId, Reversibility, operation::Place};
use pg_query::Error;
use serde_json::Value;
use tree::Node;

use super::{OPERATIONS_MAX, Target, too_many};
use crate::Unreadable;

/// Statements of one text.
const STATEMENTS_MAX: usize = 10_000;

/// Blocks of code within each other, and texts within texts.
const NESTING_MAX: usize = 8;

/// What `text` would do to `target`, never empty.
pub fn interpret(text: &str, target: &Target) -> Result<Vec<Operation>, Unreadable> {
    let mut script = Script::new(target);
    script.read(text)?;
    if script.operations.is_empty() {
        script.push("nothing", Effect::Observe, target.resource());
    }
    script.finish()
}

/// The operations of a text, as they are found.
struct Script<'t> {
    target: &'t Target,
    operations: Vec<Operation>,
    seen: HashSet<(String, ResourceId, Effect, bool)>,
    /// Names that were prepared, and judged when they were.
    prepared: HashSet<String>,
    nesting: usize,
    overflown: bool,
}

/// Whether an expression is computed now, or kept for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Now.
    Now,
    /// By whoever uses what is defined.
    Later,
}

impl<'t> Script<'t> {
    fn new(target: &'t Target) -> Self {
        Self {
            target,
            operations: Vec::new(),
            seen: HashSet::new(),
            prepared: HashSet::new(),
            nesting: 0,
            overflown: false,
        }
    }

    fn finish(self) -> Result<Vec<Operation>, Unreadable> {
        if self.overflown { Err(too_many()) } else { Ok(self.operations) }
    }

    /// Reads the statements of a text.
    fn read(&mut self, text: &str) -> Result<(), Unreadable> {
        let tree = parse(text, 0)?;
        let statements = tree.get("stmts").and_then(Value::as_array);
        for statement in statements.into_iter().flatten() {
            if let Some(node) = statement.get("stmt").and_then(Node::of) {
                let start = statement.get("stmt_location").and_then(Value::as_u64).unwrap_or(0);
                let length = statement.get("stmt_len").and_then(Value::as_u64).unwrap_or(0);
                self.statement(node, own_text(text, start, length))?;
            }
        }
        Ok(())
    }

    /// Adds an operation that is known.
    fn push(&mut self, verb: &str, effect: Effect, resource: Resource) {
        let name = format!("postgres:{verb}");
        self.add(Operation::known(name, effect, resource, reversibility(effect)));
    }

    /// Adds an operation of which only the outside is known.
    fn guess(&mut self, verb: &str, effect: Effect, resource: Resource) {
        self.add(Operation::guessed(format!("postgres:{verb}"), effect, resource));
    }

    /// Adds code that nobody can see.
    fn opaque(&mut self, verb: &str, resource: Resource) {
        let name = format!("postgres:{verb}");
        let operation = Operation::guessed(name, Effect::Execute, resource);
        self.add(Operation { reversibility: Reversibility::None, ..operation });
    }

    /// Adds what runs outside of the database, on the machine of its server.
    fn on_server(&mut self, verb: &str) {
        let resource = self.target.resource();
        let place = if self.target.is_loopback() { Place::ThisMachine } else { Place::Elsewhere };
        let name = format!("postgres:{verb}");
        let operation = Operation::guessed(name, Effect::Execute, resource);
        self.add(Operation { place, reversibility: Reversibility::None, ..operation });
    }

    /// Adds an operation unless the same one is there.
    fn add(&mut self, operation: Operation) {
        let id = operation.resource.id.clone();
        if !self.seen.insert((operation.name.clone(), id, operation.effect, operation.known)) {
            return;
        }
        if self.operations.len() >= OPERATIONS_MAX {
            self.overflown = true;
            return;
        }
        self.operations.push(operation);
    }

    /// What an expression, a clause or a definition holds: functions, subqueries, statements.
    fn walk(&mut self, value: &Value, when: When) -> Result<(), Unreadable> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.walk(item, when)),
            Value::Object(fields) => match Node::of(value) {
                Some(node) => self.node(node, when),
                None => fields.iter().try_for_each(|(name, field)| match unwrapped(name, field) {
                    Some(node) => self.node(node, when),
                    None => self.walk(field, when),
                }),
            },
            _ => Ok(()),
        }
    }

    /// A node below a statement.
    fn node(&mut self, node: Node<'_>, when: When) -> Result<(), Unreadable> {
        match node.name {
            "SelectStmt" => self.query(node),
            "FuncCall" => self.call(node, when)?,
            "RangeVar" => self.reads(node),
            "RangeTableSample" => self.function(&node.path("method"), when),
            "ReturnStmt" | "ReplicaIdentityStmt" => {}
            name if name.ends_with("Stmt") => return self.statement(node, ""),
            name if PARTS.binary_search(&name).is_ok() => {}
            _ => self.opaque("unknown", self.target.resource()),
        }
        self.walk(node.fields, when)
    }

    /// What a table's name stands for.
    fn relation(&self, node: Node<'_>) -> Resource {
        let schema = node.text("schemaname");
        let schema = if schema.is_empty() { "public" } else { schema };
        self.target.within(&format!("{schema}.{}", node.text("relname")))
    }

    /// What the `relation` of a statement stands for; the database, if it has none.
    fn its_relation(&self, node: Node<'_>) -> Resource {
        let relation = node.part("relation", "RangeVar");
        relation.map_or_else(|| self.target.resource(), |relation| self.relation(relation))
    }
}

/// Whether an effect can be taken back, as far as a text tells.
fn reversibility(effect: Effect) -> Reversibility {
    match effect {
        Effect::Observe => Reversibility::Inverse,
        Effect::Destroy | Effect::Execute => Reversibility::None,
        _ => Reversibility::Unknown,
    }
}

/// A field that is always the same node where that node is a query or a call.
fn unwrapped<'a>(field: &'a str, value: &'a Value) -> Option<Node<'a>> {
    let name = match field {
        "larg" | "rarg" => "SelectStmt",
        "funccall" => "FuncCall",
        "setstmt" => "VariableSetStmt",
        "relation" | "rel" | "view" | "table" | "pktable" | "constrrel" | "sequence" => "RangeVar",
        _ => return None,
    };
    (value.is_object() && Node::of(value).is_none()).then_some(Node { name, fields: value })
}

/// The text of one statement, for what is read from text again.
fn own_text(text: &str, start: u64, length: u64) -> &str {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let length = match usize::try_from(length) {
        Ok(0) | Err(_) => text.len().saturating_sub(start),
        Ok(length) => length,
    };
    text.get(start..start.saturating_add(length)).unwrap_or(text)
}

/// What is said of a statement whose tree nobody reads to its end.
pub(super) fn too_deep() -> Unreadable {
    Unreadable::over_limit("the statement is nested deeper than 100 levels; send it in parts")
}

/// The tree of a text; `mode` is the parser's own word for what kind of text it is.
fn parse(text: &str, mode: i32) -> Result<Value, Unreadable> {
    let parsed = pg_query::parse(text, mode).map_err(|error| match error {
        Error::Decode(_) => too_deep(),
        Error::Parse(problem) => {
            Unreadable::new(format!("PostgreSQL would not read it: {problem}"))
        }
        _ => Unreadable::new("PostgreSQL's grammar gives no answer to it"),
    })?;
    if parsed.protobuf.stmts.len() > STATEMENTS_MAX {
        return Err(Unreadable::over_limit(format!(
            "there are more than {STATEMENTS_MAX} statements; send fewer at once"
        )));
    }
    serde_json::to_value(&parsed.protobuf)
        .map_err(|_| Unreadable::new("the statement's tree cannot be written down"))
}

/// The nodes that a statement is made of, and that do nothing by themselves. Sorted.
const PARTS: &[&str] = &[
    "AArrayExpr",
    "AConst",
    "AExpr",
    "AIndices",
    "AIndirection",
    "AStar",
    "AccessPriv",
    "Alias",
    "AlterTableCmd",
    "AtalterConstraint",
    "BitString",
    "BoolExpr",
    "Boolean",
    "BooleanTest",
    "CaseExpr",
    "CaseWhen",
    "CoalesceExpr",
    "CollateClause",
    "ColumnDef",
    "ColumnRef",
    "CommonTableExpr",
    "Constraint",
    "CreateOpClassItem",
    "CtecycleClause",
    "CtesearchClause",
    "CurrentOfExpr",
    "DefElem",
    "Float",
    "FunctionParameter",
    "GroupingFunc",
    "GroupingSet",
    "IndexElem",
    "InferClause",
    "Integer",
    "IntoClause",
    "JoinExpr",
    "JsonAggConstructor",
    "JsonArgument",
    "JsonArrayAgg",
    "JsonArrayConstructor",
    "JsonArrayQueryConstructor",
    "JsonBehavior",
    "JsonFormat",
    "JsonFuncExpr",
    "JsonIsPredicate",
    "JsonKeyValue",
    "JsonObjectAgg",
    "JsonObjectConstructor",
    "JsonOutput",
    "JsonParseExpr",
    "JsonReturning",
    "JsonScalarExpr",
    "JsonSerializeExpr",
    "JsonTable",
    "JsonTableColumn",
    "JsonTablePathSpec",
    "JsonValueExpr",
    "List",
    "LockingClause",
    "MergeSupportFunc",
    "MergeWhenClause",
    "MinMaxExpr",
    "MultiAssignRef",
    "NamedArgExpr",
    "NullTest",
    "ObjectWithArgs",
    "OnConflictClause",
    "ParamRef",
    "PartitionBoundSpec",
    "PartitionCmd",
    "PartitionElem",
    "PartitionRangeDatum",
    "PartitionSpec",
    "PublicationObjSpec",
    "PublicationTable",
    "RangeFunction",
    "RangeSubselect",
    "RangeTableFunc",
    "RangeTableFuncCol",
    "ResTarget",
    "ReturningClause",
    "ReturningOption",
    "RoleSpec",
    "RowExpr",
    "SetToDefault",
    "SortBy",
    "SqlvalueFunction",
    "StatsElem",
    "String",
    "SubLink",
    "TableLikeClause",
    "TriggerTransition",
    "TypeCast",
    "TypeName",
    "VacuumRelation",
    "WindowDef",
    "WithClause",
    "XmlExpr",
    "XmlSerialize",
];

#[cfg(test)]
mod tests;
