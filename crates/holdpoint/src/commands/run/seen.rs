//! What a run sees of files, and what becomes of what it wrote where writing could make the outside
//! run something.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use holdpoint_catalog::git_hosts::GIT_HOSTS;
use holdpoint_core::identity::Ring;
use holdpoint_sandbox::{
    can_serve, git,
    guarded::{self, Kind},
    history::History,
    kept::{self, Shelf, Waiting},
    layout::{Access, Ground, Layout, Piece},
    view::{Mask, Shown, View, Written},
};

use super::{
    Here, ground,
    masked::{Masked, PACKAGES},
    past, repository,
    worktrees::Worktrees,
};
use crate::{commands::merge, status::CommandError, terminal::agrees};

/// Where masked copies are, in the directory of a run.
const COPIES: &str = "masked";
/// Where masked objects are, there.
const OBJECTS: &str = "objects";

/// What is done for the files of one run.
pub(super) struct Seen {
    /// What serves them, until the enclosure takes it.
    pub(super) view: Option<View>,
    shelf: Arc<Shelf>,
    masked: Masked,
    past: Option<String>,
    written: Arc<Written>,
    run: String,
    ring: Ring,
    workspace: PathBuf,
    shown: Vec<Shown>,
    /// Of its repository, or of the one that it makes.
    worktrees: Worktrees,
    began: SystemTime,
}

impl Seen {
    /// Plans it, and has `layout` show it.
    pub(super) fn plan(
        here: &Here,
        ground: &Ground,
        layout: &mut Layout,
        masked: Masked,
    ) -> Result<Self, CommandError> {
        let run = ground.mark.run.clone();
        let shelf = Arc::new(Shelf::at(merge::shelf(here, &run)));
        let serves = can_serve();
        let beside = repository::beside(&ground.workspace);
        let own = ground.workspace.join(".git");
        let worktrees = Worktrees::of(beside.as_deref().unwrap_or(&own));
        let (histories, past) = pasts(here, ground, &masked, &shelf, serves)?;
        let shown = match serves {
            true => shown(ground, &masked, &histories, beside.as_deref()),
            false => Vec::new(),
        };
        let mask = (masked.in_files() || !histories.is_empty())
            .then(|| Arc::clone(&masked.masks) as Arc<dyn Mask>);
        cover(ground, &masked, &shelf, &shown, layout)?;
        // Where nothing serves it, it is looked at when it is over.
        for (top, kind) in guarded::usual(&ground.workspace, beside.as_deref()) {
            if !shown.iter().any(|shown| top.starts_with(&shown.at)) {
                note(&shelf, &top, kind)?;
            }
        }
        if !shelf.all().is_empty() {
            // Should this process be killed, the next one knows what to look at.
            shelf.save().map_err(CommandError::unable)?;
        }
        let (ring, workspace) = (ground.mark.task.ring, ground.workspace.clone());
        layout.serve(&shown, ring);
        if !histories.is_empty() {
            git::unpack(layout);
        }
        for history in &histories {
            // Git reads an index again that it has just written only if there is this hook.
            let hooks = shelf.idle(&history.git().join("hooks"), Kind::Hooks, "pre-commit");
            hooks.map_err(CommandError::unable)?;
            history.settle(&|path| masked.has(path)).map_err(CommandError::unable)?;
        }
        let view = (!shown.is_empty())
            .then(|| View::of(shown.clone(), Arc::clone(&shelf), mask, histories));
        let view = view.transpose().map_err(CommandError::unable)?;
        let written = view.as_ref().map(View::written).unwrap_or_default();
        Ok(Self {
            view,
            shelf,
            masked,
            past,
            written,
            run,
            ring,
            workspace,
            shown,
            worktrees,
            began: SystemTime::now(),
        })
    }

