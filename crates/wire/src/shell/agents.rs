//! Other agents that a command starts. With its questions switched off, or where its hooks are not,
//! one does what nobody sees.

use holdpoint_catalog::cli::tools;
use holdpoint_core::{Effect, ResourceId};

use super::{At, Step, call::Call, cli::spoken, scope::Scope, walk::Walk};

/// Options by which an agent asks nobody any more; where there are two words, the second is the
/// option's value.
const UNASKED: &[&str] = &[
    "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
    "--dangerously-bypass-approvals-and-sandbox",
    "--dangerously-allow-all",
    "--skip-permissions-unsafe",
    "--trust-all-tools",
    "--allow-all-tools",
    "--allow-all",
    "--full-auto",
    "--yes-always",
    "--skip-trust",
    "--force",
    "--yolo",
    "-y",
    "--permission-mode bypassPermissions",
    "--approval-mode yolo",
    "--sandbox danger-full-access",
    "-s danger-full-access",
];
/// The same of one agent.
const UNASKED_OF: &[(&str, &str)] = &[("aider", "--yes"), ("opencode", "--auto")];
/// Options by which an agent does not call its hooks.
const UNHOOKED: &[(&str, &[&str])] = &[
    ("claude", &["--bare", "--safe-mode"]),
    ("codex", &["--ignore-user-config", "--disable hooks", "--disable codex_hooks"]),
    ("opencode", &["--pure"]),
];
/// Variables that say where an agent, or its hook, finds its settings, or that it calls no hook.
const ELSEWHERE: &[&str] = &[
    "HOME",
    "XDG_CONFIG_HOME",
    "HOLDPOINT_STATE",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_SIMPLE",
    "CLAUDE_CODE_SAFE_MODE",
    "CLAUDE_CODE_MANAGED_SETTINGS_PATH",
    "CODEX_HOME",
    "COPILOT_HOME",
    "CURSOR_CONFIG_DIR",
    "GEMINI_CLI_HOME",
    "GEMINI_CLI_SYSTEM_SETTINGS_PATH",
    "OPENCODE_CONFIG",
    "OPENCODE_CONFIG_DIR",
    "OPENCODE_CONFIG_CONTENT",
    "OPENCODE_DISABLE_PROJECT_CONFIG",
    "OPENCODE_PURE",
];

/// The agent that has this name, or whose package has it.
pub(super) fn named(name: &str) -> Option<&'static str> {
    Some(match name {
        "claude" | "claude-code" => "claude",
        "gemini" | "gemini-cli" => "gemini",
        "opencode" | "opencode-ai" => "opencode",
        "qwen" | "qwen-code" => "qwen",
        "codex" => "codex",
        "cursor-agent" => "cursor-agent",
        "copilot" => "copilot",
        "q" => "q",
        "aider" | "aider-chat" => "aider",
        "goose-agent" => "goose",
        "amp" => "amp",
        "crush" => "crush",
        "droid" => "droid",
        _ => return None,
    })
}

impl Walk<'_> {
    /// Another agent, of this name.
    pub(super) fn agent(&mut self, scope: &mut Scope, call: &Call<'_>, agent: &str) {
        // Another tool of this name: `copilot app delete`.
        if tools::destroys(&spoken(call)) {
            return self.unknown_program(scope, call);
        }
        if self.switches_hooks_off(scope, call, agent) {
            let id = ResourceId::of("machine", "agent", agent);
            let step = Step::known("agent:settings", Effect::Modify, id, At::Here);
            return self.push(Step { tampers: true, ..step });
        }
        let asks = ["--version", "--help", "-v", "-V", "-h"];
        let elsewhere = ELSEWHERE.iter().any(|name| scope.changes(name)) && !call.has(&asks);
        if elsewhere || is_unasked(call, agent) || is_unhooked(call, agent) {
            let mut step = Step::opaque(format!("agent:{agent}"), true);
            step.variables =
                scope.environment().map(|(name, value)| format!("{name}={value}")).collect();
            self.push(step);
        }
    }

    /// Whether settings that it is given say that no hook is called: in so many words, or in a file.
    fn switches_hooks_off(&self, scope: &Scope, call: &Call<'_>, agent: &str) -> bool {
        let codex = |word: &str| {
            word.starts_with("hooks.") || word.starts_with("hooks=") || word.contains("hooks=false")
        };
        let off = |word: &str| word.contains("disableAllHooks") || agent == "codex" && codex(word);
        let file = |word: &str| {
            let path = word.strip_prefix("--settings=").unwrap_or(word);
            self.paths(scope, path).iter().any(|path| {
                self.files.text(path).is_some_and(|text| text.contains("disableAllHooks"))
            })
        };
        let settings = call.has(&["--settings"]);
        call.arguments.iter().any(|word| off(word) || settings && file(word))
    }
}

fn is_unasked(call: &Call<'_>, agent: &str) -> bool {
    let own = UNASKED_OF.iter().filter(|(of, _)| *of == agent).map(|(_, option)| option);
    UNASKED.iter().chain(own).any(|option| says(call, option))
        || call.arguments.iter().any(|word| word.contains("bypassPermissions"))
}

fn is_unhooked(call: &Call<'_>, agent: &str) -> bool {
    let own = UNHOOKED.iter().filter(|(of, _)| *of == agent);
    let sources = || {
        let mut words = call.arguments.iter().map(String::as_str);
        let joined = words.clone().find_map(|word| word.strip_prefix("--setting-sources="));
        joined.or_else(|| words.find(|word| *word == "--setting-sources").and(words.next()))
    };
    own.clone().flat_map(|(_, options)| *options).any(|option| says(call, option))
        // Its hooks are among the user's settings.
        || sources().is_some_and(|said| !said.split(',').any(|source| source.trim() == "user"))
}

/// Whether a call has an `option`, and its value where it names one: `--mode yolo`, `--mode=yolo`.
fn says(call: &Call<'_>, option: &str) -> bool {
    let Some((name, value)) = option.split_once(' ') else { return call.has(&[option]) };
    let pair = call.arguments.windows(2).any(|pair| *pair == [name, value]);
    pair || call.arguments.iter().any(|word| word.split_once('=') == Some((name, value)))
}
