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
    /// Words without which it would make an enclosure of its own around every command, which
    /// mounts, and so cannot be made in ours.
    unboxes: &'static [&'static str],
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
        unboxes: &[],
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
        unboxes: &["-c", "sandbox_mode=danger-full-access"],
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
        unboxes: &[],
    },
    Agent {
        names: &["opencode", "opencode-ai"],
        settles: &[".config/opencode/", ".cache/opencode/", ".local/share/opencode/bin/"],
        keeps: &[".local/share/opencode/", ".local/state/opencode/"],
        unboxes: &[],
    },
    Agent {
        names: &["cursor-agent"],
        settles: &[".cursor/", ".config/cursor/"],
        keeps: &[".config/cursor/auth.json", ".cursor/chats/", ".cursor/projects/"],
        unboxes: &[],
    },
    Agent {
        names: &["aider", "aider-chat"],
        settles: &[".aider.conf.yml"],
        keeps: &[".aider/"],
        unboxes: &[],
    },
    Agent {
        names: &["amp"],
        settles: &[".config/amp/"],
        keeps: &[".local/share/amp/"],
        unboxes: &[],
    },
    Agent {
        names: &["copilot"],
        settles: &[".copilot/"],
        keeps: &[".copilot/history-session-state/", ".copilot/logs/"],
        unboxes: &[],
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

/// What says that somebody chose its enclosure by hand.
const CHOSEN: [&str; 6] =
    ["--sandbox", "-s", "sandbox_mode", "--dangerously-bypass", "--full-auto", "--yolo"];

/// `command` with the words that keep the agent in it from making an enclosure of its own; nothing
/// if there are none, or if it says what it wants by itself.
pub fn unboxed(command: &[OsString]) -> Option<Vec<OsString>> {
    let (at, agent) = found(command)?;
    let chosen = |word: &OsString| {
        let word = word.to_string_lossy();
        CHOSEN.iter().any(|chosen| word.starts_with(chosen))
    };
    let (before, after) = command.split_at_checked(at + 1)?;
    // npm takes for its own whatever looks like a flag, unless it was told where its words end.
    let taken = before.first()? == "npm" && !before.iter().any(|word| word == "--");
    if agent.unboxes.is_empty() || taken || command.iter().any(chosen) {
        return None;
    }
    let words = agent.unboxes.iter().map(OsString::from);
    Some(before.iter().cloned().chain(words).chain(after.iter().cloned()).collect())
}

/// The agent that `command` starts: by its name, by a package of it (`npx @openai/codex@latest`),
/// or by a file in such a package (`node …/node_modules/…/codex.js`).
pub(crate) fn called(command: &[OsString]) -> Option<&'static Agent> {
    found(command).map(|(_, agent)| agent)
}

/// The same, and which word names it.
fn found(command: &[OsString]) -> Option<(usize, &'static Agent)> {
    let program = command.first()?;
    let name = Path::new(program).file_name()?;
    if !RUNNERS.iter().any(|runner| name == *runner) {
        return of_path(program).map(|agent| (0, agent));
    }
    let mut named = command.iter().enumerate().skip(1).filter(|(_, word)| {
        let word = word.to_string_lossy();
        !word.starts_with('-') && !word.contains('=') && !VERBS.contains(&word.as_ref())
    });
    let (at, word) = named.next()?;
    of_path(word).map(|agent| (at, agent))
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
    use super::{called, unboxed};

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
            ("node /home/dev/codex/server.js", None),
            ("bash -c codex", None),
            ("node", None),
        ] {
            let words: Vec<_> = command.split(' ').map(Into::into).collect();
            assert_eq!(called(&words).map(|agent| agent.names[0]), expect, "{command}");
        }
    }

    #[test]
    fn an_enclosure_of_its_own_is_kept_from_being_made() {
        for (command, expect) in [
            ("codex exec x", Some("codex -c sandbox_mode=danger-full-access exec x")),
            ("npx -y codex", Some("npx -y codex -c sandbox_mode=danger-full-access")),
            ("npm exec -- codex", Some("npm exec -- codex -c sandbox_mode=danger-full-access")),
            ("npm exec codex", None),
            ("codex exec --sandbox read-only x", None),
            ("codex -c sandbox_mode=read-only", None),
            ("claude", None),
        ] {
            let words: Vec<_> = command.split(' ').map(Into::into).collect();
            let expect = expect.map(|it| it.split(' ').map(Into::into).collect());
            assert_eq!(unboxed(&words), expect, "{command}");
        }
    }
}
