//! Agents, by the dialect in which they ask a hook.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::http::json::Json;

/// An agent whose hooks are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agent {
    /// Claude Code, and what speaks as it does.
    Claude,
    /// Cursor.
    Cursor,
    /// OpenAI's Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// GitHub's Copilot CLI and coding agent.
    Copilot,
    /// Copilot in Visual Studio Code.
    Vscode,
    /// OpenCode, over the plugin that `holdpoint init` writes.
    Opencode,
    /// Windsurf's Cascade.
    Windsurf,
    /// Cline.
    Cline,
}

impl Agent {
    /// Every agent.
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

    /// The word for it on the command line, in records and in principals.
    pub fn as_str(self) -> &'static str {
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

    /// Who says this, by the keys that only one agent has; the most particular first. Claude's
    /// shape is the one that others have copied.
    pub fn of(said: &Json) -> Self {
        let has = |key: &str| said.get(key).is_some();
        let is = |key: &str, value: &str| said.get(key).and_then(Json::as_str) == Some(value);
        let tool = said.get("tool_name").and_then(Json::as_str).unwrap_or_default();
        match () {
            () if has("toolCalls") => Self::Vscode,
            () if has("agent_action_name") => Self::Windsurf,
            () if has("clineVersion") || has("hookName") => Self::Cline,
            () if has("cursor_version") || has("conversation_id") && has("generation_id") => {
                Self::Cursor
            }
            () if is("hook_event_name", "BeforeTool") || is("hook_event_name", "AfterTool") => {
                Self::Gemini
            }
            () if has("toolArgs") || has("toolName") => Self::Copilot,
            () if has("turn_id") => Self::Codex,
            () if VSCODE_TOOLS.contains(&tool) => Self::Vscode,
            () => Self::Claude,
        }
    }
}

/// Names that only the terminal tools of Visual Studio Code have.
const VSCODE_TOOLS: [&str; 2] = ["runTerminalCommand", "run_in_terminal"];

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no agent whose hooks are understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no agent with hooks; there are claude, cursor, codex, gemini, copilot, vscode, opencode, windsurf and cline"
)]
pub struct UnknownAgent(String);

impl FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|agent| agent.as_str() == word);
        known.ok_or_else(|| UnknownAgent(word.to_owned()))
    }
}
