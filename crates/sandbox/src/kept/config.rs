//! Git's configuration, key by key: which of what a run set does no harm.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path},
    process::{Command, Output, Stdio},
};

/// Bytes of a configuration that is read key by key; a longer one waits for a human as a whole.
const BYTES_MAX: u64 = 1024 * 1024;

/// Every key with its values, in their order; one without `=` has none.
pub(super) type Settings = BTreeMap<String, Vec<Option<String>>>;

/// Variables that run nothing and lead nowhere, by section; `*` is all of it.
const HARMLESS: [(&str, &[&str]); 27] = [
    ("advice", &["*"]),
    ("branch", &["autosetupmerge", "autosetuprebase", "sort"]),
    ("color", &["*"]),
    ("column", &["*"]),
    ("commit", &["cleanup", "status", "verbose", "gpgsign"]),
    (
        "core",
        &[
            "abbrev",
            "autocrlf",
            "bare",
            "bigfilethreshold",
            "checkstat",
            "commentchar",
            "compression",
            "eol",
            "filemode",
            "ignorecase",
            "logallrefupdates",
            "longpaths",
            "precomposeunicode",
            "preloadindex",
            "quotepath",
            "repositoryformatversion",
            "safecrlf",
            "sparsecheckout",
            "sparsecheckoutcone",
            "splitindex",
            "symlinks",
            "trustctime",
            "untrackedcache",
            "whitespace",
        ],
    ),
    ("extensions", &["*"]),
    ("feature", &["*"]),
    ("fetch", &["*"]),
    ("gc", &["auto", "autodetach", "pruneexpire", "reflogexpire"]),
    ("grep", &["*"]),
    ("index", &["*"]),
    ("init", &["defaultbranch"]),
    ("log", &["*"]),
    ("maintenance", &["auto", "strategy"]),
    ("merge", &["conflictstyle", "ff", "log", "renamelimit", "renames", "stat"]),
    ("pack", &["*"]),
    ("pull", &["ff", "rebase"]),
    ("push", &["autosetupremote", "default", "followtags", "recursesubmodules"]),
    ("rebase", &["autosquash", "autostash", "stat", "updaterefs"]),
    ("receive", &["*"]),
    ("rerere", &["*"]),
    ("stash", &["*"]),
    ("status", &["*"]),
    ("tag", &["sort"]),
    ("transfer", &["*"]),
    ("user", &["email", "name"]),
];

/// The same, of those that have a name in the middle.
const HARMLESS_OF: [(&str, &[&str]); 3] = [
    ("branch", &["*"]),
    (
        "remote",
        &["fetch", "partialclonefilter", "promisor", "prune", "push", "skipfetchall", "tagopt"],
    ),
    ("submodule", &["active", "branch", "fetchrecursesubmodules", "ignore"]),
];

/// Variables whose value says where git goes.
const WAYS: [(&str, &str); 3] = [("remote", "pushurl"), ("remote", "url"), ("submodule", "url")];

/// Whether a submodule's repository, whose configuration is at `file`, works in the repository
/// around it: `git submodule` writes that.
pub(super) fn works_around(file: &Path, worktree: &str) -> bool {
    let mut parts = file.ancestors().skip(1);
    let Some(own) = parts.next() else { return false };
    let around = own.ancestors().find(|at| at.ends_with(".git"));
    let Some((git, workspace)) = around.and_then(|git| Some((git, git.parent()?))) else {
        return false;
    };
    let mut at = own.to_owned();
    for part in Path::new(worktree).components() {
        match part {
            Component::ParentDir if at.pop() => {}
            Component::Normal(name) => at.push(name),
            Component::CurDir => {}
            _ => return false,
        }
    }
    own.starts_with(git.join("modules")) && at.starts_with(workspace) && !at.starts_with(git)
}

/// Whether `key`, set to `value`, runs nothing and leads nowhere but to a host that is listed.
pub(super) fn is_harmless(key: &str, value: Option<&str>, listed: &dyn Fn(&str) -> bool) -> bool {
    let Some((section, rest)) = key.split_once('.') else { return false };
    let within = |table: &[(&str, &[&str])], variable: &str| {
        let mut all = table.iter().filter(|(name, _)| *name == section);
        all.any(|(_, variables)| variables.iter().any(|it| *it == "*" || *it == variable))
    };
    match rest.rsplit_once('.') {
        None => within(&HARMLESS, rest),
        Some((_, variable)) if WAYS.contains(&(section, variable)) => {
            value.is_some_and(|value| leads_well(value, listed))
        }
        Some((_, variable)) => within(&HARMLESS_OF, variable),
    }
}

