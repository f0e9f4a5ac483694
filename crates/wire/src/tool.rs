//! Calls of tools: by the tool's name, and by what is handed to it, opened as far as it goes: a
//! command is read as a shell reads it, a statement as a database does, a path is a file.

use std::collections::BTreeMap;

use holdpoint_catalog::verbs;
use holdpoint_core::{Effect, Operation, ResourceId};

use crate::{
    Machine, Unreadable,
    http::json::Json,
    shell::{
        self, At, Command, Dialect, Reading, Step,
        files::{self, FileOperation},
    },
    sql,
};

/// Texts of one call, at most.
const TEXTS_MAX: usize = 1000;

/// A call of a tool that is not the agent's own.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whose tool it is.
    pub server: &'a str,
    /// Its name.
    pub tool: &'a str,
    /// What is handed to it.
    pub arguments: &'a Json,
    /// Where the agent works.
    pub directory: &'a str,
}

/// Servers of trackers, code hosts and mail: what they hold has no environment.
const SERVICES: &[&str] = &[
    "github",
    "gitlab",
    "bitbucket",
    "linear",
    "jira",
    "atlassian",
    "confluence",
    "slack",
    "notion",
    "asana",
    "trello",
    "sentry",
    "figma",
    "gmail",
    "discord",
    "clickup",
    "shortcut",
];
/// What changes the code or the product of everybody at such a service.
const OF_ALL: &[&str] =
    &["merge", "release", "publish", "deploy", "fork", "transfer", "visibility"];
/// Keys whose text is a command.
const COMMANDS: &[&str] = &[
    "command",
    "cmd",
    "shell_command",
    "commandline",
    "bash",
    "shell",
    "script",
    "commands",
    "cli_command",
    "kubectl_command",
    "aws_command",
    "gcloud_command",
];
/// Keys whose text is a path.
const PATHS: &[&str] = &[
    "path",
    "file_path",
    "filepath",
    "file",
    "filename",
    "paths",
    "source",
    "destination",
    "src",
    "dst",
    "target",
    "directory",
    "dir",
    "relative_path",
    "old_path",
    "new_path",
    "from",
    "to",
];
/// Keys whose text is somebody's prose, or the text of a file.
const PROSE: &[&str] = &[
    "content",
    "contents",
    "text",
    "body",
    "message",
    "title",
    "description",
    "old_text",
    "new_text",
    "old_string",
    "new_string",
    "comment",
];
/// What statements begin with.
const STATEMENTS: &[&str] = &[
    "select", "insert", "update", "delete", "drop", "truncate", "alter", "create", "grant",
    "revoke", "merge", "replace", "with", "copy", "call", "do", "explain", "vacuum", "reindex",
    "set", "begin", "show", "pragma", "refresh", "rename", "execute", "analyze", "comment",
];

/// What `call` would do. What nobody can tell runs something elsewhere.
pub fn interpret(call: &Call<'_>, machine: &dyn Machine) -> Result<Reading, Unreadable> {
    let mut texts = Vec::new();
    collect(call.arguments, "", &mut texts);
    if texts.len() > TEXTS_MAX {
        return Ok(Reading { steps: vec![of_name(call)], ..Reading::default() });
    }
    let mut reading = Reading::default();
    let mut opened = false;
    // Not all that is handed to a command was put behind it.
    if is_unsure(call.arguments) {
        reading.steps.push(of_name(call));
    }
    for (key, text) in &texts {
        let inner = match () {
            () if COMMANDS.contains(&key.as_str()) && names_a_shell(call) => {
                command(call, text, machine)?
            }
            () if is_statement(key, text) && !is_sought(call, key, text) => {
                // A statement is no excuse for a name that takes something away.
                if verbs::effect_of_words(call.tool) == Some(Effect::Destroy) {
                    reading.steps.push(of_name(call));
                }
                statements(text)
            }
            () => continue,
        };
        opened = true;
        reading.steps.extend(inner.steps);
        reading.written.extend(inner.written);
    }
    if !opened && let Some(inner) = of_files(call, &texts, machine) {
        return Ok(inner);
    }
    if opened {
        return Ok(reading);
    }
    let urls: Vec<&String> =
        texts.iter().map(|(_, text)| text).filter(|text| is_url(text)).collect();
    if names_a_look(call.tool) && urls.is_empty() {
        reading.steps.push(Step::reads());
        return Ok(reading);
    }
    let mut step = of_name(call);
    if let Some(host) = urls.first().and_then(|url| host_of(url)) {
        step.at = At::Host(host);
    }
    reading.steps.push(step);
    Ok(reading)
}

