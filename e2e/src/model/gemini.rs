//! Gemini's `generateContent`.

use serde_json::{Value, json};

use super::{Call, LAST_WORDS, Turn, each, sent};

pub(super) fn turn(body: &Value) -> Turn {
    let parts = each(&body["contents"]).flat_map(|content| each(&content["parts"]));
    let output = |part: &Value| {
        let response = part.get("functionResponse")?;
        Some(response["response"].to_string())
    };
    let outcomes = parts.filter_map(output).collect();
    let declared = each(&body["tools"]).flat_map(|tools| each(&tools["functionDeclarations"]));
    let name = |tool: &Value| tool["name"].as_str().map(str::to_owned);
    Turn { outcomes, tools: declared.filter_map(name).collect() }
}

pub(super) fn say(call: Option<(usize, Call)>) -> String {
    let part = match call {
        Some((number, call)) => {
            let id = format!("call_{number}");
            json!({"functionCall": {"id": id, "name": call.tool, "args": call.arguments}})
        }
        None => json!({"text": LAST_WORDS}),
    };
    sent("", &candidate(&part))
}

/// An answer that does not stream, to a check of the agent's own.
pub(super) fn whole() -> String {
    candidate(&json!({"text": "{}"})).to_string()
}

fn candidate(part: &Value) -> Value {
    json!({
        "candidates": [{
            "index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [part]},
        }],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        "modelVersion": "scripted",
    })
}
