//! A GraphQL document: parsed, checked against the schema, variables put in, fragments laid open.

use std::collections::BTreeMap;

use apollo_parser::{
    Parser,
    cst::{self, Definition, Selection, Value as Written},
};
use serde_json::{Map, Value};

use super::schema::{FieldShape, Schema};

/// The deepest nesting, and the most tokens, that a document may have.
const DEPTH_MAX: usize = 64;
const TOKENS_MAX: usize = 20_000;
/// How many selections a document may have once its fragments are laid open.
const SELECTIONS_MAX: usize = 5_000;

/// Query or mutation, with the fields of its root.
#[derive(Debug)]
pub(super) struct Document {
    /// Whether it is a mutation.
    pub(super) mutation: bool,
    /// What is selected at the root, in order.
    pub(super) fields: Vec<Field>,
}

/// One selected field.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// The key in the answer: the alias, or the name.
    pub(super) key: String,
    /// The field's name.
    pub(super) name: String,
    /// Its arguments with all variables put in.
    pub(super) arguments: Map<String, Value>,
    /// The name of the type it gives.
    pub(super) gives: String,
    /// What is selected in it.
    pub(super) fields: Vec<Field>,
}

/// Why a document cannot be executed: the message of a GraphQL error.
type Invalid = String;

impl Document {
    /// Reads the operation `name` (or the only one) of `text`.
    pub(super) fn read(
        schema: &Schema,
        text: &str,
        name: Option<&str>,
        variables: &Map<String, Value>,
    ) -> Result<Self, Invalid> {
        let tree = Parser::new(text).recursion_limit(DEPTH_MAX).token_limit(TOKENS_MAX).parse();
        if let Some(error) = tree.errors().next() {
            return Err(format!("Syntax Error: {}", error.message()));
        }
        let definitions: Vec<_> = tree.document().definitions().collect();
        let operation = operation(&definitions, name)?;
        let kind = operation.operation_type();
        if kind.as_ref().is_some_and(|kind| kind.subscription_token().is_some()) {
            return Err("Subscriptions are not supported over HTTP".to_owned());
        }
        let mutation = kind.is_some_and(|kind| kind.mutation_token().is_some());
        let mut reader = Reader {
            schema,
            fragments: fragments(&definitions),
            variables: given(&operation, variables)?,
            selections_left: SELECTIONS_MAX,
        };
        let mut fields = Vec::new();
        let root = if mutation { "Mutation" } else { "Query" };
        let selected = operation.selection_set().ok_or("Nothing is selected")?;
        reader.select(root, &selected, &mut fields, 0)?;
        Ok(Self { mutation, fields })
    }
}

fn operation(
    definitions: &[Definition],
    name: Option<&str>,
) -> Result<cst::OperationDefinition, Invalid> {
    let mut operations = definitions.iter().filter_map(|definition| match definition {
        Definition::OperationDefinition(operation) => Some(operation.clone()),
        _ => None,
    });
    match name {
        Some(name) => operations
            .find(|operation| operation.name().is_some_and(|known| known.text() == name))
            .ok_or_else(|| format!("Unknown operation named \"{name}\".")),
        None => match (operations.next(), operations.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err("Must provide an operation.".to_owned()),
            _ => Err("Must provide operation name if query contains multiple operations.".into()),
        },
    }
}

fn fragments(definitions: &[Definition]) -> BTreeMap<String, cst::FragmentDefinition> {
    let fragments = definitions.iter().filter_map(|definition| match definition {
        Definition::FragmentDefinition(fragment) => {
            let name = fragment.fragment_name()?.name()?.text().to_string();
            Some((name, fragment.clone()))
        }
        _ => None,
    });
    fragments.collect()
}

