//! Who asks for hooks: a hook's process, of whichever gateway is up, over `hooks.sock`. One
//! question and one answer a connection, each ended by closing its direction.

use std::{
    fs::{self, Permissions},
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream as AsyncUnixStream},
    time::timeout,
};

use crate::{
    error::{Result, StoreError},
    state::{GatewayLock, State},
};

/// The socket's name in the state directory.
const SOCKET: &str = "hooks.sock";
/// The longest question: what an agent said, and the environment that it works in.
const QUESTION_BYTES_MAX: u64 = 12 << 20;
/// The longest answer.
const ANSWER_BYTES_MAX: u64 = 256 << 10;
/// How long a hook may take to ask, and to hear the answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks the gateway of the state in `dir`, which has to answer within `patience`; `None` if none
/// is up.
pub fn ask(dir: &Path, question: &[u8], patience: Duration) -> io::Result<Option<Vec<u8>>> {
    let mut gateway = match UnixStream::connect(dir.join(SOCKET)) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        connected => connected?,
    };
    gateway.set_write_timeout(Some(patience))?;
    gateway.set_read_timeout(Some(patience))?;
    gateway.write_all(question)?;
    gateway.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    gateway.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    match answer.is_empty() {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok(Some(answer)),
    }
}

/// The gateway's end of `hooks.sock`; gone when dropped.
#[derive(Debug)]
pub struct HooksSocket {
    listener: UnixListener,
    owner: u32,
    path: PathBuf,
}

/// A hook that asks.
#[derive(Debug)]
pub struct Asking(AsyncUnixStream);

impl State {
    /// Listens for hooks on `hooks.sock`. Only the gateway does, as its lock shows.
    pub fn listen_for_hooks(&self, _lock: &GatewayLock) -> Result<HooksSocket> {
        let dir = self.dir().ok_or_else(|| StoreError::Missing {
            what: "state directory",
            name: "in memory".into(),
        })?;
        let path = dir.join(SOCKET);
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
        Ok(HooksSocket { listener, owner, path })
    }
}

impl HooksSocket {
    /// The next hook that asks.
    pub async fn accept(&self) -> io::Result<Asking> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let peer = stream.peer_cred()?.uid();
            if peer == self.owner || peer == 0 {
                return Ok(Asking(stream));
            }
            tracing::warn!("another user spoke to hooks.sock; ignored");
        }
    }
}

impl Drop for HooksSocket {
    fn drop(&mut self) {
        // If it cannot be removed, the next gateway replaces it.
        let _removed = fs::remove_file(&self.path);
    }
}

impl Asking {
    /// What it asks.
    pub async fn question(&mut self) -> io::Result<Vec<u8>> {
        let mut question = Vec::new();
        let mut from = (&mut self.0).take(QUESTION_BYTES_MAX + 1);
        timeout(PATIENCE, from.read_to_end(&mut question)).await??;
        match question.len() as u64 > QUESTION_BYTES_MAX {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(question),
        }
    }

    /// Answers it.
    pub async fn answer(mut self, answer: &[u8]) -> io::Result<()> {
        timeout(PATIENCE, self.0.write_all(answer)).await??;
        self.0.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hook_is_answered_while_a_gateway_is_up() {
        let dir = tempfile::tempdir().unwrap();
        let ask = |question: &'static str| {
            let dir = dir.path().to_owned();
            let patience = Duration::from_millis(300);
            tokio::task::spawn_blocking(move || super::ask(&dir, question.as_bytes(), patience))
        };
        assert_eq!(ask("anybody?").await.unwrap().unwrap(), None);
        let state = State::open(dir.path()).unwrap();
        let socket = state.listen_for_hooks(&state.lock_gateway().unwrap()).unwrap();
        let asking = ask("may I?");
        let mut asked = socket.accept().await.unwrap();
        assert_eq!(asked.question().await.unwrap(), b"may I?");
        asked.answer(b"no").await.unwrap();
        assert_eq!(asking.await.unwrap().unwrap().as_deref(), Some(&b"no"[..]));
        // Silence is no answer.
        let asking = ask("may I?");
        let asked = socket.accept().await.unwrap();
        assert!(asking.await.unwrap().is_err());
        drop(asked);
        drop(socket);
        assert_eq!(ask("anybody?").await.unwrap().unwrap(), None);
    }
}
