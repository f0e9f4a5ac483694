//! Which runs have a supervisor, and the process by which each of them can be ended.
//!
//! Each supervisor keeps a file in `runs`, locked as long as it lives: the lock shows that the
//! process in it is still that run's, and not another one that has its number now.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{
    error::{Result, StoreError},
    id::check_name,
    seal::make_private_directory,
    state::State,
};

/// The directory of the files.
const RUNS: &str = "runs";
/// The extension of one that is not locked yet; no run's name has one.
const NEW: &str = "new";
/// The extension of the word that a run is killed, before its identity is.
const CONDEMNED: &str = "condemned";

/// The word of a supervisor that its run goes on; taken back when dropped.
#[derive(Debug)]
pub struct Supervised {
    file: File,
    path: PathBuf,
}

impl Supervised {
    /// Says which process ends everything of the run when it ends.
    pub fn ends_with(&mut self, process: u32) -> io::Result<()> {
        write!(self.file, "{process}")
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Without the lock it means nothing any more.
        let _removed = fs::remove_file(&self.path);
        let _removed = fs::remove_file(self.path.with_extension(CONDEMNED));
    }
}

impl State {
    /// Supervises `run` from now on.
    pub fn supervise(&self, run: &str) -> Result<Supervised> {
        let path = self.run_file(run)?;
        // Locked before it can be found, so that nobody takes it for an abandoned one.
        let new = path.with_extension(NEW);
        let make = || -> io::Result<File> {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.lock()?;
            fs::hard_link(&new, &path)?;
            fs::remove_file(&new)?;
            Ok(file)
        };
        let file = make().map_err(StoreError::io("make", &path))?;
        Ok(Supervised { file, path })
    }

    /// Ends every process of `run` at once, before anything slower is done about it; its
    /// supervisor finds that it [was condemned](Self::is_condemned). Says whether there was one.
    pub fn condemn(&self, run: &str) -> Result<bool> {
        let path = self.run_file(run)?;
        if !path.exists() {
            return Ok(false);
        }
        let word = path.with_extension(CONDEMNED);
        fs::write(&word, "").map_err(StoreError::io("write", &word))?;
        self.end_processes(run)
    }

    /// Whether `run` was ended by a kill: its identity is to stay known, as killed.
    pub fn is_condemned(&self, run: &str) -> Result<bool> {
        Ok(self.run_file(run)?.with_extension(CONDEMNED).exists())
    }

    /// Ends every process of `run` at once; says whether there was one.
    pub fn end_processes(&self, run: &str) -> Result<bool> {
        let path = self.run_file(run)?;
        match end(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            ended => ended.map_err(StoreError::io("end the run of", &path)),
        }
    }

    /// The runs whose supervisor died before it could say that they are over, and whether they were
    /// condemned; said once.
    pub fn abandoned_runs(&self) -> Result<Vec<(String, bool)>> {
        let dir = self.runs_directory()?;
        let failed = || StoreError::io("look into", &dir);
        let mut abandoned = Vec::new();
        for entry in fs::read_dir(&dir).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let Some(run) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Ok(file) = File::open(&path) else { continue };
            if path.extension().is_some() {
                continue;
            }
            // Whoever was condemned is killed, or about to be.
            let condemned = path.with_extension(CONDEMNED);
            if file.try_lock().is_ok() {
                abandoned.push((run.to_owned(), condemned.exists()));
                // If it cannot be removed, it is said again.
                let _removed = fs::remove_file(&path);
                let _removed = fs::remove_file(condemned);
            }
        }
        Ok(abandoned)
    }

    /// The runs that go on, each with the process that ends everything of it.
    pub fn run_processes(&self) -> Result<Vec<(String, u32)>> {
        let dir = self.runs_directory()?;
        let entries = fs::read_dir(&dir).map_err(StoreError::io("look into", &dir))?;
        let read = |entry: io::Result<fs::DirEntry>| {
            let path = entry.ok()?.path();
            let text = fs::read_to_string(&path).ok()?;
            let run = path.extension().is_none().then(|| path.file_name()?.to_str())??;
            let locked = File::open(&path).ok()?.try_lock_shared().is_err();
            Some((run.to_owned(), text.trim().parse().ok().filter(|_| locked)?))
        };
        Ok(entries.filter_map(read).collect())
    }

    fn runs_directory(&self) -> Result<PathBuf> {
        let Some(dir) = self.dir() else {
            return Err(StoreError::Missing { what: "state directory", name: "in memory".into() });
        };
        let dir = dir.join(RUNS);
        make_private_directory(&dir)?;
        Ok(dir)
    }

    fn run_file(&self, run: &str) -> Result<PathBuf> {
        check_name("run", run)?;
        Ok(self.runs_directory()?.join(run))
    }
}

fn end(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let mut text = String::new();
    (&file).take(20).read_to_string(&mut text)?;
    let Some(process) = text.parse().ok().and_then(Pid::from_raw) else { return Ok(false) };
    let Ok(process) = pidfd_open(process, PidfdFlags::empty()) else { return Ok(false) };
    // Looked at after the process was taken hold of: it is the run's, or the lock is free.
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            pidfd_send_signal(process, Signal::KILL)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::state::State;

    #[test]
    fn a_run_ends_with_its_process_and_only_while_it_is_supervised() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        assert!(!state.end_processes("r-1").unwrap(), "there is none");
        assert!(!state.condemn("r-1").unwrap() && !state.is_condemned("r-1").unwrap());
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut supervised = state.supervise("r-1").unwrap();
        assert!(state.supervise("r-1").is_err(), "one supervisor a run");
        supervised.ends_with(child.id()).unwrap();
        assert!(state.abandoned_runs().unwrap().is_empty());
        assert_eq!(state.run_processes().unwrap(), [("r-1".to_owned(), child.id())]);
        assert!(state.condemn("r-1").unwrap() && state.is_condemned("r-1").unwrap());
        assert_eq!(state.run_processes().unwrap().len(), 1);
        assert!(!child.wait().unwrap().success());
        drop(supervised);
        assert!(!state.end_processes("r-1").unwrap());
    }

    #[test]
    fn a_file_without_a_lock_ends_nobody_and_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        drop(state.supervise("r-1").unwrap());
        let file = dir.path().join("runs/r-1");
        std::fs::write(&file, child.id().to_string()).unwrap();
        assert!(!state.end_processes("r-1").unwrap());
        assert!(child.try_wait().unwrap().is_none(), "it still runs");
        assert_eq!(state.abandoned_runs().unwrap(), [("r-1".to_owned(), false)]);
        assert!(state.abandoned_runs().unwrap().is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(state.end_processes("../x").is_err(), "a run is a name");
    }
}
