//! Records of hooks that found no gateway: appended to a file, which the next gateway takes into
//! the ledger.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use holdpoint_core::ledger::Record;

use crate::{
    error::{Result, StoreError},
    seal::make_private_directory,
};

/// The file that is appended to, and the one that a gateway is taking in.
const SPOOL: &str = "hooks.spool";
const TAKEN: &str = "hooks.taken";
/// Bytes of the file; beyond them nothing more is recorded, and so nothing more passes.
const BYTES_MAX: u64 = 64 << 20;

/// The spool of one state directory.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: PathBuf,
}

impl Spool {
    /// That of the state in `state`.
    pub fn of(state: &Path) -> Self {
        Self { dir: state.to_owned() }
    }

    /// Appends a record; on disk when this returns, if `durable`.
    pub fn append(&self, record: &Record, durable: bool) -> Result<()> {
        make_private_directory(&self.dir)?;
        let path = self.dir.join(SPOOL);
        let mut line = record.to_bytes().map_err(|_| StoreError::Corrupt("record"))?;
        line.push(b'\n');
        let append = || -> io::Result<()> {
            let mut file = self.locked(&path)?;
            if file.metadata()?.len() + line.len() as u64 > BYTES_MAX {
                return Err(io::Error::other("it is full; start a gateway with `holdpoint up`"));
            }
            file.write_all(&line)?;
            if durable { file.sync_data() } else { Ok(()) }
        };
        append().map_err(StoreError::io("append to", &path))
    }

    /// The file, locked, and still the one of that name: a gateway may just have taken it away.
    fn locked(&self, path: &Path) -> io::Result<File> {
        loop {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            file.lock()?;
            match fs::metadata(path) {
                Ok(found) if found.ino() == file.metadata()?.ino() => return Ok(file),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What was appended, oldest first; `None` for a line that is no record. It stays there, as
    /// taken, until [`Spool::forget`].
    pub fn take(&self) -> Result<Vec<Option<Record>>> {
        let (path, taken) = (self.dir.join(SPOOL), self.dir.join(TAKEN));
        // One that is there was not forgotten: the gateway that took it died.
        if !taken.exists() && path.exists() {
            let take = || {
                let _locked = self.locked(&path)?;
                fs::rename(&path, &taken)
            };
            take().map_err(StoreError::io("take", &path))?;
        }
        let file = match File::open(&taken) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file.map_err(StoreError::io("open", &taken))?,
        };
        let lines = BufReader::new(file).split(b'\n');
        lines
            .map(|line| line.map(|line| serde_json::from_slice(&line).ok()))
            .collect::<io::Result<_>>()
            .map_err(StoreError::io("read", &taken))
    }

    /// What is not in a ledger yet, oldest first; it stays where it is.
    pub fn waiting(&self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for path in [TAKEN, SPOOL].map(|name| self.dir.join(name)) {
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.map_err(StoreError::io("open", &path))?,
            };
            let lines = BufReader::new(file).split(b'\n').collect::<io::Result<Vec<_>>>();
            let lines = lines.map_err(StoreError::io("read", &path))?;
            records.extend(lines.iter().filter_map(|line| serde_json::from_slice(line).ok()));
        }
        Ok(records)
    }

    /// Forgets what was taken, once it is in the ledger.
    pub fn forget(&self) -> Result<()> {
        let taken = self.dir.join(TAKEN);
        match fs::remove_file(&taken) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(StoreError::io("remove", taken)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use holdpoint_core::{Timestamp, ledger::RecordKind};

    use super::*;

    fn record(number: u64) -> Record {
        let event = format!("{number}");
        Record::new(Timestamp(number), None, RecordKind::Lifecycle { event })
    }

    #[test]
    fn what_is_appended_while_it_is_taken_is_neither_lost_nor_twice_there() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::of(dir.path());
        let appending = thread::spawn({
            let spool = spool.clone();
            move || (0..500).for_each(|number| spool.append(&record(number), false).unwrap())
        });
        let mut all = Vec::new();
        while all.len() < 500 {
            all.extend(spool.take().unwrap());
            spool.forget().unwrap();
        }
        appending.join().unwrap();
        assert_eq!(all, (0..500).map(|number| Some(record(number))).collect::<Vec<_>>());
        assert_eq!(spool.take().unwrap(), []);
    }

    #[test]
    fn what_was_not_forgotten_is_taken_again_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::of(dir.path());
        spool.append(&record(1), true).unwrap();
        assert_eq!(spool.waiting().unwrap(), [record(1)]);
        assert_eq!(spool.take().unwrap().len(), 1);
        spool.append(&record(2), true).unwrap();
        assert_eq!(spool.waiting().unwrap(), [record(1), record(2)]);
        fs::write(dir.path().join(SPOOL), "{damaged\n").unwrap();
        assert_eq!(spool.take().unwrap(), [Some(record(1))]);
        spool.forget().unwrap();
        assert_eq!(spool.take().unwrap(), [None]);
    }

    #[test]
    fn where_nothing_can_be_appended_that_is_said() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(SPOOL)).unwrap();
        assert!(Spool::of(dir.path()).append(&record(1), true).is_err());
        let full = tempfile::tempdir().unwrap();
        File::create(full.path().join(SPOOL)).unwrap().set_len(BYTES_MAX).unwrap();
        let refused = Spool::of(full.path()).append(&record(1), true).unwrap_err().to_string();
        assert!(refused.contains("full"), "{refused}");
    }
}
