//! OpenAI's Responses.

use serde_json::{Value, json};

use super::{Call, LAST_WORDS, Turn, each, sent, text_of};

pub(super) fn turn(body: &Value) -> Turn {
    let output = |item: &Value| {
        let kind = item["type"].as_str().unwrap_or_default();
        kind.ends_with("call_output").then(|| text_of(&item["output"]))
    };
    let outcomes = each(&body["input"]).filter_map(output).collect();
    let name = |tool: &Value| tool["name"].as_str().map(str::to_owned);
    Turn { outcomes, tools: each(&body["tools"]).filter_map(name).collect() }
}

pub(super) fn say(call: Option<(usize, Call)>) -> String {
    let item = match &call {
        Some((number, call)) => json!({
            "type": "function_call", "id": format!("fc_{number}"), "status": "completed",
            "call_id": format!("call_{number}"), "name": call.tool,
            "arguments": call.arguments.to_string(),
        }),
        None => json!({
            "type": "message", "id": "msg_last", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": LAST_WORDS, "annotations": []}],
        }),
    };
    let number = call.map_or(0, |(number, _)| number);
    let response = |status: &str, output: Value| {
        json!({
            "id": format!("resp_{number}"), "object": "response", "created_at": 0,
            "model": "scripted", "status": status, "output": output,
            "usage": {
                "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        })
    };
    let step = |kind: &str, rest: Value| {
        let mut step = rest;
        step["type"] = kind.into();
        sent(kind, &step)
    };
    [
        step("response.created", json!({"response": response("in_progress", json!([]))})),
        step("response.output_item.added", json!({"output_index": 0, "item": item})),
        step("response.output_item.done", json!({"output_index": 0, "item": item})),
        step("response.completed", json!({"response": response("completed", json!([item]))})),
    ]
    .concat()
}
