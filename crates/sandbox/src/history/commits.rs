//! Commits of what is seen. Git makes the names of objects itself, of what it reads, which is masked:
//! so what it commits without looking at its index again (`--no-verify`, merges, picks) has phantoms in
//! it. Such a commit never gets a name in a repository: wherever git writes one down, the commit of the
//! real files is written instead.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt as _, path::Path};

use super::{History, Name, hexadecimal, loose, name, name_of};
use crate::view::Mask;

/// Commits on top of each other, and directories within each other, that were made by one program.
const DEPTH_MAX: usize = 1000;
/// Characters of a name.
const WORD: usize = 40;

impl History {
    /// Puts the names of the real commits in the place of those that were made of what is seen,
    /// and says whether there were any.
    pub(crate) fn real_names(&self, text: &mut [u8], mask: &dyn Mask) -> io::Result<bool> {
        let mut changed = false;
        for word in
            text.chunk_by_mut(|one, other| one.is_ascii_hexdigit() == other.is_ascii_hexdigit())
        {
            if word.len() != WORD {
                continue;
            }
            let Some(name) = std::str::from_utf8(word).ok().and_then(name) else { continue };
            let real = self.real_commit(&name, mask, 0)?;
            if real != name {
                word.copy_from_slice(hexadecimal(&real).as_bytes());
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Whether an object was made inside.
    fn is_made(&self, name: &Name) -> bool {
        loose(name).is_ok_and(|path| self.lock().made.contains(&path))
    }

    /// What a commit really is; itself, if it is no commit that was made inside.
    fn real_commit(&self, name: &Name, mask: &dyn Mask, depth: usize) -> io::Result<Name> {
        let known = self.lock().real.get(name).copied();
        if let Some(real) = known {
            return Ok(real);
        }
        if !self.is_made(name) {
            return Ok(*name);
        }
        let Some((_, text)) = self.loose(name).filter(|(kind, _)| kind == "commit") else {
            return Ok(*name);
        };
        let real = match self.real_text(&text, mask, depth)? {
            Some(text) => self.made_real("commit", &text)?,
            None => *name,
        };
        self.lock().real.insert(*name, real);
        Ok(real)
    }

    /// The text of a commit with its real tree and parents; nothing if they are. A signature of what
    /// it was is none of what it is.
    fn real_text(&self, text: &[u8], mask: &dyn Mask, depth: usize) -> io::Result<Option<Vec<u8>>> {
        if depth > DEPTH_MAX {
            return Err(io::Error::other("too many commits on top of each other"));
        }
        let mut real = Vec::with_capacity(text.len());
        let (mut changed, mut head, mut signature) = (false, true, false);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            head = head && line != b"\n";
            signature =
                head && (line.starts_with(b"gpgsig") || (signature && line.starts_with(b" ")));
            match line.split_first_chunk::<7>().filter(|_| head) {
                _ if signature => {}
                Some((b"parent ", own)) => {
                    let own = named(own)?;
                    let other = self.real_commit(&own, mask, depth + 1)?;
                    changed |= other != own;
                    real.extend(format!("parent {}\n", hexadecimal(&other)).into_bytes());
                }
                _ if head && line.starts_with(b"tree ") => {
                    let own = named(line.strip_prefix(b"tree ").unwrap_or_default())?;
                    let other = self.real_tree(&own, Path::new(""), mask, 0)?;
                    changed |= other != own;
                    real.extend(format!("tree {}\n", hexadecimal(&other)).into_bytes());
                }
                _ => real.extend(line),
            }
        }
        Ok(changed.then_some(real))
    }

    /// What the tree at a path really is.
    pub(crate) fn real_tree_at(
        &self,
        path: &Path,
        name: &Name,
        mask: &dyn Mask,
    ) -> io::Result<Name> {
        self.real_tree(name, path, mask, 0)
    }

    fn real_tree(&self, tree: &Name, at: &Path, mask: &dyn Mask, depth: usize) -> io::Result<Name> {
        if !self.is_made(tree) || depth > DEPTH_MAX {
            return Ok(*tree);
        }
        let Some((_, bytes)) = self.loose(tree).filter(|(kind, _)| kind == "tree") else {
            return Ok(*tree);
        };
        let (mut real, mut rest) = (Vec::with_capacity(bytes.len()), bytes.as_slice());
        while let Some(end) = memchr::memchr(0, rest) {
            let (entry, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            let Some((own, after)) = after.split_first_chunk::<20>() else {
                return Err(io::Error::other("a tree that we do not read"));
            };
            real.extend(entry);
            real.extend(self.real_entry(entry, own, at, mask, depth)?);
            rest = after;
        }
        if real == bytes { Ok(*tree) } else { self.made_real("tree", &real) }
    }

    /// What an entry of a tree really names: `entry` is its mode, its name and a zero.
    fn real_entry(
        &self,
        entry: &[u8],
        own: &Name,
        at: &Path,
        mask: &dyn Mask,
        depth: usize,
    ) -> io::Result<Name> {
        let mut parts = entry.splitn(2, |byte| *byte == b' ');
        let (mode, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let file = file.strip_suffix(b"\0").unwrap_or(file);
        let path = at.join(OsStr::from_bytes(file));
        match mode {
            b"40000" => self.real_tree(own, &path, mask, depth + 1),
            _ if mode.starts_with(b"100") => {
                Ok(self.real_file(own, &self.tree.join(path), mask).unwrap_or(*own))
            }
            _ => Ok(*own),
        }
    }

    fn made_real(&self, kind: &str, bytes: &[u8]) -> io::Result<Name> {
        let name = name_of(kind, bytes);
        self.place(&name, kind, bytes)?;
        Ok(name)
    }
}

/// The name at the end of a line.
fn named(line: &[u8]) -> io::Result<Name> {
    let word = std::str::from_utf8(line.trim_ascii_end()).ok();
    word.and_then(name).ok_or_else(|| io::Error::other("a commit that we do not read"))
}
