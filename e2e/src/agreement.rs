//! What a ledger holds, judged again: `explain` and the gateway that recorded it agree on each
//! decision, or the difference is told.

use serde_json::{Value, json};

use crate::{episodes::explain, holdpoint::Holdpoint};

/// Every recorded decision that can be replayed, which `explain` has judged as it was judged live.
/// Panics with those about which it says something else.
pub fn agreed(holdpoint: &Holdpoint) -> usize {
    let records = holdpoint.records_from(0);
    let decisions = records.iter().filter(|it| it["record"]["kind"] == "decision");
    let known = |it: &&Value| it["record"]["circumstances"].is_array();
    let (replayable, others): (Vec<&Value>, Vec<&Value>) = decisions.partition(known);
    for shown in &others {
        let record = &shown["record"];
        let unread = record["operations"].as_array().is_some_and(Vec::is_empty);
        let preparing = record["reasons"][0]["code"] == "preparing";
        assert!(unread || preparing, "it cannot be replayed: {shown}");
    }
    let episodes: Vec<Value> = replayable.iter().map(|it| episode(it)).collect();
    let answers = explain(holdpoint, &episodes);
    let pairs = replayable.iter().zip(&answers);
    let differences: Vec<String> = pairs
        .filter(|(shown, answer)| !agree(&shown["record"], &answer["operations"][0]))
        .map(|(shown, answer)| format!("live {shown}\n  explain {answer}"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // The command that people have for it says the same.
    let tried = holdpoint.json(&["policy", "try", "--json"]);
    assert_eq!(tried["changes"], json!({}), "{tried}");
    replayable.len()
}

/// A record as an episode of one operation.
fn episode(shown: &Value) -> Value {
    let (record, index) = (&shown["record"], &shown["index"]);
    let principal = &record["principal"];
    json!({
        "id": index.to_string(),
        "task": { "environment": principal["task"]["environment"] },
        "operations": [{
            "kind": "recorded",
            "agent": principal["agent"],
            "ring": principal["task"]["ring"].as_u64().unwrap_or(2),
            "killed": principal["killed"],
            "operations": record["operations"],
            "circumstances": record["circumstances"],
        }],
    })
}

/// Whether verdict, obligations and the rules behind them are those that were recorded.
fn agree(record: &Value, judged: &Value) -> bool {
    let verdict = record.get("spared").unwrap_or(&record["verdict"]);
    let none = json!([]);
    let obligations = record.get("obligations").unwrap_or(&none);
    // What it was spared it did not wait for, so that nobody wrote down for what.
    let same = record.get("spared").is_some() || *obligations == judged["obligations"];
    same && *verdict == judged["verdict"] && rules(&record["reasons"]) == rules(&judged["reasons"])
}

/// The rules that gave a reason; none where somebody else than policy added it.
fn rules(reasons: &Value) -> Value {
    let named = reasons.as_array().into_iter().flatten().map(|reason| reason["policy"].clone());
    named.filter(|policy| *policy != "").collect()
}
