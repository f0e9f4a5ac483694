//! A server that keeps what arrived, and answers everything with `ok`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A server without TLS, with any name.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    arrived: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Upstream {
    /// Starts it; it ends with the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&arrived);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || answer(client, &kept));
            }
        });
        Self { address, arrived }
    }

    /// All bytes of each connection.
    pub fn arrived(&self) -> Vec<Vec<u8>> {
        self.arrived.lock().unwrap().clone()
    }
}

/// Reads until nothing more comes for a moment, keeps it, and answers once.
fn answer(mut client: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) -> Option<()> {
    let mut all = Vec::new();
    let mut piece = [0; 16 * 1024];
    let count = client.read(&mut piece).ok()?;
    all.extend_from_slice(&piece[..count]);
    client.set_read_timeout(Some(Duration::from_millis(30))).ok()?;
    while let Ok(count @ 1..) = client.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
    }
    if all.is_empty() {
        return None;
    }
    kept.lock().unwrap().push(all);
    client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").ok()
}
