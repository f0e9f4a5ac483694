//! The dialect of a message, and what it would do. Where two dialects are possible, it does what
//! both say: the strictest of the operations decides.

use apollo_parser::{Parser, cst::Definition};
use holdpoint_catalog::hosts;
use holdpoint_core::{Effect, Operation};
use serde_json::Value;

use super::{
    content::{self, Content},
    graphql, jsonrpc,
    message::{Body, Message},
    rest::{self, Target},
};
use crate::{
    Unreadable,
    world::{Speaks, World},
};

/// What `message` would do, never empty.
pub fn interpret(message: &Message, world: &dyn World) -> Result<Vec<Operation>, Unreadable> {
    let place = Place::of(message, world);
    if place.graphql {
        return graphql::interpret(message, place.provider, world);
    }
    let target = Target::read(message, place.provider)?;
    if let Some((operation, streams)) = target.by_path(message) {
        let readable = matches!(message.body, Body::Whole(_)) || streams || place.streams;
        return if readable { Ok(vec![operation]) } else { Err(too_long()) };
    }
    if is_graphql_path(&target.segments) && asks_graphql(message, &target) {
        return graphql::interpret(message, place.provider, world);
    }
    let content = if place.streams { unjudged(message)? } else { content::read(message)? };
    let rest = rest::read(message, &target, &content)?;
    let mut operations = match &content {
        Content::Json(body) => match jsonrpc::read(body, &target.resource(message))? {
            Some(calls) => with_rest(calls, rest, &target),
            None => vec![rest],
        },
        _ => vec![rest],
    };
    if carries_graphql(message, &target, &content) {
        operations.extend(graphql::interpret(message, place.provider, world)?);
    }
    Ok(operations)
}

/// What is known about where a message goes.
struct Place {
    /// The provider whose tables apply.
    provider: Option<&'static str>,
    /// It speaks GraphQL on every path.
    graphql: bool,
    /// Its bodies may stream.
    streams: bool,
}

impl Place {
    /// What the world and the presets say. What a host *is* holds whether or not it is listed.
    fn of(message: &Message, world: &dyn World) -> Self {
        let host = world.host(&message.host, message.port);
        let identity = hosts::identity(&message.host);
        let speaks = [host.as_ref().map(|host| host.speaks), identity.map(|own| own.speaks)];
        Self {
            provider: host
                .and_then(|host| host.provider)
                .or(identity.map(|identity| identity.provider)),
            graphql: speaks.contains(&Some(Speaks::Graphql)),
            streams: identity.is_some_and(|identity| identity.streams),
        }
    }
}

/// A body that need not be judged, because the host's bodies are not instructions. It still has to be whole, as no table says what method and path mean.
fn unjudged(message: &Message) -> Result<Content, Unreadable> {
    match message.body {
        Body::Whole(_) => Ok(Content::Opaque),
        Body::Prefix(_) => Err(too_long()),
    }
}

fn too_long() -> Unreadable {
    Unreadable::over_limit(
        "the body is longer than can be judged, and method and path do not say what it does; send less at once",
    )
}

/// The calls of a JSON-RPC body. Only where the path is one for such calls do they stand alone:
/// elsewhere a server may ignore them and do what method and path say.
fn with_rest(mut calls: Vec<Operation>, rest: Operation, target: &Target) -> Vec<Operation> {
    let last = target.segments.last().map(|segment| segment.to_ascii_lowercase());
    let for_calls = matches!(last.as_deref(), Some("rpc" | "jsonrpc" | "json-rpc" | "mcp"));
    // `/rpc` by itself says no more than that something runs.
    let says_more = rest.effect > Effect::Execute;
    if !for_calls || says_more {
        calls.push(rest);
    }
    calls
}

/// Whether a path is a GraphQL endpoint's: `/graphql`, `/api/gql`, `/graphql/v2`.
pub(super) fn is_graphql_path(segments: &[String]) -> bool {
    segments.iter().rev().take(2).any(|segment| {
        segment.eq_ignore_ascii_case("graphql") || segment.eq_ignore_ascii_case("gql")
    })
}

/// Whether a message to a GraphQL endpoint asks it anything: its pages are read like any other.
fn asks_graphql(message: &Message, target: &Target) -> bool {
    let asks = |name: &str| {
        ["query", "extensions", "documentid", "id", "hash", "operationname"]
            .contains(&name.to_ascii_lowercase().as_str())
    };
    !target.is_safe(message)
        || !message.body.bytes().is_empty()
        || target.query.iter().any(|(name, _)| asks(name))
}

/// Whether a message to another address carries a GraphQL request all the same.
fn carries_graphql(message: &Message, target: &Target, content: &Content) -> bool {
    let typed = matches!(
        content::media_type(message).as_str(),
        "application/graphql" | "application/graphql+json"
    );
    let segment = target.segments.iter().any(|segment| {
        segment.eq_ignore_ascii_case("graphql") || segment.eq_ignore_ascii_case("gql")
    });
    let queried = |(name, value): &(String, String)| name == "query" && reads_as_graphql(value);
    let body = match content {
        Content::Json(Value::Array(parts)) => parts.iter().any(has_query),
        Content::Json(value) => has_query(value),
        Content::Form(pairs) => pairs.iter().any(queried),
        _ => false,
    };
    let changes = !target.is_safe(message);
    typed || body || (segment && changes) || target.query.iter().any(queried)
}

/// Whether a JSON value has a `query` that is GraphQL.
fn has_query(value: &Value) -> bool {
    value.get("query").and_then(Value::as_str).is_some_and(reads_as_graphql)
}

/// Whether a text is a GraphQL document with an operation in it, and not the words of a search.
fn reads_as_graphql(text: &str) -> bool {
    if !text.contains('{') || text.len() > 1 << 20 {
        return false;
    }
    let tree = Parser::new(text).recursion_limit(64).token_limit(20_000).parse();
    let operation = tree
        .document()
        .definitions()
        .any(|definition| matches!(definition, Definition::OperationDefinition(_)));
    operation && tree.errors().len() == 0
}