/// Whether an address is a path, or at a host that is listed. `ext::` and its like run programs.
fn leads_well(address: &str, listed: &dyn Fn(&str) -> bool) -> bool {
    if address.contains("::") || address.starts_with('-') || address.contains(char::is_control) {
        return false;
    }
    let authority = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    let host = match address.split_once("://") {
        Some(("https" | "http" | "ssh" | "git" | "git+ssh" | "ssh+git", rest)) => authority(rest),
        Some(("file", _)) => return true,
        Some(_) => return false,
        // `user@host:path`, unless a slash comes before the colon (git-fetch(1)).
        None => match address.split_once(':') {
            Some((host, _)) if !host.contains('/') => host.to_owned(),
            _ => return true,
        },
    };
    let host = host.rsplit_once('@').map_or(host.as_str(), |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    !host.is_empty() && listed(&host.to_ascii_lowercase())
}

/// The settings in a file; none if there is no such file.
pub(super) fn read(file: &Path) -> io::Result<Settings> {
    if !file.exists() {
        return Ok(Settings::new());
    }
    // Git has all of it in memory, and so have we what it lists.
    if fs::metadata(file)?.len() > BYTES_MAX {
        return Err(io::Error::other(format!(
            "{} is longer than the {BYTES_MAX} bytes that are read of a configuration",
            file.display()
        )));
    }
    let listed = git(file, &["--list", "-z"])?;
    if !listed.status.success() {
        return Err(io::Error::other("git cannot read it"));
    }
    let text = String::from_utf8(listed.stdout).map_err(io::Error::other)?;
    let mut settings = Settings::new();
    for entry in text.split_terminator('\0') {
        let (key, value) = match entry.split_once('\n') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (entry, None),
        };
        settings.entry(key.to_owned()).or_default().push(value);
    }
    Ok(settings)
}

/// The keys whose values are others in `after`.
pub(super) fn changed(before: &Settings, after: &Settings) -> Vec<String> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// Gives `key` these values in a file.
pub(super) fn set(file: &Path, key: &str, values: Option<&Vec<Option<String>>>) -> io::Result<()> {
    // Where there is none, there is nothing to take away.
    if file.exists() {
        git(file, &["--unset-all", key])?;
    }
    for value in values.into_iter().flatten() {
        // One without `=` means the same.
        let value = value.as_deref().unwrap_or("true");
        let added = git(file, &["--add", key, value])?;
        if !added.status.success() {
            let said = String::from_utf8_lossy(&added.stderr).trim().to_owned();
            return Err(io::Error::other(format!("git does not set {key}: {said}")));
        }
    }
    Ok(())
}

/// Git, with nothing but this file to read.
fn git(file: &Path, words: &[&str]) -> io::Result<Output> {
    alone().arg("config").arg("--file").arg(file).args(words).output()
}

/// Git that reads no configuration by itself.
pub fn alone() -> Command {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("LC_ALL", "C").env("GIT_CEILING_DIRECTORIES", "/").current_dir("/");
    command.stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::is_harmless;

    #[test]
    fn what_does_no_harm() {
        let listed = |host: &str| host == "github.com";
        for (key, value, expect) in [
            ("user.email", "a@b.test", true),
            ("user.signingkey", "x", false),
            ("branch.topic.merge", "refs/heads/main", true),
            ("branch.a.b.c.remote", "origin", true),
            ("remote.origin.url", "git@github.com:a/b.git", true),
            ("remote.origin.url", "ssh://git@GitHub.com:22/a/b.git", true),
            ("remote.origin.url", "https://github.com/a/b", true),
            ("remote.origin.url", "https://user:x@github.com/a/b", true),
            ("remote.origin.url", "https://evil.test/a/b", false),
            ("remote.origin.url", "https://github.com@evil.test/a/b", false),
            ("remote.origin.url", "https://github.com.evil.test/a/b", false),
            ("remote.origin.url", "ext::sh -c id", false),
            ("remote.origin.url", "../other", true),
            ("remote.origin.pushurl", "git@evil.test:x", false),
            ("remote.origin.uploadpack", "sh", false),
            ("remote.origin.proxy", "http://evil.test", false),
            ("submodule.a.update", "!sh", false),
            ("core.hookspath", "x", false),
            ("core.fsmonitor", "sh", false),
            ("core.sshcommand", "sh", false),
            ("core.worktree", "/", false),
            ("core.pager", "sh", false),
            ("core.filemode", "true", true),
            ("alias.st", "!sh", false),
            ("include.path", "x", false),
            ("includeif.gitdir:/.path", "x", false),
            ("filter.x.clean", "sh", false),
            ("diff.x.textconv", "sh", false),
            ("merge.x.driver", "sh", false),
            ("credential.helper", "!sh", false),
            ("url.https://evil.test/.insteadof", "https://github.com/", false),
            ("http.proxy", "x", false),
            ("gpg.program", "sh", false),
            ("nonsense", "x", false),
        ] {
            assert_eq!(is_harmless(key, Some(value), &listed), expect, "{key}={value}");
        }
    }
}
