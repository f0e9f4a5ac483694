//! JSON-RPC 2.0 over HTTP: what the named procedures do.

use holdpoint_catalog::rest::generic;
use holdpoint_catalog::verbs;
use holdpoint_core::{Effect, Operation, Resource};

use super::json::Json;
use crate::Unreadable;

/// The most calls that one batch may have.
const CALLS_MAX: usize = 100;

/// The operations of a JSON-RPC call or batch on `resource`; `None` if the body is neither.
/// Notifications (calls without an `id`) do as much as any other call.
pub(super) fn read(body: &Json, resource: &Resource) -> Result<Option<Vec<Operation>>, Unreadable> {
    let calls = match body {
        Json::Array(calls) if calls.iter().any(is_call) => calls.as_slice(),
        call if is_call(call) => std::slice::from_ref(call),
        _ => return Ok(None),
    };
    if calls.len() > CALLS_MAX {
        return Err(Unreadable::over_limit("the JSON-RPC batch has more than 100 calls"));
    }
    let operation = |call: &Json| {
        let method = call.field("method")?.and_then(Json::as_str).ok_or_else(|| {
            Unreadable::new("a part of the JSON-RPC batch is no call: it has no `method`")
        })?;
        let name = format!("jsonrpc:{method}");
        let effect = effect(method, call.field("params")?)?;
        Ok(Operation::guessed(name, effect, resource.clone()))
    };
    calls.iter().map(operation).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Whether some server takes a body for a call: an object with `jsonrpc` and `method` (an answer
/// has no method).
fn is_call(body: &Json) -> bool {
    let has = |key| body.folded(key).next().is_some();
    has("jsonrpc") && has("method")
}

/// What a procedure does. One that nobody knows runs what cannot be seen.
fn effect(method: &str, params: Option<&Json>) -> Result<Effect, Unreadable> {
    // MCP's `tools/call` says nothing; the tool's own name does.
    let tool = match params {
        Some(params) => params.field("name")?.and_then(Json::as_str),
        None => None,
    };
    Ok(match (method, tool) {
        ("tools/call", Some(tool)) => {
            verbs::effect_of_words(tool).map_or(Effect::Execute, |said| said.max(Effect::Execute))
        }
        _ => generic::effect_of_procedure(method, method),
    })
}
