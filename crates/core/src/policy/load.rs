//! From policy texts to rules: parsed, strictly validated, monotone, and each with a name.

use std::{collections::HashMap, str::FromStr};

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use cedar_policy_core::ast::{self, Expr};
use miette::Diagnostic;
use thiserror::Error;

use super::{
    bounds,
    entities::Names,
    lattice::{DEFAULT_DELAYS, MAX_DELAYS, Touches, Ways},
    monotone,
};
use crate::{digest::Digest, reason::Code};

/// The schema: the words that a policy may use.
pub const SCHEMA: &str = include_str!("starter.cedarschema");
const STARTER: &str = include_str!("starter.cedar");

const OUR_FAULT: &str = "this is a fault of Holdpoint itself: report it";

/// At most so many policies are loaded.
const MAX_POLICIES: usize = 10_000;
/// At most so many bytes of policy text are loaded.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// Policies look at the resource of the request, and not at what that would lead to.
const MAX_DEREFERENCES: u32 = 1;

/// One file of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySource {
    /// What a human calls it; a path, usually.
    pub name: String,
    /// Policies in Cedar.
    pub text: String,
}

impl PolicySource {
    /// Policies in `text`, called `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The policies that Holdpoint starts with.
    pub fn starter() -> Self {
        Self::new("starter.cedar", STARTER)
    }

    /// The line and column of the byte at `offset`, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn error(
        &self,
        offset: usize,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) -> LoadError {
        let (line, column) = self.position(offset);
        let (problem, mend) = (problem.into(), mend.into());
        LoadError { file: self.name.clone(), line, column, problem, mend }
    }

    fn error_at(&self, diagnostic: &dyn Diagnostic, otherwise: usize, mend: &str) -> LoadError {
        let labels = diagnostic.labels().into_iter().flatten();
        let offset = labels.map(|label| label.offset()).min().unwrap_or(otherwise);
        let help = diagnostic.help().map(|help| help.to_string());
        self.error(offset, diagnostic.to_string(), help.unwrap_or_else(|| mend.to_owned()))
    }
}

/// Why policies cannot be loaded, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {problem}; {mend}")]
pub struct LoadError {
    /// The name of the source.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
}

/// The delays in seconds that policies may ask for: few, so that asking stays quick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delays(Vec<u64>);

impl Delays {
    /// A list of delays in seconds, at most [`MAX_DELAYS`], each at least 1.
    pub fn new(seconds: impl Into<Vec<u64>>) -> Result<Self, LoadError> {
        let seconds = seconds.into();
        let fits = |second: &u64| *second > 0 && i64::try_from(*second).is_ok();
        if seconds.len() <= MAX_DELAYS && seconds.iter().all(fits) {
            return Ok(Self(seconds));
        }
        Err(PolicySource::new("the list of delays", "").error(
            0,
            format!("{seconds:?} are no delays"),
            format!("give at most {MAX_DELAYS}, each at least one second"),
        ))
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self(DEFAULT_DELAYS.to_vec())
    }
}

/// Whether policies still have to be held against the schema, which takes longest of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validated {
    /// It is done now.
    Now,
    /// It was done before, with these very texts and this very schema.
    Before,
}

/// One policy, with what is said when it decides.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) policy: Policy,
    /// Scope, `when` and `unless` in one expression.
    pub(super) condition: Expr,
    pub(super) forbids: bool,
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) touches: Touches,
    pub(super) ways: Ways,
}

impl Rule {
    /// The name in reasons: its `@id`, or where it stands.
    pub(super) fn id(&self) -> &PolicyId {
        self.policy.id()
    }
}

/// The schema that every policy and request is held against.
pub(super) fn schema() -> Result<Schema, LoadError> {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|error| schema_source().error_at(&error, 0, OUR_FAULT))
}

/// The schema's names for agents, effects and resources.
pub(super) fn names() -> Result<Names, LoadError> {
    let error = || schema_source().error(0, "Cedar does not take its names", OUR_FAULT);
    Names::new().ok_or_else(error)
}

fn schema_source() -> PolicySource {
    PolicySource::new("starter.cedarschema", SCHEMA)
}

/// The digest of the schema and of `sources`, in their order.
pub(super) fn digest(sources: &[PolicySource]) -> Digest {
    let texts = sources.iter().flat_map(|source| [&source.name, &source.text]);
    let fields = std::iter::once(SCHEMA).chain(texts.map(String::as_str));
    Digest::of_fields(fields.map(str::as_bytes))
}

