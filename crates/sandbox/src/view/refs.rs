//! Packed refs (git-pack-refs(1)): git writes them as a whole, beside, and renames them into their place.
//! What it would show instead of other objects (git-replace(1)) is guarded where it is loose, and does
//! not come out of there packed.

use std::{
    collections::BTreeSet,
    io::{self, Read as _, Write as _},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, Stat, renameat, unlinkat},
    io::Errno,
};

use super::{
    Spot, View,
    places::{self, Place},
};
use crate::guarded;

/// Bytes of packed refs: a million of them.
const PACKED_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a loose ref.
const LOOSE_MAX: u64 = 4096;
/// What the names of replacements begin with.
const REPLACE: &[u8] = b"refs/replace/";
/// What the names of our drafts begin with: nobody inside has them.
pub(super) const DRAFT: &str = ".holdpoint-";

/// Drafts until now.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

impl View {
    /// Refuses to write packed refs where they are: whoever has them open could write more than we
    /// looked at.
    pub(super) fn is_renamed_to(&self, spot: &Spot) -> io::Result<()> {
        match self.is_packed_refs(spot)? {
            true => Err(Errno::PERM.into()),
            false => Ok(()),
        }
    }

    pub(super) fn is_packed_refs(&self, spot: &Spot) -> io::Result<bool> {
        Ok(self.within(spot)?.is_some_and(|path| guarded::is_packed_refs(&path)))
    }

    /// Makes packed refs of what was written at `source`, in a file that nobody has open, and says what
    /// that is.
    pub(super) fn pack_refs(&self, source: &Spot, target: &Spot) -> io::Result<Stat> {
        let (from, to) = (self.place(source, true)?, self.place(target, true)?);
        let mut text = Vec::new();
        let mut file = from.plain()?.take(PACKED_MAX + 1);
        file.read_to_end(&mut text)?;
        if text.len() as u64 > PACKED_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let real = self.real(target)?;
        let before = places::read(&real, PACKED_MAX).unwrap_or_default();
        let text = without_replacements(&text, &before, &|name| {
            let loose = std::str::from_utf8(name).ok().map(|name| real.with_file_name(name));
            loose.and_then(|at| places::read(&at, LOOSE_MAX).ok())
        });
        let mode = Mode::from_raw_mode(from.stat()?.st_mode & 0o7777);
        let draft = draft(&to)?;
        let written = draft
            .open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| Ok(renameat(&draft.directory, &draft.name, &to.directory, &to.name)?));
        if written.is_err() {
            // The failure itself is told.
            let _ = unlinkat(&draft.directory, &draft.name, AtFlags::empty());
        }
        written?;
        unlinkat(&from.directory, &from.name, AtFlags::empty())?;
        to.stat()
    }
}

/// Where something is written that is renamed to `place`.
pub(super) fn draft(place: &Place) -> io::Result<Place> {
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let name = format!("{DRAFT}{}-{number}", std::process::id());
    Ok(Place { directory: rustix::io::dup(&place.directory)?, name: name.into() })
}

/// Packed refs without the replacements that are not real: neither were they among them `before`, nor
/// does `loose` say so.
pub(crate) fn without_replacements(
    text: &[u8],
    before: &[u8],
    loose: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Vec<u8> {
    let lines = |text| <[u8]>::split_inclusive(text, |byte: &u8| *byte == b'\n');
    let real: BTreeSet<&[u8]> = lines(before).map(<[u8]>::trim_ascii_end).collect();
    let (mut left, mut dropped) = (Vec::with_capacity(text.len()), false);
    for line in lines(text) {
        // What a tag leads to belongs to the line before.
        if !line.starts_with(b"^") {
            let own = line.trim_ascii_end();
            let replacement = split(own).filter(|(_, name)| name.starts_with(REPLACE));
            dropped = replacement.is_some_and(|(object, name)| {
                !real.contains(own) && loose(name).is_none_or(|text| text.trim_ascii() != object)
            });
        }
        if !dropped {
            left.extend(line);
        }
    }
    left
}

/// The object and the name that a line says.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr2(b' ', b'\t', line)?;
    Some((line.get(..at)?, line.get(at..)?.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::without_replacements;

    #[test]
    fn replacements_that_are_not_real_are_no_packed_refs() {
        let head = "# pack-refs with: peeled fully-peeled sorted \n";
        let loose = |name: &[u8]| (name == b"refs/replace/cc").then(|| b"c1\n".to_vec());
        for (text, before, expect) in [
            ("aa refs/heads/main\n", "", "aa refs/heads/main\n"),
            (
                "aa refs/heads/m\nbb refs/replace/dd\ncc refs/tags/t\n^dd\n",
                "",
                "aa refs/heads/m\ncc refs/tags/t\n^dd\n",
            ),
            ("bb refs/replace/dd\n^ee\naa refs/tags/t\n", "", "aa refs/tags/t\n"),
            ("bb refs/replace/dd\n", "bb refs/replace/dd\n", "bb refs/replace/dd\n"),
            ("b1 refs/replace/dd\n", "bb refs/replace/dd\n", ""),
            ("c1 refs/replace/cc\n", "", "c1 refs/replace/cc\n"),
            ("c2 refs/replace/cc", "", ""),
            ("bb refs/heads/refs/replace/dd\n", "", "bb refs/heads/refs/replace/dd\n"),
            ("what nobody reads\n", "", "what nobody reads\n"),
        ] {
            let whole = format!("{head}{text}");
            let left = without_replacements(whole.as_bytes(), before.as_bytes(), &loose);
            assert_eq!(String::from_utf8(left).unwrap(), format!("{head}{expect}"), "{text}");
        }
    }
}
