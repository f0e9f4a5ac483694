//! A control group of its own for a run, where this user may make one: all of it is frozen and
//! killed by one word to the kernel.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the hierarchy of the second version may be.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// The beginning of our groups' names.
const PREFIX: &str = "holdpoint-";

/// A run's group; gone when dropped.
#[derive(Debug)]
pub struct Group(PathBuf);

impl Group {
    /// Makes the group of `run`; an error where this user may not.
    pub fn make(run: &str) -> io::Result<Self> {
        let path = place()?.join(format!("{PREFIX}{run}"));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Puts `process` into it; what it starts from then on is in it too.
    pub fn add(&self, process: u32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.to_string())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What cannot be removed is empty, and in nobody's way.
        let _removed = fs::remove_dir(&self.0);
    }
}

/// Where this user may make groups: in the group that this process is in.
pub(crate) fn place() -> io::Result<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let own = own.ok_or_else(|| io::Error::other("there are no groups of the second version"))?;
    let mounted = |mount: &&&str| Path::new(mount).join("cgroup.procs").exists();
    let mount = MOUNTS.iter().find(mounted);
    let mount = mount.ok_or_else(|| io::Error::other("the groups are not mounted"))?;
    let place = Path::new(mount).join(own);
    let trial = place.join(format!("{PREFIX}trial-{}", std::process::id()));
    fs::create_dir(&trial)?;
    // The kernel must know the words by which a group is frozen and killed (5.14).
    let knows = trial.join("cgroup.kill").exists() && trial.join("cgroup.freeze").exists();
    fs::remove_dir(&trial)?;
    match knows && fs::OpenOptions::new().write(true).open(place.join("cgroup.procs")).is_ok() {
        true => Ok(place),
        false => Err(io::Error::other("the group is not delegated to this user")),
    }
}
