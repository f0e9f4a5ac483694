//! The one operation of a document that would run, and its root fields.

use std::collections::{HashMap, HashSet};

use apollo_parser::{Parser, cst};

use super::{
    DEPTH_MAX, EXPANDED_DEPTH_MAX, ROOT_FIELDS_MAX, TOKENS_MAX,
    meaning::Field,
    value::{Variables, name},
};
use crate::{Unreadable, http::json::Json};

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads.
    Query,
    /// May change something.
    Mutation,
    /// Reads again and again.
    Subscription,
}

/// What makes an answer secret, wherever it is selected.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Secrets {
    /// Fields whose values are secrets.
    pub(super) fields: &'static [&'static str],
    /// Arguments that, unless `false`, make a field show secrets.
    pub(super) arguments: &'static [&'static str],
}

impl Secrets {
    fn are_mentioned_in(self, text: &str) -> bool {
        self.fields.iter().chain(self.arguments).any(|name| text.contains(name))
    }
}

/// A document, and which of its operations would run.
pub(super) struct Document<'t> {
    text: &'t str,
    operation: cst::OperationDefinition,
    fragments: HashMap<String, cst::FragmentDefinition>,
}

impl<'t> Document<'t> {
    /// Reads `text`, of which the operation called `wanted` would run, or the only one.
    pub(super) fn read(text: &'t str, wanted: Option<&str>) -> Result<Self, Unreadable> {
        let tree = Parser::new(text).token_limit(TOKENS_MAX).recursion_limit(DEPTH_MAX).parse();
        if let Some(error) = tree.errors().next() {
            return Err(match error.is_limit() {
                true => Unreadable::over_limit(format!(
                    "the GraphQL document is longer than {TOKENS_MAX} tokens or nested deeper \
                     than {DEPTH_MAX}; send a smaller one"
                )),
                false => Unreadable::new(format!(
                    "the GraphQL document cannot be read at byte {}: {}",
                    error.index(),
                    error.message()
                )),
            });
        }
        let mut operations = Vec::new();
        let mut fragments = HashMap::new();
        for definition in tree.document().definitions() {
            match definition {
                cst::Definition::OperationDefinition(operation) => operations.push(operation),
                cst::Definition::FragmentDefinition(fragment) => {
                    let called = name(fragment.fragment_name().and_then(|it| it.name()))?;
                    if fragments.insert(called.clone(), fragment).is_some() {
                        return Err(twice("fragment", &called));
                    }
                }
                _ => return Err(Unreadable::new("the document defines types; send operations")),
            }
        }
        Ok(Self { text, operation: select(operations, wanted)?, fragments })
    }

    /// The operation that would run.
    pub(super) fn operation(&self) -> &cst::OperationDefinition {
        &self.operation
    }

    /// What it is.
    pub(super) fn kind(&self) -> Kind {
        match self.operation.operation_type() {
            Some(kind) if kind.mutation_token().is_some() => Kind::Mutation,
            Some(kind) if kind.subscription_token().is_some() => Kind::Subscription,
            _ => Kind::Query,
        }
    }

    /// Its root fields, in order, through fragments and whatever `@skip` and `@include` say.
    pub(super) fn root_fields(
        &self,
        variables: &Variables,
        secrets: Secrets,
    ) -> Result<Vec<Field>, Unreadable> {
        let mut roots =
            Roots { document: self, fields: Vec::new(), open: Vec::new(), seen: HashSet::new() };
        roots.walk(self.operation.selection_set(), 0)?;
        let mut scan =
            Scan { document: self, variables, secrets, open: Vec::new(), known: HashMap::new() };
        // Names have no escapes: what the text does not mention, no selection can have. Nothing
        // else below the root fields changes what they do.
        let mentioned = secrets.are_mentioned_in(self.text);
        let read = |field: cst::Field| {
            Ok(Field {
                name: name(field.name())?,
                arguments: variables.arguments(field.arguments().as_ref())?,
                selects_secrets: mentioned && scan.selects_secrets(field.selection_set(), 1)?,
            })
        };
        roots.fields.into_iter().map(read).collect()
    }

    fn fragment(&self, called: &str) -> Result<&cst::FragmentDefinition, Unreadable> {
        self.fragments.get(called).ok_or_else(|| {
            Unreadable::new(format!("there is no fragment called `{called}`; send it, too"))
        })
    }
}

/// The operation that would run of several.
fn select(
    operations: Vec<cst::OperationDefinition>,
    wanted: Option<&str>,
) -> Result<cst::OperationDefinition, Unreadable> {
    let mut named = HashMap::new();
    let mut anonymous = Vec::new();
    let several = operations.len() > 1;
    for operation in operations {
        match operation.name() {
            Some(called) => {
                let called = name(Some(called))?;
                if named.insert(called.clone(), operation).is_some() {
                    return Err(twice("operation", &called));
                }
            }
            None => anonymous.push(operation),
        }
    }
    // An empty name counts as none for some servers and as a wrong one for others.
    match wanted {
        Some(wanted) => named.remove(wanted).ok_or_else(|| {
            Unreadable::new(format!("the document has no operation called `{wanted}`"))
        }),
        None if several => Err(Unreadable::new(
            "the document has several operations; say which with `operationName`",
        )),
        None => anonymous
            .pop()
            .or_else(|| named.into_values().next())
            .ok_or_else(|| Unreadable::new("the document has no operation; send one")),
    }
}

