//! Secrets in the history of a repository: masked where that can be served, else told, and too
//! much for whoever is not trusted.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use holdpoint_core::{Digest, identity::Ring};
use holdpoint_sandbox::history::{self, History};

use super::{Here, masked::Masked};
use crate::status::CommandError;

/// Bytes of the name of an object.
const NAME_BYTES: usize = 20;
/// Bytes of a repository's settings that are read.
const CONFIG_MAX: u64 = 1 << 20;

/// What was found of one repository.
pub(super) struct Past {
    /// How it is seen instead.
    pub(super) history: Option<History>,
    /// What is told of it.
    pub(super) line: Option<String>,
}

/// Looks for secrets in the history of the repository at `git`, and masks them in `private` if they
/// can be `served`.
pub(super) fn of(
    here: &Here,
    masked: &Masked,
    git: &Path,
    private: PathBuf,
    served: bool,
    ring: Ring,
) -> Result<Past, CommandError> {
    let (began, tree) = (SystemTime::now(), tree(git));
    let looked = look(here, masked, git, &tree);
    let (files, messages) = match &looked {
        Ok(found) => (found.count(), found.messages()),
        Err(error) => return told(ring, format!("cannot be searched ({error})")),
    };
    if files + messages == 0 && !(served && masked.in_place(&tree)) {
        return Ok(Past { history: None, line: None });
    }
    if !served {
        let count = files + messages;
        return told(
            ring,
            format!("holds {count} secrets that can be read, as /dev/fuse is out of reach"),
        );
    }
    match looked.and_then(|found| History::masking(git, &tree, private, &found, began)) {
        Ok(history) => Ok(Past { history: Some(history), line: line(files, messages) }),
        Err(error) => told(ring, format!("holds secrets that cannot be masked ({error})")),
    }
}

fn line(files: usize, messages: usize) -> Option<String> {
    let also = if messages == 0 { String::new() } else { format!(" and {messages} messages") };
    (files + messages > 0).then(|| {
        format!(
            "  history      {files} files{also} with secrets are masked; they leaked when they were \
             committed: rotate them"
        )
    })
}

/// Where the files of the repository at `git` are: around it, or where its settings say.
fn tree(git: &Path) -> PathBuf {
    if git.ends_with(".git") {
        return git.parent().unwrap_or(git).to_owned();
    }
    let set = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "worktree").then(|| git.join(value.trim()))
    };
    let text = read_config(git).unwrap_or_default();
    let found = text.lines().find_map(set).and_then(|at| fs::canonicalize(at).ok());
    found.unwrap_or_else(|| git.to_owned())
}

fn read_config(git: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(git.join("config"))?.take(CONFIG_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn told(ring: Ring, what: String) -> Result<Past, CommandError> {
    if ring >= Ring::Untrusted {
        let text = format!("the history of the repository {what}; nothing was started in ring 3");
        return Err(CommandError::unable(text));
    }
    Ok(Past { history: None, line: Some(format!("  history      {what}")) })
}

/// Searches what was not searched before.
fn look(here: &Here, masked: &Masked, git: &Path, tree: &Path) -> io::Result<history::Found> {
    let file = here.dir.join("found").join(format!("{}.history", key(masked, git)));
    let state = state(git)?;
    let kept = fs::read(&file).unwrap_or_default();
    let (before, names) = kept.split_at_checked(state.len()).unwrap_or_default();
    if before == state {
        // Nothing came since nothing was found.
        return Ok(history::Found::default());
    }
    let mut known: BTreeSet<[u8; NAME_BYTES]> = names.as_chunks().0.iter().copied().collect();
    let found = history::search(git, tree, &*masked.masks, &mut known)?;
    let clean = found.count() + found.messages() == 0;
    let head = if clean { state } else { [0; 32] };
    let mut bytes = head.to_vec();
    bytes.extend(known.into_iter().flatten());
    let written = fs::create_dir_all(here.dir.join("found")).and_then(|()| fs::write(&file, bytes));
    if let Err(error) = written {
        tracing::warn!(%error, "what was found is not remembered: the next search takes as long");
    }
    Ok(found)
}

/// What a search depends on but for the objects: the program, the repository, the secrets known.
fn key(masked: &Masked, git: &Path) -> Digest {
    let own = std::env::current_exe().and_then(fs::metadata);
    let made = own.ok().and_then(|own| Some((own.len(), own.modified().ok()?)));
    let made = made.map(|(length, at)| {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        format!("{length} {since}")
    });
    let fingerprints = masked.fingerprints();
    let fields =
        [made.unwrap_or_default(), git.display().to_string()].into_iter().chain(fingerprints);
    let fields: Vec<String> = fields.collect();
    Digest::of_fields(fields.iter().map(String::as_bytes))
}

/// What changes whenever an object comes: the directories that they are in.
fn state(git: &Path) -> io::Result<[u8; 32]> {
    let objects = git.join("objects");
    let mut all = vec![objects.clone()];
    for entry in fs::read_dir(&objects)? {
        all.push(entry?.path());
    }
    all.sort();
    let mut fields = Vec::new();
    for path in all {
        // Whoever may write can set the other time back.
        let found = fs::metadata(&path)?;
        let (seconds, nanos) = (found.ctime(), found.ctime_nsec());
        fields.push(format!("{} {seconds} {nanos}", path.display()).into_bytes());
    }
    Ok(Digest::of_fields(fields.iter().map(Vec::as_slice)).0)
}
