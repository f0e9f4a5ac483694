//! The loopback interface of an empty network namespace, and the listeners on it.

use std::{io, net::TcpListener};

use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

use crate::{
    PORT,
    error::{During as _, Result, SandboxError},
};

/// rtnetlink(7): change an interface.
const RTM_NEWLINK: u16 = 16;
/// netlink(7): this is a request, and it is to be answered.
const REQUEST_WITH_ANSWER: u16 = 0x1 | 0x4;
/// netlink(7): the answer, an error number that is 0 where all is well.
const NLMSG_ERROR: u16 = 2;
/// netdevice(7): the interface runs.
const IFF_UP: u32 = 1;
/// `lo` is the first interface of every network namespace.
const LOOPBACK: i32 = 1;

/// Switches `lo` on and listens on it: for IPv4, and for IPv6 where the kernel has it.
pub(crate) fn listen() -> Result<Vec<TcpListener>> {
    bring_up().during("cannot switch the loopback interface on")?;
    let four = TcpListener::bind(("127.0.0.1", PORT)).during("cannot listen inside")?;
    Ok([four].into_iter().chain(TcpListener::bind(("::1", PORT))).collect())
}

fn bring_up() -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC;
    // NETLINK_ROUTE is the number 0, as which no protocol is named.
    let protocol: Option<Protocol> = None;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    send(&socket, &switch_on(), SendFlags::empty())?;
    let mut answer = [0; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match error_of(answer.get(..length).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::other("the kernel's answer is no answer")),
    }
}

/// A netlink header and an `ifinfomsg` (rtnetlink(7)).
fn switch_on() -> Vec<u8> {
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_WITH_ANSWER.to_ne_bytes());
    // Sequence and port.
    message.extend([0; 8]);
    // Any family, any type.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    // Flags, and which of them change.
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message
}

fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    let error = i32::from_ne_bytes(*answer.get(16..)?.first_chunk()?);
    (kind == NLMSG_ERROR).then_some(error)
}

/// The error of a namespace in which nothing listens.
pub(crate) fn nothing() -> SandboxError {
    SandboxError::new("cannot hand the way out over", "nothing listens inside")
}