/// The operation's variables: what was sent, else their defaults.
fn given(
    operation: &cst::OperationDefinition,
    sent: &Map<String, Value>,
) -> Result<BTreeMap<String, Value>, Invalid> {
    let mut variables = BTreeMap::new();
    let definitions = operation.variable_definitions().into_iter();
    for definition in definitions.flat_map(|all| all.variable_definitions()) {
        let Some(name) = definition.variable().and_then(|variable| variable.name()) else {
            return Err("A variable has no name".to_owned());
        };
        let name = name.text().to_string();
        let default = definition.default_value().and_then(|default| default.value());
        match (sent.get(&name), default) {
            (Some(value), _) => {
                variables.insert(name, value.clone());
            }
            (None, Some(default)) => {
                let value = literal(&default, &BTreeMap::new())?;
                variables.insert(name, value.unwrap_or(Value::Null));
            }
            (None, None) if matches!(definition.ty(), Some(cst::Type::NonNullType(_))) => {
                return Err(format!("Variable \"${name}\" of required type was not provided."));
            }
            (None, None) => {}
        }
    }
    Ok(variables)
}

struct Reader<'a> {
    schema: &'a Schema,
    fragments: BTreeMap<String, cst::FragmentDefinition>,
    variables: BTreeMap<String, Value>,
    selections_left: usize,
}

