//! Worktrees that a run made beside its workspace, where nothing stays: git knows of them when they
//! are gone, and the human is told.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use holdpoint_core::plain::{plain, shell};

/// Worktrees of a repository that are looked at.
const LOOKED_MAX: usize = 1_000;
/// Worktrees that are told.
const TOLD_MAX: usize = 5;
/// Bytes of what git writes about one.
const FILE_BYTES_MAX: u64 = 4_096;

/// The worktrees of one repository, as they were when the run began.
#[derive(Debug)]
pub(super) struct Worktrees {
    /// Where git keeps what it knows of them.
    directory: PathBuf,
    before: BTreeSet<PathBuf>,
}

impl Worktrees {
    /// Those of the repository in the directory `git`.
    pub(super) fn of(git: &Path) -> Self {
        let directory = git.join("worktrees");
        Self { before: listed(&directory), directory }
    }

    /// Tells of those that were made since, and are not there.
    pub(super) fn tell(&self) {
        for line in self.gone() {
            eprintln!("holdpoint: {line}");
        }
    }

    fn gone(&self) -> Vec<String> {
        let new = listed(&self.directory).into_iter().filter(|known| !self.before.contains(known));
        let mut lines: Vec<String> = new.filter_map(|known| gone(&known)).collect();
        let more = lines.len().saturating_sub(TOLD_MAX);
        lines.truncate(TOLD_MAX);
        if more > 0 {
            lines.push(format!("{more} more worktrees ended with the run"));
        }
        lines
    }
}

fn listed(directory: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.take(LOOKED_MAX).map(|entry| entry.path()).collect()
}

/// What is told of a worktree, if it is not there (gitrepository-layout(5)).
fn gone(known: &Path) -> Option<String> {
    let link = text(&known.join("gitdir"))?;
    let tree = known.join(link.trim()).parent()?.to_owned();
    if tree.exists() {
        return None;
    }
    let head = text(&known.join("HEAD")).unwrap_or_default();
    let kept = match head.trim().strip_prefix("ref: refs/heads/") {
        Some(branch) => format!("what was committed there is on branch {}", plain(branch)),
        None => format!("what was committed there is commit {}", plain(head.trim())),
    };
    let tree = tree.display().to_string();
    let shown = plain(&tree);
    let line = format!(
        "the worktree {shown} was made inside, where nothing stays but the workspace, and ended with \
         the run; {kept}. `git worktree prune` forgets it"
    );
    // The agent chose its name: one that cannot be shown as it is, nobody should paste.
    if shown != tree {
        return Some(line);
    }
    let word = shell(&tree);
    Some(format!(
        "{line}. To keep one, let the run have its place: mkdir {word}, then holdpoint run --also {word}"
    ))
}

/// The text of a small file of git's own; nothing of what leads elsewhere.
fn text(path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.is_file() && found.len() <= FILE_BYTES_MAX).then(|| fs::read_to_string(path).ok())?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Worktrees;

    #[test]
    fn what_is_new_and_not_there_is_told() {
        let root = tempfile::tempdir().unwrap();
        let git = root.path().join("work/.git");
        let known = |name: &str, tree: &str, head: &str| {
            let at = git.join("worktrees").join(name);
            fs::create_dir_all(&at).unwrap();
            let link = root.path().join(tree).join(".git").display().to_string();
            fs::write(at.join("gitdir"), link + "\n").unwrap();
            fs::write(at.join("HEAD"), head).unwrap();
        };
        known("old", "old", "ref: refs/heads/old\n");
        let worktrees = Worktrees::of(&git);
        assert_eq!(worktrees.gone(), Vec::<String>::new(), "it was gone before");
        known("here", "work", "ref: refs/heads/here\n");
        known("new", "new", "ref: refs/heads/topic\x1b[2J\n");
        let lines = worktrees.gone();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let tree = root.path().join("new").display().to_string();
        assert!(line.starts_with(&format!("the worktree {tree} was made inside")), "{line}");
        assert!(line.contains("on branch topic\\u{1b}[2J."), "{line}");
        known("evil", "x; touch owned #", "0123\n");
        known("hidden", "x\u{202e}y", "0123\n");
        let lines = worktrees.gone();
        let evil = lines.iter().find(|line| line.contains("touch owned")).unwrap();
        let path = root.path().join("x; touch owned #").display().to_string();
        assert!(
            evil.ends_with(&format!("mkdir '{path}', then holdpoint run --also '{path}'")),
            "{evil}"
        );
        let hidden = lines.iter().find(|line| line.contains("u{202e}")).unwrap();
        assert!(hidden.ends_with("forgets it"), "{hidden}");
        for number in 0..9 {
            known(&format!("n{number}"), "nowhere", "0123\n");
        }
        assert_eq!(worktrees.gone().last().unwrap(), "7 more worktrees ended with the run");
    }
}
