//! The tools of agents: which run a command, touch a file, fetch a page, or are somebody else's.

use super::{heard::text, patch};
use crate::{Unreadable, http::json::Json, shell::Dialect};

/// Calls of one message, at most.
const CALLS_MAX: usize = 64;
/// Files and commands of one call, at most.
const ACTS_MAX: usize = 500;

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool, as the agent calls it.
    pub tool: String,
    /// What it does.
    pub acts: Vec<Act>,
}

/// What a tool does, in words that all agents share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Runs a command.
    Shell {
        /// Which shell reads it.
        dialect: Dialect,
        /// The command.
        text: String,
        /// Where, if the call says it.
        directory: Option<String>,
    },
    /// Shows a file.
    Read(String),
    /// Writes a file.
    Write(String),
    /// Takes a file away.
    Delete(String),
    /// Reads a page of the Web.
    Fetch(String),
    /// Calls a tool that is not the agent's own.
    Tool {
        /// Whose.
        server: String,
        /// Its name.
        tool: String,
        /// What is handed to it.
        arguments: Json,
    },
}

/// What kind of tool a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shell,
    Powershell,
    Read,
    Write,
    Delete,
    Fetch,
    /// It changes nothing that lasts, and reaches nothing.
    Inert,
}

/// The agents' own tools, by their names in small letters without what joins the words.
const KINDS: &[(Kind, &str)] = &[
    (
        Kind::Shell,
        "bash shell runshellcommand runterminalcommand runinterminal executecommand terminal
         runcommand execcommand shellcommand localshell unifiedexec monitor writestdin writebash
         beforeshellexecution aftershellexecution preruncommand postruncommand",
    ),
    (Kind::Powershell, "powershell writepowershell"),
    (
        Kind::Read,
        "read readfile view readmanyfiles viewimage notebookread beforereadfile prereadcode
         postreadcode getnotebooksummary openfile",
    ),
    (
        Kind::Write,
        "write edit multiedit notebookedit writefile replace create createfile writetofile
         replaceinfile editfile searchreplace strreplace strreplaceeditor applypatch patch
         replacestringinfile multireplacestringinfile inserteditintofile editnotebookfile
         insertcontent newrule afterfileedit prewritecode postwritecode",
    ),
    (Kind::Delete, "delete deletefile removefile"),
    (Kind::Fetch, "webfetch fetch fetchwebpage fetchurl browse"),
    (
        Kind::Inert,
        "todowrite todoread todo glob grep ls list listdir listdirectory listfiles searchfiles
         searchfilecontent grepsearch filesearch codebasesearch codesearch semanticsearch websearch
         googlewebsearch task agent runsubagent exitplanmode enterplanmode bashoutput killshell
         killbash skill slashcommand askuserquestion askfollowupquestion askquestion askuser
         writetodos savememory newtask planmoderespond planmode updateplan think reportintent
         readbash stopbash listbash readpowershell stoppowershell taskoutput taskstop
         getterminaloutput terminallastcommand getterminalselection readlints geterrors problems
         listcodedefinitionnames listcodeusages usages changes getchangedfiles testfailure
         managetodolist toolsearch listmcpresources readmcpresource listmcpresourcetemplates
         accessmcpresource loadmcpdocumentation condense summarizetask switchmode lsp
         completetask activateskill clirhelp structuredoutput croncreate cronlist crondelete",
    ),
];

/// Keys under which tools are given a command, a path, a page.
const COMMANDS: &[&str] =
    &["command", "cmd", "command_line", "commandLine", "CommandLine", "script", "chars", "input"];
const PATHS: &[&str] = &[
    "file_path",
    "filePath",
    "filepath",
    "path",
    "absolute_path",
    "absolutePath",
    "target_file",
    "targetFile",
    "notebook_path",
    "notebookPath",
    "filename",
    "fileName",
    "relative_path",
    "file",
    "paths",
    "file_paths",
    "filePaths",
    "files",
];
const PAGES: &[&str] = &["url", "urls", "uri", "prompt"];
const DIRECTORIES: &[&str] =
    &["cwd", "directory", "workdir", "working_directory", "workingDirectory", "dir_path", "Cwd"];
