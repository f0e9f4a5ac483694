//! The sockets of Docker, Podman and containerd, where tools look for them: who commands one of those
//! commands the whole machine, so that each says what to do instead.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    thread,
    time::Duration,
};

use nix::{sys::signal::SigSet, unistd::geteuid};
use serde_json::json;

use crate::{
    error::{During as _, Result},
    layout::{Answers, Piece},
};

/// Where they are for everybody.
const PLACES: [&str; 5] = [
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
];
/// Where they are for one user, below `/run/user/ID`.
const PLACES_OF_USER: [&str; 3] =
    ["docker.sock", "podman/podman.sock", "containerd/containerd.sock"];

/// Why there are none, and what to do.
const WORD: &str = "Holdpoint refused this: containers are not filtered yet, and who commands Docker \
                    commands the whole machine. Ask the human to run it outside; what it publishes on \
                    127.0.0.1 and the workspace's .env or compose file names is reached from a run that \
                    starts afterwards";

/// How a client of containerd begins (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of what is asked that are read, and for how long.
const ASKED_BYTES_MAX: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);
/// RFC 9113 §6: what frames are called, and what is said of them.
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACKNOWLEDGED: u8 = 1;
const LAST: u8 = 0x5;
/// gRPC's number for "not permitted".
const NOT_PERMITTED: &str = "7";

/// The pieces that put one socket in all those places.
pub(crate) fn pieces() -> Vec<Piece> {
    let user = PathBuf::from("/run/user").join(geteuid().to_string());
    let own = PLACES_OF_USER.iter().map(|place| user.join(place));
    let all = PLACES.iter().map(PathBuf::from).chain(own);
    all.map(|at| Piece::Socket { at, answers: Answers::Containers }).collect()
}

/// Says it to whoever comes to `listener`, one after the other, as long as this process lives.
pub(crate) fn serve(listener: OwnedFd) -> Result<()> {
    let listener = UnixListener::from(listener);
    let work = move || {
        // Signals are for the thread that supervises.
        let _blocked = SigSet::all().thread_block();
        for stream in listener.incoming().flatten() {
            // Whoever says no sense, or nothing, is not answered.
            let _ = attend(&stream);
        }
    };
    let began = thread::Builder::new().name("containers".to_owned()).spawn(work);
    began.map(drop).during("cannot answer for Docker")
}

fn attend(stream: &UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut asked = BufReader::new(stream).take(ASKED_BYTES_MAX);
    let mut line = Vec::new();
    asked.read_until(b'\n', &mut line)?;
    if PREFACE.starts_with(&line) && !line.is_empty() {
        let mut rest = vec![0; PREFACE.len() - line.len()];
        asked.read_exact(&mut rest)?;
        return by_frames(&mut asked, stream);
    }
    let bodyless = line.starts_with(b"HEAD ");
    let logs_in = logs_in(&line);
    while line != b"\r\n" && !line.is_empty() {
        line.clear();
        asked.read_until(b'\n', &mut line)?;
    }
    match logs_in {
        true => by_nobody(stream),
        false => by_lines(stream, bodyless),
    }
}

/// Whether Docker's client asks an engine to log in for it (`POST /v1.50/auth`).
fn logs_in(line: &[u8]) -> bool {
    let target =
        line.strip_prefix(b"POST ").and_then(|rest| rest.split(|byte| *byte == b' ').next());
    target.is_some_and(|target| !target.contains(&b'?') && target.ends_with(b"/auth"))
}

/// A login takes no engine: where none speaks HTTP, Docker's client asks the registry itself.
fn by_nobody(mut stream: &UnixStream) -> io::Result<()> {
    stream.write_all(b"nobody\r\n")
}

/// As the clients of Docker and Podman print it.
fn by_lines(mut stream: &UnixStream, bodyless: bool) -> io::Result<()> {
    let body = json!({ "message": WORD, "cause": "holdpoint", "response": 403 }).to_string();
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if bodyless {
        return Ok(());
    }
    stream.write_all(body.as_bytes())
}

