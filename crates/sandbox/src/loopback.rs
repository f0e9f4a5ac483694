//! The loopback interface of an empty network namespace, and what listens on it.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::fd::OwnedFd,
};

use crate::{
    PORT,
    error::{During as _, Result, SandboxError},
    netlink::{ANSWER, CREATE, REQUEST, attribute, message, socket, tell},
    redirect,
};

/// rtnetlink(7): change an interface, give it an address.
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
/// netdevice(7): the interface runs.
const IFF_UP: u32 = 1;
/// `lo` is the first interface of every network namespace.
const LOOPBACK: u32 = 1;
/// rtnetlink(7): AF_INET, and what is not valid beyond this host.
const IPV4: u8 = 2;
const THIS_HOST: u8 = 254;

/// The addresses that names resolve to inside: set apart for tests of networks (RFC 2544), so that
/// nothing else is there.
const NAMES: (Ipv4Addr, u8) = (Ipv4Addr::new(198, 18, 0, 0), 15);
/// `lo`'s own among them.
const OWN: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Where names are asked for (RFC 1035).
const DNS: u16 = 53;

/// Switches `lo` on and listens on it: for IPv4, for IPv6 where the kernel has it, for questions
/// about names where the kernel can lead their addresses to us, and in the place of each of
/// `services`, ports of the machine outside.
pub(crate) fn listen(services: &[u16]) -> Result<Vec<OwnedFd>> {
    change(RTM_NEWLINK, 0, &switch_on()).during("cannot switch the loopback interface on")?;
    let four = TcpListener::bind(("127.0.0.1", PORT)).during("cannot listen inside")?;
    let mut files: Vec<OwnedFd> = vec![four.into()];
    files.extend(TcpListener::bind(("::1", PORT)).ok().map(Into::into));
    // Without it, names resolve to nothing, and whoever takes no proxy gets nowhere.
    files.extend(names().ok().map(Into::into));
    for &port in services {
        let service = TcpListener::bind(("127.0.0.1", port));
        let step = format!("cannot take port {port} for the service of this machine");
        files.push(service.during(&step)?.into());
    }
    Ok(files)
}

/// Where questions about names arrive. Connections to their addresses come to the one way out.
fn names() -> io::Result<UdpSocket> {
    let (network, bits) = NAMES;
    // On `lo`, all of the network of an address is this host.
    let address = [attribute(1, &OWN.octets()), attribute(2, &OWN.octets())].concat();
    let head = [&[IPV4, bits, 0, THIS_HOST][..], &LOOPBACK.to_ne_bytes()].concat();
    change(RTM_NEWADDR, CREATE, &[head, address].concat())?;
    redirect::lead(network, bits, PORT)?;
    UdpSocket::bind(("127.0.0.1", DNS))
}

fn change(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    tell(socket(None)?, &message(kind, REQUEST | ANSWER | flags, body), 1)
}

/// An `ifinfomsg` (rtnetlink(7)).
fn switch_on() -> Vec<u8> {
    // Any family, any type; then flags, and which of them change.
    let fields = [0, LOOPBACK, IFF_UP, IFF_UP];
    fields.iter().flat_map(|field| field.to_ne_bytes()).collect()
}

/// The error of a namespace in which nothing listens.
pub(crate) fn nothing() -> SandboxError {
    SandboxError::new("cannot hand the way out over", "nothing listens inside")
}
