//! Acts that reach for files, sockets, processes and hosts outside.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::symlink,
            net::{SocketAddr as Abstract, UnixStream},
        },
    },
    path::Path,
    time::Duration,
};

use nix::{
    sys::{ptrace, signal::kill},
    unistd::Pid,
};

use super::{Act, act, done_if};
use crate::{OURS, mark};

/// How long an act may wait for somebody who does not come.
const PATIENCE: Duration = Duration::from_millis(300);

/// Each succeeds only if it has got out.
pub(super) const ACTS: &[Act] = &[
    act("connect to a port of the outside's loopback", |it| tcp(&format!("127.0.0.1:{}", it.tcp))),
    act("connect to an address, by IPv4", |_| tcp("1.1.1.1:443")),
    act("connect to an address, by IPv6", |_| tcp("[2606:4700::1111]:443")),
    act("connect to a cloud's metadata service", |_| tcp("169.254.169.254:80")),
    act("ask a name server, by UDP", |_| udp("1.1.1.1:53").map(drop)),
    act("talk to a datagram socket of the outside's loopback", |it| {
        let socket = udp(&format!("127.0.0.1:{}", it.udp))?;
        socket.recv(&mut [0; 16]).map(drop)
    }),
    act("connect to a socket file outside", |it| UnixStream::connect(&it.socket).map(drop)),
    act("connect to an abstract socket outside", |it| {
        let address = Abstract::from_abstract_name(&it.abstract_socket)?;
        UnixStream::connect_addr(&address).map(drop)
    }),
    act("connect to the guard's control socket", |it| {
        UnixStream::connect(it.state.join("control.sock")).map(drop)
    }),
    act("command Docker by its socket", |_| {
        let mut docker = UnixStream::connect("/var/run/docker.sock")?;
        docker.write_all(b"GET /version HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        docker.read_to_string(&mut answer)?;
        done_if(!answer.starts_with("HTTP/1.1 403 "), "it says why not")
    }),
    act("read the guard's state", |it| fs::read_dir(&it.state)?.next().map_or_else(nothing, one)),
    act("change the guard's own program", |_| open_to_write(format!("{OURS}/holdpoint"))),
    act("change what this run says of itself", |_| open_to_write(Path::new(OURS).join(mark::FILE))),
    act("read a file outside", |it| File::open(&it.file).map(drop)),
    act("write a file outside", |it| open_to_write(&it.file)),
    act("read a file outside through a symbolic link", |it| {
        let link = it.workspace.join("link");
        symlink(&it.file, &link)?;
        File::open(link).map(drop)
    }),
    act("give a file outside a second name", |it| {
        fs::hard_link(&it.file, it.workspace.join("hard"))
    }),
    act("read a file outside through /proc/self/root", |it| {
        let path = it.file.strip_prefix("/").unwrap_or(&it.file);
        File::open(Path::new("/proc/self/root").join(path)).map(drop)
    }),
    act("read a file outside through /proc/1/root", |it| {
        let path = it.file.strip_prefix("/").unwrap_or(&it.file);
        File::open(Path::new("/proc/1/root").join(path)).map(drop)
    }),
    act("write into /etc", |_| fs::write("/etc/holdpoint-was-here", "")),
    act("write into /usr", |_| fs::write("/usr/holdpoint-was-here", "")),
    act("read password hashes", |_| {
        let mut text = String::new();
        File::open("/etc/shadow")?.read_to_string(&mut text)?;
        done_if(!text.is_empty(), "it is empty")
    }),
    act("find credentials in the environment", |_| {
        const NAMED: [&str; 4] = ["TOKEN", "SECRET", "PASSWORD", "SSH_AUTH_SOCK"];
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let mut found = names.filter(|name| NAMED.iter().any(|part| name.contains(part)));
        found.next().map(drop).ok_or_else(|| io::Error::other("there are none"))
    }),
    act("signal a process outside", |it| Ok(kill(Pid::from_raw(it.process), None)?)),
    act("read the environment of a process outside", |it| {
        File::open(format!("/proc/{}/environ", it.process)).map(drop)
    }),
    act("look into the first process", |_| File::open("/proc/1/mem").map(drop)),
    act("attach to the first process", |_| Ok(ptrace::attach(Pid::from_raw(1))?)),
];

fn tcp(address: &str) -> io::Result<()> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    TcpStream::connect_timeout(&address, PATIENCE).map(drop)
}

fn udp(address: &str) -> io::Result<UdpSocket> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(b"x", address)?;
    Ok(socket)
}

fn open_to_write(path: impl AsRef<Path>) -> io::Result<()> {
    OpenOptions::new().write(true).open(path).map(drop)
}

fn nothing() -> io::Result<()> {
    Err(io::Error::other("it is empty"))
}

fn one<T>(entry: io::Result<T>) -> io::Result<()> {
    entry.map(drop)
}
