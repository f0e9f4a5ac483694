//! Who hears that something changed: a broadcast in the process, a socket between processes.
//!
//! The gateway serves `control.sock`; a command that changed something says so there, one topic
//! a line. Nothing is ever polled. Whoever hears a topic reads it anew; a receiver that lagged
//! behind reads everything anew.

use std::{
    fs::{self, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream as AsyncUnixStream},
    sync::broadcast,
    task::JoinSet,
    time::timeout,
};

use crate::{
    error::{Result, StoreError},
    state::{GatewayLock, State},
};

/// Topics that a receiver may lag behind before it has to read everything anew.
const BACKLOG: usize = 64;
/// What the gateway answers when it has taken a change.
const TAKEN: &[u8; 6] = b"taken\n";
/// What one command may say at once.
const SAID_BYTES_MAX: u64 = 1024;
/// How long a command may take to say it, and a gateway to hear it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Commands that speak at the same time.
const SPEAKERS_MAX: usize = 64;

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Listed hosts.
    Hosts,
    /// Secrets, their bounds and phantoms.
    Secrets,
    /// Agents, kills among them.
    Agents,
    /// Holds and approvals.
    Holds,
    /// The inventory.
    Inventory,
    /// Policy files.
    Policies,
    /// `holdpoint.toml`.
    Config,
    /// Something is about to be undone.
    Snapshots,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 8] = [
        Self::Hosts,
        Self::Secrets,
        Self::Agents,
        Self::Holds,
        Self::Inventory,
        Self::Policies,
        Self::Config,
        Self::Snapshots,
    ];

    /// The topic's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Secrets => "secrets",
            Self::Agents => "agents",
            Self::Holds => "holds",
            Self::Inventory => "inventory",
            Self::Policies => "policies",
            Self::Config => "config",
            Self::Snapshots => "snapshots",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }
}

/// The listeners of one state.
pub(crate) struct Watch {
    here: broadcast::Sender<Topic>,
    socket: Option<PathBuf>,
    serving: AtomicBool,
}

impl Watch {
    pub(crate) fn new(dir: Option<&Path>) -> Self {
        let socket = dir.map(|dir| dir.join("control.sock"));
        Self { here: broadcast::channel(BACKLOG).0, socket, serving: AtomicBool::new(false) }
    }

    fn announce_here(&self, topic: Topic) {
        // Nobody listens: nobody has anything to read anew.
        let _receivers = self.here.send(topic);
    }
}

impl State {
    /// Hears of every change from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Topic> {
        self.0.watch.here.subscribe()
    }

    /// Says that `topic` changed: in this process, and to the gateway if one runs elsewhere. The
    /// stores say it of their own changes.
    pub fn announce(&self, topic: Topic) {
        self.tell(topic, say);
    }

    /// The same for what counts without the gateway's having heard of it: nobody waits for it.
    pub(crate) fn mention(&self, topic: Topic) {
        self.tell(topic, |socket, topic| speak(socket, topic).map(drop));
    }

    fn tell(&self, topic: Topic, say: impl FnOnce(&Path, Topic) -> io::Result<()>) {
        let watch = &self.0.watch;
        watch.announce_here(topic);
        let Some(socket) = &watch.socket else { return };
        if watch.serving.load(Ordering::Acquire) {
            return;
        }
        // No gateway is no failure: the next one reads everything when it starts.
        if let Err(error) = say(socket, topic)
            && !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
        {
            tracing::warn!(topic = topic.as_str(), %error, "the gateway did not hear of a change");
        }
    }

    /// Listens for other processes on `control.sock`. Only the gateway does, as its lock shows;
    /// await [`ControlSocket::serve`] then.
    pub fn listen(&self, _lock: &GatewayLock) -> Result<ControlSocket> {
        let path =
            self.0.watch.socket.clone().ok_or(StoreError::Missing {
                what: "state directory",
                name: "in memory".to_owned(),
            })?;
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
        self.0.watch.serving.store(true, Ordering::Release);
        Ok(ControlSocket { state: self.clone(), listener, owner, path })
    }
}

