//! Arguments as JSON, with variables and their defaults in place.

use std::collections::{HashMap, HashSet};

use apollo_parser::cst;

use crate::{Unreadable, http::json::Json};

/// The variables that an operation declares, with the values that they have.
pub(super) struct Variables {
    /// `None` where neither a value nor a default is there: then the argument is not, either.
    values: HashMap<String, Option<Json>>,
}

impl Variables {
    /// Those of `operation`, given what was `sent`; what is sent and not declared does not count.
    pub(super) fn of(
        operation: &cst::OperationDefinition,
        sent: &[(String, Json)],
    ) -> Result<Self, Unreadable> {
        let mut values = HashMap::new();
        let definitions = operation.variable_definitions();
        for definition in definitions.iter().flat_map(|it| it.variable_definitions()) {
            let name = name(definition.variable().and_then(|variable| variable.name()))?;
            let default = definition.default_value().and_then(|default| default.value());
            let none = Self { values: HashMap::new() };
            let value = match sent.iter().find(|(key, _)| *key == name) {
                Some((_, value)) => Some(value.clone()),
                None => default.map(|value| none.constant(&value)).transpose()?,
            };
            if values.insert(name.clone(), value).is_some() {
                return Err(Unreadable::new(format!(
                    "the variable `${name}` is declared twice; declare it once"
                )));
            }
        }
        Ok(Self { values })
    }

    /// All arguments of a field, as one object.
    pub(super) fn arguments(&self, arguments: Option<&cst::Arguments>) -> Result<Json, Unreadable> {
        let arguments = arguments.into_iter().flat_map(|it| it.arguments());
        self.object(arguments.map(|argument| (argument.name(), argument.value())))
    }

    fn object(
        &self,
        fields: impl Iterator<Item = (Option<cst::Name>, Option<cst::Value>)>,
    ) -> Result<Json, Unreadable> {
        let mut object = Vec::new();
        let mut names = HashSet::new();
        for (field, value) in fields {
            let name = name(field)?;
            let value = value.ok_or_else(|| Unreadable::new(format!("`{name}` has no value")))?;
            if !names.insert(name.clone()) {
                return Err(Unreadable::new(format!(
                    "`{name}` is given twice in one place; give it once"
                )));
            }
            if let Some(value) = self.value(&value)? {
                object.push((name, value));
            }
        }
        Ok(Json::Object(object))
    }

    fn constant(&self, value: &cst::Value) -> Result<Json, Unreadable> {
        Ok(self.value(value)?.unwrap_or(Json::Null))
    }

    /// The value; `None` if it is a variable that has none.
    fn value(&self, value: &cst::Value) -> Result<Option<Json>, Unreadable> {
        Ok(Some(match value {
            cst::Value::Variable(variable) => {
                let name = name(variable.name())?;
                return self.values.get(&name).cloned().ok_or_else(|| {
                    Unreadable::new(format!("the variable `${name}` is used but not declared"))
                });
            }
            cst::Value::StringValue(text) => Json::String(String::from(text)),
            // Variables carry enumeration values as strings; here they look the same.
            cst::Value::EnumValue(word) => Json::String(name(word.name())?),
            cst::Value::IntValue(number) => Json::Number(token(number.int_token())),
            cst::Value::FloatValue(number) => Json::Number(token(number.float_token())),
            cst::Value::BooleanValue(word) => Json::Bool(word.true_token().is_some()),
            cst::Value::NullValue(_) => Json::Null,
            cst::Value::ListValue(list) => {
                let values = list.values().map(|value| self.constant(&value));
                Json::Array(values.collect::<Result<_, _>>()?)
            }
            cst::Value::ObjectValue(object) => {
                self.object(object.object_fields().map(|field| (field.name(), field.value())))?
            }
        }))
    }
}

/// The text of a name that a document without syntax errors has.
pub(super) fn name(name: Option<cst::Name>) -> Result<String, Unreadable> {
    name.map(|name| name.text().as_str().to_owned())
        .ok_or_else(|| Unreadable::new("the GraphQL document lacks a name where one must be"))
}

fn token(token: Option<apollo_parser::SyntaxToken>) -> String {
    token.map(|token| token.text().to_owned()).unwrap_or_default()
}
