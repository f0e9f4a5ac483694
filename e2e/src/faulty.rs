//! An upstream that fails in ways that no HTTP library would: raw bytes on a socket.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A REST host in development whose upstream fails, over plain HTTP.
pub const FAULTY: &str = "faulty.example.test";

/// What the upstream does with a request, by the path that asks for it.
const FAULTS: [(&str, Fault); 10] = [
    ("/honest", Fault::Say("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhonest\n")),
    ("/dead", Fault::Say("")),
    ("/cut-head", Fault::Say("HTTP/1.1 200 OK\r\nConte")),
    ("/no-http", Fault::Say("220 mail.example.test ESMTP\r\n")),
    ("/short", Fault::Say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes\n")),
    (
        "/long",
        Fault::Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfive\nHTTP/1.1 200 OK\r\n\r\nmine"),
    ),
    (
        "/cut-chunk",
        Fault::Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nnot thirty-two"),
    ),
    (
        "/two-lengths",
        Fault::Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nfive\nfour"),
    ),
    ("/unasked", Fault::Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")),
    ("/slow", Fault::Dribble("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nslow\n")),
];

/// One way to fail.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Says this and closes.
    Say(&'static str),
    /// Says this byte by byte.
    Dribble(&'static str),
}

/// The upstream; it listens as long as the test runs.
#[derive(Debug)]
pub struct Faulty {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    /// Listens on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let log = Arc::clone(&log);
                thread::spawn(move || answer(socket, &log));
            }
        });
        Self { address, received }
    }

    /// What makes a gateway dial it for [`FAULTY`].
    pub fn resolve(&self) -> [String; 2] {
        ["--resolve".to_owned(), format!("{FAULTY}:80:{}", self.address)]
    }

    /// The requests that arrived, as `METHOD PATH`, in order.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

/// Reads one request with its body, does what its path says, and closes.
fn answer(mut socket: TcpStream, log: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(buffer.get(..read).unwrap_or_default()),
        }
    }
    let text = String::from_utf8_lossy(&request);
    let mut words = text.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    log.lock().unwrap().push(format!("{method} {path}"));
    let fault = FAULTS.iter().find(|(own, _)| path.starts_with(own)).map(|(_, fault)| *fault);
    // The client may have gone: then there is nobody to fail for.
    let _ = match fault.unwrap_or(Fault::Say("")) {
        Fault::Say(bytes) => socket.write_all(bytes.as_bytes()),
        Fault::Dribble(bytes) => bytes.as_bytes().chunks(1).try_for_each(|byte| {
            thread::sleep(Duration::from_millis(20));
            socket.write_all(byte)
        }),
    };
}

/// Whether head and body have come; the clients of these tests say a length.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap_or(0))
}