/// As the clients of containerd print it: gRPC over HTTP/2, of which only the beginning of a call
/// matters.
fn by_frames(asked: &mut impl io::Read, mut stream: &UnixStream) -> io::Result<()> {
    stream.write_all(&frame(SETTINGS, 0, [0; 4], &[]))?;
    loop {
        let mut head = [0; 9];
        asked.read_exact(&mut head)?;
        let [a, b, c, kind, flags, number @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut body = Vec::new();
        asked.by_ref().take(length.into()).read_to_end(&mut body)?;
        let answer = match kind {
            HEADERS => frame(HEADERS, LAST, number, &refusal()),
            SETTINGS if flags & ACKNOWLEDGED == 0 => frame(SETTINGS, ACKNOWLEDGED, [0; 4], &[]),
            PING if flags & ACKNOWLEDGED == 0 => frame(PING, ACKNOWLEDGED, [0; 4], &body),
            _ => continue,
        };
        stream.write_all(&answer)?;
    }
}

fn frame(kind: u8, flags: u8, stream: [u8; 4], body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    [&length[..], &[kind, flags], &stream, body].concat()
}

/// The one block of headers that a refused call is answered with (RFC 7541 without any table but the
/// fixed one: 8 is `:status: 200`).
fn refusal() -> Vec<u8> {
    let mut block = vec![0x80 | 8];
    let fields = [
        ("content-type", "application/grpc"),
        ("grpc-status", NOT_PERMITTED),
        ("grpc-message", WORD),
    ];
    for (name, value) in fields {
        // A name of its own, which no table is to keep.
        block.push(0);
        literal(&mut block, name);
        literal(&mut block, value);
    }
    block
}

/// Text with its length before it, in seven bits and as many groups of seven more as it takes.
fn literal(block: &mut Vec<u8>, text: &str) {
    const MOST: usize = 127;
    let mut more = text.len().saturating_sub(MOST);
    block.push(u8::try_from(text.len().min(MOST)).unwrap_or_default());
    if text.len() >= MOST {
        while more >= 0x80 {
            block.push(0x80 | u8::try_from(more % 0x80).unwrap_or_default());
            more /= 0x80;
        }
        block.push(u8::try_from(more).unwrap_or_default());
    }
    block.extend(text.bytes());
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
        thread,
    };

    use super::{PREFACE, WORD, attend, literal};

    /// What is answered to this.
    fn said(asked: &[u8]) -> Vec<u8> {
        let (mut inside, outside) = UnixStream::pair().unwrap();
        let answering = thread::spawn(move || attend(&outside));
        inside.write_all(asked).unwrap();
        inside.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        inside.read_to_end(&mut answer).unwrap();
        drop(answering.join().unwrap());
        answer
    }

    #[test]
    fn docker_s_clients_are_told() {
        let answer =
            String::from_utf8(said(b"GET /v1.41/info HTTP/1.1\r\nHost: d\r\n\r\n")).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains(WORD), "{answer}");
        for (asked, by_itself) in [
            ("POST /v1.50/auth HTTP/1.1\r\nHost: d\r\n\r\n", true),
            ("POST /auth HTTP/1.1\r\n\r\n", true),
            ("POST /v1.50/build?x=/auth HTTP/1.1\r\n\r\n", false),
            ("GET /v1.50/auth HTTP/1.1\r\n\r\n", false),
            ("POST /v1.50/containers/create HTTP/1.1\r\n\r\n", false),
        ] {
            let answer = said(asked.as_bytes());
            assert_eq!(!answer.starts_with(b"HTTP/"), by_itself, "{asked}");
        }
        let answer = String::from_utf8(said(b"HEAD /_ping HTTP/1.1\r\n\r\n")).unwrap();
        assert!(answer.ends_with("\r\n\r\n") && !answer.contains(WORD), "{answer}");
    }

    #[test]
    fn containerd_s_clients_are_told() {
        let call =
            [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0], &[0, 0, 2, 1, 5, 0, 0, 0, 3, 1, 2]].concat();
        let answer = said(&call);
        let begins = [&[0, 0, 0, 4, 0, 0, 0, 0, 0][..], &[0, 0, 0, 4, 1, 0, 0, 0, 0]].concat();
        assert!(answer.starts_with(&begins), "{answer:?}");
        assert_eq!(answer.get(21..27), Some(&[1, 5, 0, 0, 0, 3][..]), "the stream that asked");
        assert!(memchr::memmem::find(&answer, WORD.as_bytes()).is_some());
        assert!(said(PREFACE.get(..14).unwrap()).is_empty(), "half a beginning");
    }

    #[test]
    fn lengths_of_texts() {
        for (length, head) in
            [(3, &[3][..]), (126, &[126]), (127, &[127, 0]), (337, &[127, 0xd2, 1])]
        {
            let mut block = Vec::new();
            literal(&mut block, &"x".repeat(length));
            assert_eq!(block.strip_suffix("x".repeat(length).as_bytes()), Some(head), "{length}");
        }
    }
}
