//! Who hands listeners over: a run's supervisor, to whichever gateway is up.
//!
//! The gateway serves `runs.sock`. A supervisor says which run it is, and passes the sockets that
//! wait in that run's network namespace: whatever arrives there is that run's, so that no other
//! proof is needed. The connection stays open as long as both live. When the gateway goes,
//! the supervisor finds the next one; when the supervisor goes, the gateway stops listening.

use std::{
    fs::{self, Permissions},
    io::{self, BufRead as _, BufReader, Read as _},
    net::{TcpListener, UdpSocket},
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::{
            fs::{MetadataExt as _, PermissionsExt as _},
            net::UnixStream,
        },
    },
    path::PathBuf,
    time::Duration,
};

use rustix::net::{
    SocketType,
    sockopt::{socket_acceptconn, socket_type},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::{UnixListener, UnixStream as AsyncUnixStream},
    time::timeout,
};

use crate::{
    error::{Result, StoreError},
    passing::{self, SERVICES_MAX},
    state::{GatewayLock, State},
};

/// What the gateway answers when it accepts from the listeners.
const TAKEN: &[u8; 6] = b"taken\n";
/// The greatest length of a run's name, and of the ports of its services.
const SAID_BYTES_MAX: usize = 64 + 6 * SERVICES_MAX;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

impl State {
    /// Hands the sockets of `run` to the gateway that is up; those that listen on a port of
    /// `services` stand for services of this machine. They are its until the connection that this
    /// gives ends, at either side.
    pub fn hand_over(
        &self,
        run: &str,
        services: &[u16],
        sockets: &[BorrowedFd<'_>],
    ) -> io::Result<HandedOver> {
        let path = runs_socket(self).map_err(io::Error::other)?;
        let mut gateway = UnixStream::connect(path)?;
        gateway.set_read_timeout(Some(PATIENCE))?;
        let services: String = services.iter().map(|port| format!(" {port}")).collect();
        passing::send(&gateway, format!("{run}{services}\n").as_bytes(), sockets)?;
        let mut taken = [0; TAKEN.len()];
        gateway.read_exact(&mut taken)?;
        gateway.set_read_timeout(None)?;
        Ok(HandedOver(gateway))
    }

    /// Takes listeners of runs on `runs.sock`. Only the gateway does, as its lock shows.
    pub fn listen_for_runs(&self, _lock: &GatewayLock) -> Result<RunsSocket> {
        let path = runs_socket(self)?;
        // The lock shows that nobody serves it: what is there was left by a gateway that died.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("replace", path)(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(StoreError::io("listen on", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))
            .map_err(StoreError::io("protect", &path))?;
        let owner = fs::metadata(&path).map_err(StoreError::io("look at", &path))?.uid();
        Ok(RunsSocket { listener, owner, path })
    }
}

fn runs_socket(state: &State) -> Result<PathBuf> {
    let dir = state.dir().map(|dir| dir.join("runs.sock"));
    dir.ok_or_else(|| StoreError::Missing { what: "state directory", name: "in memory".into() })
}

/// The supervisor's end: a gateway accepts from the listeners.
#[derive(Debug)]
pub struct HandedOver(UnixStream);

impl HandedOver {
    /// Waits until the gateway is gone; `hear` is told meanwhile which holds of the run wait for a
    /// human, whenever others do.
    pub fn until_gone(self, mut hear: impl FnMut(&[&str])) {
        for line in BufReader::new(self.0).lines().map_while(Result::ok) {
            hear(&line.split_whitespace().collect::<Vec<_>>());
        }
    }
}

/// The gateway's end of `runs.sock`; gone when dropped.
#[derive(Debug)]
pub struct RunsSocket {
    listener: UnixListener,
    owner: u32,
    path: PathBuf,
}

/// Somebody who may want to hand listeners over.
#[derive(Debug)]
pub struct Supervisor(AsyncUnixStream);

/// Listeners of a run that were handed over.
#[derive(Debug)]
pub struct Handed {
    /// The run.
    pub run: String,
    /// Its listeners.
    pub listeners: Vec<TcpListener>,
    /// The ports among theirs that stand for services of this machine.
    pub services: Vec<u16>,
    /// Where it asks about names.
    pub names: Option<UdpSocket>,
    supervisor: AsyncUnixStream,
}

impl RunsSocket {
    /// The next supervisor that comes.
    pub async fn accept(&self) -> io::Result<Supervisor> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // The directory keeps others out; this holds even if somebody opened it up.
            let peer = stream.peer_cred()?.uid();
            if peer == self.owner || peer == 0 {
                return Ok(Supervisor(stream));
            }
            tracing::warn!("another user spoke to runs.sock; ignored");
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
    /// Takes what it hands over.
    pub async fn take(self) -> io::Result<Handed> {
        let Self(stream) = self;
        let mut text = [0; SAID_BYTES_MAX];
        let received = stream.async_io(Interest::READABLE, || passing::receive(&stream, &mut text));
        let (length, files) = timeout(PATIENCE, received).await??;
        let said = text.get(..length).and_then(|said| std::str::from_utf8(said).ok());
        let mut words =
            said.and_then(|said| said.strip_suffix('\n')).unwrap_or_default().split(' ');
        let run = words.next().unwrap_or_default().to_owned();
        let services = words.map(str::parse).collect::<Result<_, _>>().map_err(io::Error::other)?;
        let (mut listeners, mut names) = (Vec::new(), None);
        for file in files {
            match socket_type(&file)? {
                SocketType::DGRAM => names = Some(asked(file)?),
                _ => listeners.push(listener(file)?),
            }
        }
        Ok(Handed { run, listeners, services, names, supervisor: stream })
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
    /// Tells the supervisor that connections are accepted.
    pub async fn taken(&mut self) -> io::Result<()> {
        self.supervisor.write_all(TAKEN).await
    }

    /// Tells the supervisor which holds of the run wait for a human.
    pub async fn waits(&mut self, holds: &[String]) -> io::Result<()> {
        self.supervisor.write_all(format!("{}\n", holds.join(" ")).as_bytes()).await
    }

    /// Waits until the supervisor, and so the run, is gone.
    pub async fn until_gone(&mut self) {
        let mut nothing = [0; 16];
        while matches!(self.supervisor.read(&mut nothing).await, Ok(length) if length > 0) {}
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, UdpSocket},
        os::fd::AsFd as _,
    };

