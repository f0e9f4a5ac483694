//! Short files, read without waiting: what somebody put there may be a pipe, a device, or endless.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// All of a plain file, if it has at most `max` bytes.
pub(super) fn bytes(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > max {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

/// The same, as text.
pub(super) fn text(path: &Path, max: u64) -> io::Result<String> {
    String::from_utf8(bytes(path, max)?).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::text;

    #[test]
    fn what_is_no_short_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("four"), "four").unwrap();
        fs::write(at("bytes"), [0xff, 0xfe]).unwrap();
        symlink("four", at("link")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        for (name, max, expect) in [
            ("four", 4, Some("four")),
            ("four", 3, None),
            ("link", 4, Some("four")),
            ("bytes", 4, None),
            ("zero", 4, None),
            ("pipe", 4, None),
            ("nothing", 4, None),
        ] {
            assert_eq!(text(&at(name), max).ok().as_deref(), expect, "{name}");
        }
    }
}
