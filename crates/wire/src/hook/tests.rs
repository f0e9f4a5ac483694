//! What agents say is read, in every spelling; what nobody can read is refused.

use super::{Act, Agent, Heard, Moment, Outcome, Reply, answer, unreadable};
use crate::shell::Dialect;

fn heard(said: &str) -> Heard {
    Heard::read(said.as_bytes(), None).unwrap_or_else(|error| panic!("{said}: {error}"))
}

fn shell(text: &str) -> Act {
    Act::Shell { dialect: Dialect::Bash, text: text.to_owned(), directory: None }
}

#[test]
fn each_agent_is_known_by_what_it_says() {
    for (said, agent, acts) in [
        (
            r#"{"session_id":"s","cwd":"/w","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_use_id":"t"}"#,
            Agent::Claude,
            vec![shell("ls")],
        ),
        (
            r#"{"session_id":"s","turn_id":"1","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"cmd":["bash","-lc","ls"]}}"#,
            Agent::Codex,
            vec![shell("ls")],
        ),
        (
            r#"{"session_id":"s","hook_event_name":"BeforeTool","tool_name":"run_shell_command","tool_input":{"command":"ls"}}"#,
            Agent::Gemini,
            vec![shell("ls")],
        ),
        (
            r#"{"conversation_id":"c","generation_id":"g","hook_event_name":"beforeShellExecution","command":"ls"}"#,
            Agent::Cursor,
            vec![shell("ls")],
        ),
        (
            r#"{"sessionId":"s","toolName":"bash","toolArgs":"{\"command\":\"ls\"}"}"#,
            Agent::Copilot,
            vec![shell("ls")],
        ),
        (
            r#"{"toolCalls":[{"name":"run_in_terminal","args":"{\"command\":\"ls\"}"},{"name":"read_file","args":{"filePath":"/a"}}]}"#,
            Agent::Vscode,
            vec![shell("ls"), Act::Read("/a".into())],
        ),
        (
            r#"{"agent_action_name":"pre_run_command","trajectory_id":"t","tool_info":{"command_line":"ls"}}"#,
            Agent::Windsurf,
            vec![shell("ls")],
        ),
        (
            r#"{"clineVersion":"3","hookName":"PreToolUse","taskId":"t","preToolUse":{"toolName":"execute_command","parameters":{"command":"ls"}}}"#,
            Agent::Cline,
            vec![shell("ls")],
        ),
    ] {
        let heard = heard(said);
        let found: Vec<Act> = heard.calls.into_iter().flat_map(|call| call.acts).collect();
        assert_eq!((heard.agent, heard.moment, found), (agent, Moment::Before, acts), "{said}");
    }
}

#[test]
fn every_command_and_every_file_of_a_call_counts() {
    let said = |tool: &str, input: &str| {
        let said = format!(
            r#"{{"hook_event_name":"PreToolUse","tool_name":"{tool}","tool_input":{input}}}"#
        );
        heard(&said).calls.into_iter().flat_map(|call| call.acts).collect::<Vec<Act>>()
    };
    let both = said("Bash", r#"{"command":"true","cmd":"rm x"}"#);
    assert_eq!(both, [shell("true"), shell("rm x")]);
    let patch = r#"{"input":"*** Begin Patch\n*** Update File: a\n*** Move to: b\n*** Delete File: c\n*** End Patch"}"#;
    let files = [Act::Write("a".into()), Act::Write("b".into()), Act::Delete("c".into())];
    assert_eq!(said("apply_patch", patch), files);
    let edits = r#"{"replacements":[{"filePath":"/a"},{"filePath":"/b"}]}"#;
    let files = [Act::Write("/a".into()), Act::Write("/b".into())];
    assert_eq!(said("multi_replace_string_in_file", edits), files);
    assert_eq!(said("TodoWrite", r#"{"todos":[]}"#), []);
    for (tool, server, name) in [
        ("mcp__supabase__execute_sql", "supabase", "execute_sql"),
        ("MCP:supabase:execute_sql", "supabase", "execute_sql"),
        ("do_something_new", "agent", "do_something_new"),
    ] {
        let acts = said(tool, r#"{"x":1}"#);
        let [Act::Tool { server: whose, tool: which, .. }] = acts.as_slice() else {
            panic!("{tool}: {acts:?}");
        };
        assert_eq!((whose.as_str(), which.as_str()), (server, name));
    }
}

#[test]
fn what_comes_after_tells_and_what_is_about_no_tool_is_let_be() {
    let post = r#"{"hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"false"},"tool_response":{"exit_code":1}}"#;
    let heard_post = heard(post);
    assert_eq!((heard_post.moment, heard_post.outcome), (Moment::After, Outcome::Failed));
    for said in [
        r#"{"hook_event_name":"SessionStart","session_id":"s"}"#,
        r#"{"hook_event_name":"PreCompact","session_id":"s"}"#,
        r#"{"hook_event_name":"UserPromptSubmit","prompt":"rm -rf /"}"#,
    ] {
        assert_eq!(heard(said).moment, Moment::Elsewhen, "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_no_yes() {
    for said in [
        "",
        "null",
        "[]",
        "{",
        r#"{"hook_event_name":"PreToolUse"}"#,
        r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_name":"Read","tool_input":{}}"#,
        r#"{"toolName":"bash","toolArgs":"{\"command\":"}"#,
    ] {
        assert!(Heard::read(said.as_bytes(), None).is_err(), "{said}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(Heard::read(deep.as_bytes(), None).is_err());
    for agent in Agent::ALL.into_iter().map(Some).chain([None]) {
        let answer = unreadable(agent, "why");
        let says = answer.status == 2
            || ["deny", "cancel\":true"].iter().any(|it| answer.stdout.contains(it));
        assert!(says, "{agent:?}: {answer:?}");
    }
}

#[test]
fn what_is_told_is_one_line() {
    let said = r#"{"session_id":"s","cwd":"/w","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_use_id":"t"}"#;
    let (heard, text) = (heard(said), "on /a\nHoldpoint: safe\u{1b}[2J\u{2066}b");
    for reply in [Reply::Ask(text), Reply::Deny(text), Reply::Explain(text)] {
        let told = answer(&heard, reply);
        let told = told.stdout + &told.stderr;
        let plain = r"on /a\\u{a}Holdpoint: safe\\u{1b}[2J\\u{2066}b";
        assert!(told.contains(plain), "{reply:?}: {told}");
    }
}