const PATCHES: &[&str] = &["patch", "patchText", "input", "command", "cmd", "diff"];

/// The calls that a message is about.
pub(super) fn calls(said: &Json, event: &str) -> Result<Vec<ToolCall>, Unreadable> {
    let batch = said.get("toolCalls").map(Json::values).unwrap_or_default();
    if batch.len() > CALLS_MAX {
        return Err(Unreadable::over_limit(format!("more than {CALLS_MAX} calls at once")));
    }
    let mut calls = Vec::new();
    for call in batch {
        let tool = text(call, &["name", "toolName", "tool_name"]).unwrap_or("unnamed");
        calls.push(of_tool(tool, &inputs(call, &["args", "arguments", "toolArgs"])?, None));
    }
    if let Some(own) = said.get("preToolUse").or(said.get("postToolUse")) {
        let tool = text(own, &["toolName", "tool"]).unwrap_or("unnamed");
        calls.push(of_tool(tool, &inputs(own, &["parameters"])?, None));
    } else if let Some(info) = said.get("tool_info") {
        let server = text(info, &["mcp_server_name"]);
        let tool = text(info, &["mcp_tool_name"]).unwrap_or(event);
        let given = match server {
            Some(_) => inputs(info, &["mcp_tool_arguments"])?,
            None => vec![info.clone()],
        };
        if !event.contains("user_prompt") && !event.contains("response") {
            calls.push(of_tool(tool, &given, server));
        }
    } else if let Some(tool) = text(said, &["tool_name", "toolName"]) {
        let given = inputs(said, &["tool_input", "toolInput", "toolArgs", "tool_args"])?;
        let context = said.get("mcp_context");
        let server = context.and_then(|it| text(it, &["server_name", "serverName"]));
        let server = server.or_else(|| event.contains("MCP").then_some("mcp"));
        let tool = context.and_then(|it| text(it, &["tool_name"])).unwrap_or(tool);
        calls.push(of_tool(tool, &given, server));
    } else if ["ShellExecution", "ReadFile", "FileEdit"].iter().any(|it| event.contains(it)) {
        calls.push(of_tool(event, std::slice::from_ref(said), None));
    }
    Ok(calls)
}

/// What is handed to a tool, under whichever of the keys; some agents write JSON in a string.
fn inputs(call: &Json, keys: &[&str]) -> Result<Vec<Json>, Unreadable> {
    let given = keys.iter().filter_map(|key| call.get(key));
    let read = |given: &Json| match given {
        Json::String(text) if text.trim_start().starts_with(['{', '[']) => {
            Json::read(text.trim().as_bytes())
        }
        other => Ok(other.clone()),
    };
    given.map(read).collect()
}

/// What a call of `tool` does. A tool of a server's, or one that nobody knows, is judged by its
/// name and by what is handed to it.
fn of_tool(tool: &str, given: &[Json], server: Option<&str>) -> ToolCall {
    let kind = kind(tool).filter(|_| server.is_none());
    let mut acts: Vec<Act> =
        given.iter().flat_map(|input| acts(kind, tool, server, input)).collect();
    // Without any input that is understood it is still called.
    if acts.is_empty() && kind != Some(Kind::Inert) {
        let arguments = given.first().cloned().unwrap_or(Json::Null);
        acts.push(of_server(tool, server, arguments));
    }
    acts.truncate(ACTS_MAX);
    ToolCall { tool: tool.to_owned(), acts }
}

fn kind(tool: &str) -> Option<Kind> {
    let plain: String = tool.chars().filter(|it| it.is_alphanumeric()).collect();
    let plain = plain.to_ascii_lowercase();
    let named = |names: &str| names.split_whitespace().any(|name| name == plain);
    KINDS.iter().find(|(_, names)| named(names)).map(|(kind, _)| *kind)
}

