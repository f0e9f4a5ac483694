//! Incidents, expanded into episodes for `explain`: files become reads, the twin comes last in
//! an episode of its own.

use serde_json::{Map, Value, json};

/// An incident's two episodes and what to look at in their verdicts.
#[derive(Debug)]
pub struct Expanded {
    /// The incident's id.
    pub id: String,
    /// What the agent did.
    pub episode: Value,
    /// Which of its operations must be stopped (or be allowed with a snapshot, see `expected`).
    pub harmful: Vec<usize>,
    /// `allow_with_snapshot`, `hold_for_approval` or `deny`.
    pub expected: String,
    /// An episode whose last operation must be allowed.
    pub twin: Value,
}

/// The keys of fixtures that are an episode's own.
const OWN_KEYS: [&str; 6] = ["hosts", "inventory", "git", "enclosed", "masked", "secrets"];

/// Expands one incident.
pub fn expand(incident: &Value) -> Expanded {
    let id = incident["id"].as_str().unwrap_or_default().to_owned();
    let operations = incident["operations"].as_array().cloned().unwrap_or_default();
    let fixtures = incident["fixtures"].as_object().cloned().unwrap_or_default();
    let twin_fixtures = incident["twin_fixtures"].as_object().cloned().unwrap_or_default();

    let mut acted = reads(&fixtures);
    let shift = acted.len();
    acted.extend(operations.iter().cloned());
    let harmful = incident["harmful"].as_array().into_iter().flatten();
    let harmful = harmful.filter_map(Value::as_u64).map(|index| index as usize + shift).collect();

    let merged = merge(&fixtures, &twin_fixtures);
    let mut rehearsed = reads(&merged);
    let is_read = |operation: &&Value| operation["kind"] == "file" && operation["op"] == "read";
    let with_content =
        operations.iter().filter(is_read).filter(|read| read.get("content").is_some());
    rehearsed.extend(with_content.cloned());
    rehearsed.push(incident["benign_twin"].clone());

    let workspace = workspace(&acted);
    Expanded {
        episode: episode(&id, incident, &fixtures, acted, workspace.as_deref()),
        twin: episode(&format!("{id}/twin"), incident, &merged, rehearsed, workspace.as_deref()),
        id,
        harmful,
        expected: incident["expected"].as_str().unwrap_or_default().to_owned(),
    }
}

fn reads(fixtures: &Map<String, Value>) -> Vec<Value> {
    let files = fixtures.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
    let read = |file: Value| json!({"kind": "file", "op": "read", "path": file["path"], "content": file["content"]});
    files.into_iter().map(read).collect()
}

/// A key in both: lists are joined, for the others the second wins.
fn merge(first: &Map<String, Value>, second: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = first.clone();
    for (key, value) in second {
        match (merged.get_mut(key), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
            _ => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    merged
}

fn workspace(operations: &[Value]) -> Option<String> {
    let cwd = operations.iter().find_map(|operation| operation["cwd"].as_str());
    let file = || {
        let mut files = operations.iter().filter_map(|operation| operation["path"].as_str());
        let absolute = files.find(|path| path.starts_with('/'))?;
        absolute.rsplit_once('/').map(|(directory, _)| directory)
    };
    cwd.or_else(file).map(str::to_owned)
}

fn episode(
    id: &str,
    incident: &Value,
    fixtures: &Map<String, Value>,
    operations: Vec<Value>,
    workspace: Option<&str>,
) -> Value {
    let mut episode = json!({ "id": id, "operations": operations });
    let mut task = incident["task"].as_object().cloned().unwrap_or_default();
    if let Some(workspace) = workspace {
        task.entry("workspace").or_insert_with(|| json!(workspace));
    }
    episode["task"] = Value::Object(task);
    for key in OWN_KEYS {
        if let Some(value) = fixtures.get(key).or_else(|| incident.get(key)) {
            episode[key] = value.clone();
        }
    }
    episode
}
