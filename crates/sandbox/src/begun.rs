//! Files that begin inside: they are written where a link leads, and whoever puts a file in the place of the
//! link has that taken there when the command is over.

use std::{fs, io, os::unix::fs::symlink, path::Path};

/// Where they are inside.
pub const PLACE: &str = "/run/holdpoint-logins";
/// Files that may begin.
const FILES_MAX: u32 = 64;
/// Bytes of one.
pub const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// A link that says where the file of a number would be.
const AT: &str = ".at";

/// Says in `directory`, which is seen at [`PLACE`], where the file of a number would be. Nothing is believed
/// of what is there later: who is inside can change it, and only has other files of the inside copied.
pub fn say(directory: &Path, number: usize, at: &Path) -> io::Result<()> {
    symlink(at, directory.join(format!("{number}{AT}")))
}

/// Takes files to `place` that stand where a link to it was.
pub(crate) fn gather(place: &Path) {
    for number in 0..FILES_MAX {
        let Ok(at) = fs::read_link(place.join(format!("{number}{AT}"))) else { return };
        let plain = |found: &fs::Metadata| found.is_file() && found.len() <= BYTES_MAX;
        if fs::symlink_metadata(&at).is_ok_and(|found| plain(&found)) {
            // What cannot be copied is no login that is kept.
            let _ = fs::copy(&at, place.join(number.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::{gather, say};

    #[test]
    fn a_file_in_the_place_of_its_link_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("place")).unwrap();
        for (number, name) in ["linked", "renamed", "none", "a directory"].iter().enumerate() {
            say(&at("place"), number, &at(name)).unwrap();
        }
        symlink(at("place/0"), at("linked")).unwrap();
        fs::write(at("linked"), "one").unwrap();
        fs::write(at("renamed"), "two").unwrap();
        fs::create_dir(at("a directory")).unwrap();
        gather(&at("place"));
        let text = |name: &str| fs::read_to_string(at("place").join(name)).ok();
        assert_eq!(text("0").as_deref(), Some("one"));
        assert_eq!(text("1").as_deref(), Some("two"));
        assert_eq!((text("2"), text("3")), (None, None));
    }
}
