//! Guarded files: what makes programs of the outside run something, by its path. Inside it can be
//! written; what was written is kept beside until somebody takes it.
//!
//! What git keeps is guarded wherever a repository is; the rest at the top of the workspace, where
//! the programs that somebody starts there look.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// What a guarded file is to those who read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A configuration of git: some of its keys run programs.
    GitConfig,
    /// A directory of hooks of git's.
    Hooks,
    /// What git keeps refs together in: only what it would show instead of other objects is taken out.
    PackedRefs,
    /// Anything else that runs, or tells what to run, by whoever works with the workspace.
    Program,
}

/// A guarded path: all below it is kept as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// Relative to the workspace.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

/// Names that are guarded: settings of agents and editors, hooks, what shells and tools read by
/// themselves.
const NAMES: [&str; 27] = [
    ".aider.conf.yml",
    ".amp",
    ".bash_profile",
    ".bashrc",
    ".claude",
    ".codex",
    ".cursor",
    ".devcontainer",
    ".envrc",
    ".gemini",
    ".gitlab-ci.yml",
    ".husky",
    ".idea",
    ".lefthook.yml",
    ".mcp.json",
    ".opencode",
    ".pre-commit-config.yaml",
    ".profile",
    ".vscode",
    ".zprofile",
    ".zshenv",
    ".zshrc",
    "Jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "lefthook.yml",
    "opencode.json",
];

/// Pairs of names that are guarded.
const PAIRS: [(&str, &str); 7] = [
    (".buildkite", "pipeline.yml"),
    (".circleci", "config.yml"),
    (".config", "mise.toml"),
    (".forgejo", "workflows"),
    (".gitea", "workflows"),
    (".github", "workflows"),
    (".github", "actions"),
];

/// The directory that git keeps everything in.
const GIT: &str = ".git";
/// Where it keeps refs together.
const PACKED: &str = "packed-refs";
/// What of it holds names that people choose.
const CHOSEN: [&str; 4] = ["refs", "logs", "objects", "rr-cache"];

/// The guarded path that `path` is, or is in; `path` is relative to the workspace.
pub fn top(path: &Path) -> Option<Top> {
    let names: Vec<&OsStr> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect();
    let found = names.iter().enumerate().find_map(|(at, name)| {
        let after = names.get(at + 1..).unwrap_or_default();
        if *name == GIT {
            return of_git(after).map(|(more, kind)| (at + 1 + more, kind));
        }
        if at > 0 {
            return None;
        }
        if NAMES.iter().any(|guarded| *name == *guarded) {
            return Some((1, Kind::Program));
        }
        let next = after.first()?;
        let pair = PAIRS.iter().any(|(first, second)| *name == *first && *next == *second);
        pair.then_some((2, Kind::Program))
    });
    let (length, kind) = found?;
    Some(Top { path: names.iter().take(length).collect(), kind })
}

/// How many names of those within a `.git` lead to what is guarded in it: of the repository, of a
/// submodule's, of a linked worktree's.
fn of_git(names: &[&OsStr]) -> Option<(usize, Kind)> {
    let fixed = names.iter().take_while(|name| !is_chosen(name));
    let found = fixed.enumerate().find_map(|(at, name)| match name.to_str()? {
        "config" | "config.worktree" => Some((at + 1, Kind::GitConfig)),
        "hooks" => Some((at + 1, Kind::Hooks)),
        // It sends git elsewhere for its settings; a linked worktree has one that git writes.
        "commondir" if at == 0 => Some((at + 1, Kind::Program)),
        // `grafts` tell git other parents of commits than theirs.
        "attributes" | "grafts" if at > 0 => Some((at + 1, Kind::Program)),
        _ => None,
    });
    found.or_else(|| {
        let at = names.iter().position(is_chosen)?;
        let after: Vec<&str> =
            names.get(at..)?.iter().map_while(|name| name.to_str()).take(3).collect();
        match after.as_slice() {
            // What git shows instead of an object.
            ["refs", "replace", ..] => Some((at + 2, Kind::Program)),
            // What is there does not count as the repository's own, which git throws away then.
            ["objects", "info", "alternates" | "http-alternates"] => Some((at + 3, Kind::Program)),
            _ => None,
        }
    })
}

fn is_chosen(name: &&OsStr) -> bool {
    CHOSEN.iter().any(|chosen| **name == **chosen)
}

