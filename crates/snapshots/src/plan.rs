//! What an undo would do: every change, before any of them is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use holdpoint_core::Digest;
use serde::Serialize;

use crate::{
    difference::{Difference, Pair},
    entry::{Entry, is_in},
    looks::Moment,
};

/// What is done to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was there, and comes back.
    Restore,
    /// It gets the content back that it had.
    Replace,
    /// It gets rights, times, owner or attributes back.
    Adjust,
    /// It was not there, and is removed.
    Remove,
}

impl Action {
    /// One letter for it.
    pub fn letter(self) -> char {
        match self {
            Self::Restore => '+',
            Self::Replace => '~',
            Self::Adjust => '.',
            Self::Remove => '-',
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To what; names that are no text are shown as well as can be.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Whether it was changed after the run had ended: not by the run.
    pub newer: bool,
}

fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// All changes of one undo.
#[derive(Debug)]
pub struct Plan {
    /// What a human is shown: everything but directories of which only the time changes.
    pub changes: Vec<Change>,
    pub(crate) pairs: Difference,
    pub(crate) actions: BTreeMap<PathBuf, Action>,
    /// Names of one file, the first of which stands for all.
    pub(crate) leaders: BTreeMap<PathBuf, PathBuf>,
}

impl Plan {
    /// From what is different; only what is `within`, if that is said. What changed after
    /// `run_ended` was not done by the run, unless it is `ours`: put there by an undo.
    pub(crate) fn new(
        pairs: Difference,
        within: Option<&Path>,
        run_ended: Option<Moment>,
        ours: &dyn Fn(&Path, &Entry) -> bool,
    ) -> Self {
        let leaders = leaders(&pairs);
        let parted = parted(&pairs, &leaders);
        let mut actions: BTreeMap<PathBuf, Action> = BTreeMap::new();
        for (path, pair) in pairs.iter().filter(|(path, _)| is_in(path, within)) {
            if let Some(action) = action(pair, parted.contains(path)) {
                actions.insert(path.clone(), action);
            }
        }
        add_ways(&mut actions, &pairs);
        let shown = |(path, action): (&PathBuf, &Action)| {
            let pair = pairs.get(path)?;
            let directory = |entry: &Option<Entry>| entry.as_ref().is_some_and(Entry::is_directory);
            let only_time = *action == Action::Adjust && directory(&pair.now) && only_time(pair);
            (!only_time).then(|| Change {
                action: *action,
                path: path.clone(),
                newer: is_newer(path, &pairs, run_ended, ours),
            })
        };
        let changes = actions.iter().filter_map(shown).collect();
        Self { changes, pairs, actions, leaders }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The changes that take away what somebody else than the run did later. What comes back takes
    /// nothing away.
    pub fn newer(&self) -> impl Iterator<Item = &Change> {
        let takes =
            |it: &&Change| it.newer && matches!(it.action, Action::Replace | Action::Remove);
        self.changes.iter().filter(takes)
    }

    /// Of every change, and of what is there now: a release is for these. Of directories only that
    /// they are there: asking changes their times.
    pub fn digest(&self) -> Digest {
        let line = |change: &Change| {
            let now = self.pairs.get(&change.path).and_then(|pair| pair.now.as_ref());
            let now = now.filter(|now| !now.is_directory());
            let now = now.map(|now| (&now.content, now.rights, now.modified));
            let mut line = format!("{} {now:?} ", change.action.letter()).into_bytes();
            line.extend_from_slice(change.path.as_os_str().as_bytes());
            line
        };
        let lines: Vec<Vec<u8>> = self.changes.iter().map(line).collect();
        Digest::of_fields(lines.iter().map(Vec::as_slice))
    }
}

fn action(pair: &Pair, parted: bool) -> Option<Action> {
    match (&pair.then, &pair.now) {
        (Some(_), None) => Some(Action::Restore),
        (None, Some(_)) => Some(Action::Remove),
        (Some(then), Some(now)) if parted || !then.has_content_of(now) => Some(Action::Replace),
        (Some(then), Some(now)) if !then.looks_like(now) => Some(Action::Adjust),
        _ => None,
    }
}

fn only_time(pair: &Pair) -> bool {
    let (Some(then), Some(now)) = (&pair.then, &pair.now) else { return false };
    then.looks_like(&Entry { modified: then.modified, ..now.clone() })
}

/// Something comes back into a directory that is not there any more: that comes back first.
fn add_ways(actions: &mut BTreeMap<PathBuf, Action>, pairs: &Difference) {
    let back: Vec<PathBuf> = actions
        .iter()
        .filter(|(_, action)| matches!(action, Action::Restore | Action::Replace))
        .flat_map(|(path, _)| path.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>())
        .collect();
    for directory in back {
        let Some(pair) = pairs.get(&directory) else { continue };
        let Some(then) = &pair.then else { continue };
        if !pair.now.as_ref().is_some_and(|now| now.has_content_of(then)) {
            let action = if pair.now.is_some() { Action::Replace } else { Action::Restore };
            actions.entry(directory).or_insert(action);
        }
    }
}

/// Whoever changed it after the run had ended was somebody else. What is gone tells by the
/// directory that it was in.
fn is_newer(
    path: &Path,
    pairs: &Difference,
    run_ended: Option<Moment>,
    ours: &dyn Fn(&Path, &Entry) -> bool,
) -> bool {
    let Some(run_ended) = run_ended else { return false };
    let now = |path: &Path| pairs.get(path).and_then(|pair| pair.now.as_ref());
    let witness = path.ancestors().find_map(|at| Some((at, now(at)?)));
    witness.is_some_and(|(at, entry)| {
        entry.changed.is_some_and(|changed| changed > run_ended) && !ours(at, entry)
    })
}

/// For each name of a file that has several: the first of them.
fn leaders(pairs: &Difference) -> BTreeMap<PathBuf, PathBuf> {
    let mut first: BTreeMap<(u64, u64), &PathBuf> = BTreeMap::new();
    let mut leaders = BTreeMap::new();
    for (path, pair) in pairs {
        if let Some(file) = pair.then.as_ref().and_then(Entry::shared) {
            let leader = first.entry(file).or_insert(path);
            leaders.insert(path.clone(), (*leader).clone());
        }
    }
    leaders
}

/// The paths whose names do not go together as they did: the whole group is made anew.
fn parted(pairs: &Difference, leaders: &BTreeMap<PathBuf, PathBuf>) -> BTreeSet<PathBuf> {
    let mut groups: BTreeMap<&Path, Vec<&PathBuf>> = BTreeMap::new();
    for path in pairs.iter().filter(|(_, pair)| pair.then.is_some()).map(|(path, _)| path) {
        let leader = leaders.get(path).unwrap_or(path);
        groups.entry(leader).or_default().push(path);
    }
    // Which files of now are named by which group.
    let file = |path: &PathBuf| {
        let now = pairs.get(path)?.now.as_ref()?;
        Some((now.device, now.inode))
    };
    let mut named: BTreeMap<(u64, u64), BTreeSet<&Path>> = BTreeMap::new();
    for (leader, paths) in &groups {
        for file in paths.iter().filter_map(|path| file(path)) {
            named.entry(file).or_default().insert(leader);
        }
    }
    let mut parted = BTreeSet::new();
    for (leader, paths) in &groups {
        let files: BTreeSet<_> = paths.iter().map(|path| file(path)).collect();
        let alone = files.iter().flatten().all(|file| {
            named.get(file).is_none_or(|groups| groups.iter().all(|group| group == leader))
        });
        let is_file = |path: &&&PathBuf| {
            pairs
                .get(**path)
                .and_then(|pair| pair.then.as_ref())
                .is_some_and(|it| !it.is_directory())
        };
        // One file, which all of them name, and nobody else.
        let whole = files.len() == 1 && alone && paths.iter().all(|path| same_content(pairs, path));
        if !whole && (paths.len() > 1 || !alone) {
            parted.extend(paths.iter().filter(is_file).map(|path| (*path).clone()));
        }
    }
    parted
}

fn same_content(pairs: &Difference, path: &Path) -> bool {
    let Some(Pair { then: Some(then), now: Some(now) }) = pairs.get(path) else { return false };
    then.has_content_of(now)
}
