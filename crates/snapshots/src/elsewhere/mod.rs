//! Repositories whose files somebody else keeps: they are listed, read and added, and removed only
//! by whoever prunes, with a login of their own.
//!
//! - `client`: HTTP, for who may wait
//! - `rest`: restic's REST protocol, of a server that only appends
//! - `s3`: S3 with Object Lock; `versions`: what a bucket has of one name
//! - [`Login`]: who we are there

mod client;
mod login;
mod rest;
mod s3;
mod versions;

use std::{
    collections::HashSet,
    fmt, io,
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use holdpoint_core::Timestamp;
use holdpoint_store::config::{StoreProtocol, StoreUrl};
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};

pub use login::Login;

use crate::{check::Finding, storage::Power};
use client::Client;

/// The files of a repository that somebody else keeps.
pub(crate) trait Elsewhere: fmt::Debug + Send + Sync + 'static {
    /// Where, in words.
    fn place(&self) -> String;

    /// Makes what has to be there before the first file.
    fn create(&self) -> io::Result<()> {
        Ok(())
    }

    /// The files of a kind, with their lengths.
    fn list(&self, of: FileType) -> io::Result<Vec<(Id, u32)>>;

    /// A file, or a part of it: an offset and a length.
    fn read(&self, of: FileType, id: &Id, part: Option<(u32, u32)>) -> io::Result<Vec<u8>>;

    /// Adds a file; the same once more is no mistake.
    fn add(&self, of: FileType, id: &Id, parts: &[&[u8]]) -> io::Result<()>;

    /// Removes a file, where the login may.
    fn remove(&self, of: FileType, id: &Id) -> io::Result<()>;

    /// Has these files kept for longer, where a store locks for a time.
    fn renew(&self, _files: &[(FileType, Id)]) -> io::Result<()> {
        Ok(())
    }

    /// Whether it locks files for a time, which has to be renewed.
    fn locks(&self) -> bool {
        false
    }

    /// As long as what this gives is open, nobody removes anything; nothing, where only we do.
    fn share(&self) -> io::Result<Option<UnixStream>> {
        Ok(None)
    }

    /// How whoever reads it without us names the repository.
    fn named(&self) -> io::Result<String> {
        Ok(self.place())
    }

    /// Tries what whoever writes can do, and looks at where it lies beside what was `saved`.
    fn check(&self, saved: &HashSet<PathBuf>) -> io::Result<Vec<Finding>>;
}

/// Where a repository lies.
#[derive(Debug, Clone, Default)]
pub(crate) enum Place {
    /// In our own directory.
    #[default]
    Own,
    /// Behind another user's socket.
    Door(PathBuf),
    /// In a store of another machine; whoever signed the certificates in these files is believed.
    Store(StoreUrl, Vec<PathBuf>),
}

/// The store at `url`, to which we are `login`.
pub(crate) fn store(
    url: &StoreUrl,
    authorities: &[PathBuf],
    login: Option<Login>,
    lock_days: u64,
) -> io::Result<Arc<dyn Elsewhere>> {
    let client = Client::new(url, authorities)?;
    Ok(match url.protocol {
        StoreProtocol::Rest => Arc::new(rest::Rest::new(url, client, login)),
        StoreProtocol::S3 => {
            let none = "no login is kept for it: `holdpoint snapshots login`";
            let login = login.ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, none));
            Arc::new(s3::S3::new(url, client, &login?, lock_days))
        }
    })
}

/// A store as the repository writes it.
#[derive(Debug)]
pub(crate) struct Backend {
    store: Arc<dyn Elsewhere>,
    power: Power,
    failed: AtomicBool,
}

impl Backend {
    pub(crate) fn new(store: Arc<dyn Elsewhere>, power: Power) -> Self {
        Self { store, power, failed: AtomicBool::new(false) }
    }

    /// Once a file could not be written, no snapshot is: rustic leaves out what fails.
    fn add(&self, of: FileType, id: &Id, content: &BytesList) -> io::Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("something before it could not be written"));
        }
        let parts: Vec<&[u8]> = content.slice().iter().map(|part| &**part).collect();
        self.store.add(of, id, &parts).inspect_err(|_| self.failed.store(true, Ordering::Release))
    }
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Box<RusticError> {
    move |error| RusticError::with_source(ErrorKind::Backend, doing, error)
}

impl ReadBackend for Backend {
    fn location(&self) -> String {
        self.store.place()
    }

    fn list_with_size(&self, of: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.store.list(of).map_err(failed("the files that are kept elsewhere cannot be listed"))
    }

    fn read_full(&self, of: FileType, id: &Id) -> RusticResult<Bytes> {
        let read = self.store.read(of, id, None).map(Bytes::from);
        read.map_err(failed("a file that is kept elsewhere cannot be read"))
    }

    fn read_partial(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let read = self.store.read(of, id, Some((offset, length))).map(Bytes::from);
        read.map_err(failed("a part of a file that is kept elsewhere cannot be read"))
    }

    fn warmup_path(&self, _of: FileType, _id: &Id) -> String {
        self.location()
    }
}

impl WriteBackend for Backend {
    fn create(&self) -> RusticResult<()> {
        self.store.create().map_err(failed("a repository cannot be made elsewhere"))
    }

    fn write_bytes(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        self.add(of, id, &content).map_err(failed("a file cannot be added elsewhere"))
    }

    fn remove(&self, of: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.power.may_remove()?;
        self.store.remove(of, id).map_err(failed("a file that is kept elsewhere is not removed"))
    }
}

/// A store on this machine goes with it.
fn here(at: &StoreUrl) -> Finding {
    let found = match at.is_here() {
        true => format!("{at} is this machine: what destroys it takes both; name another one"),
        false => format!("{at} is another machine"),
    };
    Finding { what: "place", ok: !at.is_here(), found }
}

/// The time by the machine's clock.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}
