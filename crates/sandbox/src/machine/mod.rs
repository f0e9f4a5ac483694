//! The machine as it is, for whoever reads a command before it runs: files, the repository and
//! credentials in reach; read-only, and bounded.
//!
//! - `ignore`: what a repository ignores
//! - `index`: what it has under version control, and as it was
//! - `short`: short files, read without waiting

mod ignore;
mod index;
mod short;

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use holdpoint_core::{Environment, Operation, ResourceId, Reversibility, policy::Ground};
use holdpoint_store::episodes::Episode;
use holdpoint_wire::{
    Machine, World,
    shell::{Step, UNKNOWN},
    world::Host,
};

use ignore::Ignored;
use index::Index;

/// The longest file whose text is read.
const TEXT_BYTES_MAX: u64 = 256 << 10;
/// The longest file that says one thing: a ref, or where a worktree has its own part.
const LINE_MAX: u64 = 8 << 10;
/// Files that are listed below a directory.
const LISTED_MAX: usize = 2_000;
/// Directories that are gone through for that.
const DIRECTORIES_MAX: usize = 400;
/// How far above a directory its repository may begin.
const ABOVE_MAX: usize = 40;
/// Directories that hold what others made, and far too much of it to be listed.
const HEAPS: [&str; 8] =
    [".git", "node_modules", "target", ".venv", "venv", "__pycache__", ".next", ".gradle"];
/// What is no file system of files.
const NO_FILES: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Where credentials lie in a home.
const CREDENTIALS: &[&str] = &[
    ".aws/credentials",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".kube/config",
    ".docker/config.json",
    ".npmrc",
    ".pypirc",
    ".vault-token",
    ".config/gcloud/application_default_credentials.json",
    ".config/gh/hosts.yml",
    ".railway/config.json",
    ".terraformrc",
    ".terraform.d/credentials.tfrc.json",
    ".cargo/credentials.toml",
    ".config/hub",
    ".my.cnf",
    ".boto",
    ".fly/config.yml",
    ".config/stripe/config.toml",
    ".ssh/id_rsa",
    ".ssh/id_ed25519",
    ".ssh/id_ecdsa",
];

/// What humans have said about the world.
pub trait Known: Send + Sync {
    /// What is known of a host; `None` if it is on no list.
    fn host(&self, host: &str) -> Option<Host>;

    /// The environment that a human gave to exactly this resource.
    fn inventory(&self, resource: &ResourceId) -> Option<Environment>;

    /// Whether a branch is protected; `None` if nobody said.
    fn protected(&self, branch: &str) -> Option<bool>;
}

/// This machine, as one session of an agent finds it.
pub struct ThisMachine<'a> {
    home: String,
    workspace: Option<String>,
    enclosed: bool,
    known: &'a dyn Known,
    episode: &'a Episode,
    repository: OnceLock<Option<Repository>>,
    below: Mutex<BTreeMap<String, Vec<String>>>,
}

/// The repository that the workspace lies in.
struct Repository {
    root: PathBuf,
    git: PathBuf,
    index: OnceLock<Index>,
    ignored: Ignored,
}

impl<'a> ThisMachine<'a> {
    /// This machine for a session that works in `workspace`.
    pub fn new(
        home: &str,
        workspace: Option<&str>,
        enclosed: bool,
        known: &'a dyn Known,
        episode: &'a Episode,
    ) -> Self {
        Self {
            home: real(Path::new(home)).display().to_string(),
            workspace: workspace.map(|path| real(Path::new(path)).display().to_string()),
            enclosed,
            known,
            episode,
            repository: OnceLock::new(),
            below: Mutex::default(),
        }
    }

    fn repository(&self) -> Option<&Repository> {
        let find = || Repository::above(Path::new(self.workspace.as_deref()?));
        self.repository.get_or_init(find).as_ref()
    }