    /// What it wrote comes back, or waits for a human. What cannot come back waits too.
    pub(super) fn end(&self, here: &Here) {
        self.masked.tell_strays(&self.written);
        self.worktrees.tell();
        // Nothing is left of what was only to be read.
        for made in [COPIES, OBJECTS, PACKAGES] {
            let _ = fs::remove_dir_all(self.shelf.dir().join(made));
        }
        if let Err(error) = self.settle(here) {
            let (run, dir) = (&self.run, self.shelf.dir().display());
            eprintln!(
                "holdpoint: what run {run} wrote beside cannot come back: {error}; it is in {dir}"
            );
            // The same disk may refuse this too.
            let _ = self.shelf.save();
        }
    }

    fn settle(&self, here: &Here) -> Result<(), CommandError> {
        if self.ring >= Ring::Untrusted {
            // Nothing of it stays anyway.
            return merge::clear(&self.shelf);
        }
        for (at, kind) in guarded::changed_since(&self.workspace, self.began) {
            if self.is_served(&at) {
                continue;
            }
            self.shelf.found(&at, kind);
        }
        self.shelf.withdraw().map_err(CommandError::unable)?;
        let listed = here.state.hosts().list().map_err(CommandError::unable)?;
        let is_listed = |host: &str| {
            GIT_HOSTS.iter().any(|(name, _)| *name == host)
                || listed.iter().any(|listed| listed.host.matches(host))
        };
        let waiting = kept::settle(&self.shelf, &is_listed).map_err(CommandError::unable)?;
        if waiting.is_empty() {
            return merge::clear(&self.shelf);
        }
        self.shelf.save().map_err(CommandError::unable)?;
        tell(&waiting);
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            eprintln!("{}", kept::differences(&self.shelf).map_err(CommandError::unable)?);
            if agrees("holdpoint: take these?").map_err(CommandError::unable)? {
                return kept::take(&self.shelf).map_err(CommandError::unable);
            }
        }
        let run = &self.run;
        eprintln!("  they are kept beside: `holdpoint merge {run}` shows them, and takes them");
        Ok(())
    }

    /// Whether it was kept beside from the first.
    fn is_served(&self, at: &Path) -> bool {
        let guarded = |shown: &Shown| {
            let below = at.strip_prefix(&shown.at).ok()?;
            guarded::top(&shown.within.as_ref()?.join(below))
        };
        self.shown.iter().any(|shown| guarded(shown).is_some())
    }

    /// What is told of it at the start.
    pub(super) fn line(&self) -> Option<String> {
        let secrets = self.masked.line(!self.shown.is_empty());
        match (secrets, &self.past) {
            (Some(secrets), Some(past)) => {
                // One line of what is masked, the first of which names itself.
                let past = past.split_whitespace().collect::<Vec<_>>().join(" ");
                Some(format!("{secrets}; {past}"))
            }
            (secrets, past) => secrets.or_else(|| past.clone()),
        }
    }
}

/// Takes what `run` wrote in the open out of the outside, if its supervisor was killed before it
/// could, and says so.
pub(super) fn cut_short(here: &Here, run: &str) -> Result<(), CommandError> {
    let Ok(shelf) = Shelf::open(merge::shelf(here, run)) else { return Ok(()) };
    shelf.withdraw().and_then(|()| shelf.save()).map_err(CommandError::unable)?;
    eprintln!("holdpoint: run {run} was cut short: `holdpoint merge {run}` shows what it left");
    Ok(())
}

/// Remembers how a guarded path is; one that is too large for that is not guarded.
fn note(shelf: &Shelf, top: &Path, kind: Kind) -> Result<(), CommandError> {
    match shelf.note(top, kind) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            eprintln!("holdpoint: {} is too large to be guarded", top.display());
            Ok(())
        }
        noted => noted.map_err(CommandError::unable),
    }
}

/// Changes that are told one by one.
const TOLD_MAX: usize = 12;

fn tell(waiting: &[Waiting]) {
    eprintln!(
        "holdpoint: the agent changed what runs programs outside of it; nothing of it is in place:"
    );
    for Waiting { at, key } in waiting.iter().take(TOLD_MAX) {
        match key {
            Some(key) => eprintln!("  {} {}", at.display(), key.escape_debug()),
            None => eprintln!("  {}", at.display()),
        }
    }
    if let Some(more) = waiting.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        eprintln!("  and {more} more");
    }
}