/// The names within the `.git` that `path` is in; nothing if it is in none.
pub(crate) fn in_git(path: &Path) -> Option<Vec<&OsStr>> {
    let mut names = path.iter();
    names.any(|name| name == GIT).then(|| names.collect())
}

/// Whether a symbolic link to `to` may stand at `path`. Within what git keeps, names say what is
/// guarded: no link may lead from a name of git's to another one. Git tries links out there, though.
pub(crate) fn may_link(path: &Path, to: &Path) -> bool {
    let Some(names) = in_git(path) else { return true };
    let beside =
        to.iter().count() == 1 && matches!(to.components().next(), Some(Component::Normal(_)));
    let own = names.last().and_then(|name| name.to_str());
    beside
        && !names.iter().any(is_chosen)
        && !matches!(own, None | Some("info" | "modules" | "worktrees" | "index" | PACKED))
}

/// Whether it is the file in which git keeps refs together.
pub(crate) fn is_packed_refs(path: &Path) -> bool {
    let names = in_git(path).unwrap_or_default();
    names.last().is_some_and(|name| *name == PACKED) && !names.iter().any(is_chosen)
}

/// Whether a directory of this name has guarded ones in it by its name alone: it cannot be renamed
/// to it, or from it, in one piece.
pub(crate) fn is_head(name: &OsStr) -> bool {
    name == GIT || PAIRS.iter().any(|(first, _)| name == *first)
}

/// The guarded paths that a workspace usually has, at its top, with what they are. What git keeps
/// of it elsewhere is `beside`.
pub fn usual(workspace: &Path, beside: Option<&Path>) -> Vec<(PathBuf, Kind)> {
    let of_git = [
        ("config", Kind::GitConfig),
        ("config.worktree", Kind::GitConfig),
        ("hooks", Kind::Hooks),
        ("info/attributes", Kind::Program),
        ("info/grafts", Kind::Program),
        (PACKED, Kind::PackedRefs),
        ("refs/replace", Kind::Program),
        ("objects/info/alternates", Kind::Program),
        ("objects/info/http-alternates", Kind::Program),
        ("commondir", Kind::Program),
    ];
    let own = workspace.join(GIT);
    let gits = own.is_dir().then_some(own.as_path()).into_iter().chain(beside);
    let gits = gits.flat_map(|git| of_git.map(|(name, kind)| (git.join(name), kind)));
    let pairs = PAIRS.iter().map(|(first, second)| Path::new(first).join(second));
    let names = NAMES.iter().map(PathBuf::from).chain(pairs);
    gits.chain(names.map(|name| (workspace.join(name), Kind::Program))).collect()
}

/// Entries that are looked at for repositories.
const LOOKED_MAX: usize = 1_000_000;

/// What git would run something by of every repository below `workspace`, by its name or by what
/// it looks like, that was changed since then, and the directories that could not be looked into.
pub fn changed_since(workspace: &Path, since: SystemTime) -> Vec<(PathBuf, Kind)> {
    let (mut found, mut looked) = (Vec::new(), 0);
    let mut ahead = vec![workspace.to_owned()];
    while let Some(directory) = ahead.pop() {
        let entries = entries(&directory).into_iter().flatten().flatten();
        let (mut names, mut inner) = (Vec::new(), Vec::new());
        for entry in entries {
            looked += 1;
            if looked > LOOKED_MAX {
                let workspace = workspace.display();
                eprintln!("holdpoint: not all of {workspace} was searched for repositories");
                return found;
            }
            let name = entry.file_name();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                inner.push(entry.path());
            }
            names.push(name);
        }
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        // What a `commondir` leads to has no head of its own.
        if has("objects") && (has("HEAD") || has("refs")) {
            let parts = [
                ("config", Kind::GitConfig),
                ("config.worktree", Kind::GitConfig),
                ("hooks", Kind::Hooks),
            ];
            let parts = parts.map(|(name, kind)| (directory.join(name), kind));
            found.extend(parts.into_iter().filter(|(at, _)| is_newer(at, since)));
        }
        ahead.extend(inner);
    }
    found
}

/// What is in a directory. One that its owner cannot list is made so that he can: git needs no list.
fn entries(directory: &Path) -> io::Result<fs::ReadDir> {
    fs::read_dir(directory).or_else(|_| {
        let mode = fs::symlink_metadata(directory)?.permissions().mode() & 0o7777;
        fs::set_permissions(directory, fs::Permissions::from_mode(mode | 0o500))?;
        fs::read_dir(directory)
    })
}

