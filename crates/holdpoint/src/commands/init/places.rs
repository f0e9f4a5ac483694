//! Where each agent reads which hooks to ask, and what has to stand there.

use std::path::{Path, PathBuf};

use holdpoint_wire::hook::Agent;
use serde_json::{Value, json};

/// A hook in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub agent: Agent,
    /// The file.
    pub file: PathBuf,
    /// What stands there.
    pub what: What,
}

/// What stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Elements of arrays of a JSON file that may hold other things: path and element.
    Elements {
        /// What the file holds where it is new.
        empty: &'static str,
        /// Each with its path.
        elements: Vec<([&'static str; 2], Value)>,
    },
    /// A file of our own.
    Whole {
        /// Its text.
        text: String,
        /// It is a program.
        runs: bool,
    },
}

/// How long an agent waits for us, in seconds; our own deadline is far below.
const PATIENCE: u64 = 10;

/// The folder by which an agent is known, below a home or a repository, and its program.
fn signs(agent: Agent) -> (&'static str, &'static str) {
    match agent {
        Agent::Claude | Agent::Vscode => (".claude", "claude"),
        Agent::Cursor => (".cursor", "cursor-agent"),
        Agent::Codex => (".codex", "codex"),
        Agent::Gemini => (".gemini", "gemini"),
        Agent::Copilot => (".copilot", "copilot"),
        Agent::Opencode => (".config/opencode", "opencode"),
        Agent::Windsurf => (".codeium/windsurf", "windsurf"),
        Agent::Cline => ("Documents/Cline", "cline"),
    }
}

/// The agents that are found: in the home, on the path, or in the repository.
pub fn found(home: &Path, repository: &Path, path: &[PathBuf]) -> Vec<Agent> {
    let in_repository = |agent: Agent| {
        let folder = match agent {
            Agent::Copilot => ".github/hooks",
            Agent::Opencode => ".opencode",
            Agent::Windsurf => ".windsurf",
            Agent::Cline => ".clinerules",
            agent => signs(agent).0,
        };
        repository.join(folder).is_dir()
    };
    let is_here = |agent: &Agent| {
        let (folder, program) = signs(*agent);
        home.join(folder).is_dir()
            || path.iter().any(|directory| directory.join(program).is_file())
            || in_repository(*agent)
    };
    // It reads what Claude Code reads.
    let own = |agent: &Agent| *agent != Agent::Vscode;
    Agent::ALL.into_iter().filter(own).filter(is_here).collect()
}

/// Where hooks are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root<'a> {
    /// Into the home: they hold in every repository.
    Home(&'a Path),
    /// Into one repository: they hold there, also for agents that read nothing of this home.
    Repository(&'a Path),
}

impl Root<'_> {
    /// The file of an agent's hooks.
    fn file(self, agent: Agent) -> PathBuf {
        let (root, file) = match self {
            Self::Home(root) => (root, at_home(agent)),
            Self::Repository(root) => (root, in_repository(agent)),
        };
        root.join(file)
    }
}

fn at_home(agent: Agent) -> &'static str {
    match agent {
        Agent::Claude | Agent::Vscode => ".claude/settings.json",
        Agent::Codex => ".codex/hooks.json",
        Agent::Gemini => ".gemini/settings.json",
        Agent::Cursor => ".cursor/hooks.json",
        Agent::Windsurf => ".codeium/windsurf/hooks.json",
        Agent::Copilot => ".copilot/hooks/holdpoint.json",
        Agent::Opencode => ".config/opencode/plugins/holdpoint.js",
        Agent::Cline => "Documents/Cline/Hooks/PreToolUse",
    }
}

fn in_repository(agent: Agent) -> &'static str {
    match agent {
        // Where a human keeps what is not shared: the program lies where it lies on this machine.
        Agent::Claude | Agent::Vscode => ".claude/settings.local.json",
        Agent::Windsurf => ".windsurf/hooks.json",
        Agent::Copilot => ".github/hooks/holdpoint.json",
        Agent::Opencode => ".opencode/plugins/holdpoint.js",
        Agent::Cline => ".clinerules/hooks/PreToolUse",
        agent => at_home(agent),
    }
}

