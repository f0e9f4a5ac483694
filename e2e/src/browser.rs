//! A real browser outside, as a human has one: Chromium, spoken to by its own DevTools protocol.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::running::Process;

/// How long a page may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// What a browser without a screen, an account or a proxy is told.
pub const WORDS: [&str; 7] = [
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
];

/// A browser with one page open; ended with the value.
pub struct Browser {
    page: WebSocketStream<TcpStream>,
    asked: u64,
    _process: Process,
    _profile: TempDir,
}

impl Browser {
    /// Opens `url`.
    pub async fn open(url: &str) -> Self {
        let profile = tempfile::Builder::new().prefix("browser-").tempdir().unwrap();
        let mut chromium = Command::new("chromium");
        chromium.args(WORDS).arg("--remote-debugging-port=0");
        chromium.arg(format!("--user-data-dir={}", profile.path().display()));
        if nix::unistd::geteuid().is_root() {
            // Chromium itself wants it so, and this one opens nothing but our own page.
            chromium.arg("--no-sandbox");
        }
        chromium.arg(url).env("HOME", profile.path());
        chromium.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(chromium.spawn().unwrap());
        let port = port_of(profile.path()).await;
        let address = page_of(port, url).await;
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (page, _) = client_async(address, stream).await.unwrap();
        Self { page, asked: 0, _process: process, _profile: profile }
    }

    /// What a line of JavaScript comes to in the page.
    pub async fn evaluate(&mut self, script: &str) -> Value {
        self.asked += 1;
        let number = self.asked;
        let call = json!({
            "id": number, "method": "Runtime.evaluate",
            "params": { "expression": script, "returnByValue": true },
        });
        self.page.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let said = timeout(PATIENCE, self.page.next()).await.unwrap().unwrap().unwrap();
            let Message::Text(said) = said else { continue };
            let said: Value = serde_json::from_str(&said).unwrap();
            if said["id"] == number {
                return said["result"]["result"]["value"].clone();
            }
        }
    }

    /// Waits until a line of JavaScript comes to `wanted` in the page.
    pub async fn shows(&mut self, script: &str, wanted: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.evaluate(script).await;
            if found == wanted {
                return;
            }
            assert!(Instant::now() < until, "{script}: {found}, and never {wanted}");
            sleep(GLANCE).await;
        }
    }
}

/// Where a browser with this profile is spoken to.
async fn port_of(profile: &Path) -> u16 {
    let until = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some(port) = text.split_once('\n').and_then(|(port, _)| port.parse().ok()) {
            return port;
        }
        assert!(Instant::now() < until, "the browser does not start");
        sleep(GLANCE).await;
    }
}

/// Where the page with `url` is spoken to.
async fn page_of(port: u16, url: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let pages = pages(port).await;
        let page = pages.iter().find(|it| it["type"] == "page" && it["url"] == url);
        if let Some(address) = page.and_then(|it| it["webSocketDebuggerUrl"].as_str()) {
            return address.to_owned();
        }
        assert!(Instant::now() < until, "the page is not there: {pages:?}");
        sleep(GLANCE).await;
    }
}

async fn pages(port: u16) -> Vec<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let asked = format!("GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        // It keeps the connection: what was asked for is there once it can be read.
        let mut bytes = [0; 16 * 1024];
        while body(&answer).is_none() {
            let length = stream.read(&mut bytes).await.unwrap();
            if length == 0 {
                break;
            }
            answer.extend(&bytes[..length]);
        }
    };
    timeout(PATIENCE, read).await.unwrap();
    // One that is just starting says nothing.
    body(&answer).unwrap_or_default()
}

fn body(answer: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(answer).ok()?;
    serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
}
