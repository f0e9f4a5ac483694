//! The schema: which types, fields and arguments there are, read from SDL.

use std::collections::{BTreeMap, BTreeSet};

use apollo_parser::{
    Parser,
    cst::{self, Definition, Type},
};
use serde_json::Value;

/// The SDL of the part of Railway's schema that the fake executes.
const SDL: &str = include_str!("schema.graphql");

/// The schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    objects: BTreeMap<String, BTreeMap<String, FieldShape>>,
    inputs: BTreeMap<String, BTreeMap<String, TypeRef>>,
    enums: BTreeMap<String, BTreeSet<String>>,
}

/// A field of an object type.
#[derive(Debug)]
pub(super) struct FieldShape {
    /// What it gives.
    pub(super) ty: TypeRef,
    /// What it takes.
    pub(super) arguments: BTreeMap<String, TypeRef>,
}

/// A type as it is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeRef {
    /// `!`: null is not allowed.
    pub(super) required: bool,
    kind: TypeKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TypeKind {
    Named(String),
    List(Box<TypeRef>),
}

impl TypeRef {
    fn read(ty: &Type) -> Option<Self> {
        match ty {
            Type::NamedType(named) => {
                let name = named.name()?.text().to_string();
                Some(Self { required: false, kind: TypeKind::Named(name) })
            }
            Type::ListType(list) => {
                let of = Box::new(Self::read(&list.ty()?)?);
                Some(Self { required: false, kind: TypeKind::List(of) })
            }
            Type::NonNullType(non_null) => {
                let inner = match (non_null.named_type(), non_null.list_type()) {
                    (Some(named), _) => Self::read(&Type::NamedType(named)),
                    (None, Some(list)) => Self::read(&Type::ListType(list)),
                    (None, None) => None,
                }?;
                Some(Self { required: true, ..inner })
            }
        }
    }

    /// The name inside all lists.
    pub(super) fn name(&self) -> &str {
        match &self.kind {
            TypeKind::Named(name) => name,
            TypeKind::List(of) => of.name(),
        }
    }
}

impl Schema {
    /// The schema of the fake.
    pub(super) fn railway() -> Self {
        let mut schema = Self::default();
        for definition in Parser::new(SDL).parse().document().definitions() {
            schema.add(&definition);
        }
        schema
    }

    fn add(&mut self, definition: &Definition) -> Option<()> {
        match definition {
            Definition::ObjectTypeDefinition(object) => {
                let fields = object.fields_definition()?.field_definitions();
                let fields = fields.filter_map(|field| {
                    let arguments = field.arguments_definition().map(|arguments| {
                        arguments.input_value_definitions().filter_map(|value| input(&value))
                    });
                    let shape = FieldShape {
                        ty: TypeRef::read(&field.ty()?)?,
                        arguments: arguments.into_iter().flatten().collect(),
                    };
                    Some((field.name()?.text().to_string(), shape))
                });
                self.objects.insert(object.name()?.text().to_string(), fields.collect());
            }
            Definition::InputObjectTypeDefinition(object) => {
                let fields = object.input_fields_definition()?.input_value_definitions();
                let fields = fields.filter_map(|value| input(&value)).collect();
                self.inputs.insert(object.name()?.text().to_string(), fields);
            }
            Definition::EnumTypeDefinition(words) => {
                let values = words.enum_values_definition()?.enum_value_definitions();
                let values =
                    values.filter_map(|value| Some(value.enum_value()?.text().to_string()));
                self.enums.insert(words.name()?.text().to_string(), values.collect());
            }
            _ => {}
        }
        Some(())
    }

    /// The field `name` of the object type `parent`.
    pub(super) fn field(&self, parent: &str, name: &str) -> Option<&FieldShape> {
        self.objects.get(parent)?.get(name)
    }

    /// Whether `name` is an object type, whose fields must be selected.
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.objects.contains_key(name)
    }

    /// Whether `value` may stand where `ty` is expected.
    pub(super) fn accepts(&self, ty: &TypeRef, value: &Value) -> bool {
        match (&ty.kind, value) {
            (_, Value::Null) => !ty.required,
            (TypeKind::List(of), Value::Array(items)) => {
                items.iter().all(|item| self.accepts(of, item))
            }
            (TypeKind::List(of), single) => self.accepts(of, single),
            (TypeKind::Named(name), value) => self.accepts_named(name, value),
        }
    }

    fn accepts_named(&self, name: &str, value: &Value) -> bool {
        if let Some(fields) = self.inputs.get(name) {
            let Value::Object(given) = value else { return false };
            return given.keys().all(|key| fields.contains_key(key))
                && fields
                    .iter()
                    .all(|(key, ty)| self.accepts(ty, given.get(key).unwrap_or(&Value::Null)));
        }
        if let Some(words) = self.enums.get(name) {
            return value.as_str().is_some_and(|word| words.contains(word));
        }
        match name {
            "String" => value.is_string(),
            "ID" => value.is_string() || value.is_i64(),
            "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "Float" => value.is_number(),
            "Boolean" => value.is_boolean(),
            _ => !self.objects.contains_key(name),
        }
    }
}

fn input(value: &cst::InputValueDefinition) -> Option<(String, TypeRef)> {
    Some((value.name()?.text().to_string(), TypeRef::read(&value.ty()?)?))
}
