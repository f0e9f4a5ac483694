//! A parse tree in one shape, so that no field of any node can be overlooked: what the grammar
//! adds later is walked like the rest.

use serde_json::Value;

/// A node of the grammar, and its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    /// The grammar's word for it: `SelectStmt`, `FuncCall`.
    pub(super) name: &'a str,
    /// Its fields.
    pub(super) fields: &'a Value,
}

impl<'a> Node<'a> {
    /// The node that a value wraps.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        let wrapped = value.as_object().filter(|fields| fields.len() == 1)?.get("node")?;
        let (name, fields) = wrapped.as_object()?.iter().next()?;
        Some(Self { name, fields })
    }

    /// A field that is always the same node, and therefore not wrapped.
    pub(super) fn part(self, field: &str, name: &'a str) -> Option<Self> {
        let fields = self.fields.get(field).filter(|value| value.is_object())?;
        Some(Self { name, fields })
    }

    /// A field that is some node.
    pub(super) fn node(self, field: &str) -> Option<Self> {
        self.fields.get(field).and_then(Self::of)
    }

    /// The nodes of a list.
    pub(super) fn list(self, field: &str) -> impl Iterator<Item = Self> + use<'a> {
        let items = self.fields.get(field).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Self::of)
    }

    /// A field that is text; empty where there is none.
    pub(super) fn text(self, field: &str) -> &'a str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field that is a number, or one of an enumeration.
    pub(super) fn number(self, field: &str) -> i32 {
        let number = self.fields.get(field).and_then(Value::as_i64);
        number.and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
    }

    /// A field that is true or false.
    pub(super) fn flag(self, field: &str) -> bool {
        self.fields.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The parts of a qualified name.
    pub(super) fn path(self, field: &str) -> Vec<&'a str> {
        self.list(field).map(|part| part.text("sval")).collect()
    }

    /// A constant as text: what a string, a number or a word in its place says.
    pub(super) fn constant(self) -> Option<String> {
        let own = match self.name {
            "String" => Some(self.text("sval").to_owned()),
            "Integer" => Some(self.number("ival").to_string()),
            "Boolean" => Some(self.flag("boolval").to_string()),
            "Float" => Some(self.text("fval").to_owned()),
            "TypeName" => self.path("names").last().map(|word| (*word).to_owned()),
            _ => None,
        };
        own.or_else(|| {
            let (kind, value) = self.fields.get("val")?.as_object()?.iter().next()?;
            match kind.as_str() {
                "Sval" => value.get("sval")?.as_str().map(str::to_owned),
                "Ival" => Some(value.get("ival")?.as_i64()?.to_string()),
                "Fval" => value.get("fval")?.as_str().map(str::to_owned),
                "Boolval" => Some(value.get("boolval")?.as_bool()?.to_string()),
                _ => None,
            }
        })
    }

    /// The option of this name.
    pub(super) fn option(self, list: &str, name: &str) -> Option<Self> {
        self.list(list).find(|option| option.text("defname").eq_ignore_ascii_case(name))
    }
}

/// Whether a value holds a node of this name anywhere.
pub(super) fn holds(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, name)),
        Value::Object(fields) => {
            Node::of(value).is_some_and(|node| node.name == name)
                || fields.values().any(|field| holds(field, name))
        }
        _ => false,
    }
}
