//! Commits of what is seen. Git makes the names of objects itself, of what it reads, which is masked:
//! so what it commits without looking at its index again (`--no-verify`, merges, picks) has phantoms in
//! it. Such a commit never gets a name in a repository: wherever git writes one down, the commit of the
//! real files is written instead.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt as _, path::Path};

use super::{History, Name, hexadecimal, name, name_of};
use crate::view::Mask;

/// Commits on top of each other of which nobody knows yet what they are.
const COMMITS_MAX: usize = 1_000_000;
/// Directories within each other, of which one has a masked file in it.
const DEPTH_MAX: usize = 128;
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
            let real = self.real_commit(&name, mask)?;
            if real != name {
                word.copy_from_slice(hexadecimal(&real).as_bytes());
                changed = true;
            }
        }
        Ok(changed)
    }

    /// What a commit really is; itself, if it is no commit that was made inside. Those before it are
    /// looked at first, one after the other.
    fn real_commit(&self, name: &Name, mask: &dyn Mask) -> io::Result<Name> {
        let mut open = vec![*name];
        while let Some(at) = open.last().copied() {
            let text = match self.known(&at) {
                Some(_) => None,
                None => self.loose(&at).filter(|(kind, _)| kind == "commit"),
            };
            let Some((_, text)) = text else {
                open.pop();
                continue;
            };
            let before = parents(&text)?;
            let before = before.into_iter().filter(|it| self.is_open(it));
            let length = open.len();
            open.extend(before);
            if open.len() > COMMITS_MAX {
                return Err(io::Error::other("too many commits on top of each other"));
            }
            if open.len() > length {
                continue;
            }
            let real = match self.real_text(&text, mask)? {
                Some(text) => self.made_real("commit", &text)?,
                None => at,
            };
            let mut own = self.lock();
            if own.real.len() >= self.remembered {
                // Of what is forgotten, nobody would know any more that it has another name.
                return Err(io::Error::other("more commits of one run than are remembered"));
            }
            own.real.insert(at, real);
        }
        Ok(self.known(name).unwrap_or(*name))
    }

    /// What it is known to be: what was not made inside is what it is.
    fn known(&self, name: &Name) -> Option<Name> {
        let known = self.lock().real.get(name).copied();
        known.or_else(|| (!self.is_made(name)).then_some(*name))
    }

    /// Whether it is a commit of which nobody knows what it is.
    fn is_open(&self, name: &Name) -> bool {
        self.known(name).is_none() && self.loose(name).is_some_and(|(kind, _)| kind == "commit")
    }

    /// The text of a commit with its real tree and parents, which are known; nothing if they are what it
    /// says. A signature of what it was is none of what it is.
    fn real_text(&self, text: &[u8], mask: &dyn Mask) -> io::Result<Option<Vec<u8>>> {
        let mut real = Vec::with_capacity(text.len());
        let (mut changed, mut head, mut signature) = (false, true, false);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            head = head && line != b"\n";
            signature =
                head && (line.starts_with(b"gpgsig") || (signature && line.starts_with(b" ")));
            if signature {
                continue;
            }
            let named = if head { Line::of(line)? } else { None };
            let (word, own, other) = match named {
                Some(Line::Parent(own)) => ("parent", own, self.known(&own).unwrap_or(own)),
                Some(Line::Tree(own)) => {
                    ("tree", own, self.real_tree(&own, Path::new(""), mask, 0)?)
                }
                None => {
                    real.extend(line);
                    continue;
                }
            };
            changed |= other != own;
            real.extend(format!("{word} {}\n", hexadecimal(&other)).into_bytes());
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
        if !self.is_made(tree) || !mask.has_places_below(&self.tree.join(at)) {
            return Ok(*tree);
        }
        if depth > DEPTH_MAX {
            return Err(io::Error::other("too many directories within each other"));
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

/// A line of a commit that names another object.
enum Line {
    Tree(Name),
    Parent(Name),
}

impl Line {
    fn of(line: &[u8]) -> io::Result<Option<Self>> {
        let named = |word: &str| line.strip_prefix(word.as_bytes()).map(named).transpose();
        match named("tree ")? {
            Some(tree) => Ok(Some(Self::Tree(tree))),
            None => Ok(named("parent ")?.map(Self::Parent)),
        }
    }

    fn parent(self) -> Option<Name> {
        match self {
            Self::Parent(name) => Some(name),
            Self::Tree(_) => None,
        }
    }
}

/// What a commit comes after.
fn parents(text: &[u8]) -> io::Result<Vec<Name>> {
    let head = text.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let lines = head.map(Line::of).collect::<io::Result<Vec<_>>>()?;
    Ok(lines.into_iter().flatten().filter_map(Line::parent).collect())
}

/// The name at the end of a line.
fn named(line: &[u8]) -> io::Result<Name> {
    let word = std::str::from_utf8(line.trim_ascii_end()).ok();
    word.and_then(name).ok_or_else(|| io::Error::other("a commit that we do not read"))
}
