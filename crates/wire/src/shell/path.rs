//! Paths: their normal form, and which part of the machine they are about.

use holdpoint_core::{ResourceId, operation::Resource, policy::Ground};

use super::{expand::UNKNOWN, overlay::Overlay, pattern};

/// At most so many directories are named that a file lies in.
const WITHIN_MAX: usize = 16;

/// Directories whose content is made by building, by name.
const BUILT: &[&str] = &[
    "node_modules",
    "dist",
    "build",
    "target",
    "out",
    ".next",
    ".nuxt",
    ".output",
    ".svelte-kit",
    ".turbo",
    ".parcel-cache",
    ".vite",
    ".cache",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".venv",
    "venv",
    ".eggs",
    "coverage",
    "htmlcov",
    ".nyc_output",
    ".gradle",
    "bin",
    "obj",
    "_build",
    "deps",
    ".dart_tool",
    ".angular",
    ".terraform",
    "DerivedData",
    ".build",
    "Pods",
    ".expo",
    "cmake-build-debug",
    "cmake-build-release",
    ".stack-work",
    "dist-newstyle",
    "zig-cache",
    ".zig-cache",
    "zig-out",
    "storybook-static",
    "elm-stuff",
    ".serverless",
    ".aws-sam",
    "bazel-out",
    ".bundle",
    "tmp",
    ".tmp",
    ".metals",
    ".bloop",
    ".docusaurus",
    ".astro",
    ".wrangler",
    ".vercel",
    "test-results",
    "playwright-report",
    ".hypothesis",
    ".ipynb_checkpoints",
    "logs",
];

/// Those of them that are as often somebody's own: a repository has to tell.
const AMBIGUOUS: &[&str] = &["bin", "tmp", ".tmp", "deps", "logs", "out", "obj"];

/// Files that are made by building, by their ending or name.
const BUILT_FILES: &[&str] = &[
    ".pyc",
    ".pyo",
    ".o",
    ".obj",
    ".class",
    ".egg-info",
    ".tsbuildinfo",
    ".DS_Store",
    ".log",
    ".coverage",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    ".eslintcache",
    ".profraw",
    ".gcda",
    ".gcno",
    ".beam",
    "coverage.out",
    "coverage.xml",
    ".swp",
    ".tmp",
];

/// Where temporary files lie.
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp", "/dev/shm", "/private/tmp", "/c/Windows/Temp"];

/// What the system's own directories are called.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/usr",
    "/var",
    "/System",
    "/Library",
    "/Applications",
    "/private",
    "/snap",
    "/nix",
];

/// Devices that hold nothing.
const HARMLESS: &[&str] =
    &["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/zero", "/dev/fd", "/dev/stdin"];

/// `path` as seen from `from`, without `.`, `..` and doubled slashes. A path of Windows is
/// written as its POSIX shells write it: `/c/Users`.
pub(super) fn normal(path: &str, from: &str) -> String {
    let windows = is_windows(path)
        || (is_windows(from) && !path.starts_with('/'))
        || (from.starts_with("/c/") && path.contains('\\'));
    let path = if windows { posix(path) } else { path.to_owned() };
    let from = if is_windows(from) { posix(from) } else { from.to_owned() };
    let joined = if path.starts_with('/') { path } else { format!("{from}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    // Another name of the root.
    let another =
        parts.len() >= 3 && parts.first() == Some(&"proc") && parts.get(2) == Some(&"root");
    let parts = if another { parts.split_off(3) } else { parts };
    format!("/{}", parts.join("/"))
}

fn is_windows(path: &str) -> bool {
    let mut letters = path.chars();
    let drive = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic());
    drive && letters.next() == Some(':') && letters.next().is_none_or(|next| "\\/".contains(next))
        || path.starts_with("\\\\")
        || path.starts_with(".\\")
}

fn posix(path: &str) -> String {
    let slashes = path.replace('\\', "/");
    match slashes.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => {
            format!("/{}/{}", drive.to_ascii_lowercase(), rest.trim_start_matches('/'))
        }
        _ => slashes,
    }
}

/// The home of another user.
pub(super) fn home_of(user: &str) -> String {
    if user == "root" { "/root".to_owned() } else { format!("/home/{user}") }
}

