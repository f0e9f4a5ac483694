//! What we say to the kernel over netlink(7), and what it answers.

use std::io;

use rustix::{
    fd::{AsFd, OwnedFd},
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send,
        socket_with,
    },
};

/// This is a request.
pub(crate) const REQUEST: u16 = 0x1;
/// It is to be answered.
pub(crate) const ANSWER: u16 = 0x4;
/// Every object there is (`NLM_F_DUMP`).
pub(crate) const ALL: u16 = 0x300;
/// Make it, if it is not there.
pub(crate) const CREATE: u16 = 0x400;
/// The answer: an error number that is 0 where all is well.
const NLMSG_ERROR: u16 = 2;
/// Bytes of `nlmsghdr`.
const HEADER: usize = 16;
/// An attribute whose value is attributes.
const NESTED: u16 = 0x8000;

/// A socket of this network namespace to `protocol`; the routes have the number 0, as which no
/// protocol is named.
pub(crate) fn socket(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?)
}

/// One message: a header and `body`.
pub(crate) fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // Sequence and port.
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// One attribute, filled up to a multiple of four bytes.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut attribute = Vec::with_capacity(8 + value.len());
    attribute.extend(length.to_ne_bytes());
    attribute.extend(kind.to_ne_bytes());
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

/// An attribute that consists of attributes.
pub(crate) fn nested(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | NESTED, &attributes.concat())
}

/// Sends what is to be done, and waits for as many answers as it asked for.
pub(crate) fn tell(socket: impl AsFd, messages: &[u8], answers: usize) -> io::Result<()> {
    send(&socket, messages, SendFlags::empty())?;
    let mut heard = 0;
    while heard < answers {
        let answer = receive(&socket)?;
        for (kind, body) in parts(&answer) {
            let error = body.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
            match error.filter(|_| kind == NLMSG_ERROR) {
                Some(0) => heard += 1,
                Some(error) => return Err(io::Error::from_raw_os_error(-error)),
                None => return Err(io::Error::other("the kernel's answer is no answer")),
            }
        }
    }
    Ok(())
}

/// What the kernel says next.
pub(crate) fn receive(socket: impl AsFd) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; 32 * 1024];
    let (length, _) = recv(socket, &mut answer[..], RecvFlags::empty())?;
    answer.truncate(length);
    match answer.is_empty() {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok(answer),
    }
}

/// The messages in what the kernel said: what each is, and its body.
pub(crate) fn parts(answer: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = answer;
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*rest.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*rest.get(4..)?.first_chunk()?);
        let body = rest.get(HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

#[cfg(test)]
mod tests {
    use super::{attribute, message, parts};

    #[test]
    fn messages_are_told_apart() {
        let two = [message(3, 0, &attribute(7, b"abc")), message(4, 0, b"")].concat();
        let read: Vec<_> = parts(&two).collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0], (3, &[7, 0, 7, 0, b'a', b'b', b'c', 0][..]));
        assert_eq!(read[1], (4, &[][..]));
        assert_eq!(parts(&two[..10]).count(), 0);
    }
}