fn twice(what: &str, called: &str) -> Unreadable {
    Unreadable::new(format!("the document has two {what}s called `{called}`; send one"))
}

/// The selections of a set, none without one.
fn selections(set: Option<cst::SelectionSet>) -> impl Iterator<Item = cst::Selection> {
    set.into_iter().flat_map(|set| set.selections())
}

/// The name of the fragment that a spread puts in place.
fn spread_name(spread: &cst::FragmentSpread) -> Result<String, Unreadable> {
    name(spread.fragment_name().and_then(|it| it.name()))
}

fn inside_itself(called: &str) -> Unreadable {
    Unreadable::new(format!("the fragment `{called}` is inside itself; take it out"))
}

fn too_deep(depth: usize) -> Result<(), Unreadable> {
    match depth > EXPANDED_DEPTH_MAX {
        true => Err(Unreadable::over_limit(format!(
            "the document is nested deeper than {EXPANDED_DEPTH_MAX}; send a flatter one"
        ))),
        false => Ok(()),
    }
}

/// Collects root fields.
struct Roots<'a> {
    document: &'a Document<'a>,
    fields: Vec<cst::Field>,
    /// Fragments that the walk is inside of.
    open: Vec<String>,
    /// Fragments that the walk has been through: their fields merge, a second time adds nothing.
    seen: HashSet<String>,
}

impl Roots<'_> {
    fn walk(&mut self, set: Option<cst::SelectionSet>, depth: usize) -> Result<(), Unreadable> {
        too_deep(depth)?;
        for selection in selections(set) {
            match selection {
                cst::Selection::Field(_) if self.fields.len() == ROOT_FIELDS_MAX => {
                    return Err(Unreadable::over_limit(format!(
                        "the operation has more than {ROOT_FIELDS_MAX} root fields; send it in \
                         parts"
                    )));
                }
                cst::Selection::Field(field) => self.fields.push(field),
                cst::Selection::InlineFragment(inline) => {
                    self.walk(inline.selection_set(), depth + 1)?;
                }
                cst::Selection::FragmentSpread(spread) => {
                    let called = spread_name(&spread)?;
                    let fragment = self.document.fragment(&called)?;
                    if self.open.contains(&called) {
                        return Err(inside_itself(&called));
                    }
                    if self.seen.insert(called.clone()) {
                        self.open.push(called);
                        self.walk(fragment.selection_set(), depth + 1)?;
                        self.open.pop();
                    }
                }
            }
        }
        Ok(())
    }
}

/// Looks for secrets, through each fragment once; refuses fragments that are inside themselves.
struct Scan<'a> {
    document: &'a Document<'a>,
    variables: &'a Variables,
    secrets: Secrets,
    /// Fragments that the walk is inside of.
    open: Vec<String>,
    /// Fragments that the walk has been through, and whether they select secrets.
    known: HashMap<String, bool>,
}

impl Scan<'_> {
    /// Whether a selection shows secrets, at any depth.
    fn selects_secrets(
        &mut self,
        set: Option<cst::SelectionSet>,
        depth: usize,
    ) -> Result<bool, Unreadable> {
        too_deep(depth)?;
        let mut found = false;
        for selection in selections(set) {
            found |= match selection {
                cst::Selection::Field(field) => {
                    self.is_secret(&field)?
                        | self.selects_secrets(field.selection_set(), depth + 1)?
                }
                cst::Selection::InlineFragment(inline) => {
                    self.selects_secrets(inline.selection_set(), depth + 1)?
                }
                cst::Selection::FragmentSpread(spread) => {
                    self.fragment_selects_secrets(spread_name(&spread)?, depth)?
                }
            };
        }
        Ok(found)
    }

    fn fragment_selects_secrets(
        &mut self,
        called: String,
        depth: usize,
    ) -> Result<bool, Unreadable> {
        if let Some(found) = self.known.get(&called) {
            return Ok(*found);
        }
        if self.open.contains(&called) {
            return Err(inside_itself(&called));
        }
        let set = self.document.fragment(&called)?.selection_set();
        self.open.push(called.clone());
        let found = self.selects_secrets(set, depth + 1)?;
        self.open.pop();
        self.known.insert(called, found);
        Ok(found)
    }

    fn is_secret(&self, field: &cst::Field) -> Result<bool, Unreadable> {
        let called = field.name().map(|name| name.text());
        if called.is_some_and(|called| self.secrets.fields.contains(&called.as_str())) {
            return Ok(true);
        }
        let Some(arguments) = field.arguments() else { return Ok(false) };
        let arguments = self.variables.arguments(Some(&arguments))?;
        let shows = |key: &&str| {
            let value = arguments.get(key);
            value.is_some_and(|value| !matches!(value, Json::Null | Json::Bool(false)))
        };
        Ok(self.secrets.arguments.iter().any(shows))
    }
}
