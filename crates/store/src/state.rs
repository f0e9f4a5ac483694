//! The state directory: one database, one key, at most one gateway.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    agents::Agents,
    approvers::Approvers,
    config::{HoldTerms, Limits},
    database::Database,
    error::{Result, StoreError},
    holds::Holds,
    hosts::Hosts,
    id::random_id,
    inventory::Inventory,
    issued::Issued,
    made::Made,
    payloads::Payloads,
    refusals::Refusals,
    seal::{Seal, make_private_directory},
    secrets::Secrets,
    snapshots::Snapshots,
    undos::Undos,
    watch::Watch,
};

/// All that Holdpoint knows, in one directory. Cheap to clone: every clone is the same state.
#[derive(Clone)]
pub struct State(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) database: Database,
    pub(crate) seal: Seal,
    pub(crate) watch: Watch,
    pub(crate) gateway_id: String,
    pub(crate) limits: Limits,
    /// Bytes of payloads that are being written, which no list counts yet.
    pub(crate) writing: AtomicU64,
}

impl State {
    /// The state in `dir`, which is made if it is not there, with the default limits.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_with(dir, &Limits::default())
    }

    /// The state in `dir`, which is made if it is not there.
    pub fn open_with(dir: &Path, limits: &Limits) -> Result<Self> {
        protect_directory(dir)?;
        let path = dir.join("state.db");
        make_database_file(&path)?;
        let seal = Seal::open(&dir.join("store.key"))?;
        let database = Database::open(&path)?;
        Self::assemble(Some(dir.to_owned()), database, seal, limits)
    }

    /// A state that is gone when it is dropped.
    pub fn in_memory() -> Result<Self> {
        Self::assemble(None, Database::in_memory()?, Seal::ephemeral()?, &Limits::default())
    }

    fn assemble(
        dir: Option<PathBuf>,
        database: Database,
        seal: Seal,
        limits: &Limits,
    ) -> Result<Self> {
        let check = seal.fingerprint(b"store.key");
        if meta(&database, "key_check", || Ok(check.clone()))? != check {
            return Err(StoreError::WrongKey);
        }
        let gateway_id = meta(&database, "gateway_id", || random_id::<16>("g"))?;
        let watch = Watch::new(dir.as_deref());
        let (limits, writing) = (limits.clone(), AtomicU64::new(0));
        Ok(Self(Arc::new(Shared { dir, database, seal, watch, gateway_id, limits, writing })))
    }

    /// The directory; none for a state in memory.
    pub fn dir(&self) -> Option<&Path> {
        self.0.dir.as_deref()
    }

    /// The name of the gateway of this state: the audience of every approval.
    pub fn gateway_id(&self) -> &str {
        &self.0.gateway_id
    }

    /// Becomes the one gateway on this state, until the lock is dropped or the process ends.
    pub fn lock_gateway(&self) -> Result<GatewayLock> {
        let Some(dir) = self.dir() else { return Ok(GatewayLock { _file: None }) };
        GatewayLock::acquire(dir)
    }

    /// Who may ask.
    pub fn agents(&self) -> Agents {
        Agents(self.clone())
    }

    /// Which hosts a human listed.
    pub fn hosts(&self) -> Hosts {
        Hosts(self.clone())
    }

    /// Which resources a human placed.
    pub fn inventory(&self) -> Inventory {
        Inventory(self.clone())
    }

    /// What runs have made.
    pub fn made(&self) -> Made {
        Made(self.clone())
    }

    /// Real credentials and their phantoms.
    pub fn secrets(&self) -> Secrets {
        Secrets(self.clone())
    }

    /// The undos that are asked for.
    pub fn undos(&self) -> Undos {
        Undos(self.clone())
    }

    /// The catalogue of snapshots.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots(self.clone())
    }

    /// What upstreams gave to each run.
    pub fn issued(&self) -> Issued {
        Issued(self.clone())
    }

    /// What waits for a human, on these terms.
    pub fn holds(&self, terms: HoldTerms) -> Holds {
        Holds { state: self.clone(), terms }
    }

    /// Who may release.
    pub fn approvers(&self) -> Approvers {
        Approvers(self.clone())
    }

    /// What was refused, remembered for so many minutes.
    pub fn refusals(&self, remember_minutes: u64) -> Refusals {
        Refusals { state: self.clone(), remember_minutes }
    }

    /// Bodies and responses.
    pub fn payloads(&self) -> Payloads {
        Payloads(self.clone())
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

/// The proof that this process is the gateway of a state directory.
#[derive(Debug)]
pub struct GatewayLock {
    _file: Option<File>,
}

impl GatewayLock {
    fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join("gateway.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // Only for the message: without it, "unknown" is said.
                let read = file.take(20).read_to_string(&mut process);
                let known = read.is_ok_and(|length| length > 0);
                let process = if known { process } else { "unknown".to_owned() };
                return Err(StoreError::Running { dir: dir.to_owned(), process });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(StoreError::io("write", &path))?;
        Ok(Self { _file: Some(file) })
    }
}

/// Makes the directory, or sees to it that only its owner can enter. One that others could
/// write to is refused: what lies in it may be theirs.
fn protect_directory(dir: &Path) -> Result<()> {
    make_private_directory(dir)?;
    let found = fs::metadata(dir).map_err(StoreError::io("look at", dir))?;
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return Err(StoreError::OtherOwner(dir.to_owned()));
    }
    if found.mode() & 0o022 != 0 {
        return Err(StoreError::OthersCanWrite(dir.to_owned()));
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(StoreError::io("protect", dir))
}

/// Makes the file that SQLite will open, for its owner alone: SQLite gives its journal files the
/// rights of the database's. The file is never opened here, since closing it would take from every
/// `State` of this process its locks (sqlite.org/howtocorrupt.html, section 2.2).
fn make_database_file(path: &Path) -> Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    match mknodat(CWD, path, FileType::RegularFile, Mode::RUSR | Mode::WUSR, 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(StoreError::io("make", path)(error.into())),
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))
        .map_err(StoreError::io("protect", path))
}

/// The value of `key`; the first process that asks makes it.
fn meta(database: &Database, key: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
    let find = |connection: &Connection| -> Result<Option<String>> {
        let select = "SELECT value FROM meta WHERE key = ?1";
        Ok(connection.query_row(select, [key], |row| row.get(0)).optional()?)
    };
    if let Some(value) = database.read(find)? {
        return Ok(value);
    }
    database.write(|transaction| {
        // Another process may have been faster.
        if let Some(value) = find(transaction)? {
            return Ok(value);
        }
        let value = make()?;
        transaction.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", [key, &value])?;
        Ok(value)
    })
}

#[cfg(test)]
mod tests;