/// Says a topic and waits until the gateway has taken the change: what a human changed counts
/// from the moment when their command returns.
fn say(socket: &Path, topic: Topic) -> io::Result<()> {
    let mut taken = [0; TAKEN.len()];
    speak(socket, topic)?.read_exact(&mut taken)
}

/// Says a topic.
fn speak(socket: &Path, topic: Topic) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{}", topic.as_str())?;
    Ok(stream)
}

/// The gateway's end of `control.sock`; gone when dropped.
#[derive(Debug)]
pub struct ControlSocket {
    state: State,
    listener: UnixListener,
    owner: u32,
    path: PathBuf,
}

impl ControlSocket {
    /// Hears commands until it is dropped. A command returns once `take` has taken the change.
    pub async fn serve<F, T>(self, take: F)
    where
        F: Fn(Topic) -> T + Clone + Send + 'static,
        T: Future<Output = ()> + Send,
    {
        let mut speakers = JoinSet::new();
        loop {
            if speakers.len() >= SPEAKERS_MAX {
                let _heard = speakers.join_next().await;
                continue;
            }
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if self.may_speak(&stream) => {
                        let (state, take) = (self.state.clone(), take.clone());
                        speakers.spawn(async move {
                            timeout(PATIENCE, hear(&state, stream, take)).await
                        });
                    }
                    Ok(_) => tracing::warn!("another user spoke to control.sock; ignored"),
                    Err(error) => {
                        tracing::warn!(%error, "control.sock could not accept");
                        tokio::time::sleep(PATIENCE).await;
                    }
                },
                Some(_heard) = speakers.join_next() => {}
            }
        }
    }

    /// The directory keeps others out; this holds even if somebody opened it up.
    fn may_speak(&self, stream: &AsyncUnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| peer.uid() == self.owner || peer.uid() == 0)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.state.0.watch.serving.store(false, Ordering::Release);
        // If it cannot be removed, the next gateway replaces it.
        let _removed = fs::remove_file(&self.path);
    }
}

async fn hear<F, T>(state: &State, mut stream: AsyncUnixStream, take: F)
where
    F: Fn(Topic) -> T,
    T: Future<Output = ()>,
{
    let (said, mut answer) = stream.split();
    let mut lines = BufReader::new(said.take(SAID_BYTES_MAX)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some(topic) = Topic::from_word(&line) else {
            tracing::warn!("a command named a topic that this gateway does not know");
            continue;
        };
        take(topic).await;
        state.0.watch.announce_here(topic);
        // A command that is gone does not wait for it.
        let _told = answer.write_all(TAKEN).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, time::Duration};

    use tokio::{sync::broadcast::Receiver, time::timeout};

    use super::Topic;
    use crate::state::State;

    async fn next(receiver: &mut Receiver<Topic>) -> Topic {
        timeout(Duration::from_secs(5), receiver.recv()).await.unwrap().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_topic_reaches_the_gateway_from_here_and_from_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let gateway = State::open(dir.path()).unwrap();
        let socket = gateway.listen(&gateway.lock_gateway().unwrap()).unwrap();
        let mode = std::fs::metadata(dir.path().join("control.sock")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let serving = tokio::spawn(socket.serve(|_| async {}));
        let mut receiver = gateway.subscribe();
        let command = State::open(dir.path()).unwrap();
        for topic in Topic::ALL {
            for speaker in [&gateway, &command] {
                speaker.announce(topic);
                assert_eq!(next(&mut receiver).await, topic);
            }
        }
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
        assert!(!dir.path().join("control.sock").exists());
    }

    #[tokio::test]
    async fn a_change_is_announced_and_no_gateway_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let mut receiver = state.subscribe();
        let host = crate::hosts::ListedHost {
            host: "api.example.com".parse().unwrap(),
            port: None,
            speaks: "rest".to_owned(),
            environment: holdpoint_core::Environment::Staging,
        };
        state.hosts().add(&host).unwrap();
        assert_eq!(next(&mut receiver).await, Topic::Hosts);
    }

    #[test]
    fn words_are_topics_and_back() {
        for topic in Topic::ALL {
            assert_eq!(Topic::from_word(topic.as_str()), Some(topic));
        }
        for word in ["", "Hosts", "hosts ", "everything"] {
            assert_eq!(Topic::from_word(word), None, "{word:?}");
        }
    }
}
