//! A socket by which whoever is inside has git objects signed, and nothing else: as much of what SSH's
//! agent speaks (draft-ietf-sshm-ssh-agent) as `ssh-keygen -Y sign` asks for, with one key.
//!
//! What is signed says of itself that it is git's (OpenSSH's PROTOCOL.sshsig), so that no server takes
//! the signature for a login; and what a server wants signed for a login does not begin like it.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    thread,
    time::Duration,
};

use nix::sys::signal::SigSet;
use rustix::net::{
    self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};

use crate::error::{During as _, Result};

/// What is asked, and what is answered.
const ASK_KEYS: u8 = 11;
const KEYS: u8 = 12;
const ASK_SIGNATURE: u8 = 13;
const NO: u8 = 5;
/// How what is signed for a purpose begins.
const SIGNED: &[u8] = b"SSHSIG";
/// The purpose.
const GIT: &[u8] = b"git";
/// Digests that are signed, and their lengths.
const DIGESTS: [(&[u8], usize); 2] = [(b"sha256", 32), (b"sha512", 64)];
/// Bytes of one message.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024;
/// How long somebody inside may take to say it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who signs outside: takes a message of SSH's agent, and gives its answer.
pub type Agent = Box<dyn FnMut(&[u8]) -> io::Result<Vec<u8>> + Send>;

/// One key, for git objects alone.
pub struct Signer {
    key: Vec<u8>,
    agent: Agent,
}

impl Signer {
    /// One that has `agent` sign with this public key, as SSH writes it.
    pub fn new(key: Vec<u8>, agent: Agent) -> Self {
        Self { key, agent }
    }

    /// Answers whoever comes to `listener`, one after the other, as long as this process lives.
    pub fn serve(mut self, listener: OwnedFd) -> Result<()> {
        let listener = UnixListener::from(listener);
        let work = move || {
            // Signals are for the thread that supervises.
            let _blocked = SigSet::all().thread_block();
            for stream in listener.incoming().flatten() {
                // Whoever says no sense, or nothing, is not answered.
                let _ = self.attend(stream);
            }
        };
        let began = thread::Builder::new().name("signer".to_owned()).spawn(work);
        began.map(drop).during("cannot sign for git")
    }

    fn attend(&mut self, mut stream: UnixStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        while let Some(message) = read(&mut stream)? {
            let answer = self.answer(&message);
            write(&mut stream, &answer)?;
        }
        Ok(())
    }

    fn answer(&mut self, message: &[u8]) -> Vec<u8> {
        match message.split_first() {
            Some((&ASK_KEYS, [])) => self.keys(),
            Some((&ASK_SIGNATURE, rest)) if self.is_for_git(rest) => {
                (self.agent)(message).unwrap_or_else(|_| vec![NO])
            }
            _ => vec![NO],
        }
    }

    fn keys(&self) -> Vec<u8> {
        let comment = b"git objects only";
        [&[KEYS, 0, 0, 0, 1][..], &string(&self.key), &string(comment)].concat()
    }

    /// Whether a signature is asked for with our key, of a digest that says that it is git's.
    fn is_for_git(&self, asked: &[u8]) -> bool {
        let is = || {
            let (key, rest) = split(asked)?;
            let (signed, flags) = split(rest)?;
            let (purpose, rest) = split(signed.strip_prefix(SIGNED)?)?;
            let (reserved, rest) = split(rest)?;
            let (kind, rest) = split(rest)?;
            let (digest, rest) = split(rest)?;
            let known = DIGESTS.contains(&(kind, digest.len()));
            let whole = rest.is_empty() && reserved.is_empty() && flags.len() == 4;
            Some(key == self.key && purpose == GIT && known && whole)
        };
        is().unwrap_or_default()
    }
}

/// Comes to an agent that listens at `at`; each step with it fails after `patience`.
pub fn connect(at: &Path, patience: Duration) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Before it is connected, which waits as well where nobody accepts.
    set_socket_timeout(&socket, Timeout::Send, Some(patience))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(patience))?;
    net::connect(&socket, &SocketAddrUnix::new(at)?)?;
    Ok(UnixStream::from(socket))
}

/// Asks an agent that listens at the other end of `stream`.
pub fn ask(stream: &mut UnixStream, message: &[u8]) -> io::Result<Vec<u8>> {
    write(stream, message)?;
    read(stream)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Whether the agent at the other end of `stream` has this key.
pub fn has(stream: &mut UnixStream, key: &[u8]) -> io::Result<bool> {
    let answer = ask(stream, &[ASK_KEYS])?;
    let Some((&KEYS, rest)) = answer.split_first() else { return Ok(false) };
    let mut rest = rest.get(4..).unwrap_or_default();
    while let Some((found, after)) = split(rest) {
        if found == key {
            return Ok(true);
        }
        // Its comment.
        rest = split(after).map(|(_, rest)| rest).unwrap_or_default();
    }
    Ok(false)
}

fn read(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u64::from(u32::from_be_bytes(length));
    if length > MESSAGE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = Vec::new();
    let read = stream.take(length).read_to_end(&mut message)?;
    (read as u64 == length).then_some(Some(message)).ok_or(io::ErrorKind::UnexpectedEof.into())
}

fn write(stream: &mut UnixStream, message: &[u8]) -> io::Result<()> {
    stream.write_all(&string(message))
}

/// As SSH writes a string of bytes (RFC 4251).
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

/// The string that bytes begin with, and the others.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{ASK_SIGNATURE, NO, Signer, string};

    fn asked(key: &[u8], begins: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let signed = [begins, &parts.iter().flat_map(|it| string(it)).collect::<Vec<_>>()].concat();
        [&[ASK_SIGNATURE][..], &string(key), &string(&signed), &[0; 4]].concat()
    }

    #[test]
    fn git_objects_are_signed_and_nothing_else() {
        let digest = [7; 64];
        let git: &[&[u8]] = &[b"git", b"", b"sha512", &digest];
        for (what, message, signed) in [
            ("a commit", asked(b"key", b"SSHSIG", git), true),
            ("by sha256", asked(b"key", b"SSHSIG", &[b"git", b"", b"sha256", &[7; 32]]), true),
            ("with another key", asked(b"other", b"SSHSIG", git), false),
            ("a file", asked(b"key", b"SSHSIG", &[b"file", b"", b"sha512", &digest]), false),
            (
                "a file of `git-x`",
                asked(b"key", b"SSHSIG", &[b"git-x", b"", b"sha512", &digest]),
                false,
            ),
            (
                "more behind it",
                asked(b"key", b"SSHSIG", &[b"git", b"", b"sha512", &digest, b"x"]),
                false,
            ),
            ("no digest", asked(b"key", b"SSHSIG", &[b"git", b"", b"sha512", b"text"]), false),
            (
                "something reserved",
                asked(b"key", b"SSHSIG", &[b"git", b"x", b"sha512", &digest]),
                false,
            ),
            // RFC 4252: the session's identifier, then 50 and who wants in.
            ("a login", asked(b"key", b"", &[&[7; 32], b"git"]), false),
            ("nothing", vec![], false),
            ("to take a key in", vec![17, 0, 0, 0, 0], false),
            ("half a message", vec![ASK_SIGNATURE, 0, 0, 0, 9, 1], false),
        ] {
            let mut signer = Signer::new(b"key".to_vec(), Box::new(|_| Ok(b"signed".to_vec())));
            let expect = if signed { b"signed".to_vec() } else { vec![NO] };
            assert_eq!(signer.answer(&message), expect, "{what}");
        }
    }
}