/// Whether a tool's name says that it only reads, wherever the verb stands: `pods_list`,
/// `resolve-library-id`.
fn names_a_look(tool: &str) -> bool {
    let words = verbs::words(tool);
    let last = words.last().is_some_and(|word| verbs::reads(word) || word == "snapshot");
    let first = words.first().is_some_and(|word| word == "resolve");
    let nothing_else = verbs::effect_of_words(tool).is_none_or(|it| it == Effect::Observe);
    verbs::reads(tool) || nothing_else && (first || last && words.len() > 1)
}

/// Every text, with the key that it stands under, in small letters.
fn collect(json: &Json, key: &str, texts: &mut Vec<(String, String)>) {
    if texts.len() > TEXTS_MAX {
        return;
    }
    match json {
        Json::String(text) => texts.push((key.to_owned(), text.clone())),
        Json::Array(values) => match words_of(json).filter(|_| COMMANDS.contains(&key)) {
            Some(words) => texts.push((key.to_owned(), words.join(" "))),
            None => values.iter().for_each(|value| collect(value, key, texts)),
        },
        Json::Object(fields) => {
            let behind = ["args", "arguments", "argv"].iter().find_map(|key| json.get(key));
            let behind = behind.and_then(words_of).unwrap_or_default();
            for (key, value) in fields {
                let key = key.to_ascii_lowercase();
                match value.as_str().filter(|_| COMMANDS.contains(&key.as_str())) {
                    Some(program) if !behind.is_empty() => {
                        texts.push((key, format!("{program} {}", behind.join(" "))));
                    }
                    _ => collect(value, &key, texts),
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether arguments stand beside a command in another form than that of one plain list.
fn is_unsure(json: &Json) -> bool {
    let Json::Object(fields) = json else { return false };
    let lower = |key: &String| key.to_ascii_lowercase();
    let commands = fields
        .iter()
        .any(|(key, it)| COMMANDS.contains(&lower(key).as_str()) && it.as_str().is_some());
    let beside: Vec<&Json> = fields
        .iter()
        .filter(|(key, _)| ["args", "arguments", "argv"].contains(&lower(key).as_str()))
        .map(|(_, value)| value)
        .collect();
    let plain = |it: &&Json| match it {
        Json::Array(values) => values.is_empty() || words_of(it).is_some(),
        _ => false,
    };
    commands && (beside.len() > 1 || !beside.iter().all(plain))
}

/// The words of a command that is handed over as a list, each as a shell would have to read it.
fn words_of(json: &Json) -> Option<Vec<String>> {
    let Json::Array(values) = json else { return None };
    let quoted = |value: &Json| Some(format!("'{}'", value.as_str()?.replace('\'', "'\\''")));
    let words: Option<Vec<String>> = values.iter().map(quoted).collect();
    words.filter(|words| !words.is_empty())
}

/// Whether a tool is one that runs commands: a `command` of another is a word of its own.
fn names_a_shell(call: &Call<'_>) -> bool {
    let words = verbs::words(call.tool);
    let server = verbs::words(call.server);
    let runs = [
        "run", "exec", "execute", "shell", "bash", "command", "terminal", "process", "ssh", "call",
    ];
    words.iter().chain(&server).any(|word| runs.contains(&word.as_str()))
}

fn command(call: &Call<'_>, text: &str, machine: &dyn Machine) -> Result<Reading, Unreadable> {
    let environment = BTreeMap::new();
    let directory = call.arguments.get("cwd").or(call.arguments.get("workdir"));
    let directory = directory.and_then(Json::as_str).unwrap_or(call.directory);
    let command = Command { dialect: Dialect::Bash, text, directory, environment: &environment };
    shell::interpret(&command, machine)
}

/// Whether a text is statements, by its first word, or by the key that it stands under.
fn is_statement(key: &str, text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let begins = STATEMENTS.contains(&first.as_str()) && words.next().is_some();
    // A sentence begins with such words as well; a comment in front hides them.
    let keyed = ["sql", "query", "statement", "queries", "statements", "migration"].contains(&key);
    keyed && (begins || key == "sql" || first.starts_with("--") || first.starts_with("/*"))
        || begins && !PROSE.contains(&key) && text.trim_end().ends_with(';')
}

/// Whether a text that begins as a statement does is what somebody looks for in a tracker.
fn is_sought(call: &Call<'_>, key: &str, text: &str) -> bool {
    let target = sql::Target::unknown(sql::Dialect::Postgres);
    is_service(call.server)
        && key == "query"
        && verbs::reads(call.tool)
        && sql::interpret(text, &target).is_err()
}

fn statements(text: &str) -> Reading {
    let target = sql::Target::unknown(sql::Dialect::Postgres);
    let unread = || {
        let id = ResourceId::of("sql", "statement", "unread");
        vec![Operation::guessed("sql:unread", Effect::Execute, id)]
    };
    let operations = sql::interpret(text, &target).unwrap_or_else(|_| unread());
    let step = |operation: Operation| Step::new(operation, At::Somewhere);
    Reading { steps: operations.into_iter().map(step).collect(), ..Reading::default() }
}

/// What a tool does that is about files of this machine, by the paths that it is given.
fn of_files(call: &Call<'_>, texts: &[(String, String)], machine: &dyn Machine) -> Option<Reading> {
    let words = verbs::words(call.tool);
    let about = ["file", "files", "directory", "folder", "dir"];
    if !words.iter().any(|word| about.contains(&word.as_str())) || is_service(call.server) {
        return None;
    }
    let paths: Vec<&str> = texts
        .iter()
        .filter(|(key, text)| PATHS.contains(&key.as_str()) && !is_url(text))
        .map(|(_, text)| text.as_str())
        .collect();
    if paths.is_empty() {
        return None;
    }
    let moves = words.iter().any(|word| ["move", "rename"].contains(&word.as_str()));
    let writes = ["write", "edit", "append", "save", "replace", "patch", "copy", "insert"];
    let operation = match verbs::effect_of_words(call.tool) {
        _ if moves => FileOperation::Delete,
        _ if words.iter().any(|word| writes.contains(&word.as_str())) => FileOperation::Write(""),
        Some(Effect::Observe) => FileOperation::Read,
        Some(Effect::Destroy | Effect::Remove) => FileOperation::Delete,
        Some(Effect::Create | Effect::Modify) => FileOperation::Write(""),
        _ => return None,
    };
    let mut all = Reading::default();
    for (at, path) in paths.iter().enumerate() {
        // What is moved is gone from where it was, and there where it goes.
        let operation = if moves && at > 0 { FileOperation::Write("") } else { operation };
        let reading = files::interpret(operation, path, call.directory, machine);
        all.steps.extend(reading.steps);
        all.written.extend(reading.written);
    }
    if all.steps.is_empty() {
        all.steps.push(Step::reads());
    }
    Some(all)
}

fn is_service(server: &str) -> bool {
    let words = verbs::words(server);
    words.iter().any(|word| SERVICES.contains(&word.as_str()))
}

/// What the name says; names only raise strictness, but for a service that is known.
fn of_name(call: &Call<'_>) -> Step {
    let told = verbs::effect_of_words(call.tool).unwrap_or(Effect::Execute);
    let words = verbs::words(call.tool);
    let of_all = words.iter().any(|word| OF_ALL.contains(&word.as_str()));
    let service = is_service(call.server);
    let effect = match told {
        Effect::Observe if !service => Effect::Execute,
        _ if service && !of_all => told,
        told => told.max(Effect::Execute),
    };
    let id = ResourceId::of(call.server, "tool", call.tool);
    let at = if service { At::Service } else { At::Somewhere };
    let operation = Operation::guessed(format!("{}:{}", call.server, call.tool), effect, id);
    Step::new(operation, at)
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "ws://", "wss://", "ftp://"].iter().any(|it| text.starts_with(it))
}

fn host_of(url: &str) -> Option<String> {
    let authority = url.split("://").nth(1)?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => host.split(':').next()?,
    };
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