impl Reader<'_> {
    fn select(
        &mut self,
        parent: &str,
        selected: &cst::SelectionSet,
        into: &mut Vec<Field>,
        depth: usize,
    ) -> Result<(), Invalid> {
        if depth > DEPTH_MAX {
            return Err("The document is nested too deeply".to_owned());
        }
        for selection in selected.selections() {
            self.selections_left =
                self.selections_left.checked_sub(1).ok_or("The document selects too much")?;
            match selection {
                Selection::Field(field) if self.is_included(field.directives())? => {
                    let field = self.field(parent, &field, depth)?;
                    merge(into, field)?;
                }
                Selection::InlineFragment(inline) if self.is_included(inline.directives())? => {
                    applies(parent, inline.type_condition())?;
                    let selected = inline.selection_set().ok_or("Nothing is selected")?;
                    self.select(parent, &selected, into, depth + 1)?;
                }
                Selection::FragmentSpread(spread) if self.is_included(spread.directives())? => {
                    let name = spread.fragment_name().and_then(|name| name.name());
                    let name = name.map(|name| name.text().to_string()).unwrap_or_default();
                    let fragment = self.fragments.get(&name).cloned();
                    let fragment =
                        fragment.ok_or_else(|| format!("Unknown fragment \"{name}\"."))?;
                    applies(parent, fragment.type_condition())?;
                    let selected = fragment.selection_set().ok_or("Nothing is selected")?;
                    self.select(parent, &selected, into, depth + 1)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn field(&mut self, parent: &str, field: &cst::Field, depth: usize) -> Result<Field, Invalid> {
        let name = field.name().map(|name| name.text().to_string()).unwrap_or_default();
        let alias = field.alias().and_then(|alias| alias.name());
        let key = alias.map_or_else(|| name.clone(), |alias| alias.text().to_string());
        if name == "__typename" {
            let gives = parent.to_owned();
            return Ok(Field { key, name, arguments: Map::new(), gives, fields: Vec::new() });
        }
        let shape = self
            .schema
            .field(parent, &name)
            .ok_or_else(|| format!("Cannot query field \"{name}\" on type \"{parent}\"."))?;
        let arguments = self.arguments(shape, &name, field.arguments())?;
        let gives = shape.ty.name().to_owned();
        let mut fields = Vec::new();
        match (field.selection_set(), self.schema.is_object(&gives)) {
            (Some(selected), true) => self.select(&gives, &selected, &mut fields, depth + 1)?,
            (None, false) => {}
            (None, true) => {
                return Err(format!(
                    "Field \"{name}\" of type \"{gives}\" must have a selection of subfields."
                ));
            }
            (Some(_), false) => {
                return Err(format!("Field \"{name}\" must not have a selection of subfields."));
            }
        }
        Ok(Field { key, name, arguments, gives, fields })
    }

    fn arguments(
        &self,
        shape: &FieldShape,
        field: &str,
        written: Option<cst::Arguments>,
    ) -> Result<Map<String, Value>, Invalid> {
        let mut arguments = Map::new();
        for argument in written.into_iter().flat_map(|all| all.arguments()) {
            let name = argument.name().map(|name| name.text().to_string()).unwrap_or_default();
            if !shape.arguments.contains_key(&name) {
                return Err(format!("Unknown argument \"{name}\" on field \"{field}\"."));
            }
            let value = argument.value().ok_or("An argument has no value")?;
            if let Some(value) = literal(&value, &self.variables)?
                && arguments.insert(name.clone(), value).is_some()
            {
                return Err(format!("There can be only one argument named \"{name}\"."));
            }
        }
        for (name, ty) in &shape.arguments {
            let value = arguments.get(name).unwrap_or(&Value::Null);
            if !self.schema.accepts(ty, value) {
                return Err(format!("Invalid value for argument \"{name}\" of \"{field}\"."));
            }
        }
        Ok(arguments)
    }

    /// What `@skip` and `@include` say.
    fn is_included(&self, directives: Option<cst::Directives>) -> Result<bool, Invalid> {
        for directive in directives.into_iter().flat_map(|all| all.directives()) {
            let name = directive.name().map(|name| name.text().to_string()).unwrap_or_default();
            let condition = directive
                .arguments()
                .and_then(|all| all.arguments().next())
                .and_then(|argument| argument.value())
                .map(|value| literal(&value, &self.variables))
                .transpose()?
                .flatten();
            match (name.as_str(), condition) {
                ("skip", Some(Value::Bool(true))) | ("include", Some(Value::Bool(false))) => {
                    return Ok(false);
                }
                ("skip" | "include", Some(Value::Bool(_))) => {}
                _ => return Err(format!("Invalid directive \"@{name}\".")),
            }
        }
        Ok(true)
    }
}

/// There are only object types here, so a fragment on another type is a mistake.
fn applies(parent: &str, condition: Option<cst::TypeCondition>) -> Result<(), Invalid> {
    let on = condition.and_then(|condition| condition.named_type()?.name());
    match on {
        Some(on) if on.text() != parent => {
            Err(format!("Fragment cannot be spread here: \"{parent}\" is not \"{}\".", on.text()))
        }
        _ => Ok(()),
    }
}

/// Fields with the same key are one field, if they ask for the same (GraphQL §5.3.2).
fn merge(into: &mut Vec<Field>, field: Field) -> Result<(), Invalid> {
    let Some(known) = into.iter_mut().find(|known| known.key == field.key) else {
        into.push(field);
        return Ok(());
    };
    if known.name != field.name || known.arguments != field.arguments {
        return Err(format!("Fields \"{}\" conflict. Use different aliases.", field.key));
    }
    field.fields.into_iter().try_for_each(|inner| merge(&mut known.fields, inner))
}

/// The JSON of a written value; nothing if it is a variable that was not given.
fn literal(value: &Written, variables: &BTreeMap<String, Value>) -> Result<Option<Value>, Invalid> {
    Ok(Some(match value {
        Written::Variable(variable) => {
            let name = variable.name().map(|name| name.text().to_string()).unwrap_or_default();
            return Ok(variables.get(&name).cloned());
        }
        Written::StringValue(text) => Value::String(String::from(text)),
        Written::IntValue(number) => i32::try_from(number)
            .map(Value::from)
            .map_err(|_| "Int cannot represent a number of more than 32 bits".to_owned())?,
        Written::FloatValue(number) => f64::try_from(number)
            .map(Value::from)
            .map_err(|_| "Float cannot represent this number".to_owned())?,
        Written::BooleanValue(truth) => Value::Bool(truth.true_token().is_some()),
        Written::NullValue(_) => Value::Null,
        Written::EnumValue(word) => Value::String(word.text().to_string()),
        Written::ListValue(list) => {
            let items = list.values().map(|item| literal(&item, variables));
            let items: Vec<_> = items.collect::<Result<_, _>>()?;
            Value::Array(items.into_iter().map(Option::unwrap_or_default).collect())
        }
        Written::ObjectValue(object) => {
            let mut fields = Map::new();
            for field in object.object_fields() {
                let name = field.name().map(|name| name.text().to_string()).unwrap_or_default();
                let value = field.value().ok_or("A field has no value")?;
                if let Some(value) = literal(&value, variables)? {
                    fields.insert(name, value);
                }
            }
            Value::Object(fields)
        }
    }))
}
