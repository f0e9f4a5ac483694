//! The dialect of a message, and what it would do. Where two dialects are possible, it does what
//! both say: the strictest of the operations decides.

use apollo_parser::{Parser, cst::Definition};
use holdpoint_catalog::{
    hosts::{self, Bodies},
    rest::{BEGINNING_BYTES, Reads},
};
use holdpoint_core::{Effect, Operation};

use super::{
    aws, coding,
    content::{self, Content},
    git, graphql,
    grpc::{self, Call},
    json::{Json, same_folded},
    jsonrpc,
    message::{Body, Message},
    parse::check_bodiless,
    path,
    rest::{self, Target},
    websocket,
};
use crate::{
    Unreadable, ask, connect,
    world::{Speaks, World},
};

/// What `message` would do, never empty.
pub fn interpret(message: &Message, world: &dyn World) -> Result<Vec<Operation>, Unreadable> {
    if connect::asks(message) {
        return Ok(vec![connect::interpret(message)]);
    }
    if message.host == ask::HOST {
        return ask::interpret(message);
    }
    rest::refuse_other_targets(message)?;
    check_bodiless(&message.method, message.sent_body())?;
    let place = Place::of(message, world);
    match websocket::asks(message)? {
        true => upgrade(message, &place, world),
        false => plain(message, &place, world),
    }
}

/// What an upgrade to WebSocket would do, and what a server does that does not see it.
fn upgrade(
    message: &Message,
    place: &Place,
    world: &dyn World,
) -> Result<Vec<Operation>, Unreadable> {
    let target = Target::read(message, place.provider)?;
    let graphql = place.graphql || is_graphql_path(&target.segments);
    let mut operations = vec![websocket::open(message, graphql, target.resource(message))];
    if !graphql || asks_graphql(message, &target) {
        let counts = |it: &Operation| it.effect.changes() || it.reveals_secrets;
        operations.extend(plain(message, place, world)?.into_iter().filter(counts));
    }
    Ok(operations)
}

/// What a message would do that stays HTTP.
fn plain(
    message: &Message,
    place: &Place,
    world: &dyn World,
) -> Result<Vec<Operation>, Unreadable> {
    // AWS frames bodies in a coding of its own.
    if let (false, Some(operations)) = (place.graphql, aws::interpret(message)) {
        return operations;
    }
    coding::refuse_coded(message)?;
    if place.graphql {
        return graphql::interpret(message, place.provider, world);
    }
    let target = Target::read(message, place.provider)?;
    if let Some((operation, reads)) = target.by_path(message) {
        if operation.name == git::RECEIVE_PACK {
            return git::interpret(message, &target.segments, world);
        }
        let readable = matches!(message.body, Body::Whole(_)) || reads != Reads::Whole;
        return if readable { Ok(vec![operation]) } else { Err(too_long()) };
    }
    let call = grpc::read(message, &target)?;
    if let Some(Call::Alone(operation)) = call {
        return Ok(vec![operation]);
    }
    if is_graphql_path(&target.segments) && asks_graphql(message, &target) {
        return graphql::interpret(message, place.provider, world);
    }
    let content = if place.instructed { content::read(message)? } else { unjudged(message)? };
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
    if let Some(Call::Beside(operation)) = call {
        operations.push(operation);
    }
    Ok(operations)
}

/// How many bytes of the body of `message` have to be here before it can be judged, of `most`
/// that are read at all. Its body is not looked at.
pub fn bytes_to_judge(message: &Message, most: usize) -> usize {
    let provider = hosts::identity(&message.host).map(|identity| identity.provider);
    let by_path = Target::read(message, provider).map(|target| target.by_path(message));
    match by_path {
        Ok(Some((_, Reads::Beginning))) => most.min(BEGINNING_BYTES),
        _ => most,
    }
}

/// What is known about where a message goes.
struct Place {
    /// The provider whose tables apply.
    provider: Option<&'static str>,
    /// It speaks GraphQL on every path.
    graphql: bool,
    /// Its bodies are instructions.
    instructed: bool,
}

impl Place {
    /// What the world and the presets say. What a host *is* holds whether or not it is listed.
    fn of(message: &Message, world: &dyn World) -> Self {
        let host = world.host(&message.host, message.port);
        let identity = hosts::identity(&message.host);
        let speaks = [host.as_ref().map(|host| host.speaks), identity.map(|own| own.speaks)];
        Self {
            provider: host
                .as_ref()
                .and_then(|host| host.provider)
                .or(identity.map(|identity| identity.provider))
                .or(host.as_ref().and_then(|host| host.speaks.provider())),
            graphql: speaks.contains(&Some(Speaks::Graphql)),
            instructed: identity.is_none_or(|identity| identity.bodies == Bodies::Instructions),
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
    let typed = matches!(content, Content::Document(_))
        || content::media_type(message) == "application/graphql+json";
    let segment = target.segments.iter().any(|segment| {
        segment.eq_ignore_ascii_case("graphql") || segment.eq_ignore_ascii_case("gql")
    });
    let queried = |(name, value): &(String, String)| {
        same_folded(path::lax_name(name), "query") && is_document(value)
    };
    let body = match content {
        Content::Json(json) => asks(json),
        // A multipart request for GraphQL has its JSON in a field.
        _ => content.pairs().iter().any(|pair| {
            queried(pair) || Json::read(pair.1.as_bytes()).is_ok_and(|json| asks(&json))
        }),
    };
    let changes = !target.is_safe(message);
    typed || body || (segment && changes) || target.query.iter().any(queried)
}

/// Whether a JSON value, or one of a list, has a `query` that is GraphQL.
fn asks(json: &Json) -> bool {
    has_query(json) || json.values().iter().any(has_query)
}

/// Whether a JSON value has a `query` that is GraphQL.
fn has_query(json: &Json) -> bool {
    json.folded("query").any(|(_, value)| value.as_str().is_some_and(is_document))
}

/// Whether a text is a GraphQL document with an operation in it, and not the words of a search:
/// what is too long to be told apart is one, and will be refused as one.
fn is_document(text: &str) -> bool {
    if !begins_like_a_document(text) {
        return false;
    }
    if text.len() > graphql::DOCUMENT_BYTES_MAX {
        return true;
    }
    let parser = Parser::new(text).recursion_limit(graphql::DEPTH_MAX);
    let tree = parser.token_limit(graphql::TOKENS_MAX).parse();
    if let Some(error) = tree.errors().next() {
        return error.is_limit();
    }
    let is_operation = |definition| matches!(definition, Definition::OperationDefinition(_));
    tree.document().definitions().any(is_operation)
}

/// Whether the first word of a text, behind what GraphQL ignores, can begin a document.
fn begins_like_a_document(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', '\u{FEFF}']);
        let Some(comment) = rest.strip_prefix('#') else { break };
        rest = comment.split_once(['\n', '\r']).map_or("", |(_, after)| after);
    }
    let begins = ["{", "query", "mutation", "subscription", "fragment"];
    begins.iter().any(|word| rest.starts_with(word)) && rest.contains('{')
}