/// The hook of an agent that runs `command` (a program and its words, as a shell reads them).
pub fn place(agent: Agent, root: Root<'_>, program: &Path, words: &[String]) -> Place {
    let command = command(program, words);
    let file = root.file(agent);
    let elements = |empty, elements| Place {
        agent,
        file: file.clone(),
        what: What::Elements { empty, elements },
    };
    let hook = |extra: Value| merged(json!({ "type": "command", "command": command }), extra);
    let of_claude =
        |matcher: &str, extra: Value| json!({ "matcher": matcher, "hooks": [hook(extra)] });
    match agent {
        Agent::Claude | Agent::Vscode => elements(
            "{}\n",
            vec![
                (
                    ["hooks", "PreToolUse"],
                    of_claude("*", json!({ "timeout": PATIENCE, "onFailure": "block" })),
                ),
                (["hooks", "PostToolUse"], of_claude("*", json!({ "timeout": PATIENCE }))),
            ],
        ),
        Agent::Codex => elements(
            "{}\n",
            ["PreToolUse", "PermissionRequest", "PostToolUse"]
                .map(|event| (["hooks", event], of_claude(".*", json!({ "timeout": PATIENCE }))))
                .into(),
        ),
        Agent::Gemini => elements(
            "{}\n",
            ["BeforeTool", "AfterTool"]
                .map(|event| {
                    let own = json!({ "name": "holdpoint", "timeout": PATIENCE * 1000 });
                    (["hooks", event], of_claude(".*", own))
                })
                .into(),
        ),
        Agent::Cursor => elements(
            "{ \"version\": 1 }\n",
            ["beforeShellExecution", "beforeMCPExecution", "beforeReadFile", "preToolUse"]
                .map(|event| (["hooks", event], json!({ "command": command, "failClosed": true })))
                .into_iter()
                .chain([(["hooks", "afterShellExecution"], json!({ "command": command }))])
                .collect(),
        ),
        Agent::Windsurf => elements(
            "{}\n",
            ["pre_run_command", "pre_write_code", "pre_read_code", "pre_mcp_tool_use"]
                .map(|event| (["hooks", event], json!({ "command": command, "show_output": true })))
                .into(),
        ),
        Agent::Copilot => whole(agent, file, copilot(&command)),
        Agent::Opencode => whole(agent, file, plugin(program, words)),
        Agent::Cline => Place {
            agent,
            file,
            what: What::Whole { text: format!("#!/bin/sh\nexec {command}\n"), runs: true },
        },
    }
}

fn whole(agent: Agent, file: PathBuf, text: String) -> Place {
    Place { agent, file, what: What::Whole { text, runs: false } }
}

fn merged(mut value: Value, extra: Value) -> Value {
    if let (Some(own), Value::Object(extra)) = (value.as_object_mut(), extra) {
        own.extend(extra);
    }
    value
}

/// The command line, with the absolute path: hooks are started with next to no `PATH`.
pub fn command(program: &Path, words: &[String]) -> String {
    let plain =
        |word: &str| word.chars().all(|it| it.is_ascii_alphanumeric() || "/._-=".contains(it));
    let program = program.display().to_string();
    let words = std::iter::once(&program).chain(words);
    let quoted = words.map(|word| match plain(word) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn copilot(command: &str) -> String {
    let hook = json!([{ "type": "command", "bash": command, "timeoutSec": PATIENCE }]);
    let text = json!({ "version": 1, "hooks": { "preToolUse": hook, "postToolUse": hook } });
    format!("{text:#}\n")
}

/// OpenCode asks nobody by itself: a plugin does, and takes silence for a no.
fn plugin(program: &Path, words: &[String]) -> String {
    let (program, words) = (json!(program.display().to_string()), json!(words));
    format!(
        r#"// Asks Holdpoint before a tool is used. Written by `holdpoint init`, taken back by its `--remove`.
import {{ spawnSync }} from "node:child_process";

const silence = {{ holdpoint: "deny", reason: "Holdpoint's hook did not answer. Nothing was done." }};

const ask = (event, input, args, cwd) => {{
  const said = {{
    hook_event_name: event, session_id: input.sessionID, tool_use_id: input.callID, cwd,
    tool_name: input.tool, tool_input: args ?? {{}},
  }};
  const hook = spawnSync({program}, {words}, {{
    input: JSON.stringify(said), encoding: "utf8", timeout: 10_000,
  }});
  try {{
    return JSON.parse(hook.stdout);
  }} catch {{
    return silence;
  }}
}};

export const Holdpoint = async ({{ directory }}) => ({{
  "tool.execute.before": async (input, output) => {{
    const answer = ask("PreToolUse", input, output.args, directory);
    if (answer.holdpoint !== "allow") throw new Error(answer.reason ?? silence.reason);
  }},
  "tool.execute.after": async (input) => {{
    ask("PostToolUse", input, input.args, directory);
  }},
}});
"#
    )
}