/// Whether `path` is `directory` or lies in it.
pub(super) fn is_in(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The resource that a file is, with the directories that it lies in.
pub(super) fn resource(path: &str) -> Resource {
    let mut within = Vec::new();
    let mut rest = path;
    while let Some((parent, _)) = rest.rsplit_once('/') {
        if parent.is_empty() || within.len() >= WITHIN_MAX {
            break;
        }
        within.push(ResourceId::new(format!("file:{parent}")));
        rest = parent;
    }
    Resource { id: ResourceId::new(format!("file:{path}")), within }
}

/// A workspace that is one: neither the root, nor a home.
pub(super) fn workspace<'a>(files: &'a Overlay<'_>) -> Option<&'a str> {
    let machine = files.machine;
    let workspace = machine.workspace()?;
    let is_home = is_in(machine.home(), workspace)
        || workspace.matches('/').count() < 2 && workspace.starts_with("/home");
    (workspace != "/" && !is_home).then_some(workspace)
}

/// Whether what is at `path` is emptied or taken away as a whole, and which part of the machine it
/// is. `path` may hold patterns and unknown parts: then it is about the directory before them.
pub(super) fn ground(files: &Overlay<'_>, path: &str) -> Ground {
    if path.starts_with(UNKNOWN) || path.starts_with(&format!("/{UNKNOWN}")) {
        return Ground::Outside;
    }
    let unclear = |part: &&str| pattern::is_glob(part) || part.contains(UNKNOWN);
    let parts: Vec<&str> = path.split('/').collect();
    let known = parts.iter().take_while(|part| !unclear(part)).count();
    let fixed = parts.iter().take(known).copied().collect::<Vec<_>>().join("/");
    let fixed = if fixed.is_empty() { "/".to_owned() } else { fixed };
    let unclear_rest = known < parts.len();
    let machine = files.machine;
    // What lies behind a link is where the link leads; a link itself lies where it is.
    let followed = if unclear_rest { files.resolved(&fixed) } else { beside(files, &fixed) };
    if followed != fixed {
        let rest = path.strip_prefix(fixed.as_str()).unwrap_or_default();
        return ground(files, &format!("{followed}{rest}"));
    }
    if HARMLESS.iter().any(|device| is_in(&fixed, device)) {
        return Ground::None;
    }
    if let Some(workspace) = workspace(files) {
        if fixed == workspace {
            let all = files.takes_hidden && pattern::is_all(path);
            let hidden = all || pattern::takes_hidden(path) || path.ends_with(UNKNOWN);
            let parts_left = unclear_rest && !hidden;
            return if parts_left { inside(files, path, workspace) } else { Ground::Root };
        }
        if is_in(&fixed, workspace) {
            return inside(files, path, workspace);
        }
        if is_in(workspace, &fixed) && !unclear_rest {
            return if fixed == "/" { Ground::System } else { Ground::Outside };
        }
    }
    // Who works in a home as a whole still builds in the projects below it.
    let home = machine.workspace().filter(|workspace| is_in(&fixed, workspace));
    if let Some(below) = home.and_then(|home| fixed.strip_prefix(home)) {
        let project = below.split('/').filter(|part| !part.is_empty()).count() >= 2
            && !below.starts_with("/.");
        if project && inside(files, path, machine.workspace().unwrap_or("/")) == Ground::Rebuildable
        {
            return Ground::Rebuildable;
        }
    }
    if let Some(temporary) = TEMPORARY.iter().find(|temporary| is_in(&fixed, temporary)) {
        let own = fixed != *temporary && (files.made(path) || made_below(files, &fixed));
        return if own { Ground::None } else { Ground::Outside };
    }
    let system = fixed == "/"
        || SYSTEM.iter().any(|directory| is_in(&fixed, directory))
        || is_drive_system(&fixed);
    let of_others = ["/home", "/Users", "/c/Users"].iter().any(|homes| is_in(&fixed, homes))
        && !is_in(&fixed, machine.home())
        && !is_in(machine.home(), &fixed)
        && workspace(files).is_none_or(|workspace| !same_home(&fixed, workspace));
    if system || of_others { Ground::System } else { Ground::Outside }
}

/// A path whose directory is where links lead to.
pub(super) fn beside(files: &Overlay<'_>, path: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, name)) if !directory.is_empty() => {
            format!("{}/{name}", files.resolved(directory).trim_end_matches('/'))
        }
        _ => path.to_owned(),
    }
}