/// Looks for secrets in the history of every repository there is, and says what is told of it.
fn pasts(
    here: &Here,
    ground: &Ground,
    masked: &Masked,
    shelf: &Shelf,
    serves: bool,
) -> Result<(Vec<History>, Option<String>), CommandError> {
    let beside = repository::beside(&ground.workspace);
    let mut all = masked.repositories();
    all.extend(beside.as_deref());
    let (mut histories, mut lines) = (Vec::new(), Vec::new());
    for (number, git) in all.into_iter().enumerate() {
        let private = shelf.dir().join(OBJECTS).join(number.to_string());
        let past = past::of(here, masked, git, private, serves, ground.mark.task.ring)?;
        histories.extend(past.history);
        lines.extend(past.line);
    }
    let more = lines.len().saturating_sub(1);
    let line = lines.into_iter().next().map(|line| match more {
        0 => line,
        more => format!("{line}; so are those of {more} more repositories"),
    });
    Ok((histories, line))
}

/// What is served: of the workspace and of each further place all of it if something in there is
/// masked, else what is guarded in the workspace.
fn shown(
    ground: &Ground,
    masked: &Masked,
    histories: &[History],
    beside: Option<&Path>,
) -> Vec<Shown> {
    let own = ground.workspace.join(".git");
    let whole = |place: &Path| {
        let other = |history: &History| history.git().starts_with(place) && history.git() != own;
        masked.in_place(place) || histories.iter().any(other)
    };
    let mut all = match whole(&ground.workspace) {
        true => vec![Shown {
            at: ground.workspace.clone(),
            within: Some(PathBuf::new()),
            access: Access::ReadWrite,
        }],
        false => guarded_parts(&ground.workspace),
    };
    all.extend(beside.map(git));
    let transcripts = ground.home.transcripts();
    for place in ground::others(ground) {
        let kept =
            || transcripts.iter().any(|kept| kept.starts_with(&place) && masked.in_place(kept));
        let also = ground.also.iter().any(|(path, _)| *path == place);
        if place.is_dir() && (if also { whole(&place) } else { kept() }) {
            let also = ground.also.iter().find(|(path, _)| *path == place);
            let access = also.map_or(Access::ReadWrite, |(_, access)| *access);
            all.push(Shown { at: place, within: also.map(|_| PathBuf::new()), access });
        }
    }
    all
}

/// Masked copies lie over files that are not served; what is a copy anyway is one of them, and so is
/// what an agent was set.
fn cover(
    ground: &Ground,
    masked: &Masked,
    shelf: &Shelf,
    shown: &[Shown],
    layout: &mut Layout,
) -> Result<(), CommandError> {
    let is_served = |file: &Path| {
        let served = shown.iter().any(|shown| file.starts_with(&shown.at));
        served && !ground.home.is_settled(file)
    };
    let copies = masked.copies(&shelf.dir().join(COPIES), &is_served);
    for copy in copies.map_err(CommandError::unable)? {
        let Piece::Outside { at, from, .. } = &copy else { continue };
        let copied = layout.pieces.iter_mut().find_map(|piece| match piece {
            Piece::Copied { at: own, from } if own == at => Some(from),
            _ => None,
        });
        match copied {
            Some(copied) => copied.clone_from(from),
            None if ground.home.is_settled(at) => {
                layout.pieces.push(Piece::Copied { at: at.clone(), from: from.clone() });
            }
            None => layout.pieces.push(copy),
        }
    }
    Ok(())
}

fn git(at: &Path) -> Shown {
    Shown { at: at.to_owned(), within: Some(".git".into()), access: Access::ReadWrite }
}

/// The directories of the workspace that have guarded files in them.
fn guarded_parts(workspace: &Path) -> Vec<Shown> {
    let names = guarded::directories();
    let is_directory = |at: &PathBuf| fs::symlink_metadata(at).is_ok_and(|found| found.is_dir());
    let parts = names.map(|name| (workspace.join(name), PathBuf::from(name)));
    let parts = parts.filter(|(at, _)| is_directory(at));
    parts
        .map(|(at, within)| Shown { at, within: Some(within), access: Access::ReadWrite })
        .collect()
}
