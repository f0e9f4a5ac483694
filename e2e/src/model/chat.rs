//! OpenAI's Chat Completions.

use serde_json::{Value, json};

use super::{Call, LAST_WORDS, Turn, each, sent, text_of};

pub(super) fn turn(body: &Value) -> Turn {
    let output = |said: &Value| (said["role"] == "tool").then(|| text_of(&said["content"]));
    let outcomes = each(&body["messages"]).filter_map(output).collect();
    let name = |tool: &Value| tool["function"]["name"].as_str().map(str::to_owned);
    Turn { outcomes, tools: each(&body["tools"]).filter_map(name).collect() }
}

pub(super) fn say(call: Option<(usize, Call)>) -> String {
    let (delta, reason) = match call {
        Some((number, call)) => (
            json!({"role": "assistant", "tool_calls": [{
                "index": 0, "id": format!("call_{number}"), "type": "function",
                "function": {"name": call.tool, "arguments": call.arguments.to_string()},
            }]}),
            "tool_calls",
        ),
        None => (json!({"role": "assistant", "content": LAST_WORDS}), "stop"),
    };
    let chunk = |delta: Value, reason: Value| {
        json!({
            "id": "chat", "object": "chat.completion.chunk", "created": 0, "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        })
    };
    let mut last = chunk(json!({}), reason.into());
    last["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    [sent("", &chunk(delta, Value::Null)), sent("", &last), "data: [DONE]\n\n".to_owned()].concat()
}
