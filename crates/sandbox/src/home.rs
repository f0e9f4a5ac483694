//! Which of the home goes in: nothing, but toolchains and caches to write into without changing
//! them, and the agent's own state.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use holdpoint_catalog::logins::{LOGINS, Login};

use crate::{
    agents,
    layout::{Access, Piece},
};

/// A home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Where it is.
    pub path: PathBuf,
    /// What of it an agent can write, and of which nothing stays.
    settled: Vec<PathBuf>,
    /// What of it an agent keeps.
    kept: Vec<PathBuf>,
}

/// What programs are installed in.
const TOOLCHAINS: [&str; 29] = [
    ".asdf",
    ".amp/bin",
    ".bun",
    ".cargo",
    ".deno",
    ".fnm",
    ".juliaup",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/claude",
    ".local/share/cursor-agent",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/pnpm",
    ".local/share/uv",
    ".npm-global",
    ".nvm",
    ".opam",
    ".opencode/bin",
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
const CACHES: [&str; 15] = [
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
    ".npm/_npx",
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
    agents::commands()
}

impl Home {
    /// The home at `path` for a run of `command`. An agent that is known keeps what is its own,
    /// which is made if it is not there; any other command keeps nothing, as what one agent keeps
    /// is its logins, and its settings run programs outside.
    pub fn of(path: PathBuf, command: &[OsString]) -> std::io::Result<Self> {
        let agent = agents::called(command);
        let places = |names: &[&str]| names.iter().map(|name| path.join(name)).collect::<Vec<_>>();
        for directory in agent.iter().flat_map(|it| it.settles.iter().chain(it.keeps)) {
            if directory.ends_with('/') {
                fs::create_dir_all(path.join(directory))?;
            }
        }
        let settled = places(agent.map_or(&[], |agent| agent.settles));
        let kept = places(agent.map_or(&[], |agent| agent.keeps));
        Ok(Self { path, settled, kept })
    }

    /// What an agent keeps of what it was told, where it is without links. Its login is not among
    /// them.
    pub fn transcripts(&self) -> Vec<PathBuf> {
        without_links(&self.kept)
    }

    /// Whether a file is one of those that an agent was set: what of it is changed ends with the run.
    pub fn is_settled(&self, file: &Path) -> bool {
        let within =
            |places: &[PathBuf]| without_links(places).iter().any(|it| file.starts_with(it));
        within(&self.settled) && !within(&self.kept)
    }

    /// Whether a file itself is what an agent keeps.
    pub fn keeps(&self, file: &Path) -> bool {
        self.kept.iter().any(|kept| kept == file)
    }

    /// Whether a file holds a login: what is seen of it is made elsewhere.
    pub fn is_login(&self, file: &Path) -> bool {
        let is = |login: &Login| match login.file.strip_suffix("/*.json") {
            Some(directory) => file.parent() == Some(&self.path.join(directory)),
            None => file == self.path.join(login.file),
        };
        LOGINS.iter().any(is)
    }

    /// The same, and what it was set: all that an agent reads of this home.
    pub fn seen(&self) -> Vec<PathBuf> {
        self.transcripts().into_iter().chain(without_links(&self.settled)).collect()
    }

    /// What it is made of.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let installed = self.places(&TOOLCHAINS).filter_map(|at| {
            let from = fs::canonicalize(&at).ok().filter(|from| from.is_dir())?;
            Some(Piece::Installed { at, from })
        });
        let settings = self.places(&SETTINGS);
        let settings = settings.filter_map(|at| Piece::outside(at, Access::ReadOnly));
        let caches = self.places(&CACHES).filter(|at| at.is_dir());
        let hidden = self.places(&CREDENTIALS);
        let settled = self.settled.iter().filter(|at| at.exists()).map(|at| match at.is_dir() {
            true => Piece::CopyOnWrite { at: at.clone() },
            false => Piece::Copied { at: at.clone(), from: at.clone() },
        });
        let kept = self.kept.iter().filter_map(|at| Piece::outside(at, Access::ReadWrite));
        // The inner of two lies over the outer, whichever of them stays.
        let mut own: Vec<Piece> = settled.chain(kept).collect();
        own.sort_by_key(|piece| piece.at().components().count());
        let options = "mode=0700".to_owned();
        [Piece::Empty { at: self.path.clone(), options }]
            .into_iter()
            .chain(installed)
            .chain(settings)
            .chain(caches.map(|at| Piece::CopyOnWrite { at }))
            .chain(hidden.map(|at| Piece::Hidden { at }))
            .chain(own)
            .collect()
    }

    fn places(&self, names: &'static [&'static str]) -> impl Iterator<Item = PathBuf> {
        names.iter().map(|name| self.path.join(name))
    }
}

fn without_links(places: &[PathBuf]) -> Vec<PathBuf> {
    let login = |at: &&PathBuf| LOGINS.iter().any(|login| at.ends_with(login.file));
    let places = places.iter().filter(|at| !login(at));
    places.filter_map(|at| fs::canonicalize(at).ok()).collect()
}
