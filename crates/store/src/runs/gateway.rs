//! The gateway's end.

use std::{
    fs::{self, Permissions},
    io,
    net::{TcpListener, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use holdpoint_core::identity::DidKey;
use rustix::net::{
    SocketType,
    sockopt::{socket_acceptconn, socket_type},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use super::{KILLED, Newcomer, PATIENCE, SAID_BYTES_MAX, Said, TAKEN, runs_socket, signed};
use crate::{
    error::{Result, StoreError},
    id::random,
    passing,
    run_key::{CHALLENGE_BYTES, has_signed},
    state::{GatewayLock, State},
};

/// Who may come to a socket.
const OWNER: u32 = 0o600;
const EVERYBODY: u32 = 0o666;

impl State {
    /// Takes listeners of runs on `runs.sock`. Only the gateway does, as its lock shows.
    pub fn listen_for_runs(&self, _lock: &GatewayLock) -> Result<RunsSocket> {
        let path = runs_socket(self)?;
        let listener = listen(&path, OWNER)?;
        let owner = fs::metadata(&path).map_err(StoreError::io("look at", &path))?.uid();
        Ok(RunsSocket { listener, whose: Whose::Owner(owner), path })
    }

    /// Takes those of other users' runs at `path`, and tells them of the authority in `pem`.
    pub fn open_run_door(&self, _lock: &GatewayLock, path: &Path, pem: &str) -> Result<RunsSocket> {
        let path = path.to_owned();
        let listener = listen(&path, EVERYBODY)?;
        Ok(RunsSocket { listener, whose: Whose::Anybody(pem.into()), path })
    }
}

fn listen(path: &Path, mode: u32) -> Result<UnixListener> {
    // The lock shows that nobody serves it: what is there was left by a gateway that died.
    let left = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if left {
        fs::remove_file(path).map_err(StoreError::io("replace", path))?;
    }
    let listener = UnixListener::bind(path).map_err(StoreError::io("listen on", path))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(StoreError::io("protect", path))?;
    Ok(listener)
}

/// Whose runs come to a socket.
#[derive(Debug, Clone)]
enum Whose {
    /// This user's, and root's.
    Owner(u32),
    /// Anybody's, who are told of this authority.
    Anybody(Arc<str>),
}

/// Where supervisors come; gone when dropped.
#[derive(Debug)]
pub struct RunsSocket {
    listener: UnixListener,
    whose: Whose,
    path: PathBuf,
}

/// Somebody who may want to hand listeners over.
#[derive(Debug)]
pub struct Supervisor {
    stream: UnixStream,
    /// The user.
    user: u32,
    /// What is told of the authority, where the user may be any.
    authority: Option<Arc<str>>,
}

/// Listeners of a run that were handed over.
#[derive(Debug)]
pub struct Handed {
    /// The run, as its supervisor calls it.
    pub run: String,
    /// What it says of itself, and its user, where nobody else has said it.
    pub newcomer: Option<(Newcomer, u32)>,
    /// Its listeners.
    pub listeners: Vec<TcpListener>,
    /// The ports among theirs that stand for services of this machine.
    pub services: Vec<u16>,
    /// Where it asks about names.
    pub names: Option<UdpSocket>,
    challenge: [u8; CHALLENGE_BYTES],
    signature: String,
    supervisor: UnixStream,
}

impl RunsSocket {
    /// The next supervisor that comes.
    pub async fn accept(&self) -> io::Result<Supervisor> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let user = stream.peer_cred()?.uid();
            let authority = match &self.whose {
                Whose::Anybody(pem) => Some(Arc::clone(pem)),
                // The directory keeps others out; this holds even if somebody opened it up.
                Whose::Owner(owner) if user == *owner || user == 0 => None,
                Whose::Owner(_) => {
                    tracing::warn!("another user spoke to runs.sock; ignored");
                    continue;
                }
            };
            return Ok(Supervisor { stream, user, authority });
        }
    }
}

impl Drop for RunsSocket {
    fn drop(&mut self) {
        // If it cannot be removed, the next gateway replaces it.
        let _removed = fs::remove_file(&self.path);
    }
}

impl Supervisor {
    /// The user, where it may be any.
    pub fn visitor(&self) -> Option<u32> {
        self.authority.as_ref().map(|_| self.user)
    }

    /// Takes what it hands over; nothing if it only wanted to know whether we are up, or whom to
    /// trust.
    pub async fn take(self) -> io::Result<Option<Handed>> {
        let Self { mut stream, user, authority } = self;
        let challenge: [u8; CHALLENGE_BYTES] = random().map_err(io::Error::other)?;
        if stream.write_all(&challenge).await.is_err() {
            return Ok(None);
        }
        let mut text = vec![0; SAID_BYTES_MAX];
        let received = stream.async_io(Interest::READABLE, || passing::receive(&stream, &mut text));
        // Gone, before it said anything.
        let Ok((length @ 1.., files)) = timeout(PATIENCE, received).await? else {
            return Ok(None);
        };
        let said: Said = serde_json::from_slice(text.get(..length).unwrap_or_default())?;
        let (run, services, signature, newcomer) = match (said, authority) {
            (Said::Authority, Some(pem)) => {
                stream.write_all(pem.as_bytes()).await?;
                return Ok(None);
            }
            (Said::HandOver { run, services, signature, newcomer: None }, None) => {
                (run, services, signature, None)
            }
            (Said::HandOver { run, services, signature, newcomer: Some(newcomer) }, Some(_)) => {
                (run, services, signature, Some((newcomer, user)))
            }
            _ => return Err(io::Error::other("a supervisor came to a door that is not its own")),
        };
        let (mut listeners, mut names) = (Vec::new(), None);
        for file in files {
            match socket_type(&file)? {
                SocketType::DGRAM => names = Some(asked(file)?),
                _ => listeners.push(listener(file)?),
            }
        }
        let supervisor = stream;
        Ok(Some(Handed {
            run,
            newcomer,
            listeners,
            services,
            names,
            challenge,
            signature,
            supervisor,
        }))
    }
}

fn asked(file: OwnedFd) -> io::Result<UdpSocket> {
    let socket = UdpSocket::from(file);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listener(file: OwnedFd) -> io::Result<TcpListener> {
    if !socket_acceptconn(&file)? {
        return Err(io::Error::other("what was handed over does not listen"));
    }
    let listener = TcpListener::from(file);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Handed {
    /// Whether whoever handed it over has the secret half of this key.
    pub fn is_of(&self, did: &DidKey) -> bool {
        let said = signed(&self.run, &self.services);
        has_signed(did, &self.challenge, &said, &self.signature)
    }

    /// Tells the supervisor that connections are accepted.
    pub async fn taken(&mut self) -> io::Result<()> {
        self.say(TAKEN).await
    }

    /// Tells the supervisor why they are not.
    pub async fn refuse(&mut self, why: &str) -> io::Result<()> {
        self.say(why).await
    }

    /// Tells the supervisor which holds of the run wait for a human.
    pub async fn waits(&mut self, holds: &[String]) -> io::Result<()> {
        self.say(&holds.join(" ")).await
    }

    /// Tells the supervisor that the run is killed.
    pub async fn killed(&mut self) -> io::Result<()> {
        self.say(KILLED).await
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.supervisor.write_all(format!("{line}\n").as_bytes()).await
    }

    /// Waits until the supervisor, and so the run, is gone.
    pub async fn until_gone(&mut self) {
        let mut nothing = [0; 16];
        while matches!(self.supervisor.read(&mut nothing).await, Ok(length) if length > 0) {}
    }
}
