//! REST: what a message does by its method and path, by the headers and parameters that change
//! the method, and by a provider's tables where there are any.

use holdpoint_catalog::rest::{self, Reads, Rule, When, generic};
use holdpoint_catalog::verbs;
use holdpoint_core::{Effect, Operation, Resource, ResourceId};

use super::{
    content::Content,
    json::same_folded,
    message::Message,
    path::{self, EncodedSlash},
};
use crate::Unreadable;

/// The most containing paths that a resource names.
const WITHIN_MAX: usize = 16;

/// Headers by which a server is asked to take another method than the one that was sent.
const OVERRIDES: &[&str] = &["x-http-method-override", "x-http-method", "x-method-override"];

/// Headers by which some servers take another path than the one that was sent.
const OTHER_TARGETS: &[&str] = &["x-original-url", "x-rewrite-url"];

/// Headers that name the procedure that is meant (AWS JSON protocols, SOAP 1.1).
const PROCEDURES: &[&str] = &["x-amz-target", "soapaction"];

/// Method and path of a message, read.
pub(super) struct Target {
    /// Decoded segments of the path.
    pub(super) segments: Vec<String>,
    /// Decoded parameters of the query.
    pub(super) query: Vec<(String, String)>,
    /// The provider whose tables apply.
    pub(super) provider: Option<&'static str>,
}

impl Target {
    /// Reads path and query of a message to `provider`.
    pub(super) fn read(
        message: &Message,
        provider: Option<&'static str>,
    ) -> Result<Self, Unreadable> {
        let slash = match provider {
            None => EncodedSlash::OfScope,
            provider if rest::encodes_slashes(provider) => EncodedSlash::OfName,
            Some(_) => EncodedSlash::Refused,
        };
        let query = message.target.split_once('?').map_or("", |(_, query)| query);
        Ok(Self {
            segments: path::segments(message.raw_path(), slash)?,
            query: path::parameters(query)?,
            provider,
        })
    }

    /// The rules that could name the message, in order.
    fn rules(&self, method: &str) -> Vec<(&'static str, &'static Rule)> {
        rest::named(self.provider, method, &self.segments).collect()
    }

    /// The operation, where method and path alone say what it is, and how much of the body has to
    /// be here for it.
    pub(super) fn by_path(&self, message: &Message) -> Option<(Operation, Reads)> {
        let (provider, rule) = *self.rules(&message.method).first()?;
        let alone = rule.when == When::Always && overrides(message, self).next().is_none();
        alone.then(|| (named(provider, rule, resource(message, &self.segments)), rule.reads))
    }

    /// Whether a method is said to only read.
    pub(super) fn is_safe(&self, message: &Message) -> bool {
        generic::effect_of_method(&message.method) == Effect::Observe
            && overrides(message, self).next().is_none()
    }

    /// What the message is about: its path, without a verb at its end.
    pub(super) fn resource(&self, message: &Message) -> Resource {
        resource(message, &self.segments)
    }
}

/// What a message with this body does. Of the method that was sent and one that overrides it,
/// the stricter counts.
pub(super) fn read(
    message: &Message,
    target: &Target,
    content: &Content,
) -> Result<Operation, Unreadable> {
    let mut methods = vec![message.method.clone()];
    let in_body = content.folded("_method").map(str::to_owned);
    for method in overrides(message, target).chain(in_body) {
        let method = method.trim().to_ascii_uppercase();
        if methods.iter().skip(1).any(|other| *other != method) {
            return Err(Unreadable::new(
                "the message asks for several methods at once; send the one that is meant",
            ));
        }
        methods.push(method);
    }
    let mut strictest = by_method(message, target, content, &message.method)?;
    for method in methods.iter().skip(1) {
        let other = by_method(message, target, content, method)?;
        if other.effect >= strictest.effect {
            strictest = other;
        }
    }
    Ok(strictest)
}

/// Refuses a message whose headers name another target than its first line does.
pub(super) fn refuse_other_targets(message: &Message) -> Result<(), Unreadable> {
    let own = message.target.as_bytes();
    let mut named = OTHER_TARGETS.iter().flat_map(|name| message.header_as_variable(name));
    match named.any(|target| target != own) {
        true => Err(Unreadable::new(
            "a header names another path, which some servers take; send that path itself",
        )),
        false => Ok(()),
    }
}

/// The methods that headers or the query would put in place of the one that was sent.
fn overrides<'a>(message: &'a Message, target: &'a Target) -> impl Iterator<Item = String> + 'a {
    let headers = OVERRIDES
        .iter()
        .flat_map(|name| message.header_as_variable(name))
        .map(|value| String::from_utf8_lossy(value).into_owned());
    let is_method = |name: &str| same_folded(path::lax_name(name), "_method");
    let query = target.query.iter().filter(move |(name, _)| is_method(name));
    headers.chain(query.map(|(_, value)| value.clone()))
}

/// What a message does if its method is `method`.
fn by_method(
    message: &Message,
    target: &Target,
    content: &Content,
    method: &str,
) -> Result<Operation, Unreadable> {
    for (provider, rule) in target.rules(method) {
        if holds(rule.when, target, content)? {
            return Ok(named(provider, rule, resource(message, &target.segments)));
        }
    }
    let by_path = generic::effect(method, &target.segments);
    let effect = [by_parameters(target, content, by_path), by_procedure(message, content)]
        .into_iter()
        .flatten()
        .fold(by_path, Effect::max);
    let resource = resource(message, &target.segments);
    Ok(Operation::guessed(format!("rest:{method}"), effect, resource))
}

