//! What was kept comes back: settings that do no harm by themselves, the rest when a human says so.

use std::{
    fs::{self, Metadata},
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{BEFORE, Kept, Shelf, config, copy};
use crate::{guarded::Kind, view::refs::without_replacements};

/// Bytes of the differences of one guarded path that a human is shown.
const DIFFERENCE_MAX: usize = 1024 * 1024;

/// A change that waits for a human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The file that it would change.
    pub at: PathBuf,
    /// The key in it, where only that is to be changed.
    pub key: Option<String>,
}

/// Takes what does no harm, and says what waits. `listed` tells whether somebody listed a host.
pub fn settle(shelf: &Shelf, listed: &dyn Fn(&str) -> bool) -> io::Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    for kept in shelf.all() {
        let left = match kept.kind {
            Kind::GitConfig => settle_config(shelf, &kept, listed)?,
            Kind::Hooks | Kind::Program => settle_files(shelf, &kept)?,
            // They were made right as they were taken out.
            Kind::PackedRefs => Vec::new(),
        };
        if left.is_empty() {
            shelf.forget(&kept.at);
            copy::remove(&shelf.dir.join(kept.home()))?;
        }
        waiting.extend(left);
    }
    Ok(waiting)
}

/// Takes all that waits.
pub fn take(shelf: &Shelf) -> io::Result<()> {
    for kept in shelf.all() {
        match kept.kind {
            Kind::GitConfig => {
                let (before, after) = sides(shelf, &kept)?;
                for key in config::changed(&before, &after) {
                    config::set(&kept.at, &key, after.get(&key))?;
                }
            }
            Kind::PackedRefs => {}
            Kind::Hooks | Kind::Program => {
                for file in changed_files(shelf, &kept)? {
                    replace(&shelf.dir.join(kept.place()), &kept.at, &file)?;
                }
            }
        }
        shelf.forget(&kept.at);
    }
    fs::remove_dir_all(&shelf.dir)
}

/// What waits, as a human reads it.
pub fn differences(shelf: &Shelf) -> io::Result<String> {
    let mut text = String::new();
    for kept in shelf.all().into_iter().filter(|kept| kept.kind != Kind::PackedRefs) {
        let home = shelf.dir.join(kept.home());
        if !home.exists() {
            // There was nothing, and there is nothing.
            continue;
        }
        let side = |name: &str| match fs::symlink_metadata(home.join(name)) {
            Ok(_) => name.to_owned(),
            Err(_) => "/dev/null".to_owned(),
        };
        text.push_str(&format!("{}\n", kept.at.display()));
        text.push_str(&diff(&home, &side(BEFORE), &side(super::ENTRY))?);
    }
    // Whoever wrote it must not write to the terminal.
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    Ok(text.chars().map(plain).collect())
}

fn diff(home: &Path, before: &str, after: &str) -> io::Result<String> {
    let mut git = config::alone();
    let words = ["diff", "--no-index", "--no-ext-diff", "--no-textconv", "--no-color", "--"];
    git.current_dir(home).args(words).args([before, after]);
    let mut compares = git.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut said = Vec::new();
    if let Some(output) = compares.stdout.take() {
        output.take(DIFFERENCE_MAX as u64 + 1).read_to_end(&mut said)?;
    }
    // It has nobody to tell the rest to.
    let _ = compares.kill();
    compares.wait()?;
    let whole = said.len() <= DIFFERENCE_MAX;
    said.truncate(DIFFERENCE_MAX);
    let mut text = String::from_utf8_lossy(&said).into_owned();
    if !whole {
        text.push_str(&format!("\n... and more than is shown: {}\n", home.join(after).display()));
    }
    Ok(text)
}

