//! An upstream that speaks WebSocket, with a gateway in front of it, and a real client.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use holdpoint_drill::Authority;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{
    curl::Curl,
    echo::{LISTED, MODEL, OTHER, UNLISTED},
    holdpoint::{Gateway, Holdpoint},
};

/// The release of `websockets` on PyPI that is a client here.
const WEBSOCKETS: &str = "websockets==15.0.1";
/// The host of a development server that a human listed as one of this machine.
pub const LOCAL: &str = "dev.example.test";
/// A GraphQL host that a human listed, in development.
pub const GRAPHQL: &str = "graphql.example.test";

/// A handshake that arrived, and what was said after it.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Path and query.
    pub target: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// What was said, as text.
    pub messages: Vec<String>,
    /// It is over.
    pub ended: bool,
}

/// An upstream that echoes what is said, except for a few words:
///
/// | said | answer |
/// |---|---|
/// | `header NAME` | the value of that header of the handshake |
/// | `ping` | a ping, then `pinged` |
/// | `close CODE` | a close with that code |
/// | `flood N` | N messages, `0` to `N-1` |
#[derive(Debug)]
pub struct SocketUpstream {
    addr: SocketAddr,
    ca: Option<String>,
    heard: Arc<Mutex<Vec<Heard>>>,
    serving: JoinHandle<()>,
}

impl Drop for SocketUpstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl SocketUpstream {
    /// Listens on loopback, with TLS for `names` if there are any.
    pub async fn start(names: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let authority = (!names.is_empty()).then(|| Authority::new("Sockets").unwrap());
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let tls = authority.as_ref().map(|it| TlsAcceptor::from(it.server(&names).unwrap()));
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let all = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(connect(stream, tls.clone(), Arc::clone(&all)));
            }
        });
        Self { addr, ca: authority.map(|it| it.pem().to_owned()), heard, serving }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Everything that arrived, oldest first.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn connect(stream: TcpStream, tls: Option<TlsAcceptor>, all: Arc<Mutex<Vec<Heard>>>) {
    match tls {
        None => serve(stream, all).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, all).await;
            }
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, all: Arc<Mutex<Vec<Heard>>>) {
    let mut heard = Heard::default();
    #[expect(clippy::result_large_err, reason = "the library's own shape")]
    let accepted = accept_hdr_async(stream, |request: &Request, mut response: Response| {
        heard.target = request.uri().to_string();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        let headers = request.headers().iter();
        heard.headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        if let Some(offered) = request.headers().get("sec-websocket-protocol") {
            let first = offered.to_str().unwrap_or("").split(',').next().unwrap_or("").to_owned();
            response.headers_mut().insert("sec-websocket-protocol", first.parse().unwrap());
        }
        Ok(response)
    });
    let Ok(socket) = accepted.await else { return };
    let index = {
        let mut all = all.lock().unwrap();
        all.push(heard.clone());
        all.len() - 1
    };
    talk(socket, &heard, index, &all).await;
    all.lock().unwrap()[index].ended = true;
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    heard: &Heard,
    index: usize,
    all: &Mutex<Vec<Heard>>,
) {
    while let Some(Ok(message)) = socket.next().await {
        if !message.is_text() && !message.is_binary() {
            continue;
        }
        let said = message.to_text().unwrap_or("(binary)").to_owned();
        all.lock().unwrap()[index].messages.push(said.clone());
        let sent = match said.split_once(' ') {
            Some(("header", name)) => {
                let found = heard.headers.iter().find(|(own, _)| own == name);
                let value = found.map_or("", |(_, value)| value.as_str());
                socket.send(Message::text(value)).await
            }
            Some(("close", code)) => {
                let code = CloseCode::from(code.parse::<u16>().unwrap());
                socket.close(Some(CloseFrame { code, reason: "as asked".into() })).await
            }
            Some(("flood", count)) => {
                for number in 0..count.parse::<u32>().unwrap() {
                    if socket.feed(Message::text(number.to_string())).await.is_err() {
                        return;
                    }
                }
                socket.flush().await
            }
            _ if said == "ping" => {
                let pinged = socket.send(Message::Ping("are you there".into())).await;
                pinged.and(socket.send(Message::text("pinged")).await)
            }
            _ => socket.send(message).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Upstreams with and without TLS, and a gateway that dials them under several names.
pub struct SocketStage {
    /// Behind `wss://` names.
    pub tls: SocketUpstream,
    /// Behind `ws://` names.
    pub plain: SocketUpstream,
    /// The binary and its state.
    pub holdpoint: Holdpoint,
    /// The running gateway.
    pub gateway: Gateway,
    _ca: tempfile::NamedTempFile,
}

impl SocketStage {
    /// Starts all, with this `holdpoint.toml`. `agents` are made before the gateway starts.
    pub async fn set(binary: &str, configuration: &str, agents: &[&str]) -> Self {
        let names = [LISTED, OTHER, UNLISTED, MODEL, LOCAL, GRAPHQL];
        let (tls, plain) = (SocketUpstream::start(&names).await, SocketUpstream::start(&[]).await);
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), tls.ca.as_deref().unwrap()).unwrap();
        let holdpoint = Holdpoint::new(binary);
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        for (host, speaks, environment) in [
            (LISTED, "rest", "production"),
            (OTHER, "rest", "development"),
            (LOCAL, "rest", "local"),
            (GRAPHQL, "graphql", "development"),
        ] {
            let speaks = ["hosts", "add", host, "--speaks", speaks];
            holdpoint.json(&[&speaks[..], &["--environment", environment, "--json"]].concat());
        }
        for agent in agents {
            holdpoint.json(&["agents", "new", agent, "--json"]);
        }
        let resolve = names.iter().flat_map(|host| {
            [(443, tls.addr()), (80, plain.addr())].map(|(port, to)| format!("{host}:{port}:{to}"))
        });
        let mut arguments = vec!["--upstream-ca".to_owned(), ca.path().display().to_string()];
        arguments.extend(resolve.flat_map(|to| ["--resolve".to_owned(), to]));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let gateway = holdpoint.up(&arguments, &[]);
        Self { tls, plain, holdpoint, gateway, _ca: ca }
    }

    /// A client with the identity of a new agent.
    pub fn agent(&self, name: &str) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", name, "--json"]))
    }

    /// Gives a secret for what `purpose` says at `host`; the phantom.
    pub fn phantom(&self, name: &str, host: &str, purpose: &str, value: &str) -> String {
        let arguments = ["secrets", "add", name, "--host", host, "--purpose", purpose, "--json"];
        let added = self.holdpoint.call_with(&arguments, value);
        assert_eq!(added.status, 0, "{}", added.stderr);
        added.json()["phantom"].as_str().unwrap().to_owned()
    }
}

