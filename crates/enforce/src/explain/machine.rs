//! The machine that an episode describes: its files, its repository, its secrets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use holdpoint_wire::{
    Machine, World,
    shell::{Written, files},
    world::Host,
};
use serde::Deserialize;

use super::{
    episode::{Attempt, Episode},
    fixtures::Fixtures,
};

/// Files that are known, at most; what is written beyond them is as if nobody knew it.
const FILES_MAX: usize = 10_000;

/// What the repository holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitFixture {
    /// Files under version control.
    #[serde(default)]
    pub tracked: Vec<String>,
    /// Patterns of what it ignores.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// Files with changes that are nowhere else, untracked ones included.
    #[serde(default)]
    pub dirty: Vec<String>,
    /// Branches that are protected.
    #[serde(default)]
    pub protected: Vec<String>,
}

/// The files of an episode, as they are at one moment of it.
#[derive(Debug, Default)]
pub(super) struct State {
    workspace: Option<String>,
    home: String,
    files: BTreeMap<String, Arc<str>>,
    made: BTreeSet<String>,
    written: BTreeSet<String>,
    links: BTreeMap<String, String>,
}

impl State {
    /// What an episode begins with.
    pub(super) fn new(episode: &Episode) -> Self {
        let workspace = workspace(episode);
        let home = home(workspace.as_deref());
        let mut state = Self { workspace, home, ..Self::default() };
        if let Some(git) = &episode.git {
            for file in git.tracked.iter().chain(&git.dirty) {
                let path = state.path(file);
                state.files.insert(path, Arc::from(""));
            }
        }
        state
    }

    /// A path as seen from the workspace.
    pub(super) fn path(&self, path: &str) -> String {
        let path = match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.home)
            }
            _ => path.to_owned(),
        };
        files::normal(&path, self.directory())
    }

    /// Where file operations are seen from.
    pub(super) fn directory(&self) -> &str {
        self.workspace.as_deref().unwrap_or(&self.home)
    }

    /// A file that is there.
    pub(super) fn holds(&mut self, path: &str, text: &str) {
        self.files.insert(self.path(path), Arc::from(text));
    }

    /// What an operation that was let through has written.
    pub(super) fn apply(&mut self, written: BTreeMap<String, Written>) {
        for (path, written) in written {
            self.links.remove(&path);
            match written {
                Written::Link(to) => {
                    if self.links.len() < FILES_MAX {
                        self.links.insert(path.clone(), to);
                        self.made.insert(path);
                    }
                }
                Written::Text(text) => {
                    if self.written.len() < FILES_MAX {
                        self.written.insert(path.clone());
                    }
                    if let Some(known) = self.files.get_mut(&path) {
                        *known = text;
                    } else if self.files.len() < FILES_MAX {
                        self.files.insert(path.clone(), text);
                        self.made.insert(path);
                    }
                }
                Written::Gone => {
                    self.files.remove(&path);
                    self.made.remove(&path);
                    self.written.remove(&path);
                }
            }
        }
    }
}

/// The task's, else the first working directory, else that of the first absolute file.
fn workspace(episode: &Episode) -> Option<String> {
    let told = episode.task.as_ref().and_then(|task| task.workspace.clone());
    let directory = || {
        episode.operations.iter().find_map(|attempt| match attempt {
            Attempt::Shell(shell) => shell.cwd.clone(),
            _ => None,
        })
    };
    let of_file = || {
        episode.operations.iter().find_map(|attempt| match attempt {
            Attempt::File(file) if file.path.starts_with('/') => {
                file.path.rsplit_once('/').map(|(directory, _)| directory.to_owned())
            }
            _ => None,
        })
    };
    told.or_else(directory).or_else(of_file).map(|path| files::normal(&path, "/"))
}

/// The home that the workspace lies in.
fn home(workspace: Option<&str>) -> String {
    let parts: Vec<&str> =
        workspace.unwrap_or_default().split('/').filter(|it| !it.is_empty()).collect();
    match parts.as_slice() {
        [homes @ ("home" | "Users"), user, ..] => format!("/{homes}/{user}"),
        [drive, "Users", user, ..] if drive.len() == 1 => format!("/{drive}/Users/{user}"),
        ["root", ..] => "/root".to_owned(),
        _ => "/home/dev".to_owned(),
    }
}

/// The machine of an episode, for one operation.
pub(super) struct Surrounded<'a> {
    pub(super) fixtures: &'a Fixtures<'a>,
    pub(super) episode: &'a Episode,
    pub(super) state: &'a State,
}

impl World for Surrounded<'_> {
    fn host(&self, host: &str, port: u16) -> Option<Host> {
        self.fixtures.host(host, port)
    }

    fn persisted(&self, sha256: &str) -> Option<Arc<str>> {
        self.fixtures.persisted(sha256)
    }
}

impl Machine for Surrounded<'_> {
    fn home(&self) -> &str {
        &self.state.home
    }

    fn workspace(&self) -> Option<&str> {
        self.state.workspace.as_deref()
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.state.files.get(path).cloned()
    }

    fn resolved(&self, path: &str) -> String {
        files::followed(path, &|path| self.state.links.get(path).cloned())
    }

    fn files_below(&self, directory: &str) -> Vec<String> {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let below = self.state.files.range(prefix.clone()..).map(|(path, _)| path);
        below.take_while(|path| path.starts_with(&prefix)).take(FILES_MAX).cloned().collect()
    }

    fn ignored(&self, path: &str) -> bool {
        let Some(git) = &self.episode.git else { return false };
        let below =
            path.strip_prefix(self.state.directory()).unwrap_or(path).trim_start_matches('/');
        let dirty = git.dirty.iter().chain(&git.tracked).any(|file| self.state.path(file) == path);
        !dirty && git.ignored.iter().any(|pattern| is_ignored(pattern, below))
    }

    fn in_repository(&self) -> bool {
        self.episode.git.is_some()
    }

    fn has_work(&self, path: &str) -> bool {
        let kept = |file: &String| self.text(file).is_some() && !self.ignored(file);
        let below = || self.files_below(path).iter().any(kept);
        self.episode.git.is_some() && (kept(&path.to_owned()) || below())
    }

    fn protected_branch(&self, branch: &str) -> bool {
        let protected = self.episode.git.as_ref().map(|git| &git.protected);
        protected
            .is_some_and(|list| list.iter().any(|own| holdpoint_core::glob::matches(own, branch)))
    }

    fn made(&self, path: &str) -> bool {
        self.state.made.contains(path)
    }

    fn written(&self) -> Vec<String> {
        self.state.written.iter().cloned().collect()
    }

    fn masked(&self) -> bool {
        self.episode.masked || self.episode.enclosed
    }

    fn enclosed(&self) -> bool {
        self.episode.enclosed
    }
}

/// Whether a pattern of `.gitignore` is about this path.
fn is_ignored(pattern: &str, path: &str) -> bool {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let own = pattern.trim_start_matches('/').trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    if anchored {
        return path == own || path.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'));
    }
    parts.iter().any(|part| match own.strip_prefix('*') {
        Some(end) => part.ends_with(end),
        None => *part == own,
    })
}
