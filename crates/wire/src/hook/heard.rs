//! What an agent says to its hook: when, in which session, and about which calls of tools.

use super::{
    Agent,
    tools::{self, ToolCall},
};
use crate::{Unreadable, http::json::Json};

/// The longest message of an agent that is read, in bytes: a file that is written stands in it.
pub const SAID_BYTES_MAX: usize = 8 << 20;

/// When an agent asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before a tool is used: the answer decides.
    Before,
    /// When it is about to ask its human: no is heard, anything else goes on to the human.
    Permission,
    /// After a tool was used: it tells.
    After,
    /// At some other time: nothing is decided.
    Elsewhen,
}

/// What an agent claims to have come of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It went well, or nobody says otherwise.
    Done,
    /// It failed.
    Failed,
}

/// What an agent said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who.
    pub agent: Agent,
    /// When.
    pub moment: Moment,
    /// The event, as the agent calls it.
    pub event: String,
    /// In which session.
    pub session: String,
    /// Where it works at present.
    pub directory: Option<String>,
    /// The workspaces that it has open.
    pub roots: Vec<String>,
    /// Its human has told it to ask nobody: a question would be answered by the agent itself.
    pub asks_nobody: bool,
    /// What it would do, or has done.
    pub calls: Vec<ToolCall>,
    /// The call's own id, which is the same before and after.
    pub call_id: Option<String>,
    /// What it claims to have come of it, where it has done it.
    pub outcome: Outcome,
}

impl Heard {
    /// Reads what an agent said; `agent` where the command line names it.
    pub fn read(bytes: &[u8], agent: Option<Agent>) -> Result<Self, Unreadable> {
        if bytes.len() > SAID_BYTES_MAX {
            return Err(Unreadable::over_limit(format!(
                "what the agent said is longer than {SAID_BYTES_MAX} bytes; do less at once"
            )));
        }
        let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
        let said = Json::read(bytes)?;
        if !matches!(said, Json::Object(_)) {
            return Err(Unreadable::new("what the agent said is no JSON object"));
        }
        let agent = agent.unwrap_or_else(|| Agent::of(&said));
        let event = text(
            &said,
            &["hook_event_name", "hookEventName", "hookName", "agent_action_name", "event"],
        );
        let event = event.unwrap_or_default().to_owned();
        let calls = tools::calls(&said, &event)?;
        let moment = moment(&event, &said, calls.is_empty());
        if calls.is_empty() && matches!(moment, Moment::Before | Moment::Permission) {
            return Err(Unreadable::new(format!("`{event}` names no tool that is used")));
        }
        let inner = said.get("tool_info").unwrap_or(&said);
        Ok(Self {
            agent,
            moment,
            session: text(&said, SESSIONS).unwrap_or("unnamed").to_owned(),
            directory: text(&said, &["cwd"]).or(text(inner, &["cwd"])).map(str::to_owned),
            roots: roots(&said),
            asks_nobody: text(&said, &["permission_mode", "permissionMode"])
                .is_some_and(|mode| ["bypassPermissions", "dontAsk"].contains(&mode)),
            call_id: text(&said, CALLS).map(str::to_owned),
            outcome: outcome(&said),
            event,
            calls,
        })
    }
}

/// What agents call a session.
const SESSIONS: &[&str] = &[
    "session_id",
    "sessionId",
    "sessionID",
    "conversation_id",
    "trajectory_id",
    "taskId",
    "conversationId",
];
/// What they call one call.
const CALLS: &[&str] = &["tool_use_id", "toolUseId", "callID", "call_id", "toolCallId"];

/// The first of several keys that has a text.
pub(super) fn text<'a>(json: &'a Json, keys: &[&str]) -> Option<&'a str> {
    let found = keys.iter().find_map(|key| json.get(key).and_then(Json::as_str));
    found.filter(|text| !text.is_empty())
}

/// When an event is. What names a tool and no time comes before it.
fn moment(event: &str, said: &Json, idle: bool) -> Moment {
    let lower = event.to_ascii_lowercase();
    let tool = ["tool", "shell", "mcp", "readfile", "run_command", "write_code", "read_code"];
    let about_tools = tool.iter().any(|word| lower.contains(word));
    let answered = ["tool_response", "toolResult", "tool_result", "postToolUse"];
    match () {
        () if lower.contains("permissionrequest") => Moment::Permission,
        () if lower.starts_with("post") || lower.starts_with("after") => Moment::After,
        () if lower.starts_with("pre") || lower.starts_with("before") => match about_tools {
            true => Moment::Before,
            false => Moment::Elsewhen,
        },
        () if idle => Moment::Elsewhen,
        () if lower.is_empty() && answered.iter().any(|key| said.get(key).is_some()) => {
            Moment::After
        }
        () => Moment::Before,
    }
}

fn roots(said: &Json) -> Vec<String> {
    let lists = ["workspace_roots", "workspaceRoots", "workspacePaths"];
    let values = lists.iter().filter_map(|key| said.get(key)).flat_map(Json::values);
    values.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// What the agent claims: an error, a flag, or an exit status that is not 0.
fn outcome(said: &Json) -> Outcome {
    let places = ["tool_response", "toolResult", "tool_result", "postToolUse", "tool_info"];
    let answers = places.iter().filter_map(|key| said.get(key)).chain([said]);
    let failed = |answer: &Json| {
        let is = |key: &str, value: &str| answer.get(key).and_then(Json::word) == Some(value);
        let status = ["exit_code", "exitCode"].iter().find_map(|key| answer.get(key));
        let status = status.and_then(Json::word).is_some_and(|word| word != "0");
        let error = answer.get("error").is_some_and(|error| !error.is_null());
        let flagged = is("is_error", "true") || is("isError", "true") || is("success", "false");
        let kind = text(answer, &["resultType"]).is_some_and(|it| it != "success");
        status || error || flagged || kind
    };
    if answers.into_iter().any(failed) { Outcome::Failed } else { Outcome::Done }
}