fn acts(kind: Option<Kind>, tool: &str, server: Option<&str>, input: &Json) -> Vec<Act> {
    let each = |keys: &[&str], act: fn(String) -> Act| -> Vec<Act> {
        texts(input, keys).into_iter().map(act).collect()
    };
    match kind {
        Some(Kind::Shell) => shells(Dialect::Bash, input),
        Some(Kind::Powershell) => shells(Dialect::Powershell, input),
        Some(Kind::Read) => each(PATHS, Act::Read),
        Some(Kind::Delete) => each(PATHS, Act::Delete),
        Some(Kind::Fetch) => pages(input),
        Some(Kind::Write) => {
            let patches = texts(input, PATCHES);
            let mut acts: Vec<Act> = patches.iter().flat_map(|text| patch::acts(text)).collect();
            acts.extend(each(PATHS, Act::Write));
            acts
        }
        Some(Kind::Inert) => Vec::new(),
        None => vec![of_server(tool, server, input.clone())],
    }
}

/// The commands of a call, each of them: an agent may read either key.
fn shells(dialect: Dialect, input: &Json) -> Vec<Act> {
    let directory = text(input, DIRECTORIES).map(str::to_owned);
    let act = |text: String| Act::Shell { dialect, text, directory: directory.clone() };
    let given = COMMANDS.iter().filter_map(|key| input.get(key));
    let command = |json: &Json| match json {
        Json::Array(words) => spelled(words),
        json => json.as_str().map(str::to_owned),
    };
    given.filter_map(command).map(act).collect()
}

/// A command that is a list of words, as the shell would have to read it.
fn spelled(words: &[Json]) -> Option<String> {
    let words: Vec<&str> = words.iter().map(Json::as_str).collect::<Option<_>>()?;
    match words.as_slice() {
        [shell, option, script] if shell.ends_with("sh") && option.ends_with('c') => {
            Some((*script).to_owned())
        }
        words => {
            let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
            Some(quoted.collect::<Vec<_>>().join(" "))
        }
    }
}

/// The pages that a tool reads; some are asked for them in a sentence.
fn pages(input: &Json) -> Vec<Act> {
    let given = texts(input, PAGES);
    let words = given.iter().flat_map(|text| text.split_whitespace());
    let pages = words.map(|word| word.trim_matches(|it| "\"'<>(),;`".contains(it)));
    let is_page = |word: &&str| word.starts_with("http://") || word.starts_with("https://");
    pages.filter(is_page).map(|page| Act::Fetch(page.to_owned())).collect()
}

/// The texts under any of these keys, in lists and in lists of objects as well.
fn texts(input: &Json, keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for value in keys.iter().filter_map(|key| input.get(key)) {
        match value {
            Json::Array(values) => found.extend(values.iter().flat_map(|value| match value {
                Json::Object(_) => texts(value, keys),
                value => value.as_str().map(str::to_owned).into_iter().collect(),
            })),
            value => found.extend(value.as_str().map(str::to_owned)),
        }
    }
    for nested in ["edits", "replacements", "changes"].iter().filter_map(|key| input.get(key)) {
        found.extend(nested.values().iter().flat_map(|edit| texts(edit, keys)));
    }
    found
}

/// A tool by the spellings of its server: `mcp__server__tool`, `MCP:server:tool`, Cline's own.
fn of_server(tool: &str, server: Option<&str>, arguments: Json) -> Act {
    if tool == "use_mcp_tool" {
        let name = text(&arguments, &["tool_name"]).unwrap_or("unnamed").to_owned();
        let server = text(&arguments, &["server_name"]).unwrap_or("mcp").to_owned();
        let given = arguments.get("arguments").cloned().unwrap_or(Json::Null);
        let given = match &given {
            Json::String(text) => Json::read(text.as_bytes()).unwrap_or(given),
            _ => given,
        };
        return Act::Tool { server, tool: name, arguments: given };
    }
    let rest = tool.strip_prefix("mcp__").or(tool.strip_prefix("MCP:")).unwrap_or(tool);
    let parts = rest.split_once("__").or_else(|| rest.split_once(':'));
    let (named, tool) = parts.unwrap_or((server.unwrap_or("agent"), rest));
    Act::Tool { server: named.to_owned(), tool: tool.to_owned(), arguments }
}