/// Takes what a run wrote in the open out of the outside, but for settings that do no harm.
pub(super) fn withdraw(shelf: &Shelf, kept: &Kept) -> io::Result<()> {
    let (home, entry) = (shelf.dir.join(kept.home()), shelf.dir.join(kept.place()));
    if kept.at.symlink_metadata().is_ok() {
        fs::create_dir_all(&home)?;
        if let Err(error) = copy::tree(&kept.at, &entry) {
            let aside = set_aside(&home, kept)?;
            shelf.forget(&kept.at);
            copy::remove(&entry)?;
            return Err(io::Error::other(format!("{error} from {}", aside.display())));
        }
    }
    match kept.kind {
        Kind::GitConfig if !kept.at.is_symlink() => match sides(shelf, kept) {
            Ok((before, after)) => {
                for key in config::changed(&before, &after) {
                    config::set(&kept.at, &key, before.get(&key))?;
                }
            }
            // What nobody can read key by key goes as a whole.
            Err(_) => replace(&home.join(BEFORE), &kept.at, Path::new(""))?,
        },
        Kind::PackedRefs => withdraw_replacements(&home, kept)?,
        _ => {
            for file in changed_files(shelf, kept)? {
                replace(&home.join(BEFORE), &kept.at, &file)?;
            }
        }
    }
    Ok(())
}

/// Takes what git would show instead of other objects out of packed refs. What is loose outside comes
/// back by itself; what is no file, goes.
fn withdraw_replacements(home: &Path, kept: &Kept) -> io::Result<()> {
    let (before, now) = (home.join(BEFORE), home.join(super::ENTRY));
    let text = |at: &Path| match fs::symlink_metadata(at) {
        Ok(found) if found.is_file() => fs::read(at).map(Some),
        Ok(_) => Ok(None),
        Err(_) => Ok(Some(Vec::new())),
    };
    let (Some(old), Some(new)) = (text(&before)?, text(&now)?) else {
        return replace(&before, &kept.at, Path::new(""));
    };
    let real = without_replacements(&new, &old, &|_| None);
    if real == new {
        return Ok(());
    }
    fs::write(&now, real)?;
    replace(&now, &kept.at, Path::new(""))
}

/// Gives what cannot be kept beside a name under which nothing runs it, and puts back what was there.
fn set_aside(home: &Path, kept: &Kept) -> io::Result<PathBuf> {
    kept.at.parent().map_or(Ok(()), led_elsewhere)?;
    let mut name = kept.at.file_name().unwrap_or_default().to_owned();
    name.push(".withdrawn");
    let aside = kept.at.with_file_name(name);
    copy::remove(&aside)?;
    fs::rename(&kept.at, &aside)?;
    replace(&home.join(BEFORE), &kept.at, Path::new(""))?;
    Ok(aside)
}

fn settle_config(
    shelf: &Shelf,
    kept: &Kept,
    listed: &dyn Fn(&str) -> bool,
) -> io::Result<Vec<Waiting>> {
    let Ok((before, after)) = sides(shelf, kept) else {
        return Ok(vec![Waiting { at: kept.at.clone(), key: None }]);
    };
    let mut waiting = Vec::new();
    for key in config::changed(&before, &after) {
        let values = after.get(&key);
        let harmless = |value: &Option<String>| match (key.as_str(), value.as_deref()) {
            ("core.worktree", Some(value)) => config::works_around(&kept.at, value),
            (key, value) => config::is_harmless(key, value, listed),
        };
        // What is taken away can only do less, unless what it was overrode something.
        let gone = || config::is_harmless(&key, Some(""), &|_| true);
        match values.map_or_else(gone, |values| values.iter().all(harmless)) {
            true => config::set(&kept.at, &key, values)?,
            false => waiting.push(Waiting { at: kept.at.clone(), key: Some(key) }),
        }
    }
    Ok(waiting)
}

