//! What a snapshot leaves out, and how that is said.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How many of each reason are named.
const NAMED: usize = 3;

/// Why something is not in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// It could not be read.
    Unreadable,
    /// It changed each time while it was read.
    Unsettled,
    /// It is longer than a file may be.
    Large,
    /// Git ignores it, and there is too much of that.
    Ignored,
    /// Another file system is mounted there.
    Mounted,
    /// It has no content: a socket, a FIFO, a device.
    Special,
    /// Tools make it again.
    Rebuildable,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read",
            Self::Unsettled => "changed each time while being read",
            Self::Large => "larger than `snapshots.file_bytes`",
            Self::Ignored => "ignored by git, beyond `snapshots.ignored_bytes`",
            Self::Mounted => "another file system",
            Self::Special => "no file: socket, FIFO or device",
            Self::Rebuildable => "made again by its tool",
        }
    }

    /// Whether somebody may miss it.
    fn is_loss(self) -> bool {
        self < Self::Special
    }
}

/// Everything that one snapshot leaves out.
#[derive(Debug, Default, Clone)]
pub(crate) struct Omitted(BTreeMap<Reason, Vec<PathBuf>>);

impl Omitted {
    pub(crate) fn add(&mut self, reason: Reason, path: PathBuf) {
        let paths = self.0.entry(reason).or_default();
        if !paths.contains(&path) {
            paths.push(path);
        }
    }

    /// Whether this very path is left out.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.0.values().flatten().any(|it| it == path)
    }

    /// Whether `path` is left out with something, or something in it that somebody may miss.
    pub(crate) fn takes_from(&self, path: &Path) -> bool {
        let losses = self.0.iter().filter(|(reason, _)| reason.is_loss());
        self.0.values().flatten().any(|it| path.starts_with(it))
            || losses.flat_map(|(_, paths)| paths).any(|it| it.starts_with(path))
    }

    /// One sentence a reason, the gravest first; paths are told from `root`.
    pub(crate) fn sentences(&self, root: &Path) -> Vec<String> {
        self.0.iter().map(|(reason, paths)| sentence(*reason, paths, root)).collect()
    }

    /// The same, of what somebody may miss.
    pub(crate) fn losses(&self, root: &Path) -> Vec<String> {
        let losses = self.0.iter().filter(|(reason, _)| reason.is_loss());
        losses.map(|(reason, paths)| sentence(*reason, paths, root)).collect()
    }
}

fn sentence(reason: Reason, paths: &[PathBuf], root: &Path) -> String {
    let name = |path: &PathBuf| {
        let path = path.strip_prefix(root).unwrap_or(path);
        path.to_string_lossy().escape_debug().to_string()
    };
    let named: Vec<String> = paths.iter().take(NAMED).map(name).collect();
    let more = paths.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more} ({})", named.join(", "), reason.words())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Omitted, Reason};

    #[test]
    fn the_gravest_comes_first_and_what_can_be_made_again_is_no_loss() {
        let mut omitted = Omitted::default();
        omitted.add(Reason::Rebuildable, "/w/target".into());
        for number in 0..5 {
            omitted.add(Reason::Unreadable, PathBuf::from(format!("/w/secret-{number}")));
        }
        let unreadable = "secret-0, secret-1, secret-2 and 2 more (cannot be read)";
        let all = omitted.sentences(Path::new("/w"));
        assert_eq!(all, [unreadable, "target (made again by its tool)"]);
        assert_eq!(omitted.losses(Path::new("/w")), [unreadable]);
        let lacks = |path: &str| omitted.takes_from(Path::new(path));
        assert!(lacks("/w") && lacks("/w/secret-1") && lacks("/w/target/debug"));
        assert!(!lacks("/w/src") && !lacks("/w/target-practice"));
    }
}