    /// Whether what a step takes away comes back without us: git has it as it is, or it is this
    /// session's own work; or git gives back by itself what the step puts away.
    pub fn gives_back(&self, step: &Step) -> bool {
        let Operation { resource, reversibility, .. } = &step.operation;
        if step.ground != Ground::Workspace {
            return false;
        }
        if *reversibility == Reversibility::Inverse {
            return true;
        }
        let Some(path) = resource.id.as_str().strip_prefix("file:") else { return false };
        if let Some(root) = path.strip_suffix("#uncommitted") {
            // What is under no version control is nowhere else.
            let untracked = step.operation.name == "git:clean";
            return !untracked
                && self.repository().is_some_and(|it| it.index().is_clean_below(&it.root, root));
        }
        let path = fixed(path);
        match fs::symlink_metadata(&path) {
            Err(_) => true,
            Ok(found) if found.is_dir() => {
                let below = self.files_below(&path);
                below.iter().all(|file| self.is_kept(file))
            }
            Ok(_) => self.is_kept(&path),
        }
    }

    fn is_kept(&self, file: &str) -> bool {
        self.episode.made.contains(file)
            || self.episode.changed.contains(file)
            || self.repository().is_some_and(|it| it.index().is_clean(&it.root, file))
    }

    /// Whether anything is at a path.
    pub fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(path).is_ok()
    }
}

impl World for ThisMachine<'_> {
    fn host(&self, host: &str, _port: u16) -> Option<Host> {
        self.known.host(host)
    }

    fn persisted(&self, _sha256: &str) -> Option<Arc<str>> {
        None
    }
}

impl Machine for ThisMachine<'_> {
    fn home(&self) -> &str {
        &self.home
    }

    fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        // What is there and cannot be read as text is there all the same.
        let unknown = || Some(Arc::from(UNKNOWN.to_string()));
        let found = fs::metadata(path).ok()?;
        if found.is_dir() {
            return None;
        }
        if !found.is_file() || found.len() > TEXT_BYTES_MAX {
            return unknown();
        }
        short::text(Path::new(path), TEXT_BYTES_MAX).map(Arc::from).ok().or_else(unknown)
    }

    fn files_below(&self, directory: &str) -> Vec<String> {
        let mut below = self.below.lock().unwrap_or_else(PoisonError::into_inner);
        below.entry(directory.to_owned()).or_insert_with(|| list(Path::new(directory))).clone()
    }

    fn resolved(&self, path: &str) -> String {
        if path.contains(UNKNOWN) {
            return path.to_owned();
        }
        real(Path::new(path)).display().to_string()
    }

    fn credential_files(&self) -> Vec<String> {
        let of_home = CREDENTIALS.iter().map(|file| format!("{}/{file}", self.home));
        let mut files: Vec<String> = of_home.collect();
        if let Some(workspace) = &self.workspace {
            let (top, _) = entries(Path::new(workspace));
            let nested = top.iter().filter(|(path, _)| path.is_dir() && !is_heap(path)).take(64);
            let all = nested.flat_map(|(path, _)| entries(path).0).chain(top.iter().cloned());
            let all = all.map(|(path, _)| path).filter(|path| path.is_file());
            files.extend(all.map(|path| path.display().to_string()));
        }
        files.truncate(LISTED_MAX);
        files
    }

    fn ignored(&self, path: &str) -> bool {
        let Some(repository) = self.repository() else { return false };
        let path = fixed(path);
        repository.ignored.is_ignored(&repository.root, Path::new(&path))
            && !repository.index().tracks(&repository.root, &path)
    }

    fn in_repository(&self) -> bool {
        self.repository().is_some()
    }

    fn has_work(&self, path: &str) -> bool {
        let Some(repository) = self.repository() else { return false };
        let path = fixed(path);
        let Ok(found) = fs::symlink_metadata(&path) else { return false };
        if repository.index().tracks(&repository.root, &path) {
            return true;
        }
        let ignored = |path: &str| repository.ignored.is_ignored(&repository.root, Path::new(path));
        match (ignored(&path), found.is_dir()) {
            (true, _) => false,
            (false, true) => self.files_below(&path).iter().any(|file| !ignored(file)),
            (false, false) => true,
        }
    }

    fn protected_branch(&self, branch: &str) -> bool {
        let by_habit = || ["main", "master"].contains(&branch) || self.is_default(branch);
        self.known.protected(branch).unwrap_or_else(by_habit)
    }

    fn made(&self, path: &str) -> bool {
        self.episode.made.contains(path)
    }

    fn written(&self) -> Vec<String> {
        self.episode.made.union(&self.episode.changed).cloned().collect()
    }

    fn masked(&self) -> bool {
        self.enclosed
    }

    fn enclosed(&self) -> bool {
        self.enclosed
    }
}

