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

/// A document, and which of its operations would run.
pub(super) struct Document {
    operation: cst::OperationDefinition,
    fragments: HashMap<String, cst::FragmentDefinition>,
}

impl Document {
    /// Reads `text`, of which the operation called `wanted` would run, or the only one.
    pub(super) fn read(text: &str, wanted: Option<&str>) -> Result<Self, Unreadable> {
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
        Ok(Self { operation: select(operations, wanted)?, fragments })
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
        let mut expansion = Expansion::new(self, variables, secrets);
        let mut roots = Vec::new();
        let selection = self.operation.selection_set();
        expansion.fields(selection.as_ref(), 0, &mut |field| {
            roots.push(field.clone());
            Ok(())
        })?;
        if roots.len() > ROOT_FIELDS_MAX {
            return Err(Unreadable::over_limit(format!(
                "the operation has more than {ROOT_FIELDS_MAX} root fields; send it in parts"
            )));
        }
        roots.into_iter().map(|field| self.root_field(&field, variables, secrets)).collect()
    }

    fn root_field(
        &self,
        field: &cst::Field,
        variables: &Variables,
        secrets: Secrets,
    ) -> Result<Field, Unreadable> {
        let mut expansion = Expansion::new(self, variables, secrets);
        Ok(Field {
            name: name(field.name())?,
            arguments: variables.arguments(field.arguments().as_ref())?,
            selects_secrets: expansion.selects_secrets(field.selection_set().as_ref(), 1)?,
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

/// A walk through selections that steps into each fragment once.
struct Expansion<'a> {
    document: &'a Document,
    variables: &'a Variables,
    secrets: Secrets,
    /// Fragments that the walk is inside of.
    open: Vec<String>,
    /// Fragments that the walk has been through: a second time adds nothing new.
    seen: HashSet<String>,
}

impl<'a> Expansion<'a> {
    fn new(document: &'a Document, variables: &'a Variables, secrets: Secrets) -> Self {
        Self { document, variables, secrets, open: Vec::new(), seen: HashSet::new() }
    }

    /// Visits the fields that a selection has at its own level.
    fn fields(
        &mut self,
        selection: Option<&cst::SelectionSet>,
        depth: usize,
        visit: &mut dyn FnMut(&cst::Field) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        self.each(selection, depth, &mut |_, field, _| visit(field))
    }

    /// Whether a selection shows secrets, at any depth.
    fn selects_secrets(
        &mut self,
        selection: Option<&cst::SelectionSet>,
        depth: usize,
    ) -> Result<bool, Unreadable> {
        let mut found = false;
        self.each(selection, depth, &mut |walk, field, depth| {
            let below = field.selection_set();
            found |= walk.is_secret(field)? | walk.selects_secrets(below.as_ref(), depth + 1)?;
            Ok(())
        })?;
        Ok(found)
    }

    fn is_secret(&self, field: &cst::Field) -> Result<bool, Unreadable> {
        let arguments = field.arguments();
        if self.secrets.fields.contains(&name(field.name())?.as_str()) {
            return Ok(true);
        }
        let arguments = self.variables.arguments(arguments.as_ref())?;
        let shows = |key: &&str| {
            arguments.get(key).is_some_and(|value| !matches!(value, Json::Null | Json::Bool(false)))
        };
        Ok(self.secrets.arguments.iter().any(shows))
    }

    fn each(
        &mut self,
        selection: Option<&cst::SelectionSet>,
        depth: usize,
        visit: &mut Visit<'_, 'a>,
    ) -> Result<(), Unreadable> {
        if depth > EXPANDED_DEPTH_MAX {
            return Err(Unreadable::over_limit(format!(
                "the document is nested deeper than {EXPANDED_DEPTH_MAX}; send a flatter one"
            )));
        }
        for selected in selection.into_iter().flat_map(cst::SelectionSet::selections) {
            match selected {
                cst::Selection::Field(field) => visit(self, &field, depth)?,
                cst::Selection::InlineFragment(inline) => {
                    self.each(inline.selection_set().as_ref(), depth + 1, visit)?;
                }
                cst::Selection::FragmentSpread(spread) => {
                    self.spread(
                        name(spread.fragment_name().and_then(|it| it.name()))?,
                        depth,
                        visit,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn spread(
        &mut self,
        called: String,
        depth: usize,
        visit: &mut Visit<'_, 'a>,
    ) -> Result<(), Unreadable> {
        if self.open.contains(&called) {
            return Err(Unreadable::new(format!("the fragment `{called}` is inside itself")));
        }
        let Some(fragment) = self.document.fragments.get(&called) else {
            return Err(Unreadable::new(format!("there is no fragment called `{called}`")));
        };
        if !self.seen.insert(called.clone()) {
            return Ok(());
        }
        self.open.push(called);
        let walked = self.each(fragment.selection_set().as_ref(), depth + 1, visit);
        self.open.pop();
        walked
    }
}

/// What is done with each field, at its depth.
type Visit<'v, 'a> =
    dyn FnMut(&mut Expansion<'a>, &cst::Field, usize) -> Result<(), Unreadable> + 'v;