/// Whether both lie in the home of one user.
fn same_home(path: &str, workspace: &str) -> bool {
    let home = |path: &str| path.split('/').take(4).map(str::to_owned).collect::<Vec<_>>();
    workspace.starts_with("/c/Users/") && home(path) == home(workspace)
        || path.split('/').count() <= 3 && is_in(workspace, path)
}

fn is_drive_system(path: &str) -> bool {
    let drive = path.len() == 2 && path.starts_with('/');
    drive || ["/c/Windows", "/c/Program Files", "/c/ProgramData"].iter().any(|it| is_in(path, it))
}

fn made_below(files: &Overlay<'_>, directory: &str) -> bool {
    let below = files.below(directory);
    !below.is_empty() && below.iter().all(|file| files.made(file))
}

fn inside(files: &Overlay<'_>, path: &str, workspace: &str) -> Ground {
    let below = path.strip_prefix(workspace).unwrap_or(path);
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    if parts.contains(&".git") {
        return if files.machine.enclosed() { Ground::Workspace } else { Ground::Root };
    }
    let built = parts.iter().any(|part| BUILT.contains(part))
        || parts.last().is_some_and(|last| BUILT_FILES.iter().any(|end| last.ends_with(end)));
    let whole: Vec<String> = files.below(path);
    let made = files.made(path) || !whole.is_empty() && whole.iter().all(|file| files.made(file));
    // What is built by name may all the same be part of the repository, or somebody's work.
    let told = |part: &&str| BUILT.contains(part) && !AMBIGUOUS.contains(part);
    let in_ambiguous = parts.iter().any(|part| AMBIGUOUS.contains(part));
    let told = parts.iter().any(told) || !in_ambiguous;
    let built = built && (files.machine.in_repository() || told);
    let rebuildable =
        files.machine.ignored(path) || (built && !files.machine.has_work(path)) || made;
    if rebuildable { Ground::Rebuildable } else { Ground::Workspace }
}

/// Whether `path` steers the guard, or what an agent may do without being asked.
pub(super) fn tampers(files: &Overlay<'_>, path: &str) -> bool {
    let home = files.machine.home();
    let at_home = path.strip_prefix(home).and_then(|it| it.strip_prefix('/'));
    let below = |directory: &str| at_home.is_some_and(|it| is_in(it, directory));
    let name = path.rsplit('/').next().unwrap_or(path);
    let parent = path.rsplit('/').nth(1).unwrap_or_default();
    let own =
        below(".local/state/holdpoint") || below(".config/holdpoint") || name == "holdpoint.toml";
    let own =
        own || matches!(name, "holdpoint" | "holdpoint.exe") && matches!(parent, "bin" | "sbin");
    let settings = match parent {
        ".claude" => ["settings.json", "settings.local.json", "managed-settings.json", "hooks"]
            .contains(&name),
        "hooks" => {
            path.contains("/.claude/")
                || path.contains("/.cursor/")
                || path.contains("/.github/hooks")
        }
        ".cursor" => {
            ["hooks.json", "permissions.json", "cli.json", "sandbox.json", "cli-config.json"]
                .contains(&name)
        }
        ".codex" => ["config.toml", "hooks.json", "rules", "requirements.toml"].contains(&name),
        ".gemini" => ["settings.json", "policies", "trustedFolders.json"].contains(&name),
        ".copilot" => ["config.json", "permissions-config.json", "hooks"].contains(&name),
        ".windsurf" | "windsurf" => name == "hooks.json",
        ".opencode" | "opencode" => {
            name.starts_with("opencode.json") || name == "plugins" || name == "plugin"
        }
        ".vscode" => false,
        _ => name == "opencode.json" || at_home == Some(".claude.json"),
    };
    let hooks = [
        "/.clinerules/hooks",
        "/Cline/Hooks",
        "/.opencode/plugin",
        "/opencode/plugin",
        "/.copilot/hooks",
        "/.cursor/hooks",
        "/.github/hooks",
        "/.codeium/windsurf/hooks.json",
        "/.windsurf/hooks.json",
    ];
    let settings = settings || hooks.iter().any(|it| path.contains(it));
    // What an agent keeps of its sessions is the evidence of what it did.
    let evidence = ["/.claude/projects/", "/.codex/sessions/", "/.gemini/tmp/", "/.cursor/chats/"];
    own || settings || evidence.iter().any(|kept| path.contains(kept) && path.starts_with(home))
}
