//! Anthropic's Messages.

use serde_json::{Value, json};

use super::{Call, LAST_WORDS, Turn, each, sent, text_of};

pub(super) fn turn(body: &Value) -> Turn {
    let parts = each(&body["messages"]).flat_map(|message| each(&message["content"]));
    let output = |part: &Value| {
        (part["type"] == "tool_result").then(|| match &part["content"] {
            Value::Array(texts) => texts.iter().map(|it| text_of(&it["text"])).collect(),
            other => text_of(other),
        })
    };
    let outcomes = parts.filter_map(output).collect();
    let name = |tool: &Value| tool["name"].as_str().map(str::to_owned);
    Turn { outcomes, tools: each(&body["tools"]).filter_map(name).collect() }
}

pub(super) fn say(call: Option<(usize, Call)>) -> String {
    let (block, delta, reason) = match call {
        Some((number, call)) => (
            json!({"type": "tool_use", "id": format!("toolu_{number}"), "name": call.tool, "input": {}}),
            json!({"type": "input_json_delta", "partial_json": call.arguments.to_string()}),
            "tool_use",
        ),
        None => (
            json!({"type": "text", "text": ""}),
            json!({"type": "text_delta", "text": LAST_WORDS}),
            "end_turn",
        ),
    };
    let step = |kind: &str, rest: Value| {
        let mut step = rest;
        step["type"] = kind.into();
        sent(kind, &step)
    };
    [
        step("message_start", json!({"message": message(json!([]), Value::Null)})),
        step("content_block_start", json!({"index": 0, "content_block": block})),
        step("content_block_delta", json!({"index": 0, "delta": delta})),
        step("content_block_stop", json!({"index": 0})),
        step(
            "message_delta",
            json!({
                "delta": {"stop_reason": reason, "stop_sequence": null},
                "usage": {"output_tokens": 1},
            }),
        ),
        step("message_stop", json!({})),
    ]
    .concat()
}

/// An answer that does not stream, to a check of the agent's own.
pub(super) fn whole() -> String {
    message(json!([{"type": "text", "text": "{}"}]), json!("end_turn")).to_string()
}

fn message(content: Value, reason: Value) -> Value {
    json!({
        "id": "msg", "type": "message", "role": "assistant", "model": "scripted",
        "content": content, "stop_reason": reason, "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    })
}
