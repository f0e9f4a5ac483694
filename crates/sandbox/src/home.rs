//! Which of the home goes in: nothing, but toolchains to read, caches to write into without
//! changing them, and the agent's own state.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::layout::{Access, Piece};

/// A home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Where it is.
    pub path: PathBuf,
    /// What of it an agent keeps.
    kept: Vec<PathBuf>,
}

/// An agent, and what it keeps in the home. What ends with a slash is a directory.
struct Agent {
    command: &'static str,
    keeps: &'static [&'static str],
}

const AGENTS: &[Agent] = &[
    Agent { command: "claude", keeps: &[".claude/", ".claude.json"] },
    Agent { command: "codex", keeps: &[".codex/"] },
    Agent { command: "gemini", keeps: &[".gemini/"] },
    Agent {
        command: "opencode",
        keeps: &[
            ".local/share/opencode/",
            ".local/state/opencode/",
            ".config/opencode/",
            ".cache/opencode/",
        ],
    },
    Agent { command: "cursor-agent", keeps: &[".cursor/", ".config/cursor/"] },
    Agent { command: "aider", keeps: &[".aider/", ".aider.conf.yml"] },
    Agent { command: "amp", keeps: &[".config/amp/", ".local/share/amp/"] },
    Agent { command: "copilot", keeps: &[".copilot/"] },
];

/// What programs are installed in.
const TOOLCHAINS: [&str; 24] = [
    ".asdf",
    ".bun",
    ".cargo",
    ".deno",
    ".fnm",
    ".juliaup",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/pnpm",
    ".local/share/uv",
    ".nvm",
    ".opam",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".sdkman",
    ".volta",
    "go",
    "miniconda3",
    "node_modules",
];

/// What tools fill and can fill again.
const CACHES: [&str; 14] = [
    ".bun/install/cache",
    ".cache/go-build",
    ".cache/ms-playwright",
    ".cache/pip",
    ".cache/pre-commit",
    ".cache/uv",
    ".cargo/git",
    ".cargo/registry",
    ".gradle/caches",
    ".gradle/wrapper",
    ".m2/repository",
    ".npm/_cacache",
    ".yarn/berry/cache",
    "go/pkg",
];

/// What git is told for every repository.
const SETTINGS: [&str; 4] =
    [".gitconfig", ".gitignore_global", ".config/git/config", ".config/git/ignore"];

/// Credentials that lie in what goes in.
const CREDENTIALS: [&str; 4] = [
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".m2/repository/settings-security.xml",
    ".local/share/uv/credentials",
];

/// The commands of the agents that are known.
pub fn agents() -> impl Iterator<Item = &'static str> {
    AGENTS.iter().map(|agent| agent.command)
}

impl Home {
    /// The home at `path` for a run of `command`. An agent that is known keeps what is its own,
    /// which is made if it is not there; any other command keeps nothing, as what one agent keeps
    /// is its logins, and its settings run programs outside.
    pub fn of(path: PathBuf, command: &OsStr) -> std::io::Result<Self> {
        let name = Path::new(command).file_name().unwrap_or(command);
        let known = AGENTS.iter().find(|agent| name == agent.command);
        let mut kept = Vec::new();
        for keep in known.map_or(&[][..], |agent| agent.keeps) {
            let at = path.join(keep.trim_end_matches('/'));
            if keep.ends_with('/') {
                fs::create_dir_all(&at)?;
            }
            kept.push(at);
        }
        Ok(Self { path, kept })
    }

    /// What it is made of.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let read_only = self.places(&TOOLCHAINS).chain(self.places(&SETTINGS));
        let read_only = read_only.filter_map(|at| Piece::outside(at, Access::ReadOnly));
        let caches = self.places(&CACHES).filter(|at| at.is_dir());
        let hidden = self.places(&CREDENTIALS);
        let kept = self.kept.iter().filter_map(|at| Piece::outside(at, Access::ReadWrite));
        let options = "mode=0700".to_owned();
        [Piece::Empty { at: self.path.clone(), options }]
            .into_iter()
            .chain(read_only)
            .chain(caches.map(|at| Piece::CopyOnWrite { at }))
            .chain(hidden.map(|at| Piece::Hidden { at }))
            .chain(kept)
            .collect()
    }

    fn places(&self, names: &'static [&'static str]) -> impl Iterator<Item = PathBuf> {
        names.iter().map(|name| self.path.join(name))
    }
}
