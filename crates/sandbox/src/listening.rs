//! What listens inside: the kernel's own list, asked for over sock_diag(7).

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use rustix::{
    fd::AsFd,
    net::{SendFlags, send},
};

use crate::netlink::{ALL, REQUEST, message, parts, receive};

/// sock_diag(7): by family.
const BY_FAMILY: u16 = 20;
/// netlink(7): that was all.
const DONE: u16 = 3;
const IPV4: u8 = 2;
const IPV6: u8 = 10;
const TCP: u8 = 6;
/// tcp_states.h: the state of a listener, as a bit.
const LISTENING: u32 = 1 << 10;
/// Bytes that say which socket is meant: here, any.
const ANY: [u8; 48] = [0; 48];

/// Somebody listens inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listening {
    /// The port.
    pub(crate) port: u16,
    /// Only over IPv6.
    pub(crate) six: bool,
}

/// Every port on which somebody listens that can be reached from the host's own loopback, once.
pub(crate) fn look(socket: impl AsFd) -> io::Result<Vec<Listening>> {
    let mut found = BTreeMap::new();
    for family in [IPV6, IPV4] {
        let request = [&[family, TCP, 0, 0][..], &LISTENING.to_ne_bytes(), &ANY].concat();
        send(&socket, &message(BY_FAMILY, REQUEST | ALL, &request), SendFlags::empty())?;
        'more: loop {
            for (kind, body) in parts(&receive(&socket)?) {
                match kind {
                    BY_FAMILY => found.extend(read(body).map(|it| (it.port, it))),
                    DONE => break 'more,
                    _ => return Err(io::Error::other("the kernel does not say what listens")),
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

/// An `inet_diag_msg`.
fn read(body: &[u8]) -> Option<Listening> {
    let port = u16::from_be_bytes(*body.get(4..)?.first_chunk()?);
    let address: [u8; 16] = *body.get(8..)?.first_chunk()?;
    let [a, b, c, d, ..] = address;
    let (four, six) = (Ipv4Addr::new(a, b, c, d), Ipv6Addr::from(address));
    match *body.first()? {
        IPV4 if four.is_loopback() || four.is_unspecified() => Some(Listening { port, six: false }),
        // What listens everywhere over IPv6 may do so over IPv6 only.
        IPV6 if six.is_loopback() || six.is_unspecified() => Some(Listening { port, six: true }),
        _ => None,
    }
}
