//! What of a repository lies beside the workspace: a linked worktree has its commits with the
//! others, a submodule has them with the repository around it.
//!
//! The workspace says where that is, and whoever works in it can write that. So it counts only if
//! what is there says the same of the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The directory that git works in, if it is not in `workspace`.
pub(super) fn beside(workspace: &Path) -> Option<PathBuf> {
    let link = workspace.join(".git");
    let named = fs::read_to_string(&link).ok()?;
    let named = named.strip_prefix("gitdir:")?.trim();
    let directory = fs::canonicalize(workspace.join(named)).ok()?;
    if directory.starts_with(workspace) {
        return None;
    }
    linked(&directory, &link).or_else(|| submodule(&directory, workspace))
}

/// `REPOSITORY/worktrees/NAME` (gitrepository-layout(5)); its `gitdir` leads back to the link.
fn linked(directory: &Path, link: &Path) -> Option<PathBuf> {
    let back = fs::read_to_string(directory.join("gitdir")).ok()?;
    let back = fs::canonicalize(directory.join(back.trim())).ok()?;
    let all = directory.parent().filter(|all| all.ends_with("worktrees"))?;
    let repository = all.parent().filter(|at| at.join("objects").is_dir())?;
    (back == fs::canonicalize(link).ok()?).then(|| repository.to_owned())
}

/// `REPOSITORY/modules/NAME`; the `worktree` in its configuration leads back to the workspace.
fn submodule(directory: &Path, workspace: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(directory.join("config")).ok()?;
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "worktree").then(|| value.trim().to_owned())
    };
    let back = text.lines().find_map(value)?;
    let back = fs::canonicalize(directory.join(back)).ok()?;
    let module = directory.ancestors().any(|at| at.ends_with("modules"));
    let git = directory.join("objects").is_dir();
    (module && git && back == workspace).then(|| directory.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::beside;

    #[test]
    fn what_is_beside_leads_back() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let objects = |path: &str| fs::create_dir_all(root.join(path).join("objects")).unwrap();
        let tree = root.join("tree/.git").display().to_string();
        // A linked worktree, and a submodule.
        write(
            "tree/.git",
            &format!("gitdir: {}\n", root.join("main/.git/worktrees/tree").display()),
        );
        write("main/.git/worktrees/tree/gitdir", &format!("{tree}\n"));
        objects("main/.git");
        write("main/sub/.git", "gitdir: ../.git/modules/sub\n");
        write("main/.git/modules/sub/config", "[core]\n\tworktree = ../../../sub\n");
        objects("main/.git/modules/sub");
        // What somebody wrote to get elsewhere.
        objects("home");
        write("home/worktrees/x/gitdir", "/elsewhere/.git\n");
        write("thief/.git", "gitdir: ../home/worktrees/x\n");
        write("other/.git", "gitdir: ../home\n");
        write("plain/.git/HEAD", "ref: refs/heads/main\n");
        for (workspace, expect) in [
            ("tree", Some("main/.git")),
            ("main/sub", Some("main/.git/modules/sub")),
            ("thief", None),
            ("other", None),
            ("plain", None),
        ] {
            let expect = expect.map(|path| root.join(Path::new(path)));
            assert_eq!(beside(&root.join(workspace)), expect, "{workspace}");
        }
    }
}
