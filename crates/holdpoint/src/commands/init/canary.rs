//! A canary: a command that no agent may run, said to each hook that is in place, as its agent
//! would say it.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::Put;

/// What is said; nobody runs it.
const CANARY: &str = "rm -rf /usr";
/// Answers that are a no, in some dialect.
const NOES: [&str; 4] = ["\"deny\"", "\"block\"", "\"cancel\":true", "\"continue\":false"];
/// How long a hook may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the hook that was put refuses, by the command line that stands in the file now.
pub fn sing(put: &Put) -> Result<(), String> {
    let text = fs::read_to_string(&put.file).map_err(|error| error.to_string())?;
    let Some(line) = command_line(put, &text) else {
        return Err("it is not in its file any more".to_owned());
    };
    let mut command = Command::new("timeout");
    command.args([&PATIENCE.as_secs().to_string(), "sh", "-c", &line]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // Who does not read is judged by what it answers.
        let _unread = input.write_all(said(&put.agent).to_string().as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let answer = String::from_utf8_lossy(&output.stdout).replace(": ", ":");
    let refused = NOES.iter().any(|no| answer.contains(no));
    let blocks = output.status.code() == Some(2);
    match (refused && output.status.success()) || blocks {
        true => Ok(()),
        false => Err(format!("it let `{CANARY}` pass ({})", output.status)),
    }
}

/// The command line of ours in the file.
fn command_line(put: &Put, text: &str) -> Option<String> {
    if let Some(line) = text.lines().find_map(|line| line.strip_prefix("exec ")) {
        return Some(line.to_owned());
    }
    if put.file.extension().is_some_and(|it| it == "js") {
        let call = text.split("spawnSync(").nth(1)?.split(", {").next()?;
        let (program, words) = call.split_once(", ")?;
        let program: String = serde_json::from_str(program).ok()?;
        let words: Vec<String> = serde_json::from_str(words).ok()?;
        return Some(super::places::command(std::path::Path::new(&program), &words));
    }
    let agent = format!("--agent {}", put.agent);
    strings(&serde_json::from_str(text).ok()?).into_iter().find(|it| it.contains(&agent))
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The canary in an agent's words.
fn said(agent: &str) -> Value {
    let input = json!({ "command": CANARY });
    match agent {
        "cursor" => json!({
            "hook_event_name": "beforeShellExecution", "conversation_id": "holdpoint-doctor",
            "generation_id": "1", "cursor_version": "0", "command": CANARY, "cwd": "/",
        }),
        "gemini" => json!({
            "hook_event_name": "BeforeTool", "session_id": "holdpoint-doctor", "cwd": "/",
            "tool_name": "run_shell_command", "tool_input": input,
        }),
        "copilot" => json!({
            "sessionId": "holdpoint-doctor", "cwd": "/", "toolName": "bash",
            "toolArgs": input.to_string(),
        }),
        "windsurf" => json!({
            "agent_action_name": "pre_run_command", "trajectory_id": "holdpoint-doctor",
            "tool_info": { "command_line": CANARY, "cwd": "/" },
        }),
        "cline" => json!({
            "clineVersion": "0", "hookName": "PreToolUse", "taskId": "holdpoint-doctor",
            "workspaceRoots": ["/"],
            "preToolUse": { "toolName": "execute_command", "parameters": input },
        }),
        _ => json!({
            "hook_event_name": "PreToolUse", "session_id": "holdpoint-doctor", "turn_id": "1",
            "cwd": "/", "tool_name": "Bash", "tool_input": input,
        }),
    }
}
