//! Questions to a server at a socket of this machine, one a connection (RFC 1945: what is answered
//! ends with the connection).

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Bytes of the head of an answer, and of an answer that is no volume.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// What is read at a time.
const PART_BYTES: usize = 256 * 1024;

/// What is said with a question.
pub(super) enum Body<'a> {
    Nothing,
    Json(String),
    /// An archive in a file.
    Archive(&'a Path),
    /// An archive in which nothing is.
    Empty(&'a [u8]),
}

/// A server at a socket.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) path: PathBuf,
    /// How long it may say nothing.
    pub(super) silence: Duration,
}

impl Server {
    /// Asks; what is answered is read as JSON.
    pub(super) fn ask(&self, method: &str, path: &str, body: &Body<'_>) -> io::Result<String> {
        let mut answer = self.begin(method, path, body)?.take(ANSWER_BYTES_MAX);
        let mut text = String::new();
        answer.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Asks for what is long, and takes no longer than `max`.
    pub(super) fn fetch(&self, path: &str, into: &mut dyn Write, max: Duration) -> io::Result<()> {
        let until = Instant::now() + max;
        let mut answer = self.begin("GET", path, &Body::Nothing)?;
        let mut part = vec![0; PART_BYTES];
        loop {
            let read = answer.read(&mut part)?;
            if read == 0 {
                return Ok(());
            }
            into.write_all(part.get(..read).unwrap_or_default())?;
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Says a question, and reads an answer as far as its head, if that is a yes.
    fn begin(
        &self,
        method: &str,
        path: &str,
        body: &Body<'_>,
    ) -> io::Result<BufReader<UnixStream>> {
        let mut stream = UnixStream::connect(&self.path)?;
        stream.set_read_timeout(Some(self.silence))?;
        stream.set_write_timeout(Some(self.silence))?;
        let (kind, length) = match body {
            Body::Nothing => ("application/json", 0),
            Body::Json(text) => ("application/json", text.len() as u64),
            Body::Archive(path) => ("application/x-tar", path.metadata()?.len()),
            Body::Empty(bytes) => ("application/x-tar", bytes.len() as u64),
        };
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        match body {
            Body::Nothing => {}
            Body::Json(text) => stream.write_all(text.as_bytes())?,
            Body::Archive(path) => drop(io::copy(&mut File::open(path)?, &mut stream)?),
            Body::Empty(bytes) => stream.write_all(bytes)?,
        }
        answered(stream)
    }
}

/// The answer behind its head; an error where it is a no.
fn answered(stream: UnixStream) -> io::Result<BufReader<UnixStream>> {
    let mut answer = BufReader::new(stream);
    let mut head = answer.by_ref().take(HEAD_BYTES_MAX);
    let mut status = String::new();
    head.read_line(&mut status)?;
    let mut line = status.clone();
    while !line.trim_end().is_empty() {
        line.clear();
        head.read_line(&mut line)?;
    }
    let mut words = status.split(' ');
    let code = words.nth(1).and_then(|code| code.parse::<u16>().ok());
    match code {
        Some(200..300) => Ok(answer),
        Some(code) => {
            let mut said = String::new();
            // It says it as JSON, or not at all.
            let _ = answer.take(HEAD_BYTES_MAX).read_to_string(&mut said);
            let said: Option<serde_json::Value> = serde_json::from_str(&said).ok();
            let said = said.and_then(|it| Some(it.get("message")?.as_str()?.to_owned()));
            let kind = match code {
                404 => io::ErrorKind::NotFound,
                _ => io::ErrorKind::Other,
            };
            Err(io::Error::new(kind, format!("answers {code}: {}", said.unwrap_or_default())))
        }
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}
