//! Sockets of the network namespace inside, for whoever guards it outside: one for each byte that
//! asks. A socket stays in the namespace that it was made in, wherever it is used.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv6Addr, SocketAddr, TcpStream},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use holdpoint_store::passing;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};

use crate::{
    listening::{self, Listening},
    netlink as kernel,
};

/// Asks for a TCP socket, over IPv4 or IPv6.
const FOUR: u8 = b'4';
const SIX: u8 = b'6';
/// Asks for a socket that tells what listens (sock_diag(7)).
const LOOK: u8 = b'l';
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Inside: where whoever is outside asks.
#[derive(Debug)]
pub(crate) struct Desk(UnixStream);

impl Desk {
    /// For whoever is at the other end.
    pub(crate) fn of(outside: UnixStream) -> Self {
        Self(outside)
    }

    /// Answers the next byte that asks; none if nobody will ask any more.
    pub(crate) fn answer(mut self) -> Option<Self> {
        let mut asked = [0];
        self.0.read_exact(&mut asked).ok()?;
        let made = match asked {
            [FOUR] => tcp(AddressFamily::INET),
            [SIX] => tcp(AddressFamily::INET6),
            [LOOK] => kernel::socket(Some(netlink::SOCK_DIAG)),
            _ => return None,
        };
        let files = made.as_ref().map(|made| vec![made.as_fd()]).unwrap_or_default();
        passing::send(&self.0, b".", &files).is_ok().then_some(self)
    }
}

impl AsFd for Desk {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn tcp(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Outside: asks for sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    inside: UnixStream,
    look: OwnedFd,
}

impl Sockets {
    /// Of the inside at the other end of `inside`, which has been let go.
    pub(crate) fn of(inside: UnixStream) -> io::Result<Self> {
        inside.set_read_timeout(Some(PATIENCE))?;
        let look = ask(&inside, LOOK)?;
        Ok(Self { inside, look })
    }

    /// What listens inside now.
    pub(crate) fn listening(&self) -> io::Result<Vec<Listening>> {
        listening::look(&self.look)
    }

    /// A socket that can be connected with what listens inside, and to where.
    pub(crate) fn towards(&self, to: &Listening) -> io::Result<(TcpStream, SocketAddr)> {
        let (family, ip) = match to.six {
            true => (SIX, Ipv6Addr::LOCALHOST.into()),
            false => (FOUR, [127, 0, 0, 1].into()),
        };
        let socket = ask(&self.inside, family)?;
        let socket = TcpStream::from(socket);
        socket.set_nonblocking(true)?;
        Ok((socket, SocketAddr::new(ip, to.port)))
    }
}

fn ask(mut inside: &UnixStream, what: u8) -> io::Result<OwnedFd> {
    inside.write_all(&[what])?;
    let (length, files) = passing::receive(inside, &mut [0])?;
    let file = files.into_iter().next().filter(|_| length == 1);
    file.ok_or_else(|| io::Error::other("the inside gave no socket"))
}
