//! What is released, made of the binary under test, and the home of somebody who has only that.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::holdpoint::Called;

/// Archive, package and checksums; gone with the value. Making them takes long.
pub struct Released {
    /// The archive.
    pub archive: PathBuf,
    /// The Debian package.
    pub package: PathBuf,
    out: TempDir,
}

impl Released {
    /// What would be released with this binary.
    pub fn of(binary: &str) -> Self {
        let out = tempfile::tempdir().unwrap();
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let files = xtask::dist::make(root, Some(Path::new(binary)), out.path()).unwrap();
        let [archive, package, _] = files.try_into().unwrap();
        Self { archive, package, out }
    }

    /// Where they lie.
    pub fn path(&self) -> &Path {
        self.out.path()
    }
}

/// A home of somebody who has only the archive.
pub struct Home(TempDir);

impl Home {
    /// Somebody's, with a project and the archive unpacked in it.
    pub fn new(released: &Released) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("project")).unwrap();
        let mut tar = Command::new("tar");
        let unpacked =
            tar.arg("-xzf").arg(&released.archive).arg("-C").arg(home.path()).status().unwrap();
        assert!(unpacked.success());
        Self(home)
    }

    /// A path in it.
    pub fn path(&self, place: &str) -> PathBuf {
        self.0.path().join(place)
    }

    /// A program with nothing of the environment but this home and the path, in the project.
    pub fn command(&self, program: impl AsRef<Path>, words: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        let path = format!("{}:/usr/bin:/bin", self.path(".local/bin").display());
        command.args(words).env_clear().env("HOME", self.0.path()).env("PATH", path);
        command.current_dir(self.path("project")).stdin(Stdio::null());
        command
    }

    /// The same, to its end.
    pub fn call(&self, program: impl AsRef<Path>, words: &[&str]) -> Called {
        self.command(program, words).output().unwrap().into()
    }

    /// Installs the archive, and throws away what was unpacked.
    pub fn install(&self) -> Called {
        let name = format!("holdpoint-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
        let prefix = self.path(".local");
        let installer = self.path(&name).join("install.sh");
        let installed = self.call(&installer, &["--prefix", prefix.to_str().unwrap()]);
        fs::remove_dir_all(self.path(&name)).unwrap();
        installed
    }

    /// Calls what was installed.
    pub fn holdpoint(&self, words: &[&str]) -> Called {
        self.call(self.path(".local/bin/holdpoint"), words)
    }

    /// Every file, with what is in it.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut directories = vec![self.0.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => drop(files.insert(path.clone(), fs::read(&path).unwrap_or_default())),
                }
            }
        }
        files
    }
}
