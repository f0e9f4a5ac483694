//! Objects that came meanwhile: what is made inside holds no secret, what comes from outside may.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    History, Name, REMEMBERED_MAX, name,
    packs::Index,
    search::{NAMELESS, search_these},
    unpacked,
};
use crate::view::Mask;

/// Seconds by which a clock of files may be behind.
const BEHIND: i64 = 2;

impl History {
    /// Hears that something was made at `path` from inside.
    pub(crate) fn made(&self, path: &Path) {
        let Ok(below) = path.strip_prefix(&self.objects) else { return };
        let object = || named(below).map(|_| below.to_owned());
        let Some(key) = of_pack(below).or_else(object) else { return };
        let mut own = self.lock();
        if own.made.len() < REMEMBERED_MAX {
            own.made.insert(key);
        }
    }

    /// Looks at an object, or at a pack of them, that came from outside since all were searched.
    pub(super) fn look(&self, path: &Path, mask: &dyn Mask) {
        let pack = of_pack(path);
        let loose = named(path).filter(|_| pack.is_none());
        let key = pack.clone().or_else(|| loose.is_some().then(|| path.to_owned()));
        let Some(key) = key.filter(|key| !self.is_known(key)) else { return };
        let at = match pack {
            Some(_) => self.objects.join(&key).with_extension("idx"),
            None => self.objects.join(path),
        };
        // What is not there yet is looked at when it is.
        let Ok(found) = fs::symlink_metadata(&at) else { return };
        if found.ctime() >= self.since - BEHIND {
            let looked = match loose {
                Some(name) => self.look_at_one(&at, &name, mask),
                None => self.look_at_pack(&at, mask),
            };
            if looked.is_err() {
                self.lock().closed.insert(key);
                return;
            }
        }
        let mut own = self.lock();
        if own.clean.len() >= REMEMBERED_MAX {
            own.clean.clear();
        }
        own.clean.insert(key);
    }

    fn is_known(&self, key: &Path) -> bool {
        let own = self.lock();
        let cut = key.file_name().is_some_and(|name| own.cut.contains_key(name));
        cut || [&own.made, &own.clean, &own.closed].iter().any(|known| known.contains(key))
            || own.paths.contains(key)
    }

    fn look_at_one(&self, at: &Path, name: &Name, mask: &dyn Mask) -> io::Result<()> {
        let Some((kind, content)) = unpacked(at)? else {
            // Git finds it, however long it is.
            return self.look_at_these(&[*name], mask);
        };
        if kind == "tree" || mask.masked(&self.tree.join(NAMELESS), &content, false).is_none() {
            return Ok(());
        }
        self.look_at_these(&[*name], mask)
    }

    fn look_at_pack(&self, index: &Path, mask: &dyn Mask) -> io::Result<()> {
        let names = Index::read(index)?.names();
        let hidden = self.lock().hidden.clone();
        let names: Vec<_> = names.into_iter().filter(|name| !hidden.contains(name)).collect();
        self.look_at_these(&names, mask)?;
        self.cut(index)
    }

    fn look_at_these(&self, names: &[Name], mask: &dyn Mask) -> io::Result<()> {
        let path = |_: &Name| self.tree.join(NAMELESS);
        let found = search_these(&self.git, names, &path, mask, &mut BTreeSet::new())?;
        self.add(&found)
    }
}

/// The pack that a file belongs to, without its ending.
pub(super) fn of_pack(path: &Path) -> Option<PathBuf> {
    path.strip_prefix("pack").ok()?;
    let file = path.file_name()?.to_str()?;
    file.starts_with("pack-").then(|| path.with_extension(""))
}

/// The name of an object that is in no pack.
fn named(path: &Path) -> Option<Name> {
    let parent = path.parent()?.to_str().filter(|first| first.len() == 2)?;
    name(&format!("{parent}{}", path.file_name()?.to_str()?))
}
