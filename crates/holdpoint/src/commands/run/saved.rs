//! The undo point of a run: the workspace is saved while its enclosure is made, and nothing runs
//! in there before it is whole and on disk.

use std::{
    collections::HashSet,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use holdpoint_core::identity::Ring;
use holdpoint_sandbox::{Mark, kept};
use holdpoint_snapshots::{Cause, Changed, Saved, SnapshotError};
use nix::sys::signal::SigSet;

use super::super::{Here, now, snapshots::size, undo};
use crate::status::CommandError;

/// What git keeps everything in.
const GIT: &str = ".git";
/// After so long, a human is told what takes so long.
const SILENCE: Duration = Duration::from_millis(400);
/// How often it is looked at whether it is done.
const GLANCE: Duration = Duration::from_millis(1);

/// A workspace that is being saved.
pub(super) enum Saving {
    /// It is not: for this reason.
    Not(&'static str),
    /// By a thread of its own.
    Begun { thread: JoinHandle<Result<Saved, SnapshotError>>, first: bool, root: PathBuf },
}

/// The undo point of a run.
pub(super) struct UndoPoint {
    saved: Option<Saved>,
    root: PathBuf,
    /// Why there is none.
    none: &'static str,
}

impl Saving {
    /// Begins to save `root` for the run of `mark`.
    pub(super) fn begin(
        here: &Here,
        root: &Path,
        mark: &Mark,
        wanted: bool,
    ) -> Result<Self, CommandError> {
        if !wanted {
            return Ok(Self::Not("none, as asked for: what is done cannot be taken back"));
        }
        if mark.task.ring >= Ring::Untrusted {
            return Ok(Self::Not("not needed: what changes is thrown away"));
        }
        let snapshots = undo::open(here)?;
        let first = !snapshots.knows(root).map_err(CommandError::unable)?;
        let (of, run) = (root.to_owned(), mark.run.clone());
        let save = move || {
            // Signals are for the thread that supervises, and for none that this one starts.
            let _blocked = SigSet::all().thread_block();
            let cause = Cause { run: Some(&run), why: format!("before run {run}") };
            snapshots.save_workspace(&of, &cause, now())
        };
        let thread = thread::Builder::new().name("snapshot".to_owned()).spawn(save);
        let thread = thread.map_err(CommandError::unable)?;
        Ok(Self::Begun { thread, first, root: root.to_owned() })
    }

    /// What has never been saved is saved before anything else is made: it may take a while, and
    /// Ctrl-C has to end it.
    pub(super) fn settle(&self) {
        if let Self::Begun { thread, first: true, root } = self {
            let (began, mut told) = (Instant::now(), false);
            while !thread.is_finished() {
                if !told && began.elapsed() > SILENCE {
                    eprintln!("holdpoint: saving all of {} for the first time …", root.display());
                    told = true;
                }
                thread::sleep(GLANCE);
            }
        }
    }

    /// Waits until it is whole.
    pub(super) fn finish(self) -> Result<UndoPoint, CommandError> {
        match self {
            Self::Not(none) => Ok(UndoPoint { saved: None, root: PathBuf::new(), none }),
            Self::Begun { thread, root, .. } => match thread.join() {
                Ok(Ok(saved)) => Ok(UndoPoint { saved: Some(saved), root, none: "" }),
                Ok(Err(error)) => Err(not_saved(&error.to_string())),
                Err(_) => Err(not_saved("it ended too early")),
            },
        }
    }
}

fn not_saved(reason: &str) -> CommandError {
    CommandError::unable(format!(
        "the workspace cannot be saved: {reason}; nothing was started, and only `--no-snapshot` \
         runs it without a way back"
    ))
}

impl UndoPoint {
    /// What the banner says of it.
    pub(super) fn line(&self) -> String {
        let Some(Saved { snapshot, losses, .. }) = &self.saved else { return self.none.to_owned() };
        let (id, entries, bytes) = (&snapshot.id, snapshot.entries, size(snapshot.bytes));
        let losses = match losses.is_empty() {
            true => String::new(),
            false => format!("; NOT saved: {}", losses.join("; ")),
        };
        format!("{id}: {entries} files and directories, {bytes}{losses}")
    }

    /// What the summary at the end says, once the end is noted.
    pub(super) fn end(&self, here: &Here, run: &str) -> Option<String> {
        let saved = self.saved.as_ref()?;
        // Without it, undo asks before it touches anything at all.
        if let Err(error) = here.state.snapshots().run_ended(run, now()) {
            eprintln!("holdpoint: {error}");
        }
        let Some(changed) = saved.seen.changed_since(&self.root, &undo::terms(here)) else {
            return Some(format!("`holdpoint undo {run}` takes back what changed"));
        };
        let files = match changed.there.len() + changed.gone {
            0 => return Some("no file changed".to_owned()),
            1 => "1 file changed".to_owned(),
            count => format!("{count} files changed"),
        };
        let outside = match outside_git(&self.root, &changed) {
            Some(count) if count > 0 => format!(", {count} outside git"),
            _ => String::new(),
        };
        Some(format!("{files}{outside}; `holdpoint undo {run}` takes it back"))
    }
}

/// How many of the files that are there git does not know. None if there is no repository.
fn outside_git(root: &Path, changed: &Changed) -> Option<usize> {
    root.join(GIT).exists().then_some(())?;
    // It reads its index, runs nothing, and knows nothing of this machine's settings.
    let listed = kept::git_alone().args(["ls-files", "-z"]).current_dir(root).output().ok()?;
    listed.status.success().then_some(())?;
    let known: HashSet<&[u8]> = listed.stdout.split(|byte| *byte == 0).collect();
    let outside = changed.there.iter().filter(|path| {
        let own = path.strip_prefix(root).unwrap_or(path);
        let directory = fs::symlink_metadata(root.join(own)).is_ok_and(|found| found.is_dir());
        !directory && !own.starts_with(GIT) && !known.contains(own.as_os_str().as_bytes())
    });
    Some(outside.count())
}
