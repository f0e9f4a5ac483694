//! References of a git remote: the old objects are fetched and kept; an undo pushes them back.

use std::{path::Path, process::Command};

use super::{Preserve, run};
use crate::error::{Result, SnapshotError};

/// The name of what is written out.
const FILE: &str = "references.bundle";

/// References of a remote, as they are there.
#[derive(Debug, Clone)]
pub struct GitRemote {
    /// Its URL, without credentials.
    pub url: String,
    /// The references that are about to be moved or removed (`refs/heads/main`).
    pub references: Vec<String>,
    /// Further settings for git (`name=value`): where credentials come from, for example.
    pub settings: Vec<String>,
}

impl GitRemote {
    /// Those of the references that are there.
    fn there(&self) -> Result<Vec<String>> {
        let listed = self.listed()?;
        let names: Vec<&str> =
            listed.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect();
        let there = self.references.iter().filter(|it| names.contains(&it.as_str()));
        Ok(there.cloned().collect())
    }

    /// A line for each that is there: the object that it names, and its name.
    fn listed(&self) -> Result<String> {
        let mut list = self.git(Path::new("/"));
        let listed = run("git", list.args(["ls-remote", "-q", &self.url]).args(&self.references))?;
        Ok(String::from_utf8_lossy(&listed.stdout).into_owned())
    }

    fn git(&self, directory: &Path) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(directory).env("GIT_TERMINAL_PROMPT", "0");
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
    }
}

/// References of a remote that somebody else has fetched, in a bundle.
#[derive(Debug, Clone)]
pub(crate) struct GitBundle<'a> {
    pub(crate) remote: GitRemote,
    pub(crate) bundle: &'a Path,
}

impl Preserve for GitBundle<'_> {
    fn kind(&self) -> &'static str {
        self.remote.kind()
    }

    fn what(&self) -> String {
        self.remote.what()
    }

    fn mark(&self) -> Result<String> {
        self.remote.mark()
    }

    /// Only what git reads whole counts.
    fn write_out(&self, into: &Path) -> Result<()> {
        let bare = into.join("bare");
        run("git", Command::new("git").args(["init", "-q", "--bare"]).arg(&bare))?;
        let wanted = self.remote.references.iter().map(|it| format!("+{it}:{it}"));
        let mut fetch = Command::new("git");
        fetch.arg("-C").arg(&bare).args(["fetch", "-q", "--no-tags"]).arg(self.bundle);
        run("git", fetch.args(wanted))?;
        std::fs::remove_dir_all(&bare).map_err(SnapshotError::io("remove", &bare))?;
        let to = into.join(FILE);
        std::fs::rename(self.bundle, &to).map_err(SnapshotError::io("take", &to))
    }

    fn take_in(&self, from: &Path) -> Result<()> {
        self.remote.take_in(from)
    }
}

impl Preserve for GitRemote {
    fn kind(&self) -> &'static str {
        "git"
    }

    fn what(&self) -> String {
        format!("{} {}", self.url, self.references.join(" "))
    }

    fn mark(&self) -> Result<String> {
        self.listed()
    }

    fn write_out(&self, into: &Path) -> Result<()> {
        let bare = into.join("bare");
        run("git", Command::new("git").args(["init", "-q", "--bare"]).arg(&bare))?;
        let wanted = self.references.iter().map(|it| format!("+{it}:{it}"));
        run("git", self.git(&bare).args(["fetch", "-q", "--no-tags", &self.url]).args(wanted))?;
        let mut bundle = self.git(&bare);
        run("git", bundle.args(["bundle", "create", "-q"]).arg(into.join(FILE)).arg("--all"))?;
        // The bundle is all of it.
        std::fs::remove_dir_all(&bare).map_err(SnapshotError::io("remove", &bare))
    }

    fn that_is_there(&self) -> Option<Box<dyn Preserve>> {
        let there = self.there().ok()?;
        let some = !there.is_empty() && there.len() < self.references.len();
        some.then(|| Box::new(Self { references: there, ..self.clone() }) as _)
    }

    /// A remote that answers, and has none of them any more.
    fn is_gone(&self) -> bool {
        self.there().is_ok_and(|there| there.is_empty())
    }

    fn take_in(&self, from: &Path) -> Result<()> {
        let bare = from.join("bare");
        let bundle = from.join(FILE);
        let mut clone = Command::new("git");
        run("git", clone.args(["clone", "-q", "--mirror"]).arg(&bundle).arg(&bare))?;
        let wanted = self.references.iter().map(|it| format!("+{it}:{it}"));
        run("git", self.git(&bare).args(["push", "-q", &self.url]).args(wanted)).map(drop)
    }
}