/// Every policy of `sources`, in order, or the first thing that is wrong with them.
pub(super) fn rules(
    sources: &[PolicySource],
    delays: &Delays,
    validated: Validated,
) -> Result<Vec<Rule>, LoadError> {
    let validator = match validated {
        Validated::Now => Some(Validator::new(schema()?)),
        Validated::Before => None,
    };
    let mut rules = Vec::new();
    let mut places = HashMap::new();
    let mut bytes: usize = 0;
    for source in sources {
        bytes = bytes.saturating_add(source.text.len());
        if bytes > MAX_TEXT_BYTES {
            let mend = format!("keep all policies together under {MAX_TEXT_BYTES} bytes");
            return Err(source.error(0, "too much policy text", mend));
        }
        for policy in parse(source, validator.as_ref())? {
            let offset = offset(&policy);
            let rule = rule(source, policy, delays)?;
            if let Some(place) = places.insert(rule.id().clone(), place(source, offset)) {
                let problem = format!("`{}` is already the id of the policy at {place}", rule.id());
                return Err(source.error(offset, problem, "give this one another @id"));
            }
            rules.push(rule);
        }
    }
    if rules.len() > MAX_POLICIES
        && let Some(last) = sources.last()
    {
        let problem = format!("{} policies are too many", rules.len());
        return Err(last.error(0, problem, format!("load at most {MAX_POLICIES}")));
    }
    Ok(rules)
}

/// The policies of `source` in the order of the text, strictly validated.
fn parse(source: &PolicySource, validator: Option<&Validator>) -> Result<Vec<Policy>, LoadError> {
    if let Some((offset, problem)) = bounds::breach(&source.text) {
        return Err(source.error(offset, problem, "split it into several policies"));
    }
    let policies = PolicySet::from_str(&source.text)
        .map_err(|errors| source.error_at(&errors, 0, "write it in Cedar's policy syntax"))?;
    if let Some(template) = policies.templates().next() {
        let offset = AsRef::<_>::as_ref(template).loc().map_or(0, |loc| loc.start());
        let mend = "write one policy for each principal or resource instead of ?slots";
        return Err(source.error(offset, "templates are not supported", mend));
    }
    if let Some(validator) = validator {
        validate(source, &policies, validator)?;
    }
    let mut policies: Vec<Policy> = policies.policies().cloned().collect();
    policies.sort_by_key(offset);
    Ok(policies)
}

/// Holds policies against the schema.
fn validate(
    source: &PolicySource,
    policies: &PolicySet,
    validator: &Validator,
) -> Result<(), LoadError> {
    let start = |id: &PolicyId| policies.policy(id).map_or(0, offset);
    let validation =
        validator.validate_with_level(policies, ValidationMode::Strict, MAX_DEREFERENCES);
    if let Some(error) = validation.validation_errors().next() {
        let mend = "see starter.cedarschema for what a policy may talk about";
        return Err(source.error_at(error, start(error.policy_id()), mend));
    }
    if let Some(warning) = validation.validation_warnings().next() {
        let mend = "mend it or take it out: a policy that cannot work as it reads guards nothing";
        return Err(source.error_at(warning, start(warning.policy_id()), mend));
    }
    Ok(())
}

/// Where `policy` begins in its source, annotations included.
fn offset(policy: &Policy) -> usize {
    AsRef::<_>::as_ref(policy).loc().map_or(0, |loc| loc.start())
}

fn place(source: &PolicySource, offset: usize) -> String {
    format!("{}:{}", source.name, source.position(offset).0)
}

fn rule(source: &PolicySource, policy: Policy, delays: &Delays) -> Result<Rule, LoadError> {
    let offset = offset(&policy);
    let id = match policy.annotation("id") {
        Some("") => return Err(source.error(offset, "an empty @id", "name it, or leave @id away")),
        Some(id) => id.to_owned(),
        None => place(source, offset),
    };
    let policy = policy.new_id(PolicyId::new(id));
    let syntax: &ast::Policy = policy.as_ref();
    let condition = syntax.condition();
    let ways = monotone::ways(syntax, &delays.0)
        .map_err(|objection| source.error(offset, objection.problem, objection.mend))?;
    let touches = ways.touches();
    let code = match policy.annotation("code") {
        Some(code) => Code::from_str(code).map_err(|error| {
            let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
            source.error(offset, error.to_string(), format!("use one of {}", known.join(", ")))
        })?,
        None if touches.nothing() => Code::NoPolicyApplies,
        None => Code::NeedsApproval,
    };
    let text = match policy.annotation("text") {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => format!("The policy `{}` forbids it.", policy.id()),
    };
    Ok(Rule {
        condition,
        forbids: policy.effect() == Effect::Forbid,
        policy,
        code,
        text,
        touches,
        ways,
    })
}
