//! Hooks called as agents call them: a repository to work in, and what each agent says and hears.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    clients::without_reference,
    holdpoint::{Called, Holdpoint},
};

/// How an agent speaks to its hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is an agent's name")]
pub enum Dialect {
    Claude,
    Cursor,
    Codex,
    Gemini,
    Copilot,
    Vscode,
    Opencode,
    Windsurf,
    Cline,
}

/// What a hook said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit status.
    pub status: i32,
}

impl Said {
    /// Everything that it said.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }
}

impl From<Called> for Said {
    fn from(called: Called) -> Self {
        let Called { stdout, stderr, status } = called;
        Self { stdout, stderr, status }
    }
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 9] = [
        Self::Claude,
        Self::Cursor,
        Self::Codex,
        Self::Gemini,
        Self::Copilot,
        Self::Vscode,
        Self::Opencode,
        Self::Windsurf,
        Self::Cline,
    ];

    /// The word for `--agent`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Cursor => "cursor",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Copilot => "copilot",
            Self::Vscode => "vscode",
            Self::Opencode => "opencode",
            Self::Windsurf => "windsurf",
            Self::Cline => "cline",
        }
    }

    /// `allow`, `ask`, `deny`, or what else was said, as that agent would understand it. An agent
    /// that takes a broken answer for a yes is taken at its word.
    pub fn word(self, said: &Said) -> String {
        let json = said.json();
        let told = match self {
            Self::Claude | Self::Vscode | Self::Codex => {
                &json["hookSpecificOutput"]["permissionDecision"]
            }
            Self::Cursor => &json["permission"],
            Self::Gemini => &json["decision"],
            Self::Copilot => &json["permissionDecision"],
            Self::Opencode => &json["holdpoint"],
            Self::Windsurf | Self::Cline => &Value::Null,
        };
        let blocks = !matches!(self, Self::Copilot | Self::Cline | Self::Opencode);
        match self {
            _ if blocks && said.status == 2 => "deny".to_owned(),
            _ if said.status != 0 => "failed".to_owned(),
            Self::Cline if json["cancel"] == true => "deny".to_owned(),
            // Its plugin wants to hear a yes.
            Self::Opencode => told.as_str().unwrap_or("deny").to_owned(),
            _ => told.as_str().unwrap_or("allow").to_owned(),
        }
    }

    /// Whether it goes on as if there were no hook.
    pub fn passes(self, said: &Said) -> bool {
        let silent = match self {
            Self::Opencode => said.json() == json!({"holdpoint": "allow"}),
            Self::Cline => said.json() == json!({"cancel": false}),
            _ => said.text().is_empty(),
        };
        silent && said.status == 0 && self.word(said) == "allow"
    }

    /// Whether its human is asked; an agent that cannot ask is stopped.
    pub fn asks(self, said: &Said) -> bool {
        let asks = matches!(self, Self::Claude | Self::Vscode | Self::Cursor | Self::Copilot);
        self.word(said) == if asks { "ask" } else { "deny" }
    }

    /// Whether it is stopped.
    pub fn denies(self, said: &Said) -> bool {
        self.word(said) == "deny"
    }
}

/// A repository in which an agent works, and the hook that it asks.
#[derive(Debug)]
pub struct Desk {
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    room: TempDir,
}

impl Desk {
    /// A repository with `src/a.rs` under version control and `mine.txt` that is not.
    pub fn new(binary: &str) -> Self {
        Self::on(Holdpoint::new(binary))
    }

    /// The same with this state.
    pub fn on(holdpoint: Holdpoint) -> Self {
        let room = tempfile::Builder::new().prefix("desk-").tempdir_in(home()).unwrap();
        let desk = Self { holdpoint, room };
        desk.write("work/src/a.rs", "fn main() {}\n");
        desk.write("work/.gitignore", "target/\nnode_modules/\n");
        for arguments in [
            &["init", "-q", "-b", "main"][..],
            &["add", "."],
            &["-c", "user.name=Ada", "-c", "user.email=a@example.com", "commit", "-qm", "first"],
        ] {
            let git =
                Command::new("git").current_dir(desk.work()).args(arguments).output().unwrap();
            assert!(git.status.success(), "{git:?}");
        }
        for name in ["work/mine.txt", "work/target/debug/x", "work/node_modules/y/index.js"] {
            desk.write(name, "text");
        }
        desk
    }

    fn work(&self) -> std::path::PathBuf {
        self.room.path().join("work")
    }

    /// Where something is, seen from the repository.
    pub fn path(&self, name: &str) -> String {
        self.work().join(name).display().to_string()
    }