/// Whether a file, or what is directly in a directory, was changed since then.
fn is_newer(at: &Path, since: SystemTime) -> bool {
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let newer = |path: &Path| {
        let changed = fs::symlink_metadata(path).map(|found| found.ctime());
        changed.is_ok_and(|changed| u64::try_from(changed).is_ok_and(|changed| changed >= since))
    };
    let mut inner = fs::read_dir(at).into_iter().flatten().flatten();
    newer(at) || inner.any(|entry| newer(&entry.path()))
}

/// The names of directories that are guarded, or have guarded ones in them.
pub fn directories() -> impl Iterator<Item = &'static str> {
    let mut firsts: Vec<&str> = PAIRS.iter().map(|(first, _)| *first).collect();
    firsts.dedup();
    NAMES.into_iter().chain(firsts).chain([GIT])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Kind, is_packed_refs, may_link, top};

    #[test]
    fn which_links_may_stand_within_what_git_keeps() {
        for (path, to, expect) in [
            ("src/link", "/etc/passwd", true),
            (".git/tAbCdEf", "testing", true),
            (".git/modules/a/tAbCdEf", "testing", true),
            (".git/HEAD", "refs/heads/main", false),
            (".git/tAbCdEf", "../testing", false),
            (".git/tAbCdEf", "..", false),
            (".git/tAbCdEf", "/", false),
            (".git/modules", "testing", false),
            (".git/modules/a", "../../w", false),
            (".git/info", "testing", false),
            (".git/index", "testing", false),
            (".git/packed-refs", "testing", false),
            (".git/refs", "testing", false),
            (".git/objects/ab", "testing", false),
            (".git/objects/pack", "testing", false),
            (".git/refs/heads/main", "other", false),
            ("part/.git/objects", "testing", false),
        ] {
            assert_eq!(may_link(Path::new(path), Path::new(to)), expect, "{path} -> {to}");
        }
    }

    #[test]
    fn where_refs_are_kept_together() {
        for (path, expect) in [
            (".git/packed-refs", true),
            ("part/.git/modules/a/packed-refs", true),
            (".git/packed-refs.lock", false),
            (".git/refs/heads/packed-refs", false),
            ("packed-refs", false),
        ] {
            assert_eq!(is_packed_refs(Path::new(path)), expect, "{path}");
        }
    }

    #[test]
    fn what_is_guarded() {
        for (path, expect) in [
            ("src/main.rs", None),
            (".git", None),
            (".git/HEAD", None),
            (".git/config.lock", None),
            (".git/config", Some((".git/config", Kind::GitConfig))),
            (".git/hooks/pre-commit", Some((".git/hooks", Kind::Hooks))),
            (".git/refs/heads/config", None),
            (".git/logs/refs/heads/hooks", None),
            (".git/modules/a/refs/heads/config", None),
            (".git/commondir", Some((".git/commondir", Kind::Program))),
            (".git/worktrees/t/commondir", None),
            (".git/info/attributes", Some((".git/info/attributes", Kind::Program))),
            (".git/info/grafts", Some((".git/info/grafts", Kind::Program))),
            (".git/refs/replace/ab", Some((".git/refs/replace", Kind::Program))),
            (
                ".git/modules/a/refs/replace/ab",
                Some((".git/modules/a/refs/replace", Kind::Program)),
            ),
            (".git/modules/replace/HEAD", None),
            (".git/refs/heads/replace/ab", None),
            (".git/refs/heads/refs/replace", None),
            (".git/objects/info/alternates", Some((".git/objects/info/alternates", Kind::Program))),
            (".git/objects/info/packs", None),
            (".git/objects/info/alternates.lock", None),
            (".git/modules/a/config", Some((".git/modules/a/config", Kind::GitConfig))),
            (
                ".git/worktrees/t/config.worktree",
                Some((".git/worktrees/t/config.worktree", Kind::GitConfig)),
            ),
            ("part/.git/hooks/x", Some(("part/.git/hooks", Kind::Hooks))),
            (".claude/settings.json", Some((".claude", Kind::Program))),
            (".husky/_/x", Some((".husky", Kind::Program))),
            ("a/b/.husky/_/x", None),
            (".github/workflows/ci.yml", Some((".github/workflows", Kind::Program))),
            (".github/CODEOWNERS", None),
            ("config", None),
        ] {
            let found = top(Path::new(path));
            let found = found.as_ref().map(|top| (top.path.to_str().unwrap(), top.kind));
            assert_eq!(found, expect, "{path}");
        }
    }
}
