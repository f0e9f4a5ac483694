//! JSON-RPC 2.0 over HTTP: what the named procedures do.

use holdpoint_catalog::rest::generic;
use holdpoint_catalog::verbs;
use holdpoint_core::{Effect, Operation, Resource};
use serde_json::Value;

use crate::Unreadable;

/// The most calls that one batch may have.
const CALLS_MAX: usize = 100;

/// The operations of a JSON-RPC call or batch on `resource`; `None` if the body is neither.
/// Notifications (calls without an `id`) do as much as any other call.
pub(super) fn read(
    body: &Value,
    resource: &Resource,
) -> Result<Option<Vec<Operation>>, Unreadable> {
    let calls = match body {
        Value::Array(calls) if calls.iter().any(is_call) => calls.as_slice(),
        call if is_call(call) => std::slice::from_ref(call),
        _ => return Ok(None),
    };
    if calls.len() > CALLS_MAX {
        return Err(Unreadable::over_limit("the JSON-RPC batch has more than 100 calls"));
    }
    let operation = |call: &Value| {
        let method = call.get("method").and_then(Value::as_str).ok_or_else(|| {
            Unreadable::new("a part of the JSON-RPC batch is no call: it has no `method`")
        })?;
        let name = format!("jsonrpc:{method}");
        Ok(Operation::guessed(name, effect(method, call.get("params")), resource.clone()))
    };
    calls.iter().map(operation).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Whether a body is a call: an object with `jsonrpc` and `method` (an answer has no method).
fn is_call(body: &Value) -> bool {
    body.get("jsonrpc").is_some() && body.get("method").is_some()
}

/// What a procedure does. One that nobody knows runs what cannot be seen.
fn effect(method: &str, params: Option<&Value>) -> Effect {
    // MCP's `tools/call` says nothing; the tool's own name does.
    let tool = params.and_then(|params| params.get("name")).and_then(Value::as_str);
    let (name, reads) = match (method, tool) {
        ("tools/call", Some(tool)) => (tool, false),
        _ => (method, generic::only_reads(method)),
    };
    if reads {
        return Effect::Observe;
    }
    verbs::effect_of_words(name).map_or(Effect::Execute, |effect| effect.max(Effect::Execute))
}