    /// Writes a file; `work/…` or seen from the repository.
    pub fn write(&self, name: &str, text: &str) {
        let name = name.strip_prefix("work/").unwrap_or(name);
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes a link in the repository.
    pub fn link(&self, name: &str, to: &str) {
        std::os::unix::fs::symlink(to, self.work().join(name)).unwrap();
    }

    /// A text without what differs from room to room.
    pub fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.room.path().display().to_string(), "ROOM");
        without_reference(&text)
    }

    /// What an agent says before it runs a command.
    pub fn said(&self, dialect: Dialect, command: &str) -> Value {
        let at = self.work().display().to_string();
        match dialect {
            Dialect::Claude => json!({
                "session_id": "s", "transcript_path": "/t", "cwd": at, "permission_mode": "default",
                "hook_event_name": "PreToolUse", "tool_name": "Bash",
                "tool_input": {"command": command, "description": "a step"}, "tool_use_id": command,
            }),
            Dialect::Codex => json!({
                "session_id": "s", "turn_id": "1", "cwd": at, "model": "m",
                "hook_event_name": "PreToolUse", "tool_name": "Bash",
                "tool_input": {"command": command}, "tool_use_id": command,
            }),
            Dialect::Gemini => json!({
                "session_id": "s", "cwd": at, "hook_event_name": "BeforeTool",
                "timestamp": "2026-11-20T00:00:00Z", "tool_name": "run_shell_command",
                "tool_input": {"command": command, "description": "a step"},
            }),
            Dialect::Cursor => json!({
                "conversation_id": "s", "generation_id": "g", "cursor_version": "2.1", "model": "m",
                "hook_event_name": "beforeShellExecution", "workspace_roots": [at],
                "command": command, "cwd": at,
            }),
            Dialect::Copilot => json!({
                "sessionId": "s", "timestamp": 1, "cwd": at, "toolName": "bash",
                "toolArgs": json!({"command": command, "description": "a step"}).to_string(),
            }),
            Dialect::Vscode => json!({
                "session_id": "s", "cwd": at, "hook_event_name": "PreToolUse",
                "toolCalls": [{"name": "run_in_terminal", "args": json!({"command": command}).to_string()}],
            }),
            Dialect::Opencode => json!({
                "session_id": "s", "cwd": at, "hook_event_name": "PreToolUse", "tool_name": "bash",
                "tool_input": {"command": command, "description": "a step"}, "tool_use_id": command,
            }),
            Dialect::Windsurf => json!({
                "agent_action_name": "pre_run_command", "trajectory_id": "s", "execution_id": "e",
                "timestamp": "2026-11-20T00:00:00Z",
                "tool_info": {"command_line": command, "cwd": at},
            }),
            Dialect::Cline => json!({
                "clineVersion": "3.40", "hookName": "PreToolUse", "timestamp": "1", "taskId": "s",
                "workspaceRoots": [at], "userId": "u",
                "preToolUse": {
                    "toolName": "execute_command",
                    "parameters": {"command": command, "requires_approval": "false"},
                },
            }),
        }
    }

    /// Calls the hook before a command; `explicit` names the agent on the command line, which
    /// what goes over the plugin of ours always does.
    pub fn before(&self, dialect: Dialect, command: &str, explicit: bool) -> Said {
        let said = self.said(dialect, command).to_string();
        let named = explicit || dialect == Dialect::Opencode;
        self.call(named.then_some(dialect), said.as_bytes())
    }

    /// Calls the hook after a command that went well.
    pub fn after(&self, dialect: Dialect, command: &str) -> Said {
        let mut said = self.said(dialect, command);
        said["hook_event_name"] = json!("PostToolUse");
        said["tool_response"] = json!({"stdout": ""});
        self.call(Some(dialect), said.to_string().as_bytes())
    }

    /// Calls the hook before one of Claude's tools is used.
    pub fn tool(&self, tool: &str, input: Value) -> Said {
        let mut said = self.said(Dialect::Claude, "");
        said["tool_name"] = json!(tool);
        said["tool_input"] = input;
        said["tool_use_id"] = Value::Null;
        self.call(Some(Dialect::Claude), said.to_string().as_bytes())
    }

    /// Calls the hook with these bytes.
    pub fn call(&self, dialect: Option<Dialect>, said: &[u8]) -> Said {
        let mut arguments = vec!["hook"];
        if let Some(dialect) = dialect {
            arguments.extend(["--agent", dialect.name()]);
        }
        let mut command = self.holdpoint.command(&arguments);
        command.current_dir(self.work()).env("HOME", self.room.path());
        with_input(command, said).into()
    }
}

fn with_input(mut command: Command, said: &[u8]) -> Called {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(said).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Where rooms are made: not among temporary files, which are judged otherwise.
fn home() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"))
}