fn settle_files(shelf: &Shelf, kept: &Kept) -> io::Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    for file in changed_files(shelf, kept)? {
        let to = at(&kept.at, &file);
        // Git's own templates, which nothing runs.
        let sample = kept.kind == Kind::Hooks && file.extension().is_some_and(|it| it == "sample");
        match sample {
            true => replace(&shelf.dir.join(kept.place()), &kept.at, &file)?,
            false => waiting.push(Waiting { at: to, key: None }),
        }
    }
    Ok(waiting)
}

fn sides(shelf: &Shelf, kept: &Kept) -> io::Result<(config::Settings, config::Settings)> {
    kept.at.parent().map_or(Ok(()), led_elsewhere)?;
    let (before, after) = (shelf.dir.join(kept.home()).join(BEFORE), shelf.dir.join(kept.place()));
    if [&before, &after, &kept.at].into_iter().any(|file| file.is_symlink()) {
        return Err(io::Error::other("it is a link"));
    }
    // Git is asked only where there is something to ask about.
    if same(&before, &after, Path::new(""))? {
        return Ok(Default::default());
    }
    Ok((config::read(&before)?, config::read(&after)?))
}

/// Refuses a directory that somebody made lead elsewhere.
fn led_elsewhere(directory: &Path) -> io::Result<()> {
    match fs::canonicalize(directory)? == directory {
        true => Ok(()),
        false => Err(io::Error::other(format!("{} leads elsewhere", directory.display()))),
    }
}

/// The files that the run changed, relative to the guarded path.
fn changed_files(shelf: &Shelf, kept: &Kept) -> io::Result<Vec<PathBuf>> {
    let (before, after) = (shelf.dir.join(kept.home()).join(BEFORE), shelf.dir.join(kept.place()));
    let mut all = copy::files(&before)?;
    all.extend(copy::files(&after)?);
    all.sort();
    all.dedup();
    let mut changed = Vec::new();
    for file in all {
        if !same(&before, &after, &file)? {
            changed.push(file);
        }
    }
    Ok(changed)
}

fn at(root: &Path, file: &Path) -> PathBuf {
    if file.as_os_str().is_empty() { root.to_owned() } else { root.join(file) }
}

/// What is at `file` below `root`, unless a link or a file is on the way.
fn found(root: &Path, file: &Path) -> Option<Metadata> {
    let mut here = root.to_owned();
    for name in file {
        fs::symlink_metadata(&here).ok().filter(Metadata::is_dir)?;
        here.push(name);
    }
    fs::symlink_metadata(&here).ok()
}

/// Whether a file is there alike below two roots, or in neither.
fn same(before: &Path, after: &Path, file: &Path) -> io::Result<bool> {
    let (Some(first), Some(second)) = (found(before, file), found(after, file)) else {
        return Ok(found(before, file).is_none() && found(after, file).is_none());
    };
    let (one, other) = (at(before, file), at(after, file));
    if first.file_type() != second.file_type() || first.permissions() != second.permissions() {
        return Ok(false);
    }
    match first.is_symlink() {
        true => Ok(fs::read_link(one)? == fs::read_link(other)?),
        false => Ok(first.len() == second.len() && copy::is_same(&one, &other)?),
    }
}

/// Puts a copy of `file` below `from` in its place below `to`, at once; nothing, if it is not there.
fn replace(from: &Path, to: &Path, file: &Path) -> io::Result<()> {
    let to = &at(to, file);
    let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if found(from, file).is_none() {
        // Where the way leads elsewhere, it is not there already.
        return led_elsewhere(parent).map_or(Ok(()), |()| copy::remove(to));
    }
    let from = &at(from, file);
    fs::create_dir_all(parent)?;
    led_elsewhere(parent)?;
    let mut beside = name.to_owned();
    beside.push(".holdpoint");
    let beside = parent.join(beside);
    copy::remove(&beside)?;
    copy::tree(from, &beside)?;
    // One directory does not take the place of another, or of a file, at once.
    if from.is_dir() || to.is_dir() {
        copy::remove(to)?;
    }
    fs::rename(&beside, to)
}
