//! Objects that came meanwhile: what is made inside holds no secret, what comes from outside may.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    History, Name,
    loose::unpacked,
    name,
    packs::Index,
    search::{NAMELESS, search_these},
};
use crate::view::Mask;

/// Seconds by which a clock of files may be behind.
pub(super) const BEHIND: i64 = 2;

/// What came of looking at something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// It can be seen, as what is known of it says.
    Seen,
    /// Somebody outside is not done with it.
    Unseen,
    /// There is nothing.
    Absent,
}

/// What a path below the objects is to git.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A directory of its, or a list that says nothing of what is in objects.
    Plain,
    Loose(Name),
    /// Belongs to the pack of this path without an ending.
    Pack(PathBuf),
    /// Not done yet, or nothing of git's: there may be anything in it.
    Unfinished,
}

impl Part {
    fn of(path: &Path) -> Self {
        let names: Option<Vec<&str>> = path.iter().map(OsStr::to_str).collect();
        match names.as_deref() {
            Some([] | ["pack"] | ["info", ..]) => Self::Plain,
            Some([first]) if is_first(first) => Self::Plain,
            Some([first, rest]) if is_first(first) => {
                name(&format!("{first}{rest}")).map_or(Self::Unfinished, Self::Loose)
            }
            Some(["pack", file]) if file.starts_with("multi-pack-index") => Self::Plain,
            Some(["pack", file]) if file.starts_with("pack-") => {
                Self::Pack(path.with_extension(""))
            }
            _ => Self::Unfinished,
        }
    }
}

/// Whether a directory of loose objects is called so.
fn is_first(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl History {
    /// Hears that something was made at `path` from inside.
    pub(crate) fn made(&self, path: &Path) {
        let Some(key) = self.key(path) else { return };
        let mut own = self.lock();
        if own.made.len() < self.remembered {
            own.made.insert(key);
        }
    }

    /// Hears that what was at `path` was taken away from inside.
    pub(crate) fn unmade(&self, path: &Path) {
        if let Some(key) = self.key(path)
            && of_pack(&key).is_none()
        {
            self.lock().made.remove(&key);
        }
    }

    /// By what it is remembered that something was made.
    fn key(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(&self.objects).ok()?;
        match Part::of(below) {
            Part::Plain => None,
            Part::Loose(_) | Part::Unfinished => Some(below.to_owned()),
            Part::Pack(key) => Some(key),
        }
    }

    /// Whether something is there to be seen at all. An object, or a pack of them, that came from outside
    /// since all were searched is looked at first.
    pub(super) fn look(&self, path: &Path, mask: &dyn Mask) -> Arrived {
        let (key, at) = match Part::of(path) {
            Part::Plain => return Arrived::Seen,
            Part::Loose(_) => (path.to_owned(), path.to_owned()),
            // Git reads no pack before its index is there.
            Part::Pack(key) => (key.clone(), key.with_extension("idx")),
            Part::Unfinished => {
                let made = self.lock().made.contains(path);
                return if made { Arrived::Seen } else { self.absent(path) };
            }
        };
        if self.is_known(&key) {
            return Arrived::Seen;
        }
        let at = self.objects.join(at);
        let Ok(found) = fs::symlink_metadata(&at) else { return self.absent(path) };
        if found.ctime() >= self.since - BEHIND {
            let looked = match Part::of(path) {
                Part::Loose(name) => self.look_at_one(&at, &name, mask),
                _ => self.look_at_pack(&at, mask),
            };
            if looked.is_err() {
                self.lock().closed.insert(key);
                return Arrived::Seen;
            }
        }
        let mut own = self.lock();
        if own.clean.len() >= self.remembered {
            own.clean.clear();
        }
        own.clean.insert(key);
        Arrived::Seen
    }

    fn absent(&self, path: &Path) -> Arrived {
        match fs::symlink_metadata(self.objects.join(path)) {
            Ok(_) => Arrived::Unseen,
            Err(_) => Arrived::Absent,
        }
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
    match Part::of(path) {
        Part::Pack(key) => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Part;

    #[test]
    fn what_is_below_the_objects() {
        let rest = "0123456789abcdef0123456789abcdef012345";
        for (path, expect) in [
            ("", "Plain"),
            ("ab", "Plain"),
            ("info/alternates", "Plain"),
            ("pack", "Plain"),
            ("pack/multi-pack-index", "Plain"),
            ("pack/multi-pack-index-0123.bitmap", "Plain"),
            ("pack/pack-1.idx", "Pack"),
            ("pack/pack-1.pack", "Pack"),
            ("pack/tmp_pack_1", "Unfinished"),
            ("pack/.tmp-7-pack-1.pack", "Unfinished"),
            ("pack/pack-1/x", "Unfinished"),
            ("tmp_obj_1", "Unfinished"),
            ("ab/tmp_obj_1", "Unfinished"),
            ("tmp_objdir-incoming-1", "Unfinished"),
            ("tmp_objdir-incoming-1/pack/pack-1.pack", "Unfinished"),
            ("xy", "Unfinished"),
        ] {
            let part = format!("{:?}", Part::of(Path::new(path)));
            assert_eq!(part.split('(').next(), Some(expect), "{path}");
        }
        let loose = |first: &str| matches!(Part::of(&Path::new(first).join(rest)), Part::Loose(_));
        assert!(loose("ab") && !loose("abc") && !loose("info"));
    }
}