/// What the `Location` of an answer to `message` names, if it is on the same host (RFC 9110
/// §10.2.2).
pub fn located(message: &Message, location: &str) -> Option<Resource> {
    let origin = format!("{}://{}", message.scheme.as_str(), message.authority());
    let path = location.strip_prefix(&origin).unwrap_or(location);
    let path = path.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    let segments = path::segments(path, EncodedSlash::Refused).ok()?;
    Some(resource(message, &segments))
}

/// The values of a parameter of the query.
fn queried<'a>(target: &'a Target, name: &'a str) -> impl Iterator<Item = &'a str> {
    target.query.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// Whether a message meets a rule's condition.
fn holds(when: When, target: &Target, content: &Content) -> Result<bool, Unreadable> {
    Ok(match when {
        When::Always => true,
        // Many servers take a parameter from the query as well.
        When::Is(name, values) => content
            .field(name)?
            .into_iter()
            .chain(queried(target, name))
            .any(|own| values.iter().any(|value| value.eq_ignore_ascii_case(own))),
        When::Absent(name) => {
            content.field(name)?.or_else(|| queried(target, name).next()).is_none()
        }
        When::Key(name) => content.has_key(name),
        When::Query(name, values) => {
            let mut own = target.query.iter().filter(|(own, _)| own == name).peekable();
            own.peek().is_some() && own.all(|(_, value)| values.contains(&value.as_str()))
        }
        When::Filtered => target
            .query
            .iter()
            .any(|(_, value)| value.starts_with("eq.") || value.starts_with("in.(")),
    })
}

/// What parameters say that name an action (`?action=delete`, `?delete`), and SQL in a body.
fn by_parameters(target: &Target, content: &Content, by_path: Effect) -> Option<Effect> {
    let pairs = target.query.iter().chain(content.pairs());
    let named = pairs
        .filter(|(name, _)| generic::names_action(path::lax_name(name)))
        .filter_map(|(_, value)| generic::effect_of_action(value))
        .max();
    let changes = by_path.changes();
    let bare = target.query.iter().filter(|(_, value)| changes && value.is_empty());
    let bare = bare.filter_map(|(name, _)| generic::effect_of_subresource(name)).max();
    let sql = changes
        && ["sql", "statement", "query"]
            .iter()
            .flat_map(|name| content.folded(name))
            .any(looks_like_sql);
    named.max(bare).max(sql.then_some(Effect::Execute))
}

/// What a procedure does that a header or an XML body names.
fn by_procedure(message: &Message, content: &Content) -> Option<Effect> {
    let header = PROCEDURES
        .iter()
        .flat_map(|name| message.header_as_variable(name))
        .filter_map(|value| verbs::effect_of_words(&String::from_utf8_lossy(value)))
        .max();
    let xml = match content {
        Content::Xml(text) if text.contains("<methodCall") => Some(Effect::Execute),
        _ => None,
    };
    header.max(xml)
}

/// Whether text begins like a SQL statement. Only ever raises what a message does.
fn looks_like_sql(text: &str) -> bool {
    const THINGS: &[&str] = &[
        "table",
        "database",
        "schema",
        "index",
        "view",
        "role",
        "user",
        "function",
        "extension",
        "policy",
        "trigger",
        "if",
        "or",
        "unique",
        "materialized",
    ];
    let words: Vec<String> =
        text.split_whitespace().take(64).map(str::to_ascii_lowercase).collect();
    let has = |word: &str| words.iter().any(|own| own == word);
    let second = words.get(1).map_or("", String::as_str);
    match words.first().map_or("", String::as_str) {
        "select" => has("from") || second.contains('('),
        "with" => has("as") && has("select"),
        "update" => has("set"),
        "delete" => second == "from",
        "insert" | "merge" => second == "into",
        "drop" | "create" | "alter" => THINGS.contains(&second),
        "grant" | "revoke" => has("on") || has("to") || has("from"),
        "truncate" | "vacuum" => !second.is_empty(),
        _ => false,
    }
}

/// An operation that a table names.
fn named(provider: &str, rule: &Rule, resource: Resource) -> Operation {
    let name = format!("{provider}:{}", rule.name);
    Operation {
        reveals_secrets: rule.reveals_secrets,
        ..Operation::known(name, rule.effect, resource, rule.reversibility)
    }
}

/// `rest:host/path`, within the paths above it. A verb at the end (`/items/5/delete`) is part of
/// what is done, not of what it is done to.
fn resource(message: &Message, segments: &[String]) -> Resource {
    let things = match segments.split_last() {
        Some((last, before)) if !before.is_empty() && generic::bare_verb(last).is_some() => before,
        _ => segments,
    };
    let authority = message.authority();
    let id = |length: usize| {
        let parts: Vec<&str> = std::iter::once(authority.as_str())
            .chain(things.iter().take(length).map(String::as_str))
            .collect();
        ResourceId::new(format!("rest:{}", parts.join("/")))
    };
    let within = (0..things.len()).rev().take(WITHIN_MAX).map(id).collect();
    Resource { id: id(things.len()), within }
}
