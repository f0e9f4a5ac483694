//! The agents that are known: how they are called, and which of their state a run keeps.

use std::{
    ffi::{OsStr, OsString},
    path::{Component, Path},
};

/// An agent. What ends with a slash is a directory; all of it is below the home.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    /// Its command, and the packages that bring it.
    names: &'static [&'static str],
    /// Settings, hooks, extensions: what runs programs or loosens the agent's own guard. It can be
    /// written, and what was written ends with the run.
    pub(crate) settles: &'static [&'static str],
    /// Logins, conversations, logs: what was written stays. It lies over the former.
    pub(crate) keeps: &'static [&'static str],
}

const AGENTS: &[Agent] = &[
    Agent {
        names: &["claude", "claude-code"],
        settles: &[".claude/", ".claude.json"],
        keeps: &[
            ".claude/.credentials.json",
            ".claude/file-history/",
            ".claude/history.jsonl",
            ".claude/projects/",
            ".claude/sessions/",
            ".claude/tasks/",
            ".claude/todos/",
        ],
    },
    Agent {
        names: &["codex"],
        settles: &[".codex/"],
        keeps: &[
            ".codex/archived_sessions/",
            ".codex/auth.json",
            ".codex/history.jsonl",
            ".codex/log/",
            ".codex/sessions/",
        ],
    },
    Agent {
        names: &["gemini", "gemini-cli"],
        settles: &[".gemini/"],
        keeps: &[
            ".gemini/google_accounts.json",
            ".gemini/history/",
            ".gemini/oauth_creds.json",
            ".gemini/tmp/",
        ],
    },
    Agent {
        names: &["opencode", "opencode-ai"],
        settles: &[".config/opencode/", ".cache/opencode/", ".local/share/opencode/bin/"],
        keeps: &[".local/share/opencode/", ".local/state/opencode/"],
    },
    Agent {
        names: &["cursor-agent"],
        settles: &[".cursor/", ".config/cursor/"],
        keeps: &[".config/cursor/auth.json", ".cursor/chats/", ".cursor/projects/"],
    },
    Agent { names: &["aider", "aider-chat"], settles: &[".aider.conf.yml"], keeps: &[".aider/"] },
    Agent { names: &["amp"], settles: &[".config/amp/"], keeps: &[".local/share/amp/"] },
    Agent {
        names: &["copilot"],
        settles: &[".copilot/"],
        keeps: &[".copilot/history-session-state/", ".copilot/logs/"],
    },
];

/// Programs that run the one that is named after them.
const RUNNERS: [&str; 14] = [
    "bun", "bunx", "deno", "env", "node", "nodejs", "npm", "npx", "pipx", "pnpm", "python",
    "python3", "uvx", "yarn",
];
/// Words of theirs that come before it.
const VERBS: [&str; 5] = ["dlx", "exec", "run", "tool", "x"];
/// Where packages lie.
const PACKAGES: &str = "node_modules";

/// The command of each.
pub(crate) fn commands() -> impl Iterator<Item = &'static str> {
    AGENTS.iter().filter_map(|agent| agent.names.first().copied())
}

/// The agent that `command` starts: by its name, by a package of it (`npx @openai/codex@latest`),
/// or by a file in such a package (`node …/node_modules/…/codex.js`).
pub(crate) fn called(command: &[OsString]) -> Option<&'static Agent> {
    let (program, arguments) = command.split_first()?;
    let name = Path::new(program).file_name()?;
    if !RUNNERS.iter().any(|runner| name == *runner) {
        return of_path(program);
    }
    let mut named = arguments.iter().filter(|word| {
        let word = word.to_string_lossy();
        !word.starts_with('-') && !word.contains('=') && !VERBS.contains(&word.as_ref())
    });
    of_path(named.next()?)
}

fn of_path(word: &OsStr) -> Option<&'static Agent> {
    let path = Path::new(word);
    let file = path.file_name().and_then(of_name);
    let package = || {
        let mut below =
            path.components().skip_while(|at| *at != Component::Normal(PACKAGES.as_ref()));
        below.find_map(|at| of_name(at.as_os_str()))
    };
    file.or_else(package)
}

/// By a name with or without a version and an ending.
fn of_name(name: &OsStr) -> Option<&'static Agent> {
    let name = name.to_str()?;
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let endings = [".js", ".mjs", ".cjs", ".exe", ".py"];
    let name = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    AGENTS.iter().find(|agent| agent.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn agents_are_known_however_they_are_started() {
        for (command, expect) in [
            ("codex", Some("codex")),
            ("/opt/bin/codex exec x", Some("codex")),
            ("npx codex", Some("codex")),
            ("npx -y @openai/codex@0.169.0 exec", Some("codex")),
            ("npm exec -- @anthropic-ai/claude-code", Some("claude")),
            ("pnpm dlx opencode-ai", Some("opencode")),
            ("env A=b gemini", Some("gemini")),
            ("node /x/node_modules/@google/gemini-cli/bundle/gemini.js", Some("gemini")),
            ("node /x/node_modules/@anthropic-ai/claude-code/cli.js", Some("claude")),
            ("python3 -m aider", Some("aider")),
            ("node /home/codex/server.js", None),
            ("bash -c codex", None),
            ("node", None),
        ] {
            let words: Vec<_> = command.split(' ').map(Into::into).collect();
            assert_eq!(called(&words).map(|agent| agent.names[0]), expect, "{command}");
        }
    }
}
