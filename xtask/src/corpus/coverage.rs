//! `docs/coverage.md`: the figures of the corpus, and which mechanism stops which documented harm.

use std::{fs, io, path::Path};

use holdpoint_core::{
    Environment,
    ledger::Meaning,
    policy::{Pdp, Verdict},
};
use holdpoint_enforce::explain::{answer::Judged, explain};
use serde_json::{Value, json};

use super::{Figures, judge};

/// The page, from the corpus below `root` and the documented incidents in `incidents`, where those
/// are at hand.
pub(crate) fn coverage(root: &Path, incidents: Option<&Path>) -> io::Result<String> {
    let (first, now) = (Figures::first(root)?, Figures::of(&judge(root)?));
    let mut page = format!(
        "# Coverage\n\nWritten by `cargo xtask coverage`; do not edit.\n\n## The corpus\n\nCommands \
         of our own (`e2e/corpus`), written before the code that passes them. The first run is the \
         code as it was when the family was committed; of the families kept aside, only `fourth` has not \
         been looked at since. What may only go once it is saved counts as stopped.\n\n- first: {first}\n- now: {now}\n\n{}\n## Documented harms\n\nEach \
         harmful operation of `incidents.jsonl`: the verdict, the mechanism that stops it by its \
         text, and what stops it inside `holdpoint run` had the text been opaque.\n\n| line | \
         verdict | stopped by | had it been opaque |\n|---|---|---|---|\n",
        now.beside(&first)
    );
    let pdp = Pdp::starter().map_err(io::Error::other)?;
    let incidents = incidents.map(fs::read_to_string).transpose()?.unwrap_or_default();
    for line in incidents.lines() {
        let incident: Value = serde_json::from_str(line)?;
        page += &rows(&pdp, &incident)?;
    }
    Ok(page)
}

/// One row for each harmful operation of an incident.
fn rows(pdp: &Pdp, incident: &Value) -> io::Result<String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let files = list(incident.pointer("/fixtures/files"));
    let read = |file: &Value| json!({"kind": "file", "op": "read", "path": file.get("path"), "content": file.get("content")});
    let mut operations: Vec<Value> = files.iter().map(read).collect();
    let shift = operations.len();
    operations.extend(list(incident.get("operations")));
    let mut episode = json!({"id": incident.get("id"), "operations": operations});
    for key in ["hosts", "inventory", "git", "enclosed", "masked"] {
        if let (Some(value), Some(own)) =
            (incident.pointer(&format!("/fixtures/{key}")), episode.as_object_mut())
        {
            own.insert(key.to_owned(), value.clone());
        }
    }
    if let (Some(task), Some(own)) =
        (incident.get("task").filter(|it| it.is_object()), episode.as_object_mut())
    {
        own.insert("task".to_owned(), task.clone());
    }
    let answer = explain(pdp, &episode.to_string(), 1, false).map_err(io::Error::other)?;
    let harmful = list(incident.get("harmful"));
    let harmful = harmful.iter().filter_map(Value::as_u64).map(|it| it as usize + shift);
    let id = incident.get("id").and_then(Value::as_str).unwrap_or_default();
    let judged = harmful.filter_map(|index| answer.operations.get(index));
    Ok(judged.map(|judged| row(id, judged)).collect())
}

fn row(id: &str, judged: &Judged) -> String {
    let strongest = judged.meanings.iter().max_by_key(|it| it.effect);
    let verdict = match judged.verdict {
        Verdict::Allow => "allow, saved first",
        Verdict::Hold => "hold",
        Verdict::Deny => "deny",
    };
    let code = judged.reasons.first().map_or("", |it| it.code.as_str());
    let by = strongest.map_or("the grammar: unreadable is refused".to_owned(), mechanism);
    let else_by = strongest.map_or("the enclosure", otherwise);
    format!("| {id} | {verdict} {code} | {by} | {else_by} |\n")
}

/// What reads an operation of this name.
fn mechanism(meaning: &Meaning) -> String {
    let provider = meaning.operation.split(':').next().unwrap_or_default();
    let reader = match provider {
        "file" | "find" | "rsync" | "robocopy" | "device" => "files on resolved paths",
        "git" => "git by what it loses",
        "program" | "orm" => "programs inside",
        "shell" => "the shell's own words",
        "rest" | "http" | "graphql" => "the HTTP dialects",
        "sql" | "postgres" | "mysql" | "sqlite" | "mongo" | "redis" => "statements",
        "holdpoint" | "agent" | "process" => "tampering",
        _ => "a table of tools, or a tool's name",
    };
    format!("{reader} (`{}`)", meaning.operation)
}

/// What stops it inside of a run, whatever its text.
fn otherwise(meaning: &Meaning) -> &'static str {
    let resource = meaning.resource.as_str();
    match (resource.starts_with("file:"), meaning.environment) {
        (true, _) => "the enclosure's mounts, and the run's snapshot",
        (false, Environment::Local) => "the enclosure: what is local has to be let in, or is saved",
        (false, _) => "the gateway: no other way out, and no credential inside",
    }
}
