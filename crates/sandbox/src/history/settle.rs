//! What an index says of files that are masked: git looks at a file again that it takes for changed, and
//! would find another one inside.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::fs::Stat;

use super::{
    Name,
    index::{self, Becomes, Entry},
    name_of,
};
use crate::view::{SEARCHED_MAX, places};

/// Before a run: git takes a file that was written in the same second as its index for one that may
/// have changed, and looks at it. Inside it would see another one; so it is told what it would find.
pub(super) fn settle(
    git: &Path,
    workspace: &Path,
    is_masked: &dyn Fn(&Path) -> bool,
) -> io::Result<()> {
    let file = git.join("index");
    let Ok(found) = fs::symlink_metadata(&file) else { return Ok(()) };
    if !found.is_file() {
        return Ok(());
    }
    let mut bytes = places::read(&file, index::BYTES_MAX)?;
    let masked = |path: &Path, entry: &Entry| {
        let path = Some(workspace.join(path)).filter(|path| is_masked(path))?;
        Some(Becomes::Clean(entry.name, now(&path, &entry.name)?))
    };
    let written = u32::try_from(found.mtime()).unwrap_or(u32::MAX);
    let mut tree = |_: &Path, name: &Name| Ok(*name);
    let steadied = steady(&mut bytes, written, masked, &mut tree)?;
    let Some((later, own)) = steadied else { return Ok(()) };
    // Git looks at everything else of that second.
    let others = |path: &Path, entry: &Entry| {
        (entry.modified >= written && !own.contains(path)).then_some(Becomes::Unknown)
    };
    index::replace(&mut bytes, others, &mut tree)?;
    // Whoever else works on it does not wait for us.
    let draft = git.join("index.lock");
    let Ok(mut locked) = File::create_new(&draft) else { return Ok(()) };
    locked.write_all(&bytes)?;
    locked.set_modified(later)?;
    locked.set_permissions(found.permissions())?;
    fs::rename(draft, file)
}

/// Replaces what is said of `masked` files in an index that is `written` at this second. If it was
/// at the same as one of them, it is to be as old as the answer says, so that git does not look at
/// that one again; and which these are. `tree` says what a tree is that is remembered, once files are
/// others.
pub(crate) fn steady(
    bytes: &mut [u8],
    written: u32,
    mut masked: impl FnMut(&Path, &Entry) -> Option<Becomes>,
    tree: &mut dyn FnMut(&Path, &Name) -> io::Result<Name>,
) -> io::Result<Option<(SystemTime, BTreeSet<PathBuf>)>> {
    let (mut own, mut same) = (BTreeSet::new(), false);
    let becomes = |path: &Path, entry: &Entry| {
        let becomes = masked(path, entry)?;
        let modified = match &becomes {
            Becomes::Clean(_, stat) => u32::try_from(stat.st_mtime).unwrap_or(u32::MAX),
            _ => entry.modified,
        };
        same |= modified >= written;
        own.insert(path.to_owned());
        Some(becomes)
    };
    index::replace(bytes, becomes, tree)?;
    let later = UNIX_EPOCH + Duration::from_secs(u64::from(written) + 1);
    Ok(same.then_some((later, own)))
}

/// What a file is now, if its content is the object `name`.
pub(crate) fn now(path: &Path, name: &Name) -> Option<Box<Stat>> {
    let stat = rustix::fs::lstat(path).ok()?;
    let small = u64::try_from(stat.st_size).is_ok_and(|size| size <= SEARCHED_MAX);
    let plain =
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile;
    let bytes = (small && plain).then(|| places::read(path, SEARCHED_MAX).ok()).flatten()?;
    (name_of("blob", &bytes) == *name).then(|| Box::new(stat))
}
