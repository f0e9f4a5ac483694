//! Logins that the wrapped agent begins inside, where there is none outside yet: it writes its file where a
//! link leads, and when the run is over what it was given is kept in its place outside.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use holdpoint_catalog::issuers::Issuer;
use holdpoint_sandbox::{
    begun::{self, BYTES_MAX},
    layout::{Access, Layout, Piece},
};
use holdpoint_store::issued::Issued;
use rustix::fs::OFlags;

use super::logins::real;

/// Where they are in the directory of the run's logins.
const OUTSIDE: &str = "begun";

/// The logins that a run may begin.
#[derive(Default)]
pub(super) struct Begun {
    places: Vec<Begins>,
}

/// One that is not there yet.
struct Begins {
    at: PathBuf,
    issuer: &'static Issuer,
    /// What the run writes.
    written: PathBuf,
}

impl Begun {
    /// Has one begin at `at`, in a run whose logins are in `directory`.
    pub(super) fn add(&mut self, at: PathBuf, issuer: &'static Issuer, directory: &Path) {
        let written = directory.join(OUTSIDE).join(self.places.len().to_string());
        self.places.push(Begins { at, issuer, written });
    }

    /// Has `layout` show where they are written.
    pub(super) fn show(&self, directory: &Path, layout: &mut Layout) -> io::Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let outside = directory.join(OUTSIDE);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&outside)?;
        let (from, access) = (fs::canonicalize(outside)?, Access::ReadWrite);
        for (number, Begins { at, .. }) in self.places.iter().enumerate() {
            begun::say(&from, number, at)?;
        }
        layout.pieces.push(Piece::Outside { at: begun::PLACE.into(), from, access });
        for (number, Begins { at, .. }) in self.places.iter().enumerate() {
            let to = Path::new(begun::PLACE).join(number.to_string());
            layout.pieces.push(Piece::Link { at: at.clone(), to });
        }
        Ok(())
    }

    /// Keeps what was given to `run`, and says so: what an issuer gave is real from now on.
    pub(super) fn end(&self, issued: &Issued, run: &str) {
        for begins in &self.places {
            let at = begins.at.display();
            match begins.end(issued, run) {
                Ok(false) => {}
                Ok(true) => eprintln!("holdpoint: the login that run {run} began is in {at}"),
                Err(error) => eprintln!("holdpoint: the login for {at} is not kept: {error}"),
            }
        }
    }
}

impl Begins {
    fn end(&self, issued: &Issued, run: &str) -> io::Result<bool> {
        let Some(written) = own(&self.written)? else { return Ok(false) };
        fs::remove_file(&self.written)?;
        let held = issued.captured_of(run).map_err(io::Error::other)?;
        let kept = real(self.issuer, &held, written.clone());
        // What nobody issued is no login, and what came to be there meanwhile is the human's.
        if kept == written || fs::symlink_metadata(&self.at).is_ok() {
            return Ok(false);
        }
        self.at.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut new = OpenOptions::new();
        new.write(true).create_new(true).mode(0o600).open(&self.at)?.write_all(&kept)?;
        Ok(true)
    }
}

/// A file that the run wrote itself. It could have put a link or a pipe there.
fn own(at: &Path) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(at) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let found = file.metadata()?;
    if !found.is_file() || found.len() > BYTES_MAX {
        return Err(io::Error::other(format!("it is no file of at most {BYTES_MAX} bytes")));
    }
    let mut text = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut text)?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::own;

    #[test]
    fn what_a_run_wrote_is_a_file_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        fs::File::create(at("long")).unwrap().set_len(super::BYTES_MAX + 1).unwrap();
        assert_eq!(own(&at("file")).unwrap().as_deref(), Some(&b"text"[..]));
        assert_eq!(own(&at("none")).unwrap(), None);
        for name in ["link", "directory", "long"] {
            assert!(own(&at(name)).is_err(), "{name}");
        }
    }
}
