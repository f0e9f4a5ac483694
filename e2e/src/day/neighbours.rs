//! What else there is on a developer's machine: a toolchain, databases, a company's proxy.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::postgres;

/// Rust's toolchain in the home as rustup has it there, if this process has one.
pub(super) fn toolchain(home: &Path) {
    let own = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let (rustup, programs) = (own.join(".rustup"), home.join(".cargo/bin"));
    let proxy = own.join(".cargo/bin/rustup");
    if !rustup.is_dir() || !proxy.is_file() {
        return;
    }
    fs::create_dir_all(&programs).unwrap();
    symlink(rustup, home.join(".rustup")).unwrap();
    for name in ["cargo", "rustc", "rustdoc", "rustup"] {
        fs::copy(&proxy, programs.join(name)).unwrap();
    }
}

/// A PostgreSQL of this machine, in which a developer is what developers are in theirs.
pub(super) fn database() -> postgres::Server {
    let server = postgres::Server::start("SELECT 1");
    server.admin("postgres", "CREATE ROLE dev SUPERUSER LOGIN PASSWORD 'dev'");
    server
}

/// A Redis of this machine.
#[derive(Debug)]
pub(super) struct Redis {
    /// Where it listens.
    pub(super) port: u16,
    process: Child,
}

impl Redis {
    /// One that runs, if there is the program.
    pub(super) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = match nix::unistd::geteuid().is_root() {
            true => {
                let mut server = Command::new("setpriv");
                server.args([
                    "--reuid=nobody",
                    "--regid=nogroup",
                    "--clear-groups",
                    "redis-server",
                ]);
                server
            }
            false => Command::new("redis-server"),
        };
        Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().ok()?;
        server.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
        let process = server.stdout(Stdio::null()).current_dir("/tmp").spawn().ok()?;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        Some(Self { port, process })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A company's proxy: CONNECT, to its own hosts in `places`, and to wherever this machine can reach.
pub(super) fn proxy(places: &[(&'static str, SocketAddr)]) -> SocketAddr {
    let places = places.to_vec();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let places = places.clone();
            thread::spawn(move || tunnel(stream, &places));
        }
    });
    addr
}

fn tunnel(mut near: TcpStream, places: &[(&str, SocketAddr)]) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && near.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    let own = places.iter().find(|(name, _)| target == format!("{name}:443"));
    let far = match head.starts_with("CONNECT ") {
        true => {
            own.map_or_else(|| TcpStream::connect(target), |(_, addr)| TcpStream::connect(addr))
        }
        false => Err(io::ErrorKind::Unsupported.into()),
    };
    let Ok(mut far) = far else {
        return near.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    };
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut back, mut forth) = (far.try_clone()?, near.try_clone()?);
    let other = thread::spawn(move || {
        let _ = io::copy(&mut back, &mut forth);
        forth.shutdown(Shutdown::Write)
    });
    let _ = io::copy(&mut near, &mut far);
    // Either end may be gone.
    let _ = far.shutdown(Shutdown::Write);
    let _ = other.join();
    Ok(())
}
