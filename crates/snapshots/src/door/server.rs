//! The other user's end of a door.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufReader},
    os::unix::{
        fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use holdpoint_core::Digest;
use rustic_core::{FileType, Id, WriteBackend as _};
use rustix::net::sockopt::socket_peercred;

use super::words::{Answer, Asked, BYTES_MAX, Lies, hear, hear_bytes, say};
use crate::{
    error::{Result, SnapshotError},
    repository::LOCK,
    storage::{Power, Storage},
};

/// Conversations at the same time.
const CONVERSATIONS_MAX: usize = 32;
/// How long whoever knocks may be silent; who shares may be silent for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A door that is open.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    directory: PathBuf,
    /// Who may knock, beside whoever keeps it.
    user: u32,
}

impl Server {
    /// Opens a door at `socket` to `directory`, which is made if it is not there, for `user`.
    pub fn open(directory: &Path, socket: &Path, user: u32) -> Result<Self> {
        fs::create_dir_all(directory).map_err(SnapshotError::io("make", directory))?;
        let ours = fs::set_permissions(directory, Permissions::from_mode(0o700));
        ours.map_err(SnapshotError::io("protect", directory))?;
        let made = Storage::new(directory, Power::Add).create();
        made.map_err(SnapshotError::repository(directory))?;
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SnapshotError::io("replace", socket)(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(socket).map_err(SnapshotError::io("open", socket))?;
        // Who knocks is told by the kernel, not by the rights of the socket.
        let open = fs::set_permissions(socket, Permissions::from_mode(0o666));
        open.map_err(SnapshotError::io("open", socket))?;
        Ok(Self { listener, directory: directory.to_owned(), user })
    }

    /// Answers whoever knocks, for as long as the process lives.
    pub fn serve(self) -> Result<()> {
        let busy = Arc::new(AtomicUsize::new(0));
        loop {
            let (stream, _) =
                self.listener.accept().map_err(SnapshotError::io("keep", &self.directory))?;
            let peer = socket_peercred(&stream).map(|peer| peer.uid.as_raw());
            let own = rustix::process::getuid().as_raw();
            if !peer.is_ok_and(|peer| peer == self.user || peer == own) {
                tracing::warn!("somebody else knocked");
                continue;
            }
            if busy.fetch_add(1, Ordering::AcqRel) >= CONVERSATIONS_MAX {
                busy.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let (directory, done) = (self.directory.clone(), Arc::clone(&busy));
            thread::spawn(move || {
                if let Err(error) = converse(&directory, &stream) {
                    tracing::info!(%error, "a conversation at the door broke off");
                }
                done.fetch_sub(1, Ordering::AcqRel);
            });
        }
    }
}

/// One question, and its answer.
fn converse(directory: &Path, stream: &UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut from = BufReader::new(stream);
    let asked: Option<Asked> = match hear(&mut from) {
        Ok(asked) => asked,
        Err(error) => return no(stream, &format!("there is no such word here: {error}")),
    };
    let Some(asked) = asked else { return Ok(()) };
    if let Asked::Share = asked {
        let _lock = shared(directory)?;
        say(&mut &*stream, &Answer { error: None, length: 0 }, [])?;
        stream.set_read_timeout(None)?;
        // Until whoever shares goes.
        return hear::<Asked>(&mut from).map(drop);
    }
    let bytes = match &asked {
        Asked::Add { length, .. } => hear_bytes(&mut from, *length)?,
        _ => Vec::new(),
    };
    match done(directory, asked, bytes) {
        Ok(bytes) => {
            say(&mut &*stream, &Answer { error: None, length: bytes.len() as u64 }, [&*bytes])
        }
        Err(error) => no(stream, &error.to_string()),
    }
}

fn no(stream: &UnixStream, text: &str) -> io::Result<()> {
    say(&mut &*stream, &Answer { error: Some(text.to_owned()), length: 0 }, [])
}

/// Whoever removes waits until nobody shares.
fn shared(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(directory.join(LOCK))?;
    file.lock_shared()?;
    Ok(file)
}

fn done(directory: &Path, asked: Asked, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let storage = Storage::new(directory, Power::Add);
    let id = |name: &str| name.parse::<Id>().map_err(|_| io::Error::other("it is no name"));
    match asked {
        Asked::Where => {
            let metadata = fs::metadata(directory)?;
            let (device, user) = (metadata.dev(), metadata.uid());
            Ok(serde_json::to_vec(&Lies { directory: fs::canonicalize(directory)?, device, user })?)
        }
        Asked::List { of } => {
            let all = storage.list(of)?;
            let named = all.into_iter().map(|(id, size)| (id.to_hex().to_string(), size));
            Ok(serde_json::to_vec(&named.collect::<Vec<_>>())?)
        }
        Asked::Read { of, id: name, part } => {
            if part.is_some_and(|(_, length)| u64::from(length) > BYTES_MAX) {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            storage.read(of, &id(&name)?, part)
        }
        Asked::Add { of, id: name, .. } => {
            let id = id(&name)?;
            if of != FileType::Config && Digest::of(&bytes).to_string() != name {
                return Err(io::Error::other("its name is not that of its content"));
            }
            storage.add_new(of, &id, &bytes).map(|()| Vec::new())
        }
        Asked::Share => Ok(Vec::new()),
    }
}