/// A Python that has `websockets`, put into a place of its own at the first call.
fn python() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/clients/websockets");
    let python = folder.join("bin/python");
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = std::fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.join("ready").exists() {
        let run = |command: &mut Command| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", WEBSOCKETS]));
        std::fs::write(folder.join("ready"), WEBSOCKETS).unwrap();
    }
    python
}

/// What a client does, line by line: `send TEXT`, `large BYTES`, `flood COUNT`, `ping`,
/// `close CODE`, `wait`. It says one line for each.
const CLIENT: &str = r#"
import json, os, ssl, sys
from websockets.sync.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
uri, options = sys.argv[1], json.loads(sys.argv[2])
if uri.startswith("wss:"):
    options["ssl"] = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
def say(text):
    print(text, flush=True)
try:
    # Python ends a read over TLS that has no limit when another thread sets one, as close() would.
    socket = connect(uri, max_size=None, open_timeout=60, close_timeout=None, **options)
except InvalidStatus as refused:
    say(f"refused {refused.response.status_code} {refused.response.body.decode()}")
    sys.exit(1)
except Exception as error:
    say(f"failed {error!r}")
    sys.exit(1)
say(f"open {socket.subprotocol}")
for line in sys.stdin:
    word, _, rest = line.rstrip("\n").partition(" ")
    try:
        if word == "send":
            socket.send(rest)
            say(socket.recv(timeout=20))
        elif word == "large":
            sent = "x" * int(rest)
            socket.send(sent)
            say("same" if socket.recv(timeout=60) == sent else "other")
        elif word == "flood":
            socket.send(f"flood {rest}")
            got = [socket.recv(timeout=60) for _ in range(int(rest))]
            say("same" if got == [str(number) for number in range(int(rest))] else "other")
        elif word == "ping":
            pong = socket.ping()
            say("pong" if pong.wait(20) else "silence")
        elif word == "wait":
            say(socket.recv(timeout=60))
        elif word == "close":
            socket.close(int(rest), "enough")
            say(f"closed {socket.close_code}")
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else None
        say(f"ended {code} {closed.rcvd.reason if closed.rcvd else ''}")
    except Exception as error:
        say(f"failed {error!r}")
"#;

/// Python's `websockets`, with what an agent is given to get out.
#[derive(Debug)]
pub struct Talk {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The first line: `open SUBPROTOCOL`, `refused STATUS BODY` or `failed ERROR`.
    pub opening: String,
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Talk {
    /// Opens a WebSocket as `agent`; `options` are those of `websockets.connect`, as JSON.
    pub fn open(agent: &Curl, uri: &str, options: &str) -> Self {
        let mut command = agent.program(python().to_str().unwrap());
        command.args(["-c", CLIENT, uri, options]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut talk = Self { child, input, output, opening: String::new() };
        talk.opening = talk.line();
        talk
    }

    /// Has the client do something; what it says to it.
    pub fn does(&mut self, what: &str) -> String {
        self.begins(what);
        self.line()
    }

    /// Has the client do something that it will say something to later.
    pub fn begins(&mut self, what: &str) {
        self.input.write_all(format!("{what}\n").as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

/// How soon what is killed has to be gone.
pub const AT_ONCE: Duration = Duration::from_millis(50);
