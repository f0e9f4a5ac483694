//! Answers: the words and the exit status that each agent obeys. A yes is silence, so that the
//! agent's own questions are still asked; only where silence is no answer is it said.

use holdpoint_core::plain;
use serde_json::{Value, json};

use super::{Agent, Heard, Moment};

/// What is said to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Nothing stands against it.
    Allow,
    /// It goes on, and this is what would be said outside of a run, or will be said on the way.
    Explain(&'a str),
    /// Its human has to say yes.
    Ask(&'a str),
    /// No.
    Deny(&'a str),
}

/// How a hook ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What goes to standard output; empty or one JSON object.
    pub stdout: String,
    /// What goes to standard error.
    pub stderr: String,
    /// The exit status.
    pub status: u8,
}

impl Heard {
    /// Whether the agent would put a question to its human, and wait for the answer.
    pub fn can_ask(&self) -> bool {
        match self.agent {
            Agent::Claude | Agent::Vscode => !self.asks_nobody,
            // Before any other tool it takes the word, and goes on.
            Agent::Cursor => {
                self.event.contains("ShellExecution") || self.event.contains("MCPExecution")
            }
            Agent::Copilot => true,
            Agent::Codex | Agent::Gemini | Agent::Opencode | Agent::Windsurf | Agent::Cline => {
                false
            }
        }
    }
}

/// The answer to what was `heard`. Who cannot ask is told no; and whatever is told is one line, as
/// the names in it are the agent's own.
pub fn answer(heard: &Heard, reply: Reply<'_>) -> Answer {
    let text = match reply {
        Reply::Allow => String::new(),
        Reply::Explain(text) | Reply::Ask(text) | Reply::Deny(text) => plain(text),
    };
    let reply = match reply {
        Reply::Allow => Reply::Allow,
        Reply::Explain(_) => Reply::Explain(&text),
        Reply::Ask(_) if heard.can_ask() => Reply::Ask(&text),
        Reply::Ask(_) | Reply::Deny(_) => Reply::Deny(&text),
    };
    match heard.moment {
        Moment::After | Moment::Elsewhen => silence(heard.agent),
        Moment::Permission => permission(heard, reply),
        Moment::Before => before(heard.agent, &heard.event, reply),
    }
}

/// The answer to what could not be understood, by an agent that may not be known: no, in every
/// way in which it can be said at once.
pub fn unreadable(agent: Option<Agent>, text: &str) -> Answer {
    let text = plain(text);
    let answer = before(agent.unwrap_or(Agent::Claude), "PreToolUse", Reply::Deny(&text));
    match agent {
        // For these an exit status says nothing, or something else.
        Some(Agent::Copilot | Agent::Cline | Agent::Opencode) => answer,
        _ => Answer { stderr: text, status: 2, ..answer },
    }
}

fn said(value: &Value) -> Answer {
    Answer { stdout: value.to_string(), ..Answer::default() }
}

/// Nothing to say.
fn silence(agent: Agent) -> Answer {
    match agent {
        Agent::Opencode => said(&json!({ "holdpoint": "allow" })),
        Agent::Cline => said(&json!({ "cancel": false })),
        _ => Answer::default(),
    }
}

fn before(agent: Agent, event: &str, reply: Reply<'_>) -> Answer {
    let (word, text) = match reply {
        Reply::Allow => return silence(agent),
        Reply::Explain(text) => return explained(agent, event, text),
        Reply::Ask(text) => ("ask", text),
        Reply::Deny(text) => ("deny", text),
    };
    match agent {
        Agent::Claude | Agent::Vscode | Agent::Codex => said(&json!({ "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": word,
            "permissionDecisionReason": text,
        } })),
        Agent::Cursor => said(&json!({
            "permission": word,
            "user_message": text, "agent_message": text,
            // What earlier versions read.
            "userMessage": text, "agentMessage": text,
        })),
        Agent::Gemini => said(&json!({ "decision": word, "reason": text })),
        Agent::Copilot => {
            said(&json!({ "permissionDecision": word, "permissionDecisionReason": text }))
        }
        Agent::Opencode => said(&json!({ "holdpoint": word, "reason": text })),
        Agent::Windsurf => Answer { stderr: text.to_owned(), status: 2, ..Answer::default() },
        Agent::Cline => said(&json!({
            "cancel": true, "errorMessage": text,
            // What later versions read.
            "action": "block", "message": text,
        })),
    }
}

/// What would be said, where an agent has words for it that stop nothing.
fn explained(agent: Agent, event: &str, text: &str) -> Answer {
    match agent {
        Agent::Claude | Agent::Vscode => said(&json!({ "hookSpecificOutput": {
            "hookEventName": event,
            "additionalContext": text,
        } })),
        Agent::Gemini => said(&json!({ "systemMessage": text })),
        agent => silence(agent),
    }
}

/// When the agent is about to ask its human, a question of ours is put by it already.
fn permission(heard: &Heard, reply: Reply<'_>) -> Answer {
    let (Reply::Deny(text), true) = (reply, heard.moment == Moment::Permission) else {
        return silence(heard.agent);
    };
    match heard.agent {
        Agent::Claude | Agent::Vscode | Agent::Codex => said(&json!({ "hookSpecificOutput": {
            "hookEventName": "PermissionRequest",
            "decision": { "behavior": "deny", "message": text },
        } })),
        Agent::Copilot => said(&json!({ "behavior": "deny", "message": text })),
        agent => before(agent, &heard.event, reply),
    }
}