impl ThisMachine<'_> {
    fn is_default(&self, branch: &str) -> bool {
        let head = self.repository().map(|it| it.git.join("refs/remotes/origin/HEAD"));
        let text = head.and_then(|head| short::text(&head, LINE_MAX).ok()).unwrap_or_default();
        text.trim().strip_prefix("ref: refs/remotes/origin/") == Some(branch)
    }
}

impl Repository {
    /// The repository that `directory` lies in.
    fn above(directory: &Path) -> Option<Self> {
        let root = directory.ancestors().take(ABOVE_MAX).find(|it| it.join(".git").exists())?;
        let own = root.join(".git");
        // A worktree has a file there that says where its own part is.
        let git = match short::text(&own, LINE_MAX) {
            Ok(text) => root.join(text.trim().strip_prefix("gitdir: ")?),
            Err(_) => own,
        };
        let (root, ignored) = (root.to_owned(), Ignored::default());
        Some(Self { root, git, index: OnceLock::new(), ignored })
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::read(&self.git))
    }
}

/// The workspace of an agent that works in `directory`: the repository that this lies in.
pub fn workspace_of(directory: &str, home: &str) -> String {
    let path = real(Path::new(directory));
    let home = real(Path::new(home));
    let root = path.ancestors().take(ABOVE_MAX).find(|it| it.join(".git").exists());
    let root = root.filter(|root| *root != home && *root != Path::new("/"));
    root.unwrap_or(&path).display().to_string()
}

/// The part of a path before its first pattern or unknown part.
fn fixed(path: &str) -> String {
    let unclear = |part: &&str| part.contains(['*', '?', '[', UNKNOWN]);
    let parts: Vec<&str> = path.split('/').take_while(|part| !unclear(part)).collect();
    let fixed = parts.join("/");
    if fixed.is_empty() { "/".to_owned() } else { fixed }
}

/// Where a path leads: links followed as far as it exists, and what does not exist behind them.
fn real(path: &Path) -> PathBuf {
    let mut rest: Vec<Component<'_>> = Vec::new();
    let mut at = path;
    for _ in 0..=ABOVE_MAX {
        if let Ok(found) = fs::canonicalize(at) {
            return rest.iter().rev().fold(found, |path, part| path.join(part));
        }
        let (Some(parent), Some(name)) = (at.parent(), at.components().next_back()) else { break };
        rest.push(name);
        at = parent;
    }
    path.to_owned()
}

/// What lies in a directory, by name, each with whether it is a directory itself; and whether that is
/// all of it.
fn entries(directory: &Path) -> (Vec<(PathBuf, bool)>, bool) {
    let mut read = match fs::read_dir(directory) {
        Ok(read) => read,
        Err(error) => {
            let is_none = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            return (Vec::new(), is_none);
        }
    };
    let listed = read.by_ref().take(LISTED_MAX).filter_map(|entry| {
        let entry = entry.ok()?;
        // A link to a directory is a file here: what it leads to lies elsewhere.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        Some((entry.path(), is_directory))
    });
    let mut listed: Vec<_> = listed.collect();
    listed.sort();
    (listed, read.next().is_none())
}

fn is_heap(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| HEAPS.contains(&name))
}

/// The files below a directory. A file that nobody can have made stands for what is not listed.
fn list(directory: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    let mut looked = 0;
    let unlisted = |path: &Path| format!("{}/{UNKNOWN}", path.display());
    while let Some(at) = directories.pop() {
        looked += 1;
        let heap = at != directory && is_heap(&at);
        let beyond = looked > DIRECTORIES_MAX || files.len() > LISTED_MAX;
        if heap || beyond || NO_FILES.iter().any(|it| at.starts_with(it)) {
            files.push(unlisted(&at));
            if beyond {
                break;
            }
            continue;
        }
        let (listed, whole) = entries(&at);
        for (path, is_directory) in listed {
            match is_directory {
                true => directories.push(path),
                false => files.push(path.display().to_string()),
            }
        }
        files.extend((!whole).then(|| unlisted(&at)));
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests;