    use crate::state::State;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_listener_is_handed_over_and_each_end_sees_the_other_go() {
        let dir = tempfile::tempdir().unwrap();
        let gateway = State::open(dir.path()).unwrap();
        let lock = gateway.lock_gateway().unwrap();
        let supervisor = State::open(dir.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(supervisor.hand_over("r1", &[], &[listener.as_fd()]).is_err(), "no gateway yet");

        let socket = gateway.listen_for_runs(&lock).unwrap();
        for gateway_goes_first in [true, false] {
            let (state, handed) = (supervisor.clone(), listener.try_clone().unwrap());
            let supervising = tokio::task::spawn_blocking(move || {
                let names = UdpSocket::bind("127.0.0.1:0").unwrap();
                state.hand_over("r1", &[5432, 6379], &[names.as_fd(), handed.as_fd()]).unwrap()
            });
            let mut handed = socket.accept().await.unwrap().take().await.unwrap();
            handed.taken().await.unwrap();
            let over = supervising.await.unwrap();
            assert_eq!((handed.run.as_str(), &handed.services[..]), ("r1", &[5432, 6379][..]));
            assert!(handed.names.is_some());
            let address = |listener: &TcpListener| listener.local_addr().unwrap();
            assert_eq!(
                handed.listeners.iter().map(address).collect::<Vec<_>>(),
                [address(&listener)]
            );
            if gateway_goes_first {
                handed.waits(&["h-1".to_owned(), "h-2".to_owned()]).await.unwrap();
                handed.waits(&[]).await.unwrap();
                drop(handed);
                let heard = move || {
                    let mut heard = Vec::new();
                    over.until_gone(|holds| heard.push(holds.join(",")));
                    heard
                };
                assert_eq!(tokio::task::spawn_blocking(heard).await.unwrap(), ["h-1,h-2", ""]);
            } else {
                drop(over);
                handed.until_gone().await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_does_not_listen_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let socket = state.listen_for_runs(&state.lock_gateway().unwrap()).unwrap();
        let file = tempfile::tempfile().unwrap();
        let other = state.clone();
        let handing =
            tokio::task::spawn_blocking(move || other.hand_over("r1", &[], &[file.as_fd()]));
        assert!(socket.accept().await.unwrap().take().await.is_err());
        assert!(handing.await.unwrap().is_err());
    }
}
